package main

import (
	"bytes"
	"io"

	"selvage/provenance/verifycli"
)

// verifyCmd stands in the help, and takes what has flags before the command's name.
type verifyCmd struct {
	Bundle string `arg:"" help:"The evidence bundle."`
	File   string `placeholder:"ORIGINAL" help:"Check that this file is the registered one."`
	Policy string `placeholder:"FILE" help:"Trust these logs, services and time authorities only, instead of the keys in the bundle."`
	JSON   bool   `name:"json" help:"Print the report as JSON."`
}

func (c *verifyCmd) Run(e *env) error {
	var args []string
	if c.File != "" {
		args = append(args, "--file", c.File)
	}
	if c.Policy != "" {
		args = append(args, "--policy", c.Policy)
	}
	if c.JSON {
		args = append(args, "--json")
	}
	if code := verifyMain(append(args, "--", c.Bundle), e.stdout, e.stderr); code != 0 {
		return &exit{code, ""}
	}
	return nil
}

func verifyMain(args []string, stdout, stderr io.Writer) int {
	return verifycli.Main(args, renamed{stdout}, renamed{stderr})
}

// renamed lets the shared verifier speak under the name by which it was called.
type renamed struct{ w io.Writer }

func (r renamed) Write(p []byte) (int, error) {
	for _, start := range []string{"usage: ", ""} {
		if rest, ok := bytes.CutPrefix(p, []byte(start+"selvage-verify")); ok {
			_, err := r.w.Write(append([]byte(start+"selvage verify"), rest...))
			return len(p), err
		}
	}
	return r.w.Write(p)
}
