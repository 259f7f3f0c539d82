package extract

import (
	"context"
	"errors"
	"fmt"

	"selvage/fingerprint/decode"
)

// The kinds of error that documents have beside those of package decode. Every error of
// this package is a *decode.Error.
const (
	// Encrypted: the document opens only with a password.
	Encrypted decode.Kind = "encrypted"
	// TooLarge: what the file unpacks to, or how deep it nests, is over a limit; the mark of
	// a bomb.
	TooLarge decode.Kind = "too_large"
	// NoProgram: a program of the machine that is needed for this is not installed. Nothing
	// is known against the file.
	NoProgram decode.Kind = "no_program"
	// NoPages: the document holds no page and no text at all.
	NoPages decode.Kind = "no_pages"
)

func bad(f Format, k decode.Kind, format string, args ...any) *decode.Error {
	return &decode.Error{Kind: k, Format: string(f), Detail: fmt.Sprintf(format, args...)}
}

// ended is the error of work that stopped because ctx did.
func ended(f Format, ctx context.Context) *decode.Error { //nolint:revive // the format comes first, as in bad
	e := bad(f, decode.Timeout, "reading the document took too long")
	if e.Err = ctx.Err(); errors.Is(e.Err, context.Canceled) {
		e.Detail = "the caller gave up"
	}
	return e
}

// corrupt keeps an error of this package, and makes any other one of kind Corrupt.
func corrupt(f Format, err error) *decode.Error {
	if e, ok := errors.AsType[*decode.Error](err); ok {
		if e.Format == "" {
			e.Format = string(f)
		}
		return e
	}
	e := bad(f, decode.Corrupt, "the file is damaged")
	e.Err = err
	return e
}

// words are what an error says to people, for a note.
func words(err error) string {
	if e, ok := errors.AsType[*decode.Error](err); ok {
		return e.Detail
	}
	return err.Error()
}
