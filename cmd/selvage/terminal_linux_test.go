package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"selvage/fixtures"
)

// TestTerminal runs match with a terminal for stdout and stderr: the verdict has its
// colour and the files a bar, and NO_COLOR takes the colour away.
func TestTerminal(t *testing.T) {
	dir := t.TempDir()
	if _, err := fixtures.Write(t.Context(), dir, fixtures.Options{Families: []string{"floral"}, PerFamily: 1, Edits: []string{"jpeg10"}}); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	file := filepath.Join(dir, "originals", "floral-1.jpg")
	if code := run(t.Context(), []string{"register", "--data", data, file}, io.Discard, os.Stderr); code != 0 {
		t.Fatalf("register: %d", code)
	}
	match := []string{"match", "--data", data, file, filepath.Join(dir, "edits", "jpeg10", "floral-1.jpg")}

	t.Setenv("NO_COLOR", "")
	code, got := onTerminal(t, match)
	if code != 0 || !strings.Contains(got, "\033[31midentical\033[0m") || !strings.Contains(got, "\033[31mcopy\033[0m") {
		t.Errorf("exit %d, no verdict in red:\n%q", code, got)
	}
	if !strings.Contains(got, "match [###############...............] 1/2") {
		t.Errorf("no bar:\n%q", got)
	}
	t.Setenv("NO_COLOR", "1")
	if code, got = onTerminal(t, match); code != 0 || strings.Contains(got, "\033[31m") || !strings.Contains(got, "copy ") {
		t.Errorf("exit %d, NO_COLOR is not honoured:\n%q", code, got)
	}
}

func onTerminal(t *testing.T, args []string) (code int, output string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan []byte)
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, master) // ends with an error once the other side is closed
		read <- b.Bytes()
	}()
	code = run(t.Context(), args, tty, tty)
	tty.Close()
	return code, string(<-read)
}
