package witness_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"selvage/provenance/witness"
)

func FuzzAddCheckpoint(f *testing.F) {
	log := newHistory(f, "log.example/a").grow(20, "entry")
	for _, b := range []string{log.body(0, 5), log.body(5, 9), log.body(9, 9), "old 0\n\nx\n0\n", "old 1\n\n\n"} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := witness.Reread(b)
		if err != nil {
			return
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("%q was read as %q", b, again)
		}
		_, checkpoint, _ := strings.Cut(string(b), "\n\n")
		text, _, _ := strings.Cut(checkpoint, "\n\n")
		origin, size, err := witness.ParseHead(text + "\n")
		if err == nil && !strings.HasPrefix(text, fmt.Sprintf("%s\n%d\n", origin, size)) {
			t.Fatalf("%q was read as %q, %d", text, origin, size)
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	w1 := "witness.example/w1+8e9a3b0a+BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
	f.Add([]byte("witness a " + w1 + " https://w.example\nquorum a\n"))
	f.Add([]byte("# nobody\nquorum none\n"))
	f.Add([]byte("group g any a\nquorum g"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := witness.ParsePolicy(b)
		if err != nil {
			return
		}
		if p.Need < 0 || p.Need > len(p.Witnesses) || p.Need == 0 && len(p.Witnesses) > 0 {
			t.Fatalf("%q: %d of %d", b, p.Need, len(p.Witnesses))
		}
		seen := map[string]bool{}
		for _, w := range p.Witnesses {
			key := w.Key.String()[strings.LastIndex(w.Key.String(), "+BA"):]
			if seen[key] {
				t.Fatalf("%q: one key counts twice", b)
			}
			seen[key] = true
		}
	})
}
