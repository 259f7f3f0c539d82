package extract_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"unicode/utf16"
)

// pdfWriter writes small PDF files by hand, so that tests can break them at will.
type pdfWriter struct {
	objects []string // object n is objects[n-1]; 1 is the catalogue, 2 the page tree
	pages   []int
	fonts   string
	trailer string
}

func newPDF() *pdfWriter {
	p := &pdfWriter{objects: []string{"<< /Type /Catalog /Pages 2 0 R >>", ""}}
	latin := p.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	// A font that is not in the file: its characters are known by their CMap, not by their shape.
	toUnicode := p.stream("", `/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /Custom def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfrange <0000> <FFFF> <0000> endbfrange
endcmap end end`)
	cid := p.add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Unembedded /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 1000 >>")
	wide := p.add(fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /Unembedded /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>", cid, toUnicode))
	p.fonts = fmt.Sprintf("/F1 %d 0 R /F2 %d 0 R", latin, wide)
	return p
}

func (p *pdfWriter) add(body string) int {
	p.objects = append(p.objects, body)
	return len(p.objects)
}

func (p *pdfWriter) stream(dict, data string) int {
	return p.add(fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data))
}

// page adds a page of A4 with a content stream; extra goes into its dictionary, xobjects into
// its resources.
func (p *pdfWriter) page(content, extra, xobjects string) {
	if !strings.Contains(extra, "/MediaBox") {
		extra += " /MediaBox [0 0 595 842]"
	}
	c := p.stream("", content)
	p.pages = append(p.pages, p.add(fmt.Sprintf("<< /Type /Page /Parent 2 0 R %s /Contents %d 0 R /Resources << /Font << %s >> /XObject << %s >> /ExtGState << /Clear << /ca 0 >> >> >> >>", extra, c, p.fonts, xobjects)))
}

func (p *pdfWriter) bytes() []byte {
	var kids []string
	for _, n := range p.pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", n))
	}
	if p.objects[1] == "" {
		p.objects[1] = fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(kids), strings.Join(kids, " "))
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	offsets := make([]int, len(p.objects))
	for i, o := range p.objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(p.objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(p.objects)+1, p.trailer, xref)
	return b.Bytes()
}

// line is a content stream with one line of Latin text.
func line(x, y, size float64, s string) string {
	s = strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(s)
	return fmt.Sprintf("BT /F1 %g Tf %g %g Td (%s) Tj ET\n", size, x, y, s)
}

// wide is one with text in any script.
func wide(x, y, size float64, s string) string {
	var hex strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&hex, "%04X", u)
	}
	return fmt.Sprintf("BT /F2 %g Tf %g %g Td <%s> Tj ET\n", size, x, y, hex.String())
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func jpegOf(t testing.TB, w, h int) string {
	t.Helper()
	var b bytes.Buffer
	m, err := png.Decode(strings.NewReader(picture(t, w, h, 50)))
	must(t, err)
	must(t, jpeg.Encode(&b, m, nil))
	return b.String()
}

func onePage() []byte {
	w := newPDF()
	w.page(line(72, 700, 12, "one"), "", "")
	return w.bytes()
}
