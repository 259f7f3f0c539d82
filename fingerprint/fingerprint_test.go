package fingerprint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"selvage/fingerprint"
)

func TestDigest(t *testing.T) {
	// FIPS 180-2, appendix B.1.
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	d := fingerprint.DigestOf([]byte("abc"))
	if d.String() != abc {
		t.Errorf("digest %s, want %s", d, abc)
	}
	r, n, err := fingerprint.ReadDigest(strings.NewReader("abc"))
	if r != d || n != 3 || err != nil {
		t.Errorf("ReadDigest: %s, %d, %v", r, n, err)
	}
	b, err := json.Marshal(d)
	if err != nil || string(b) != `"`+abc+`"` {
		t.Errorf("JSON %s, %v", b, err)
	}
	var back fingerprint.Digest
	if err := json.Unmarshal(b, &back); err != nil || back != d {
		t.Errorf("back from JSON: %s, %v", back, err)
	}
	if d.IsZero() || !(fingerprint.Digest{}).IsZero() {
		t.Error("IsZero")
	}
	for _, bad := range []string{"", abc[1:], abc + "0", strings.ToUpper(abc), "g" + abc[1:]} {
		if _, err := fingerprint.ParseDigest(bad); err == nil {
			t.Errorf("ParseDigest(%q) succeeded", bad)
		}
	}
}

func TestDistance(t *testing.T) {
	print := func(k fingerprint.Kind, n int, first byte) fingerprint.Fingerprint {
		return fingerprint.Fingerprint{Kind: k, Payload: append([]byte{first}, make([]byte, n-1)...)}
	}
	for _, c := range []struct {
		name string
		a, b fingerprint.Fingerprint
		want int // -1: an error
	}{
		{"equal", print(fingerprint.PDQ256, 32, 5), print(fingerprint.PDQ256, 32, 5), 0},
		{"three bits", print(fingerprint.PDQ256, 32, 0b111), print(fingerprint.PDQ256, 32, 0), 3},
		{"phash", print(fingerprint.PHash64, 8, 0xff), print(fingerprint.PHash64, 8, 0), 8},
		{"two kinds", print(fingerprint.PDQ256, 32, 0), print(fingerprint.PHash64, 8, 0), -1},
		{"no distance", print(fingerprint.Pixels256, 32, 0), print(fingerprint.Pixels256, 32, 0), -1},
		{"short", print(fingerprint.PDQ256, 31, 0), print(fingerprint.PDQ256, 32, 0), -1},
	} {
		got, err := fingerprint.Distance(c.a, c.b)
		if c.want < 0 {
			if err == nil {
				t.Errorf("%s: distance %d, want an error", c.name, got)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %d, %v, want %d", c.name, got, err, c.want)
		}
	}
	_, err := fingerprint.Distance(print(fingerprint.PDQ256, 32, 0), print(fingerprint.PHash64, 8, 0))
	if !errors.Is(err, fingerprint.ErrKindMismatch) {
		t.Errorf("two kinds: %v, want ErrKindMismatch", err)
	}
}

// prefix is a hasher that reads files which begin with its word.
type prefix struct {
	kind fingerprint.WorkKind
	word string
}

func (p prefix) Work() fingerprint.WorkKind { return p.kind }
func (p prefix) Accepts(head []byte) bool   { return bytes.HasPrefix(head, []byte(p.word)) }
func (p prefix) Hash(_ context.Context, data []byte) (*fingerprint.Result, error) {
	if !p.Accepts(data) {
		return nil, errors.New("no " + p.word)
	}
	return &fingerprint.Result{Work: p.kind}, nil
}

func TestSet(t *testing.T) {
	set := fingerprint.Set{prefix{fingerprint.Video, "video"}, prefix{fingerprint.Photo, "photo"}}
	for _, c := range []struct {
		want fingerprint.WorkKind
		data string
		kind fingerprint.WorkKind
		err  string
	}{
		{"", "photo 1", fingerprint.Photo, ""},
		{"", "video 1", fingerprint.Video, ""},
		{fingerprint.Video, "video 1", fingerprint.Video, ""},
		{fingerprint.Video, "photo 1", "", "no video"},
		{"", "text", "", "no photo"},
		{fingerprint.Manuscript, "photo 1", "", "manuscript"},
	} {
		r, err := set.Hash(context.Background(), c.want, []byte(c.data))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q as %q: %v, want an error about %q", c.data, c.want, err, c.err)
			}
			continue
		}
		if err != nil || r.Work != c.kind {
			t.Errorf("%q as %q: %+v, %v, want %s", c.data, c.want, r, err, c.kind)
		}
	}
	var unsupported *fingerprint.ErrUnsupported
	if _, err := set.Hash(context.Background(), fingerprint.Manuscript, nil); !errors.As(err, &unsupported) {
		t.Errorf("a kind without a hasher: %v", err)
	}
	if _, err := (fingerprint.Set{}).Hash(context.Background(), "", nil); !errors.As(err, &unsupported) {
		t.Errorf("an empty set: %v", err)
	}
}

func TestPrint(t *testing.T) {
	r := fingerprint.Result{Prints: []fingerprint.Fingerprint{
		{Kind: fingerprint.PDQ256, View: fingerprint.Full, Quality: 1},
		{Kind: fingerprint.PDQ256, View: fingerprint.Box, Quality: 2},
	}}
	if p, ok := r.Print(fingerprint.PDQ256, fingerprint.Box); !ok || p.Quality != 2 {
		t.Errorf("Print: %+v, %v", p, ok)
	}
	if _, ok := r.Print(fingerprint.Proof, fingerprint.Box); ok {
		t.Error("Print found what is not there")
	}
	if b := (fingerprint.Rect{X0: 1, Y0: 2, X1: 4, Y1: 8}); b.W() != 3 || b.H() != 6 || b.Empty() || !(fingerprint.Rect{}).Empty() {
		t.Errorf("Rect %+v", b)
	}
}
