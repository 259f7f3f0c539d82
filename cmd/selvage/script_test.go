package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"selvage/fixtures"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"selvage": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}})
}

// TestScripts runs the command line as people do, each command a process of its own. The
// scripts find one shared set of generated pictures in $PICS, and no registry of anybody.
func TestScripts(t *testing.T) {
	pics := t.TempDir()
	_, err := fixtures.Write(t.Context(), pics, fixtures.Options{
		Families: []string{"animal", "floral", "plain"}, PerFamily: 1, Edits: []string{"jpeg10", "rot90"},
	})
	if err != nil {
		t.Fatal(err)
	}
	// The seed of a stranger is the fixtures' own affair.
	for _, family := range []string{"animal", "floral"} {
		found, err := filepath.Glob(filepath.Join(pics, "strangers", family+"-*.jpg"))
		if err != nil || len(found) != 1 {
			t.Fatalf("strangers of %s: %v, %v", family, found, err)
		}
		if err := os.Rename(found[0], filepath.Join(pics, "strangers", family+".jpg")); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PICS", pics)
			e.Setenv("TMPDIR", filepath.Join(e.WorkDir, "tmp"))
			e.Setenv("TZ", "UTC")
			return os.MkdirAll(filepath.Join(e.WorkDir, "tmp"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"capture": capture, "await": await, "shape": shape, "flip": flip, "locate": locate, "unpack": unpack, "empty": empty,
		},
	})
}

func arguments(ts *testscript.TestScript, neg bool, args []string, n int, usage string) {
	if neg || len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
}

// capture VAR REGEXP sets a variable to the first group in the last command's stdout.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "capture VAR REGEXP")
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("stdout has no %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// await VAR FILE REGEXP waits for a file that a background process writes.
func await(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3, "await VAR FILE REGEXP")
	pattern := regexp.MustCompile(args[2])
	for range 3000 { // a minute: far more than a busy machine needs
		b, _ := os.ReadFile(ts.MkAbs(args[1])) // it may not be there yet
		if m := pattern.FindSubmatch(b); m != nil {
			ts.Setenv(args[0], string(m[1]))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("%s never had %s", args[1], args[2])
}

// shape FILE compares the last stdout, one JSON value a line, with the shapes in FILE:
// keys in their order, and the kind of each value.
func shape(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "shape FILE")
	var got strings.Builder
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		d := json.NewDecoder(strings.NewReader(line))
		if err := writeShape(&got, d); err != nil {
			ts.Fatalf("%q: %v", line, err)
		}
		got.WriteByte('\n')
	}
	if want := ts.ReadFile(args[0]); got.String() != want {
		ts.Fatalf("shape is\n%swant\n%s", got.String(), want)
	}
}

func writeShape(w *strings.Builder, d *json.Decoder) error {
	tok, err := d.Token()
	if err != nil {
		return err
	}
	switch tok {
	case json.Delim('{'):
		var fields []string
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			var f strings.Builder
			fmt.Fprintf(&f, "%v:", key)
			if err := writeShape(&f, d); err != nil {
				return err
			}
			fields = append(fields, f.String())
		}
		fmt.Fprintf(w, "{%s}", strings.Join(fields, " "))
		_, err = d.Token()
		return err
	case json.Delim('['):
		var items []string
		for d.More() {
			var f strings.Builder
			if err := writeShape(&f, d); err != nil {
				return err
			}
			items = append(items, f.String())
		}
		fmt.Fprintf(w, "[%s]", strings.Join(slices.Compact(items), " "))
		_, err = d.Token()
		return err
	}
	switch tok.(type) {
	case string:
		w.WriteString("text")
	case float64:
		w.WriteString("number")
	case bool:
		w.WriteString("bool")
	case nil:
		w.WriteString("null")
	}
	return nil
}

// flip FILE inverts the byte in the middle of a file.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "flip FILE")
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	b[len(b)/2] ^= 0xff
	ts.Check(os.Chmod(name, 0o600))
	ts.Check(os.WriteFile(name, b, 0o600))
}

// locate VAR DIR NAME sets a variable to the one file below DIR whose path contains NAME.
func locate(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3, "locate VAR DIR NAME")
	var found []string
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, args[2]) {
			found = append(found, path)
		}
		return err
	}))
	if len(found) != 1 {
		ts.Fatalf("%s: %d files with %s, want one: %q", args[1], len(found), args[2], found)
	}
	ts.Setenv(args[0], found[0])
}

// unpack ZIP ENTRY FILE copies one entry out of a zip.
func unpack(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3, "unpack ZIP ENTRY FILE")
	b := []byte(ts.ReadFile(args[0]))
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	ts.Check(err)
	out, err := fs.ReadFile(z, args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), out, 0o600))
}

// empty DIR fails if there is anything in a directory.
func empty(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "empty DIR")
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(entries) > 0 {
		ts.Fatalf("%s is not empty: %v", args[0], entries)
	}
}
