package extract_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"selvage/fingerprint/decode"
	"selvage/fingerprint/manuscript/extract"
)

// fuzzLimits keep one input of the fuzzer short.
var fuzzLimits = extract.Limits{MaxBytes: 1 << 20, MaxPages: 4, MaxText: 1 << 20, MaxInflated: 8 << 20, MaxEntries: 100, RasterSide: 100,
	PageTimeout: 10 * time.Second, Pictures: decode.Limits{MaxPixels: 1 << 20}}

// check reads bytes with everything that a caller does, and looks at what must hold.
func check(t *testing.T, data []byte) {
	f, ok := extract.Sniff(data[:min(len(data), 4096)])
	d, err := extract.Extract(context.Background(), data, fuzzLimits)
	if err != nil {
		if k := kind(err); k == "" || k == decode.Panicked && f != extract.PDF && !f.IsPicture() {
			t.Fatalf("%s: %v", f, err)
		}
		return
	}
	defer d.Close()
	if !ok {
		t.Fatal("read, but not sniffed")
	}
	text := 0
	for i := range d.Pages {
		p := &d.Pages[i]
		text += len(p.Text())
		for k := range p.Pictures {
			if _, err := p.Pictures[k].Decode(context.Background()); err != nil && kind(err) == "" {
				t.Fatalf("picture: %v", err)
			}
		}
		if p.HasRaster() && d.Format != extract.SVG { // no process for each input
			img, err := p.Raster(context.Background())
			if err != nil && kind(err) == "" || err == nil && max(img.Rect.Dx(), img.Rect.Dy()) > fuzzLimits.RasterSide {
				t.Fatalf("raster: %v", err)
			}
		}
	}
	if text > fuzzLimits.MaxText {
		t.Fatalf("%d bytes of text", text)
	}
}

func FuzzSniff(f *testing.F) {
	for _, s := range []string{"", "%PDF-1.7", "PK\x03\x04", "<svg", "<!DOCTYPE html>", "\xff\xfea\x00", "\xc7\xe0\xbb\xa8", "\x00a\x00b", "II*\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, data []byte) { extract.Sniff(data) })
}

// FuzzXML writes the fuzzer's text into documents that unpack well, so that it meets the
// readers of XML and not the zip's checksums.
func FuzzXML(f *testing.F) {
	f.Add(`<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>x</w:t></w:r></w:p>`)
	f.Add(`<text:p>a<text:s text:c="3"/><text:span text:style-name="T1">b</text:span></text:p>`)
	f.Add(`<draw:page><text:p>a</text:p></draw:page>`)
	f.Add(`<p:sldIdLst><p:sldId r:id="rId1"/></p:sldIdLst><a:p><a:t>x</a:t></a:p>`)
	f.Add(`<Relationship Id="rId1" Type="x/slide" Target="slides/slide1.xml"/>`)
	f.Fuzz(func(t *testing.T, s string) {
		doc := "<r>" + s + "</r>"
		check(t, docx(t, s, "word/styles.xml", doc))
		check(t, odf(t, "text", s))
		check(t, zipped(t, "ppt/presentation.xml", doc, "ppt/_rels/presentation.xml.rels", doc, "ppt/slides/slide1.xml", doc, "ppt/slides/_rels/slide1.xml.rels", doc))
	})
}

func FuzzMarkup(f *testing.F) {
	f.Add([]byte(`<!DOCTYPE html><p hidden>a<b style="display:none">b</b><img src="data:image/png,x">`))
	f.Add(fmt.Appendf(nil, drawing, ""))
	f.Add([]byte("# Title\n\xe9\x9d\x92"))
	f.Add([]byte("\xff\xfe<\x00s\x00v\x00g\x00>\x00"))
	f.Fuzz(check)
}

func FuzzZip(f *testing.F) {
	f.Add(docx(f, "<w:p><w:r><w:t>x</w:t></w:r></w:p>"))
	f.Add(odf(f, "text", "<text:p>x</text:p>"))
	f.Add(zipped(f, "a.png", picture(f, 4, 4, 1)))
	f.Fuzz(check)
}

func FuzzPDF(f *testing.F) {
	w := newPDF()
	w.page(line(72, 700, 12, "one")+"1 g "+wide(72, 600, 12, "青花"), "/Rotate 90", "")
	f.Add(w.bytes())
	w = newPDF()
	w.page("/X Do", "", w.forms(3))
	f.Add(w.bytes())
	f.Fuzz(check)
}

func FuzzPicture(f *testing.F) {
	f.Add([]byte(picture(f, 4, 4, 1)))
	f.Add(tiffOf(f, 3))
	f.Add(psdOf(f))
	f.Fuzz(check)
}
