package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"selvage/registry"
)

type feedbackCmd struct {
	Give   feedbackGiveCmd   `cmd:"" default:"withargs" help:"Confirm or reject one match; a rejected one is not shown again."`
	List   feedbackListCmd   `cmd:"" help:"List what was said, newest first."`
	Report feedbackReportCmd `cmd:"" help:"Count confirmed and rejected matches by probability and verdict."`
	Export feedbackExportCmd `cmd:"" help:"Write all judged matches of all owners as JSON lines, for calibration."`
}

type feedbackGiveCmd struct {
	place
	Match   string `arg:"" help:"The match, as match printed it."`
	Work    string `arg:"" help:"The work in it."`
	Verdict string `arg:"" enum:"confirm,reject,withdraw" help:"confirm, reject, or withdraw what was said."`
	Note    string `placeholder:"TEXT" help:"Why; kept with it."`
}

func (c *feedbackGiveCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }() // what was said is durable already
	if c.Verdict == "withdraw" {
		err := b.unjudge(c.Match, c.Work)
		if errors.Is(err, registry.ErrNotFound) {
			return fmt.Errorf("nothing was said of work %s in match %s", c.Work, c.Match)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			fmt.Fprintf(e.stdout, "{\"match\":%q,\"work\":%q,\"verdict\":\"withdrawn\"}\n", c.Match, c.Work)
			return nil
		}
		fmt.Fprintf(e.stdout, "%s  withdrawn\n", c.Work)
		return nil
	}
	v := registry.Confirmed
	if c.Verdict == "reject" {
		v = registry.Rejected
	}
	f, err := b.judge(c.Match, c.Work, v, c.Note)
	if errors.Is(err, registry.ErrNotFound) {
		return fmt.Errorf("no match %s with work %s", c.Match, c.Work)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(f)
	}
	printFeedback(e, f)
	return nil
}

func printFeedback(e *env, f registry.Feedback) {
	state := string(f.Verdict)
	if f.Withdrawn != nil {
		state = "withdrawn"
	}
	fmt.Fprintf(e.stdout, "%s  %-9s  was %s %s, match %s, %s", f.Work, state, f.Was.Verdict, sure(f.Was.Probability), f.Match, f.Time.Local().Format(time.DateTime))
	if f.Note != "" {
		fmt.Fprintf(e.stdout, "  %q", f.Note)
	}
	fmt.Fprintln(e.stdout)
}

type feedbackListCmd struct{ place }

func (c *feedbackListCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	for cursor := ""; ; {
		items, next, err := b.feedback(cursor)
		if err != nil {
			return err
		}
		for _, f := range items {
			if !c.JSON {
				printFeedback(e, f)
			} else if err := json.NewEncoder(e.stdout).Encode(f); err != nil {
				return err
			}
		}
		if cursor = next; next == "" {
			return nil
		}
	}
}

type feedbackReportCmd struct {
	place
	All bool `help:"Over all owners; needs a key of role admin or officer with --server."`
}

func (c *feedbackReportCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	rep, err := b.feedbackReport(c.All)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(rep)
	}
	fmt.Fprintf(e.stdout, "%-16s  %9s  %9s  %9s\n", "probability", "confirmed", "rejected", "mean said")
	for _, x := range rep.Bins {
		mean := "-"
		if x.Confirmed+x.Rejected > 0 {
			mean = fmt.Sprintf("%.4f", x.Mean)
		}
		fmt.Fprintf(e.stdout, "%5.3f to %5.3f    %9d  %9d  %9s\n", x.From, x.To, x.Confirmed, x.Rejected, mean)
	}
	for _, g := range rep.Verdicts {
		fmt.Fprintf(e.stdout, "%-16s  %9d  %9d\n", g.Name, g.Confirmed, g.Rejected)
	}
	fmt.Fprintf(e.stdout, "%-16s  %9d  %9d\n", "all", rep.Confirmed, rep.Rejected)
	return nil
}

type feedbackExportCmd struct{ place }

func (c *feedbackExportCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	out := bufio.NewWriter(e.stdout)
	return errors.Join(b.exportFeedback(out), out.Flush())
}

// asOwner does something in the place of the asker of a match, or, where nobody was named,
// of the owner of the work in it.
func (n *near) asOwner(work string, do func(registry.OwnerID) error) error {
	err := do(n.owner)
	if !n.any || !errors.Is(err, registry.ErrNotFound) || work == "" {
		return err
	}
	o, missing := n.y.registry.OwnerOf(n.e.ctx, registry.WorkID(work))
	if missing != nil || o == n.owner {
		return err
	}
	return do(o)
}

func (n *near) judge(match, work string, v registry.Judgement, note string) (out registry.Feedback, err error) {
	err = n.asOwner(work, func(o registry.OwnerID) error {
		f, err := n.y.registry.Judge(n.e.ctx, registry.JudgeRequest{
			Owner: o, Match: registry.MatchID(match), Work: registry.WorkID(work), Verdict: v, Note: note, By: "command line",
		})
		if err == nil {
			out = *f
		}
		return err
	})
	return out, err
}

func (n *near) unjudge(match, work string) error {
	return n.asOwner(work, func(o registry.OwnerID) error {
		return n.y.registry.WithdrawFeedback(n.e.ctx, o, registry.MatchID(match), registry.WorkID(work))
	})
}

func (n *near) feedback(cursor string) ([]registry.Feedback, string, error) {
	p, err := n.y.registry.Feedback(n.e.ctx, n.owner, cursor, 200)
	return p.Items, p.Next, err
}

func (n *near) feedbackReport(all bool) (*registry.FeedbackReport, error) {
	o := n.owner
	if all {
		o = ""
	}
	return n.y.registry.FeedbackReport(n.e.ctx, o)
}

func (n *near) exportFeedback(w io.Writer) error {
	enc := json.NewEncoder(w)
	return n.y.registry.ExportFeedback(n.e.ctx, func(row registry.FeedbackRow) error { return enc.Encode(row) })
}

// ask sends a request and reads the JSON of the answer.
func (r *remote) ask(method, path string, body, out any) error {
	var b []byte
	contentType := ""
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return err
		}
		contentType = "application/json"
	}
	answer, err := r.do(method, path, contentType, b)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("server: the answer is not what this version expects: %w", err)
	}
	return nil
}

func (r *remote) judge(match, work string, v registry.Judgement, note string) (f registry.Feedback, err error) {
	err = r.ask(http.MethodPut, "/v1/matches/"+url.PathEscape(match)+"/feedback", map[string]any{"work": work, "verdict": v, "note": note}, &f)
	return f, err
}

func (r *remote) unjudge(match, work string) error {
	return r.ask(http.MethodDelete, "/v1/matches/"+url.PathEscape(match)+"/feedback?work="+url.QueryEscape(work), nil, nil)
}

func (r *remote) feedback(cursor string) ([]registry.Feedback, string, error) {
	var p struct {
		Items []registry.Feedback `json:"items"`
		Next  string              `json:"next"`
	}
	err := r.ask(http.MethodGet, "/v1/feedback?limit=200&cursor="+url.QueryEscape(cursor), nil, &p)
	return p.Items, p.Next, err
}

func (r *remote) feedbackReport(all bool) (*registry.FeedbackReport, error) {
	rep := new(registry.FeedbackReport)
	path := "/v1/feedback/report"
	if all {
		path += "?all=true"
	}
	return rep, r.ask(http.MethodGet, path, nil, rep)
}

func (r *remote) exportFeedback(w io.Writer) error {
	b, err := r.do(http.MethodGet, "/v1/feedback/export", "", nil)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}
