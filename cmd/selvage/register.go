package main

import (
	"encoding/json"
	"fmt"
	"time"

	"selvage/registry"
)

type registerCmd struct {
	place
	Title      string   `placeholder:"TEXT" help:"Title of the work; default: the file's name. With several files it goes before each name."`
	Kind       string   `placeholder:"KIND" help:"photo, video or manuscript; default: told from the bytes."`
	Visibility string   `placeholder:"WORD" help:"Who may learn of the work: private (nobody), matchable (found by everybody's queries), public (title too); default: matchable in a data directory, private on a server."`
	Fixed      string   `placeholder:"DATE" help:"When the work was made, as you claim it: 2026-11-22."`
	Files      []string `arg:"" name:"file" help:"Files to register, one work each."`
}

// registerArgs is what one registration says beside the file.
type registerArgs struct {
	title, kind, visibility string
	fixed                   *time.Time
}

// registered is the outcome of one registration, near or far.
type registered struct {
	Work      string `json:"work"`
	File      string `json:"file"`
	Title     string `json:"title"`
	Digest    string `json:"digest"`
	Duplicate bool   `json:"duplicate"`
	// Proven is the token's time; null while the receipt is pending.
	Proven       *time.Time       `json:"proven"`
	Insufficient string           `json:"insufficient,omitempty"`
	Related      []registry.Match `json:"related,omitempty"`
}

func (c *registerCmd) Run(e *env) error {
	if err := oneOf("--kind", c.Kind, "photo", "video", "manuscript"); err != nil {
		return err
	}
	if err := oneOf("--visibility", c.Visibility, "private", "matchable", "public"); err != nil {
		return err
	}
	args := registerArgs{kind: c.Kind, visibility: c.Visibility}
	if c.Fixed != "" {
		t, err := time.Parse(time.DateOnly, c.Fixed)
		if err != nil {
			return &exit{2, fmt.Sprintf("--fixed %q: write the date as 2026-11-22", c.Fixed)}
		}
		args.fixed = &t
	}
	b, err := c.reach(e, true)
	if err != nil {
		return err
	}
	return e.eachFile("register", c.Files, c.JSON, b, func(in input) error {
		args.title = c.Title
		if c.Title != "" && len(c.Files) > 1 {
			args.title = c.Title + ": " + in.title()
		}
		r, err := b.register(args, in)
		if err == nil {
			e.clearProgress()
			c.print(e, in.path, r)
		}
		return err
	})
}

func (c *registerCmd) print(e *env, path string, r registered) {
	r.File = path
	if c.JSON {
		line, _ := json.Marshal(r) // plain data, cannot fail
		fmt.Fprintf(e.stdout, "%s\n", line)
		return
	}
	state := "registered"
	if r.Duplicate {
		state = "already registered"
	}
	proof := "proof pending"
	if r.Proven != nil {
		proof = "proved not later than " + r.Proven.Local().Format("2006-01-02 15:04:05 MST")
	}
	fmt.Fprintf(e.stdout, "%s  %s\n    %s, %s\n", r.Work, path, state, proof)
	if r.Insufficient != "" {
		fmt.Fprintf(e.stdout, "    only exact copies will be found: %s\n", r.Insufficient)
	}
	for _, m := range r.Related {
		fmt.Fprintf(e.stdout, "    resembles the earlier work %s of %s\n        registered %s, probability %s: %s\n",
			m.Work, m.Owner, m.Received.Local().Format(time.DateOnly), sure(m.Probability), m.Reason)
	}
}
