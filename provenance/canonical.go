package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

// canonical returns v as canonical JSON (RFC 8785).
func canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("canonical json: %w", err)
	}
	// json.Marshal copies a RawMessage without looking at its encoding.
	if !utf8.Valid(b) {
		return nil, errors.New("canonical json: text is not UTF-8")
	}
	c, err := jcs.Transform(b)
	if err != nil {
		return nil, fmt.Errorf("canonical json: %w", err)
	}
	return c, nil
}

// Canonical returns the canonical form (RFC 8785) of a JSON text of at most limit bytes.
func Canonical(text []byte, limit int) ([]byte, error) {
	if len(text) > limit {
		return nil, fmt.Errorf("json of %d bytes: the limit is %d", len(text), limit)
	}
	if !json.Valid(text) {
		return nil, errors.New("not valid json")
	}
	return canonical(json.RawMessage(text))
}

// decodeStrict reads exactly one JSON value into v and refuses unknown fields.
func decodeStrict(b []byte, v any, limit int) error {
	if len(b) > limit {
		return fmt.Errorf("json of %d bytes: the limit is %d", len(b), limit)
	}
	if !utf8.Valid(b) {
		return errors.New("json is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("json is followed by more text")
	}
	return nil
}

// decodeCanonical is decodeStrict that also demands the canonical encoding: writing v
// again must give b. That refuses duplicate keys, other spellings of a key, numbers
// that lose digits, and every kind of white space.
func decodeCanonical(b []byte, v any, limit int) error {
	if err := decodeStrict(b, v, limit); err != nil {
		return err
	}
	again, err := canonical(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return errors.New("json is not in its canonical form (RFC 8785)")
	}
	return nil
}
