package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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

// fileError reports what went wrong with one of several files.
func (e *env) fileError(asJSON bool, path string, err error) {
	if asJSON {
		line, _ := json.Marshal(map[string]string{"file": path, "error": explain(err)})
		fmt.Fprintf(e.stdout, "%s\n", line)
		return
	}
	fmt.Fprintf(e.stderr, "selvage: %s: %s\n", path, explain(err))
}

// failures is the error of a command some of whose files failed; they were reported.
func failures(failed, of int) error {
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
	text := err.Error()
	switch {
	case errors.Is(err, store.ErrInUse):
		text += "\nA server or another command has this registry open. Stop it, or ask the server: --server http://127.0.0.1:8080"
	case errors.Is(err, registry.ErrNotFound):
		text += " (or not yours: name its owner with --owner)"
	}
	return text
}

func isPending(err error) bool { return errors.Is(err, registry.ErrPending) }
