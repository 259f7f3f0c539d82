package extract

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"selvage/fingerprint/decode"
)

// program is a command of the machine that reads outside bytes.
type program struct {
	name    string
	install string // the packages that hold it, for people
	args    []string
	env     []string
	input   []byte
	memory  uint64 // bytes of address space, where the system can bound it
	output  int    // bytes on standard output
	timeout time.Duration
}

// children bounds how many programs run at once.
var children = semaphore.NewWeighted(2)

// limitedBuffer keeps the first bytes written to it, and fails when there are more.
type limitedBuffer struct {
	bytes.Buffer
	left int
}

var errTooMuch = errors.New("too much output")

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errTooMuch
	}
	b.left -= len(p)
	return b.Buffer.Write(p)
}

// guarded runs a program to its end and returns its standard output. It runs in a process
// group of its own, in an empty directory, with nothing of the environment but the path, and
// is killed with all of its group when its time is over.
func guarded(ctx context.Context, format Format, p program) ([]byte, error) {
	path, err := exec.LookPath(p.name)
	if err != nil {
		return nil, bad(format, NoProgram, "%s is not installed: it is in %s", p.name, p.install)
	}
	waiting, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	if children.Acquire(waiting, 1) != nil {
		return nil, bad(format, decode.Busy, "too many programs are running: try again in a moment")
	}
	defer children.Release(1)
	// Its own time begins with its turn.
	ctx, cancel = context.WithTimeout(ctx, p.timeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "selvage-extract-")
	if err != nil {
		return nil, corrupt(format, err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory that stays harms nobody

	cmd := exec.CommandContext(ctx, path, p.args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "LC_ALL=C.UTF-8"}, p.env...)
	cmd.Stdin = bytes.NewReader(p.input)
	out, complaints := &limitedBuffer{left: p.output}, &limitedBuffer{left: 64 << 10}
	cmd.Stdout, cmd.Stderr = out, complaints
	cmd.WaitDelay = time.Second
	group(cmd)
	if err := cmd.Start(); err != nil {
		return nil, corrupt(format, err)
	}
	bound(cmd, p.memory)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, ended(format, ctx)
	case errors.Is(err, errTooMuch):
		return nil, bad(format, TooLarge, "%s makes more of the file than is allowed", p.name)
	case err != nil:
		line, _, _ := strings.Cut(strings.TrimSpace(complaints.String()), "\n")
		e := bad(format, decode.Corrupt, "%s cannot read the file", p.name)
		e.Err = errors.Join(err, errors.New(line))
		return nil, e
	}
	return out.Bytes(), nil
}
