package text

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The payload is DEFLATE (RFC 1951) of, all numbers uvarint (encoding/binary):
//
//	number of pages; for each the characters of the document before it, less those before the
//	page before
//	number of normalised characters; the place of the list of references in them
//	number of bytes of the normalised characters in UTF-8, and these
//	until all characters are placed: how many of them follow each other in the document, and
//	how far from the last of them the next one is (0 is the same character)

const maxPayload = 64 << 20 // of what a payload unpacks to

// Encode makes the payload of a text.
func (t *Text) Encode() []byte {
	b := binary.AppendUvarint(nil, uint64(len(t.Pages)))
	before := uint32(0)
	for _, p := range t.Pages {
		b = binary.AppendUvarint(b, uint64(p-before))
		before = p
	}
	b = binary.AppendUvarint(b, uint64(len(t.Chars)))
	b = binary.AppendUvarint(b, uint64(t.Listed))
	chars := string(t.Chars)
	b = binary.AppendUvarint(b, uint64(len(chars)))
	b = append(b, chars...)
	for i := 0; i < len(t.From); {
		n := 1
		for i+n < len(t.From) && t.From[i+n] == t.From[i+n-1]+1 {
			n++
		}
		last := uint32(0)
		if i > 0 {
			last = t.From[i-1]
		}
		b = binary.AppendUvarint(b, uint64(t.From[i]-last))
		b = binary.AppendUvarint(b, uint64(n))
		i += n
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("text: packing in memory: %v", err)) // a buffer takes everything
	}
	return out.Bytes()
}

var errPayload = errors.New("text.v1: damaged payload")

// Decode reads a payload and trusts nothing in it.
func Decode(payload []byte) (*Text, error) {
	b, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(payload)), maxPayload+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPayload, err)
	}
	if len(b) > maxPayload {
		return nil, fmt.Errorf("%w: it unpacks to more than %d bytes", errPayload, maxPayload)
	}
	r := reader{b: b}
	t := &Text{}
	pages := r.number(uint64(len(b)))
	at := uint64(0)
	for range pages {
		at += r.number(1 << 31)
		if at > 1<<31 {
			return nil, errPayload
		}
		t.Pages = append(t.Pages, uint32(at))
	}
	n := r.number(MaxChars + 32)
	listed := r.number(n)
	size := r.number(uint64(len(r.b)))
	if r.failed || size > uint64(len(r.b)) {
		return nil, errPayload
	}
	chars := r.b[:size]
	r.b = r.b[size:]
	if !utf8.Valid(chars) || uint64(utf8.RuneCount(chars)) != n {
		return nil, errPayload
	}
	t.Chars, t.Listed = []rune(string(chars)), int(listed)
	t.From = make([]uint32, 0, n)
	at = 0
	for uint64(len(t.From)) < n {
		at += r.number(1 << 31)
		run := r.number(n - uint64(len(t.From)))
		if r.failed || run == 0 || at+run > 1<<31 {
			return nil, errPayload
		}
		for range run {
			t.From = append(t.From, uint32(at))
			at++
		}
		at--
	}
	if r.failed || len(r.b) > 0 {
		return nil, errPayload
	}
	return t, nil
}

// reader reads numbers; after a failure all are 0.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) number(most uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > most || r.failed {
		r.failed = true
		return 0
	}
	r.b = r.b[n:]
	return v
}
