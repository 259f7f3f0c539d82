package manuscript_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/manuscript/extract"
	"selvage/fingerprint/photo"
)

func needTesseract(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tesseract"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tesseract is missing: install it, or see tools/setup.sh")
		}
		t.Skip("tesseract is missing")
	}
}

// pdfPage is a PDF of one page with the text. With garbled its font says of every letter that it is a
// sign: what the page shows can be read, what is taken out of the file cannot.
func pdfPage(words string, garbled bool) []byte {
	var content, chars strings.Builder
	content.WriteString("BT /F1 11 Tf 60 780 Td 15 TL\n")
	line := ""
	for _, w := range append(strings.Fields(words), strings.Repeat("x", 99)) {
		if len(line)+len(w) > 78 {
			fmt.Fprintf(&content, "(%s) Tj T*\n", strings.TrimSpace(line))
			line = ""
		}
		line += w + " "
	}
	content.WriteString("ET")
	const signs = `#$%&*+<=>@[\]^_{|}~`
	for c := 0x21; c <= 0x7e; c++ {
		fmt.Fprintf(&chars, "<%02X> <%04X>\n", c, signs[c%len(signs)])
	}
	unicodes := "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /C def /CMapType 2 def\n1 begincodespacerange <00> <FF> endcodespacerange\n94 beginbfchar\n" + chars.String() + "endbfchar endcmap end end"
	font := "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding"
	if garbled {
		font += " /ToUnicode 6 0 R"
	}
	stream := func(s string) string { return fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(s), s) }
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		stream(content.String()), font + " >>", stream(unicodes),
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.Bytes()
}

// A PDF whose font does not say which letters it draws is read from its page, and found by a
// text that was typed again.
func TestGarbledText(t *testing.T) {
	needTesseract(t)
	words := story(61, 220)
	h := manuscript.New(manuscript.Options{})
	r, err := h.Hash(context.Background(), pdfPage(words, true))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(r.Notes, "; "), "page 1: the text inside the file is not what the page shows") {
		t.Errorf("notes %q", r.Notes)
	}
	asked := hash(t, []byte(words), true)
	if c := compare(t, query(t, asked), asked, r); c.Probability() < manuscript.ActThreshold {
		t.Errorf("typed again: probability %.3f", c.Probability())
	}
	clear, err := h.Hash(context.Background(), pdfPage(words, false))
	if err != nil || len(clear.Notes) != 0 {
		t.Errorf("a font that says its letters: notes %q, %v", clear.Notes, err)
	}
}

// A page that is photographed askew, under uneven light and upside down is read, and found by its text.
func TestPhotographedPage(t *testing.T) {
	needTesseract(t)
	words := story(62, 160)
	ref := hash(t, []byte(words), false)
	doc, err := extract.Extract(t.Context(), pdfPage(words, false), extract.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = doc.Close() }()
	sheet, err := doc.Pages[0].Raster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, h := sheet.Rect.Dx(), sheet.Rect.Dy()
	const side = 1350
	for name, corners := range map[string][]geometry.Point{
		"askew":                  {{X: 247, Y: 90}, {X: 1125, Y: 165}, {X: 1035, Y: 1275}, {X: 180, Y: 1245}},
		"upside down, from afar": {{X: 1110, Y: 1230}, {X: 225, Y: 1267}, {X: 315, Y: 105}, {X: 1050, Y: 135}},
	} {
		t.Run(name, func(t *testing.T) {
			at, ok := geometry.Refine(geometry.Projective, geometry.Rect(float64(w), float64(h)), corners, nil)
			back, ok2 := at.Inverse()
			if !ok || !ok2 {
				t.Fatal("no such view")
			}
			m := image.NewNRGBA(image.Rect(0, 0, side, side))
			for y := range side {
				for x := range side {
					level := 55. + float64((x*7+y*3)%9)
					if p, ok := back.Apply(geometry.Point{X: float64(x) + .5, Y: float64(y) + .5}); ok && p.X >= 0 && p.Y >= 0 && p.X < float64(w) && p.Y < float64(h) {
						level = float64(sheet.Pix[sheet.PixOffset(int(p.X), int(p.Y))+1])
					}
					level *= .95 - .4*math.Hypot(float64(x-300), float64(y-200))/side
					i := m.PixOffset(x, y)
					m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = uint8(level), uint8(level), uint8(level), 255
				}
			}
			var file bytes.Buffer
			if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: 80}); err != nil {
				t.Fatal(err)
			}
			r, err := photo.New(photo.Options{}).(fingerprint.Previewer).HashQuery(t.Context(), file.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if err := manuscript.AddToQuery(t.Context(), r, file.Bytes(), manuscript.Options{}); err != nil {
				t.Fatal(err)
			}
			if c := compare(t, query(t, r), r, ref); c.Probability() < manuscript.ActThreshold {
				t.Errorf("probability %.3f, notes %q", c.Probability(), r.Notes)
			}
		})
	}
}
