package provenance

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Outcome is the answer of a check.
type Outcome string

// The three answers.
const (
	Proved       Outcome = "proved"
	Contradicted Outcome = "contradicted"
	CannotTell   Outcome = "cannot tell"
)

// Line is one check with its answer and the reason for it.
type Line struct {
	Check   string  `json:"check"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason"`
}

// Report is the answer to a whole verification. Outcome is contradicted if any line is,
// else cannot tell if any line is, else proved. Texts that come from the material are
// stripped of control characters, so a report can be printed.
type Report struct {
	Outcome Outcome `json:"outcome"`
	// Headline is the one line to read first.
	Headline string `json:"headline"`
	Lines    []Line `json:"lines"`
	// Notes say what the answer does not cover.
	Notes []string `json:"notes"`
	// NotBefore and NotAfter are the proved bounds of the statement's time. Nil: none;
	// without a lower one the statement may be older than it says, never younger.
	NotBefore *time.Time `json:"notBefore,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
	// Work, Title and Received are what the statement says, if it could be read.
	Work     string `json:"work,omitempty"`
	Title    string `json:"title,omitempty"`
	Received string `json:"received,omitempty"`
}

// Err is nil if the outcome is proved, else an error naming the first line that is not.
func (r Report) Err() error {
	if r.Outcome == Proved {
		return nil
	}
	for _, l := range r.Lines {
		if l.Outcome == r.Outcome {
			return fmt.Errorf("%s: %s: %s", r.Outcome, l.Check, l.Reason)
		}
	}
	return fmt.Errorf("%s", r.Headline)
}

// String is the report as text for a terminal, ending in a newline.
func (r Report) String() string {
	var b strings.Builder
	b.WriteString(r.Headline + "\n\n")
	for _, l := range r.Lines {
		fmt.Fprintf(&b, "  %-12s %s: %s\n", l.Outcome, l.Check, l.Reason)
	}
	if r.Work != "" {
		fmt.Fprintf(&b, "\nwork %s, %q, received %s by the service's own clock\n", r.Work, r.Title, r.Received)
	}
	if r.NotAfter != nil {
		lower := "lower bound unknown"
		if r.NotBefore != nil {
			lower = fmt.Sprintf("not earlier than %s (value of outside)", r.NotBefore.UTC().Format(time.RFC3339))
		}
		what := "registered"
		if r.Work == "" {
			what = "made"
		}
		fmt.Fprintf(&b, what+": not later than %s (token); %s\n", r.NotAfter.UTC().Format(time.RFC3339), lower)
	}
	for _, n := range r.Notes {
		b.WriteString("note: " + n + "\n")
	}
	return b.String()
}

// reporter collects lines.
type reporter struct {
	Report
	// prefix stands before each check's name.
	prefix string
}

func (r *reporter) add(o Outcome, check, format string, args ...any) {
	r.Lines = append(r.Lines, Line{Check: r.prefix + check, Outcome: o, Reason: printable(fmt.Sprintf(format, args...))})
}

// check adds a line: contradicted with err as reason, or proved. It returns err == nil.
func (r *reporter) check(name string, err error, format string, args ...any) bool {
	if err != nil {
		r.add(Contradicted, name, "%v", err)
		return false
	}
	r.add(Proved, name, format, args...)
	return true
}

func (r *reporter) note(format string, args ...any) {
	r.Notes = append(r.Notes, printable(fmt.Sprintf(format, args...)))
}

// notAuthorship is said in every report.
const notAuthorship = "a proof of time is not a proof of authorship: it shows that the statement existed by then, not that what it claims is true"

// close works out the outcome. good is the headline if everything is proved.
func (r *reporter) close(good string) Report {
	r.Outcome = Proved
	if len(r.Lines) == 0 {
		r.Outcome = CannotTell
	}
	var first Line
	for _, l := range r.Lines {
		if l.Outcome == Contradicted && r.Outcome != Contradicted || l.Outcome == CannotTell && r.Outcome == Proved {
			r.Outcome, first = l.Outcome, l
		}
	}
	if r.Outcome == Proved {
		r.Headline = printable(good)
	} else {
		r.Headline = fmt.Sprintf("%s: %s: %s", r.Outcome, first.Check, first.Reason)
		r.NotBefore, r.NotAfter = nil, nil
	}
	r.Notes = append(r.Notes, notAuthorship)
	return r.Report
}

// printable replaces everything a terminal might act on.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' {
			return ' '
		}
		// Format characters include the bidirectional overrides.
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return '?'
		}
		return c
	}, s)
	if len(s) > 600 {
		s = strings.ToValidUTF8(s[:600], "") + "..."
	}
	return s
}
