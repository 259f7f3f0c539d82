package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"selvage/registry"
)

// FuzzForm: whatever the body, reading a form neither panics nor returns more than it was
// allowed to, and every refusal is the client's fault.
func FuzzForm(f *testing.F) {
	for _, s := range []*formBody{
		form2(field("title", "x"), file("a.png", []byte("PNG"))),
		form2(file("../..\\\u202ea", nil), file("b", []byte("--\r\n"))),
		form2(field("title", "1"), field("title", "2")),
		cut(form2(field("title", strings.Repeat("x", 100)), file("a", []byte("PNG")))),
		{contentType: "multipart/form-data; boundary=b", body: []byte("--b\r\nContent-Disposition: form-data; name=file; filename*=utf-8''%2e%2e%2f%00\r\n\r\n\r\n--b--")},
		{contentType: "multipart/form-data; boundary=\"\"", body: []byte("----")},
		{contentType: "multipart/form-data", body: nil},
	} {
		f.Add(s.contentType, s.body)
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Content-Type", contentType)
		const limit = 4096
		r.Body = http.MaxBytesReader(nil, io.NopCloser(bytes.NewReader(body)), limit)
		u, err := readForm(r, 3, "title", "owner")
		if err != nil {
			if s := faultOf(err).status(); s < 400 || s > 499 {
				t.Fatalf("status %d for %v", s, err)
			}
			return
		}
		total := 0
		for _, file := range u.files {
			total += len(file.Data)
			if !utf8.ValidString(file.Name) || len(file.Name) > maxNameBytes || strings.ContainsAny(file.Name, `/\`) || strings.ContainsFunc(file.Name, unicode.IsControl) || file.Name == ".." {
				t.Fatalf("name %q", file.Name)
			}
		}
		for name, value := range u.fields {
			total += len(value)
			if name != "title" && name != "owner" || !utf8.ValidString(value) || len(value) > maxField {
				t.Fatalf("field %q %q", name, value)
			}
		}
		if len(u.files) < 1 || len(u.files) > 3 || total > limit || total > len(body) {
			t.Fatalf("%d files, %d bytes of %d", len(u.files), total, len(body))
		}
		again := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		again.Header.Set("Content-Type", contentType)
		v, err := readForm(again, 3, "title", "owner")
		if err != nil || v.digest() != u.digest() {
			t.Fatalf("the same body has another digest: %v", err)
		}
		if _, err := registerRequest(u, epoch); err != nil {
			if _, ok := errors.AsType[*registry.InvalidError](err); !ok {
				t.Fatal(err)
			}
		}
	})
}

// FuzzTilePath: no path that is let through leaves the directory of the tiles.
func FuzzTilePath(f *testing.F) {
	for _, s := range []string{"0/000", "63/x001/x234/067.p/8", "entries/x001/000", "0/../x", "0/000.p/256", "00/000", "0/x000/001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if !tilePath(p) {
			return
		}
		for seg := range strings.SplitSeq(p, "/") {
			if seg == "" || strings.Trim(seg, "0123456789xentrisp.") != "" || seg == "." || seg == ".." {
				t.Fatalf("%q is let through", p)
			}
		}
	})
}

func TestTilePath(t *testing.T) {
	for p, want := range map[string]bool{
		"0/000": true, "63/999": true, "0/x001/000": true, "8/x001/x234/067": true, "entries/000": true, "0/000.p/1": true,
		"entries/x001/067.p/255": true, "1/001.p/17": true,
		"": false, "0": false, "0/": false, "64/000": false, "00/000": false, "0/00": false, "0/0000": false, "0/001/000": false,
		"0/x000/001": false, "0/x001": false, "0/000.p/0": false, "0/000.p/256": false, "0/000.p/01": false, "0/000.p/": false,
		"0/000.p/1/2": false, "data/000": false, "-1/000": false, "0/x001/x000": false, "0/../000": false, "0/000/": false,
		"0/x001/x001/x001/x001/x001/x001/x001/001": false,
	} {
		if tilePath(p) != want {
			t.Errorf("tilePath(%q) is %t", p, !want)
		}
	}
}
