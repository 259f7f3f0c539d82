package main

import (
	"fmt"
	"strings"

	"selvage/fixtures"
)

type fixturesCmd struct {
	Families  []string `placeholder:"NAME" help:"Families of originals, with commas between; default: all."`
	PerFamily int      `default:"1" help:"Originals, and as many strangers, of each family."`
	Edits     []string `placeholder:"NAME" help:"Edits of every original, with commas between; default: all."`
	Seed      uint64   `placeholder:"N" help:"Another seed gives other works."`
	// Distractors leaves the set above out.
	Distractors int    `placeholder:"N" help:"Write N small pictures, each a work of its own, to fill an index, and list.txt with their paths, instead; what is there already is kept."`
	Dir         string `arg:"" help:"Directory to write to."`
}

func (c *fixturesCmd) Run(e *env) error {
	if c.Distractors > 0 {
		return c.distractors(e)
	}
	m, err := fixtures.Write(e.ctx, c.Dir, fixtures.Options{Families: c.Families, PerFamily: c.PerFamily, Edits: c.Edits, Seed: c.Seed})
	if err != nil {
		return err
	}
	n := map[fixtures.Role]int{}
	for _, f := range m.Files {
		n[f.Role]++
	}
	var parts []string
	for _, r := range []fixtures.Role{fixtures.RoleOriginal, fixtures.RoleEdit, fixtures.RoleStranger} {
		parts = append(parts, fmt.Sprintf("%d %ss", n[r], r))
	}
	fmt.Fprintf(e.stdout, "%s: %s; truth in manifest.json\n", c.Dir, strings.Join(parts, ", "))
	return nil
}

// distractorNumbers is how many numbers a seed has to itself.
const distractorNumbers = 1 << 24

func (c *fixturesCmd) distractors(e *env) error {
	if c.Distractors > distractorNumbers || c.Seed >= 1<<16 {
		return &exit{2, fmt.Sprintf("--distractors: at most %d, with a --seed below 65536", distractorNumbers)}
	}
	list, err := fixtures.WriteDistractors(e.ctx, c.Dir, c.Seed*distractorNumbers, c.Distractors, func(done int) {
		e.progress(done, c.Distractors, "distractors")
	})
	e.clearProgress()
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s: %d distractors; paths in %s\n", c.Dir, c.Distractors, list)
	return nil
}
