package api

import (
	"bytes"
	"image/jpeg"
	"io/fs"
	"path"
	"testing"

	"selvage/fingerprint/decode"
	"selvage/fingerprint/photo"
	"selvage/fixtures"
)

// TestSamplesOverService registers a file of every format through the API, a phone's 12 MP
// JPEG, CMYK, 16 bits and a turned one among them, and finds each again recompressed.
func TestSamplesOverService(t *testing.T) {
	e := newRealEnv(t)
	works := map[string]string{}
	files := map[string][]byte{}
	err := fs.WalkDir(fixtures.Samples(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".json" {
			return err
		}
		data, err := fs.ReadFile(fixtures.Samples(), name)
		if err != nil {
			return err
		}
		r := e.do(call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("visibility", "matchable"), file(name, data))})
		if r.status != 201 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
			return nil
		}
		works[name], files[name] = r.str("work", "id"), data
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(works) < 12 {
		t.Fatalf("only %d samples", len(works))
	}
	for name, data := range files {
		if r := e.do(call{method: "POST", path: "/v1/matches", key: "bert", body: data}); r.str("matches", "0", "work") != works[name] || r.str("verdict") != "identical" {
			t.Errorf("%s: the file itself: %s", name, r.body)
		}
		p, err := decode.Decode(t.Context(), data, decode.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var copied bytes.Buffer
		if err := jpeg.Encode(&copied, p.RGB, &jpeg.Options{Quality: 60}); err != nil {
			t.Fatal(err)
		}
		r := e.do(call{method: "POST", path: "/v1/matches", key: "bert", body: copied.Bytes()})
		if r.str("matches", "0", "work") != works[name] || r.str("verdict") != "copy" {
			t.Errorf("%s: recompressed: %s", name, r.body)
		}
	}
}

// BenchmarkPhone compares what fingerprinting a 12 MP phone picture takes with its decoding.
func BenchmarkPhone(b *testing.B) {
	data, err := fs.ReadFile(fixtures.Samples(), "phone.jpg")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := decode.Decode(b.Context(), data, decode.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fingerprint", func(b *testing.B) {
		h := photo.New(photo.Options{})
		for b.Loop() {
			if _, err := h.Hash(b.Context(), data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
