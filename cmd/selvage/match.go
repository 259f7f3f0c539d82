package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"selvage/registry"
)

type matchCmd struct {
	place
	Alike bool     `help:"Show merely similar works too; they are never a reason to act."`
	Files []string `arg:"" name:"file" help:"Files to ask about."`
}

// answer is a match report as commands show it.
type answer = registry.MatchReport

func (c *matchCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	return e.eachFile("match", c.Files, c.JSON, b, func(in input) error {
		a, err := b.match(in, c.Alike)
		if err == nil {
			e.clearProgress()
			c.print(e, in.path, a)
		}
		return err
	})
}

func (c *matchCmd) print(e *env, path string, a answer) {
	if c.JSON {
		line, _ := json.Marshal(struct {
			File string `json:"file"`
			answer
		}{path, a})
		fmt.Fprintf(e.stdout, "%s\n", line)
		return
	}
	fmt.Fprintf(e.stdout, "%s%*s  %s\n", e.verdict(a.Verdict), len(registry.Insufficient)-len(a.Verdict), "", path)
	if len(a.Matches) == 0 {
		fmt.Fprintf(e.stdout, "    %s\n", a.Reason)
	}
	for _, m := range a.Matches {
		title := ""
		if m.Title != "" {
			title = fmt.Sprintf("  %q", m.Title)
		}
		fmt.Fprintf(e.stdout, "    %s  %s %s%s\n", m.Work, m.Verdict, sure(m.Probability), title)
		fmt.Fprintf(e.stdout, "        of %s, registered %s\n", m.Owner, m.Received.Local().Format(time.DateTime))
		fmt.Fprintf(e.stdout, "        %s\n", m.Reason)
		for _, line := range whereInside(m) {
			fmt.Fprintf(e.stdout, "        %s\n", line)
		}
	}
	if n := a.Rejected + a.Ignored; n > 0 {
		fmt.Fprintf(e.stdout, "    left out: %d rejected before, %d explained by the ignore bank\n", a.Rejected, a.Ignored)
	}
	fmt.Fprintf(e.stdout, "    match %s\n", a.ID)
}

// maxInside is how many segments, passages or pages of a match are printed.
const maxInside = 10

// whereInside says a line each which stretches, passages and pages correspond.
func whereInside(m registry.Match) (out []string) {
	for _, s := range m.Segments {
		if s.Query == nil || s.Ref == nil {
			continue // the reason names the one second
		}
		line := fmt.Sprintf("%s – %s is %s – %s of the registered video", clock(s.Query[0]), clock(s.Query[1]), clock(s.Ref[0]), clock(s.Ref[1]))
		switch {
		case s.Speed < 0:
			line += ", backwards"
		case s.Speed > 0 && (s.Speed < .97 || s.Speed > 1.03):
			line += fmt.Sprintf(", at %.2f times its speed", s.Speed)
		}
		out = append(out, line)
	}
	for _, p := range m.Pages {
		out = append(out, fmt.Sprintf("page %d is page %d of the registered manuscript (%s)", p.Query, p.Ref, sure(p.Probability)))
	}
	for _, p := range m.Passages {
		out = append(out, fmt.Sprintf("characters %s are %s of the registered text", p.Query, p.Ref))
	}
	if n := len(out) - maxInside; n > 0 {
		out = append(out[:maxInside], fmt.Sprintf("and %d more", n))
	}
	return out
}

// clock writes seconds as minutes and seconds.
func clock(s float64) string {
	return fmt.Sprintf("%d:%04.1f", int(s)/60, math.Mod(s, 60))
}

type evidenceCmd struct {
	place
	Work        string `arg:"" help:"The work, as register printed it."`
	Match       string `placeholder:"ID" xor:"about" help:"Make it about this match with the work."`
	Against     string `placeholder:"FILE" xor:"about" help:"Compare this file with the work, and make it about the result."`
	Cut         string `placeholder:"FOR" help:"For whom: court (the whole case; default), officer (without the custody record), party (without that, the originals and the report), digests (without the originals)."`
	DigestsOnly bool   `help:"Leave the originals out; whoever holds them can still check them."`
	Out         string `short:"o" required:"" placeholder:"BUNDLE" help:"Where to write the bundle, a zip."`
}

func (c *evidenceCmd) Run(e *env) error {
	if err := oneOf("--cut", c.Cut, "court", "officer", "party", "digests"); err != nil {
		return err
	}
	if c.DigestsOnly {
		if c.Cut != "" && c.Cut != "digests" {
			return &exit{2, "--cut and --digests-only: digests is a cut of its own; ask for one of the two"}
		}
		c.Cut = "digests"
	}
	// Before anything is compared and logged: is there a place for the bundle?
	if st, err := os.Stat(c.Out); err == nil && st.IsDir() {
		return &exit{2, fmt.Sprintf("--out %s is a directory: name a file in it", c.Out)}
	}
	if _, err := os.Stat(filepath.Dir(c.Out)); err != nil {
		return fmt.Errorf("--out %s: %w", c.Out, cause(err))
	}
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }() // what was made is durable already
	match := c.Match
	var accused *input
	if c.Against != "" {
		in, err := readInput(c.Against)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Against, err)
		}
		a, err := b.compare(c.Work, in)
		if errors.Is(err, registry.ErrNotFound) {
			return c.missing()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Against, err)
		}
		match, accused = string(a.ID), &in
		fmt.Fprintf(e.stderr, "%s: %s\n", c.Against, a.Reason)
	}
	zip, err := b.evidence(c.Work, match, accused, c.Cut)
	if errors.Is(err, registry.ErrNotFound) {
		return c.missing()
	}
	if err != nil {
		return err
	}
	if err := writeFile(c.Out, zip); err != nil {
		return err
	}
	if c.JSON {
		line, _ := json.Marshal(struct {
			Work   string `json:"work"`
			Match  string `json:"match,omitempty"`
			Bundle string `json:"bundle"`
			Bytes  int    `json:"bytes"`
		}{c.Work, match, c.Out, len(zip)})
		fmt.Fprintf(e.stdout, "%s\n", line)
		return nil
	}
	fmt.Fprintf(e.stdout, "%s  %d KiB; check it with: selvage verify %s\n", c.Out, (len(zip)+1023)/1024, c.Out)
	return nil
}

// missing says what was not found, as far as it may be told.
func (c *evidenceCmd) missing() error {
	text := "no work " + c.Work
	if c.Owner != "" {
		text += " of " + c.Owner
	}
	if c.Match != "" {
		text += " with a match " + c.Match
	}
	return errors.New(text)
}

// writeFile writes a file whole or not at all.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".selvage-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already where all went well
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
