// Package verifycli is the command line of the offline verifier, shared by
// cmd/selvage-verify and "selvage verify". Use [Main].
package verifycli

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"selvage/provenance"
)

// The exit statuses.
const (
	ExitProved       = 0
	ExitContradicted = 1
	ExitUsage        = 2
	ExitCannotTell   = 3
)

const usage = `usage: selvage-verify BUNDLE [--file ORIGINAL] [--policy FILE] [--json]

Checks an evidence bundle (.zip) or a receipt (.json), with no network.
  --file ORIGINAL  the bundle must be about this very file
  --policy FILE    trust only the keys this file names; without it the keys in
                   the bundle are taken at their word
  --json           print the report as JSON
Exit status: 0 proved, 1 contradicted, 2 usage, 3 cannot tell.
`

// Main runs the verifier with args (without the program's name) and returns the exit
// status. Flags may stand before or after the bundle's name.
func Main(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("selvage-verify", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	file := fs.String("file", "", "")
	policyFile := fs.String("policy", "", "")
	asJSON := fs.Bool("json", false, "")
	names, err := parse(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return ExitProved
	}
	fail := func(err error) int {
		fmt.Fprintf(stderr, "selvage-verify: %v\n", err)
		return ExitUsage
	}
	if err == nil && len(names) != 1 {
		err = fmt.Errorf("want one bundle, have %d names", len(names))
	}
	if err != nil {
		fmt.Fprint(stderr, usage)
		return fail(err)
	}
	var opts provenance.VerifyOptions
	if *policyFile != "" {
		text, err := os.ReadFile(*policyFile)
		if err != nil {
			return fail(err)
		}
		if opts.Policy, err = provenance.ParsePolicy(text); err != nil {
			return fail(fmt.Errorf("%s: %w", *policyFile, err))
		}
	}
	var original *os.File
	if *file != "" {
		if original, err = os.Open(*file); err != nil {
			return fail(err)
		}
		defer original.Close() // only read
		opts.Original = original
	}
	report, err := verify(names[0], opts)
	if err != nil {
		return fail(err)
	}
	return print(report, *asJSON, stdout, stderr)
}

// parse lets flags follow names, which package flag alone does not.
func parse(fs *flag.FlagSet, args []string) (names []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		rest := fs.Args()
		if len(rest) == 0 {
			return names, nil
		}
		// Everything after "--" is a name.
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			return append(names, rest...), nil
		}
		names, args = append(names, rest[0]), rest[1:]
	}
}

func verify(name string, opts provenance.VerifyOptions) (provenance.Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return provenance.Report{}, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return provenance.Report{}, err
	}
	if info.IsDir() {
		return provenance.Report{}, fmt.Errorf("%s is a directory; give the zip itself", name)
	}
	var first [1]byte
	if _, err := f.ReadAt(first[:], 0); err == nil && first[0] == '{' {
		text, err := io.ReadAll(io.LimitReader(f, 8<<20))
		if err != nil {
			return provenance.Report{}, err
		}
		return provenance.VerifyReceipt(text, opts), nil
	}
	return provenance.Verify(f, info.Size(), opts), nil
}

func print(r provenance.Report, asJSON bool, stdout, stderr io.Writer) int {
	text := r.String()
	if asJSON {
		b, err := json.Marshal(r)
		if err != nil {
			fmt.Fprintf(stderr, "selvage-verify: %v\n", err)
			return ExitCannotTell
		}
		text = string(b) + "\n"
	}
	// An answer that could not be printed must not look like a proof.
	if _, err := io.Copy(stdout, strings.NewReader(text)); err != nil {
		fmt.Fprintf(stderr, "selvage-verify: %v\n", err)
		return ExitCannotTell
	}
	switch r.Outcome {
	case provenance.Proved:
		return ExitProved
	case provenance.Contradicted:
		return ExitContradicted
	}
	return ExitCannotTell
}
