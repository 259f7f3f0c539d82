package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"selvage/registry"
)

type overlayCmd struct {
	place
	Match string `arg:"" help:"The match, as match or compare printed it."`
	Work  string `arg:"" optional:"" help:"The work in it; default: the surest."`
	Out   string `short:"o" required:"" placeholder:"PNG" help:"Where to write the picture."`
}

func (c *overlayCmd) Run(e *env) error {
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	return c.draw(e, b, c.Match, c.Work, c.Out)
}

func (p place) draw(e *env, b backend, match, work, out string) error {
	png, err := b.overlay(match, work)
	if errors.Is(err, registry.ErrNotFound) {
		text := "no match " + match
		if work != "" {
			text += " with work " + work
		}
		return errors.New(text + ", or nothing was found in it")
	}
	if err != nil {
		return err
	}
	if err := writeFile(out, png); err != nil {
		return fmt.Errorf("--out %s: %w", out, cause(err))
	}
	if p.JSON {
		return json.NewEncoder(e.stdout).Encode(struct {
			Match   string `json:"match"`
			Work    string `json:"work,omitempty"`
			Picture string `json:"picture"`
		}{match, work, out})
	}
	fmt.Fprintf(e.stdout, "%s  %d KiB\n", out, (len(png)+1023)/1024)
	return nil
}

type compareCmd struct {
	place
	Work string `arg:"" help:"An own work, as register printed it."`
	File string `arg:"" help:"File to compare with it."`
	Out  string `short:"o" placeholder:"PNG" help:"Also draw it."`
}

// Run answers why, or why not: with what was measured, whether or not a search would have
// found the work.
func (c *compareCmd) Run(e *env) error {
	in, err := readInput(c.File)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	b, err := c.reach(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	a, err := b.compare(c.Work, in)
	if errors.Is(err, registry.ErrNotFound) {
		return errors.New("no work " + c.Work)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	(&matchCmd{place: c.place}).print(e, c.File, a)
	if !c.JSON {
		for _, m := range a.Matches {
			for _, x := range m.Signals {
				fmt.Fprintf(e.stdout, "    %s: %s\n", x.Name, x.Text)
			}
		}
	}
	if c.Out == "" {
		return nil
	}
	return c.draw(e, b, string(a.ID), c.Work, c.Out)
}

func (n *near) overlay(match, work string) (png []byte, err error) {
	var b bytes.Buffer
	err = n.asOwner(work, func(o registry.OwnerID) error {
		return n.y.registry.Overlay(n.e.ctx, o, registry.MatchID(match), registry.WorkID(work), &b)
	})
	return b.Bytes(), err
}

func (r *remote) overlay(match, work string) ([]byte, error) {
	path := "/v1/matches/" + url.PathEscape(match) + "/overlay.png"
	if work != "" {
		path += "?work=" + url.QueryEscape(work)
	}
	return r.do(http.MethodGet, path, "", nil)
}
