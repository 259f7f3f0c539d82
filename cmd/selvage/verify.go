package main

import (
	"io"

	"selvage/provenance/verifycli"
)

// verifyCmd stands in the help; verifyMain runs before the parser.
type verifyCmd struct {
	Bundle string `arg:"" help:"The evidence bundle."`
	File   string `placeholder:"ORIGINAL" help:"Check that this file is the registered one."`
	Policy string `placeholder:"FILE" help:"Trust these logs, services and time authorities only, instead of the keys in the bundle."`
	JSON   bool   `name:"json" help:"Print the report as JSON."`
}

func (*verifyCmd) Run(*env) error { return nil }

func verifyMain(args []string, stdout, stderr io.Writer) int {
	return verifycli.Main(args, stdout, stderr)
}
