package decode

import (
	"errors"
	"fmt"
)

// Kind says what was wrong with the bytes. The strings are stable: the API shows them.
type Kind string

// The kinds of error.
const (
	// Empty: there are no bytes.
	Empty Kind = "empty"
	// TooManyBytes: the file is longer than Limits.MaxBytes.
	TooManyBytes Kind = "too_many_bytes"
	// Unknown: the bytes are of no picture format read here. Detail says what they look
	// like, where that can be told.
	Unknown Kind = "unknown"
	// Truncated: the file ends before its format says that it should.
	Truncated Kind = "truncated"
	// TooManyPixels: the header claims more pixels, or a longer side, than the limits.
	TooManyPixels Kind = "too_many_pixels"
	// Corrupt: the bytes break the rules of their format.
	Corrupt Kind = "corrupt"
	// UnsupportedVariant: a valid file in a corner of its format that is not read here.
	UnsupportedVariant Kind = "unsupported_variant"
	// Busy: too many decodes ran at once, and this one did not start in time. Nothing is
	// known against the file: the same bytes may be tried again.
	Busy Kind = "busy"
	// Timeout: the time limit or the caller's context ended first. Err tells which:
	// context.DeadlineExceeded or context.Canceled.
	Timeout Kind = "timeout"
	// Panicked: a decoder failed in a way that its authors did not foresee.
	Panicked Kind = "panicked"
	// TooLong: a video lasts longer than the limits.
	TooLong Kind = "too_long"
	// MissingProgram: a program that reads the format is not installed on this machine. The
	// detail names it. Nothing is known against the file.
	MissingProgram Kind = "missing_program"
)

// Error is the only type of error that Decode returns. Packages that read other files, such
// as videos, return it too.
type Error struct {
	Kind   Kind
	Format string // as sniffed; empty where unknown
	Detail string // a plain sentence without a full stop, safe to show to a user
	Err    error  // the decoder's own error, for the log; may be nil
}

// Error is the detail, with the format before it and the decoder's own words after it.
// It is for people; programs look at Kind.
func (e *Error) Error() string {
	s := e.Detail
	if s == "" {
		s = "the file cannot be read"
	}
	if e.Format != "" {
		s = e.Format + ": " + s
	}
	// That a context ended is in the detail already.
	if e.Err != nil && e.Kind != Timeout && e.Kind != Busy {
		s += fmt.Sprintf(" (%v)", e.Err)
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the Error that err is or wraps, and "" where there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// bad makes an Error without a format; Decode fills that in.
func bad(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

const (
	endsEarly = "the file ends too early: it was cut, upload it again"
	tooSlow   = "reading the picture took too long"
)

func truncated(err error) *Error { return &Error{Kind: Truncated, Detail: endsEarly, Err: err} }
