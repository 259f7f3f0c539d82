package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"selvage/registry"
	"selvage/store"
)

// terminal reports whether w is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress draws a bar on stderr if that is a terminal and there is more than one file.
func (e *env) progress(done, total int, what string) {
	if total < 2 || !terminal(e.stderr) {
		return
	}
	const width = 30
	n := done * width / total
	fmt.Fprintf(e.stderr, "\r%s [%s%s] %d/%d ", what, strings.Repeat("#", n), strings.Repeat(".", width-n), done, total)
}

func (e *env) clearProgress() {
	if terminal(e.stderr) {
		fmt.Fprint(e.stderr, "\r\033[K")
	}
}

// verdict is a verdict in colour, where colour is wanted.
func (e *env) verdict(v registry.Verdict) string {
	if !terminal(e.stdout) || os.Getenv("NO_COLOR") != "" {
		return string(v)
	}
	colour := "32" // green: nothing to do
	switch {
	case v.Accuses():
		colour = "31"
	case v == registry.Insufficient || v == registry.Alike:
		colour = "33"
	}
	return "\033[" + colour + "m" + string(v) + "\033[0m"
}

// sure is a probability for people: cut, not rounded, so that only 1 looks like 1.
func sure(p float64) string { return fmt.Sprintf("%.3f", math.Floor(p*1000)/1000) }

// fileError reports what went wrong with one of several files.
func (e *env) fileError(asJSON bool, path string, err error) {
	text := strings.TrimPrefix(explain(err), strconv.Quote(filepath.Base(path))+": ")
	if asJSON {
		line, _ := json.Marshal(struct {
			File  string `json:"file"`
			Error string `json:"error"`
		}{path, text})
		fmt.Fprintf(e.stdout, "%s\n", line)
		return
	}
	if path == "" {
		path = `""`
	}
	fmt.Fprintf(e.stderr, "selvage: %s: %s\n", path, text)
}

// eachFile does one thing to each file in turn, with progress, reports those that fail, and
// closes the registry at the end. An interrupt leaves the rest.
func (e *env) eachFile(what string, paths []string, asJSON bool, b backend, do func(input) error) error {
	failed, left := 0, 0
	for i, path := range paths {
		e.progress(i, len(paths), what)
		in, err := readInput(path)
		if err == nil {
			err = do(in)
		}
		if err == nil {
			continue
		}
		if e.ctx.Err() != nil {
			left = len(paths) - i
			break
		}
		failed++
		e.clearProgress()
		e.fileError(asJSON, path, err)
	}
	e.clearProgress()
	if err := b.close(); err != nil {
		return err
	}
	return failures(failed, left, len(paths))
}

// failures is the error of a command some of whose files failed, which was reported, or
// were left when it was interrupted.
func failures(failed, left, of int) error {
	if left > 0 {
		return &exit{1, fmt.Sprintf("interrupted: %d of %d files were left", left, of)}
	}
	if failed == 0 {
		return nil
	}
	if of == 1 {
		return &exit{1, ""}
	}
	return &exit{1, fmt.Sprintf("%d of %d files failed", failed, of)}
}

// explain adds to an error what a person at a terminal can do about it.
func explain(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, store.ErrInUse):
		return err.Error() + "\nA server or another command has this registry open. Stop it, or ask the server: --server http://127.0.0.1:8080"
	}
	return err.Error()
}

// oneOf refuses a flag's value that is not among those allowed; no value is allowed.
func oneOf(flag, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return &exit{2, fmt.Sprintf("%s %q: use %s or %s", flag, value, strings.Join(allowed[:len(allowed)-1], ", "), allowed[len(allowed)-1])}
}

// ownerNamed is the owner that a flag or an argument names.
func ownerNamed(what, name string) (registry.OwnerID, error) {
	o, err := registry.ParseOwner(name)
	if err != nil {
		return "", &exit{2, fmt.Sprintf("%s %q: %s", what, name, strings.TrimPrefix(err.Error(), "owner: "))}
	}
	return o, nil
}

func isPending(err error) bool { return errors.Is(err, registry.ErrPending) }
