package store

import (
	"context"
	"fmt"
	"io"
)

// Exact returns a reader of exactly size bytes of r, for the back-ends of [Objects]. It
// holds the last bytes back until it knows that r ended there without an error; if r
// ends early, goes on or fails, or ctx ends, those bytes are never given out, so that
// whoever counts to size cannot take the content for whole. Err tells such a failure
// of the source from one of the destination.
func Exact(ctx context.Context, r io.Reader, size int64) *ExactReader {
	return &ExactReader{ctx: ctx, r: r, left: size, size: size}
}

// ExactReader is the reader that [Exact] returns.
type ExactReader struct {
	ctx   context.Context
	r     io.Reader
	left  int64 // bytes not yet read from r
	size  int64
	ended bool // r was seen to end where it should
	err   error
}

// Err returns why the source failed, or nil.
func (e *ExactReader) Err() error { return e.err }

// Read implements io.Reader.
func (e *ExactReader) Read(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := e.ctx.Err(); err != nil {
		return e.fail(err)
	}
	if e.size < 0 {
		return e.fail(fmt.Errorf("size %d is negative", e.size))
	}
	if e.left == 0 {
		if !e.ended {
			return e.finish(0)
		}
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	switch {
	case err == io.EOF && e.left > 0:
		return e.fail(fmt.Errorf("source ended %d bytes short of %d: %w", e.left, e.size, io.ErrUnexpectedEOF))
	case err != nil && err != io.EOF:
		return e.fail(fmt.Errorf("source: %w", err))
	case e.left == 0:
		return e.finish(n)
	}
	return n, nil
}

// finish gives out the last n bytes if r ends after them.
func (e *ExactReader) finish(n int) (int, error) {
	var one [1]byte
	for range 100 {
		m, err := e.r.Read(one[:])
		switch {
		case m > 0:
			return e.fail(fmt.Errorf("source goes on after %d bytes", e.size))
		case err == io.EOF:
			e.ended = true
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		case err != nil:
			return e.fail(fmt.Errorf("source: %w", err))
		}
	}
	return e.fail(io.ErrNoProgress)
}

func (e *ExactReader) fail(err error) (int, error) {
	e.err = err
	return 0, err
}
