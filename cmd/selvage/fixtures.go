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
	Dir       string   `arg:"" help:"Directory to write to."`
}

func (c *fixturesCmd) Run(e *env) error {
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
