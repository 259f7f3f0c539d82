package api

import (
	"bytes"
	"image/jpeg"
	"io/fs"
	"path"
	"testing"

	"selvage/fingerprint/decode"
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
