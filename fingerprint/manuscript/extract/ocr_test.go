package extract_test

import (
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"compress/gzip"
	"io"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"selvage/fingerprint/decode"
	"selvage/fingerprint/manuscript/extract"
)

// typeset draws lines of text, black on white, with a font of the product's papers.
func typeset(t testing.TB, file string, size float64, lines ...string) *image.NRGBA {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "provenance", "paper", "fonts", file))
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	data, err := io.ReadAll(z)
	must(t, err)
	parsed, err := opentype.Parse(data)
	must(t, err)
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	must(t, err)
	m := image.NewNRGBA(image.Rect(0, 0, 1000, 60+int(2*size)*len(lines)))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	for i, s := range lines {
		d := font.Drawer{Dst: m, Src: image.NewUniform(color.Black), Face: face, Dot: fixed.P(40, 60+int(2*size)*i)}
		d.DrawString(s)
	}
	return m
}

func TestOCR(t *testing.T) {
	need(t, "tesseract")
	langs, err := extract.OCRLanguages()
	must(t, err)
	if !slices.Contains(langs, "eng") || !slices.Contains(langs, "chi_sim") {
		if os.Getenv("CI") != "" {
			t.Fatalf("tesseract reads only %q: see tools/setup.sh", langs)
		}
		t.Skipf("tesseract reads only %q", langs)
	}
	runs, sure, err := extract.OCR(t.Context(), typeset(t, "NotoSans-Regular.ttf.gz", 28, "The warp runs the length", "of the woven cloth."), "eng")
	must(t, err)
	if len(runs) != 2 || runs[0].Text != "The warp runs the length\n" || runs[1].Text != "of the woven cloth." {
		t.Fatalf("%+v", runs)
	}
	if sure < .8 || sure > 1 {
		t.Errorf("clear letters are read with a confidence of %.2f", sure)
	}
	if b := runs[0].Box; b.X0 < 35 || b.X0 > 48 || b.Y0 < 30 || b.Y1 > 75 || b.W() < 250 {
		t.Errorf("first line in %v", b)
	}
	runs, _, err = extract.OCR(t.Context(), typeset(t, "DroidSansFallbackFull.ttf.gz", 36, "青花瓷纹样设计方案"))
	must(t, err)
	got := ""
	for _, r := range runs {
		got += strings.Join(strings.Fields(r.Text), "")
	}
	if got != "青花瓷纹样设计方案" {
		t.Errorf("Chinese: %q", got)
	}
	blank := image.NewNRGBA(image.Rect(0, 0, 400, 300))
	draw.Draw(blank, blank.Rect, image.White, image.Point{}, draw.Src)
	if runs, sure, err = extract.OCR(t.Context(), blank); err != nil || len(runs) != 0 || sure != 0 {
		t.Errorf("blank: %v, %v, %v", runs, sure, err)
	}
	if _, _, err := extract.OCR(t.Context(), blank, "tlh"); kind(err) != extract.NoProgram {
		t.Errorf("a language that is not there: %v", err)
	}
	if _, _, err := extract.OCR(t.Context(), image.NewGray(image.Rect(0, 0, 10_000, 10_000))); kind(err) != decode.TooManyPixels {
		t.Errorf("a huge picture: %v", err)
	}
	start := time.Now()
	if _, _, err := extract.OCR(cancelled(), blank); kind(err) != decode.Timeout && kind(err) != decode.Busy || time.Since(start) > 5*time.Second {
		t.Errorf("cancelled: %v", err)
	}
}
