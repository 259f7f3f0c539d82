package extract_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"selvage/fingerprint/decode"
	"selvage/fingerprint/manuscript/extract"
)

// encrypt gives the writer a standard security handler of revision 2 with a user password
// (PDF 32000-1, 7.6.3).
func (p *pdfWriter) encrypt(password string) {
	pad := func(s string) []byte {
		return append([]byte(s), "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"...)[:32]
	}
	seal := func(key, b []byte) []byte {
		c, err := rc4.NewCipher(key)
		if err != nil {
			panic(err)
		}
		out := make([]byte, len(b))
		c.XORKeyStream(out, b)
		return out
	}
	const id, permissions = "0123456789abcdef", -4
	owner := md5.Sum(pad("owner"))
	o := seal(owner[:5], pad(password))
	sum := binary.LittleEndian.AppendUint32(append(pad(password), o...), 0xfffffffc)
	key := md5.Sum(append(sum, id...))
	n := p.add(fmt.Sprintf("<< /Filter /Standard /V 1 /R 2 /O <%x> /U <%x> /P %d >>", o, seal(key[:5], pad("")), permissions))
	p.trailer = fmt.Sprintf("/Encrypt %d 0 R /ID [<%x> <%x>]", n, id, id)
}

// forms is a chain of form XObjects, each drawing the next one twice: 2^n drawings.
func (p *pdfWriter) forms(n int) string {
	next := p.stream("/Type /XObject /Subtype /Form /BBox [0 0 500 500]", "0 0 10 10 re f")
	for range n {
		next = p.stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 500 500] /Resources << /XObject << /X %d 0 R >> >>", next),
			strings.Repeat("/X Do\n", 2))
	}
	return fmt.Sprintf("/X %d 0 R", next)
}

func deflate(b []byte) string {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.String()
}

func TestPDFHostile(t *testing.T) {
	const anything = "anything"
	read(t, onePage()) // the engine's start is not on the clock
	text := line(72, 700, 12, "one")
	secret := newPDF()
	secret.page(text, "", "")
	secret.encrypt("secret")

	circle := newPDF() // a page tree whose only kid is itself
	circle.objects[1] = "<< /Type /Pages /Count 3 /Kids [2 0 R 2 0 R] >>"

	self := newPDF() // a form that draws itself
	self.page("/X Do", "", fmt.Sprintf("/X %d 0 R", len(self.objects)+1+2))
	self.stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X %d 0 R >> >>", len(self.objects)+1), "/X Do")

	blow := newPDF()
	blow.page("/X Do "+text, "", blow.forms(26))

	inflate := newPDF() // 100 MB of spaces in one stream
	bomb := deflate(bytes.Repeat([]byte(" "), 100<<20))
	n := inflate.stream("/Filter /FlateDecode", bomb)
	inflate.pages = append(inflate.pages, inflate.add(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Contents %d 0 R >>", n)))

	huge := newPDF()
	huge.page(text, "/MediaBox [0 0 14000000 14000000] /UserUnit 75000", "")

	side := newPDF()
	x := side.stream("/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode", deflate(make([]byte, 1000)))
	side.page("100 0 0 100 50 50 cm /X Do", "", fmt.Sprintf("/X %d 0 R", x))

	for name, c := range map[string]struct {
		w    *pdfWriter
		want decode.Kind // "" for one that is read, anything for one that need only end in time
	}{
		"encrypted": {secret, extract.Encrypted}, "circle": {circle, decode.Corrupt}, "form draws itself": {self, ""},
		"form draws two of the next": {blow, decode.Timeout}, "inflates": {inflate, anything}, "huge page": {huge, ""}, "huge picture": {side, ""},
	} {
		t.Run(name, func(t *testing.T) {
			limit := time.Second
			if c.want != anything && c.want != decode.Timeout {
				limit = 20 * time.Second // that a busy machine may need
			}
			start := time.Now()
			d, err := extract.Extract(t.Context(), c.w.bytes(), extract.Limits{Timeout: limit, PageTimeout: limit})
			if kind(err) != c.want && (c.want != anything || err != nil && kind(err) == "") {
				t.Errorf("%v, want kind %q", err, c.want)
			}
			if took := time.Since(start); took > limit+10*time.Second {
				t.Errorf("took %v with a limit of %v", took, limit)
			}
			if err != nil {
				return
			}
			defer d.Close()
			if img, err := d.Pages[0].Raster(t.Context()); err == nil && (img.Rect.Dx() > 1400 || img.Rect.Dy() > 1400) {
				t.Errorf("drawn as %v", img.Rect)
			}
			for _, p := range d.Pages[0].Pictures {
				if _, err := p.Decode(t.Context()); kind(err) != decode.TooManyPixels {
					t.Errorf("picture: %v", err)
				}
			}
		})
	}
}

func TestPDFManyPages(t *testing.T) {
	w := newPDF()
	for i := range 10_000 {
		w.page(line(72, 700, 12, fmt.Sprint("page ", i+1)), "", "")
	}
	d, err := extract.Extract(t.Context(), w.bytes(), extract.Limits{MaxPages: 50})
	must(t, err)
	defer d.Close()
	if d.PageCount != 10_000 || len(d.Pages) != 50 || strings.TrimSpace(d.Pages[49].Text()) != "page 50" {
		t.Errorf("%d pages of %d", len(d.Pages), d.PageCount)
	}
	if len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "50 of 10000") {
		t.Errorf("notes %q", d.Notes)
	}
	if _, err := extract.Extract(cancelled(), w.bytes(), extract.Limits{}); kind(err) != decode.Timeout || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// References that lead back to themselves, fonts that are not there, filters upon filters: each is read as
// far as it can be, soon.
func TestPDFCircles(t *testing.T) {
	read(t, onePage()) // the engine's start is not on the clock
	one := func() *pdfWriter {
		w := newPDF()
		w.page(line(72, 700, 12, "one"), "", "")
		return w
	}
	table := one() // the table before this one is this one
	table.trailer = fmt.Sprintf("/Prev %d", bytes.Index(table.bytes(), []byte("xref\n")))

	parent := one() // a page that inherits from itself
	n := parent.pages[0]
	parent.objects[n-1] = strings.Replace(parent.objects[n-1], "/Parent 2 0 R", fmt.Sprintf("/Parent %d 0 R", n), 1)

	length := one() // a stream as long as itself
	content := length.objects[n-2]
	length.objects[n-2] = regexp.MustCompile(`/Length \d+`).ReplaceAllString(content, fmt.Sprintf("/Length %d 0 R", n-1))

	pattern := newPDF() // a pattern that is painted with itself
	at := len(pattern.objects) + 1
	resources := fmt.Sprintf("/Resources << /Pattern << /P %d 0 R >> >>", at)
	pattern.stream("/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 9 9] /XStep 9 /YStep 9 "+resources, "/Pattern cs /P scn 0 0 9 9 re f")
	form := pattern.stream("/Type /XObject /Subtype /Form /BBox [0 0 500 500] "+resources, "/Pattern cs /P scn 0 0 500 500 re f")
	pattern.page("/X Do "+line(72, 700, 12, "one"), "", fmt.Sprintf("/X %d 0 R", form))

	fontless := newPDF()
	fontless.fonts = ""
	fontless.page(line(72, 700, 12, "one"), "", "")

	filters := one()
	filters.objects[n-2] = "<< /Length 3 /Filter [" + strings.Repeat("/FlateDecode ", 10_000) + "] >>\nstream\nabc\nendstream"

	for name, c := range map[string]struct {
		w    *pdfWriter
		text string
	}{
		"table": {table, "one"}, "parent": {parent, "one"}, "length": {length, "one"}, "pattern": {pattern, "one"},
		"no fonts": {fontless, "one"}, "filters": {filters, ""},
	} {
		d, err := extract.Extract(t.Context(), c.w.bytes(), extract.Limits{PageTimeout: 20 * time.Second})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.TrimSpace(d.Pages[0].Text()); got != c.text {
			t.Errorf("%s: text %q, want %q", name, got, c.text)
		}
		if _, err := d.Pages[0].Raster(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		must(t, d.Close())
	}
}

// One page that never ends does not cost the others.
func TestPDFOnePageLoops(t *testing.T) {
	w := newPDF()
	w.page(line(72, 700, 12, "before"), "", "")
	w.page("/X Do", "", w.forms(26))
	w.page(line(72, 700, 12, "after"), "", "")
	d, err := extract.Extract(t.Context(), w.bytes(), extract.Limits{PageTimeout: 2 * time.Second})
	must(t, err)
	defer d.Close()
	if len(d.Pages) != 3 || strings.TrimSpace(d.Pages[0].Text()) != "before" || strings.TrimSpace(d.Pages[2].Text()) != "after" {
		t.Errorf("pages %+v", d.Pages)
	}
	if len(d.Notes) != 1 || !strings.HasPrefix(d.Notes[0], "page 2 could not be read") {
		t.Errorf("notes %q", d.Notes)
	}
}

// The cap on unpacked bytes counts each entry once, however often a page is drawn.
func TestZipDrawnOften(t *testing.T) {
	d, err := extract.Extract(t.Context(), zipped(t, "a.png", picture(t, 100, 100, 1)), extract.Limits{MaxInflated: 64 << 10})
	must(t, err)
	for range 100 {
		_, err := d.Pages[0].Raster(t.Context())
		must(t, err)
	}
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestPDFPictures(t *testing.T) {
	w := newPDF()
	gray := make([]byte, 40*20)
	for i := range gray {
		gray[i] = byte(i)
	}
	a := w.stream("/Type /XObject /Subtype /Image /Width 40 /Height 20 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode", deflate(gray))
	b := w.stream("/Type /XObject /Subtype /Image /Width 64 /Height 32 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode", jpegOf(t, 64, 32))
	form := w.stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 500 500] /Matrix [2 0 0 2 0 0] /Resources << /XObject << /B %d 0 R >> >>", b), "50 0 0 50 100 100 cm /B Do")
	w.page("q 200 0 0 100 72 600 cm /A Do Q /F Do", "", fmt.Sprintf("/A %d 0 R /F %d 0 R", a, form))
	d := read(t, w.bytes())
	p := d.Pages[0]
	if len(p.Pictures) != 2 {
		t.Fatalf("%d pictures", len(p.Pictures))
	}
	if len(d.Notes) != 1 || d.Notes[0] != "page 1 has pictures and no text" {
		t.Errorf("notes %q", d.Notes)
	}
	scale := 1400.0 / 842
	for i, want := range []struct {
		x0, y0, x1, y1 float64
		w, h           int
	}{{72, 842 - 700, 272, 842 - 600, 40, 20}, {200, 842 - 300, 300, 842 - 200, 64, 32}} {
		got := p.Pictures[i].Box
		for _, c := range [][2]float64{{float64(got.X0), want.x0}, {float64(got.Y0), want.y0}, {float64(got.X1), want.x1}, {float64(got.Y1), want.y1}} {
			if diff := c[0] - c[1]*scale; diff < -2 || diff > 2 {
				t.Errorf("picture %d in %v, want %v times %v", i, got, want, scale)
				break
			}
		}
		pic, err := p.Pictures[i].Decode(t.Context())
		must(t, err)
		if pic.RGB.Rect.Dx() != want.w || pic.RGB.Rect.Dy() != want.h {
			t.Errorf("picture %d is %v", i, pic.RGB.Rect)
		}
	}
	pic, err := p.Pictures[0].Decode(t.Context())
	must(t, err)
	if got := pic.RGB.NRGBAAt(5, 3).R; got != gray[3*40+5] {
		t.Errorf("pixel %d, want %d", got, gray[3*40+5])
	}
}

// lying is a zip with n entries that all point to the same packed data.
func lying(t *testing.T, n int) []byte {
	t.Helper()
	raw := bytes.Repeat([]byte{0}, 16<<20)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("word/document.xml")
	must(t, err)
	_, err = w.Write(raw)
	must(t, err)
	must(t, z.Close())
	file := b.Bytes()
	at := bytes.Index(file, []byte("PK\x01\x02"))
	end := bytes.LastIndex(file, []byte("PK\x05\x06"))
	record := file[at:end]
	out := append([]byte(nil), file[:at]...)
	for i := range n {
		name := []byte("word/document.xml")
		if i > 0 {
			name = fmt.Appendf(nil, "word/header%05d.xm", i)[:17]
			name[16] = 'l'
			copy(name, fmt.Sprintf("word/header%02d.xml", i%100))
		}
		r := append([]byte(nil), record...)
		copy(r[46:], name)
		out = append(out, r...)
	}
	tail := append([]byte(nil), file[end:]...)
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32(len(out)-at))
	binary.LittleEndian.PutUint32(tail[16:], uint32(at))
	return append(out, tail...)
}

func TestZipHostile(t *testing.T) {
	secret := docx(t, "<w:p/>")
	for at := 0; ; at++ { // the flags of every directory record
		i := bytes.Index(secret[at:], []byte("PK\x01\x02"))
		if i < 0 {
			break
		}
		at += i
		secret[at+8] |= 1
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "secret.txt"), []byte("OUTSIDE"), 0o600))
	xxe := `<?xml version="1.0"?><!DOCTYPE w [<!ENTITY x SYSTEM "file://` + dir + `/secret.txt">]><w:document` + wordSpace + `><w:body><w:p><w:r><w:t>&x;</w:t></w:r></w:p></w:body></w:document>`
	laughs := `<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><w:document` + wordSpace + `><w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>`
	body := func(s string) []byte {
		return zipped(t, "[Content_Types].xml", "<Types/>", "word/document.xml", s)
	}
	good := docx(t, "<w:p><w:r><w:t>x</w:t></w:r></w:p>")
	many := make([]string, 0, 2*300)
	for i := range 300 {
		many = append(many, fmt.Sprintf("word/%d", i), "")
	}
	for name, c := range map[string]struct {
		data []byte
		want decode.Kind
	}{
		"inflates":             {docx(t, strings.Repeat(" ", 16<<20)), extract.TooLarge},
		"one body, 60 names":   {lying(t, 60), extract.TooLarge},
		"external entity":      {body(xxe), decode.Corrupt},
		"entities of entities": {body(laughs), decode.Corrupt},
		"deep":                 {docx(t, strings.Repeat("<w:p>", 100_000)), extract.TooLarge},
		"unclosed":             {docx(t, "<w:p><w:r>"), decode.Corrupt},
		"cut":                  {good[:len(good)-30], decode.Corrupt},
		"encrypted entries":    {secret, extract.Encrypted},
		"too many entries":     {docx(t, "<w:p/>", many...), extract.TooLarge},
		"neither":              {zipped(t, "a.txt", "x", "inner.zip", string(good)), decode.Unknown},
		"odf, encrypted":       {odf(t, "text", "", "META-INF/manifest.xml", "<m:manifest><m:encryption-data/></m:manifest>"), extract.Encrypted},
	} {
		d, err := extract.Extract(t.Context(), c.data, extract.Limits{MaxEntries: 200, MaxInflated: 10 << 20})
		if kind(err) != c.want {
			t.Errorf("%s: %v, want kind %s", name, err, c.want)
		}
		if d != nil {
			t.Errorf("%s: a document beside the error", name)
		}
	}
}

// A zip that holds itself is read once, as what it is.
func TestZipQuine(t *testing.T) {
	inner := zipped(t, "a.png", picture(t, 4, 4, 1))
	for range 40 {
		inner = zipped(t, "page.zip", string(inner), "a.png", picture(t, 4, 4, 1))
	}
	d := read(t, inner)
	if len(d.Pages) != 1 || len(d.Notes) != 1 {
		t.Errorf("%d pages, notes %q", len(d.Pages), d.Notes)
	}
}

func TestSVGHostile(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "secret.png"), []byte(picture(t, 100, 100, 255)), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "secret.txt"), []byte("OUTSIDE"), 0o600))
	head := `<!DOCTYPE svg [<!ENTITY x SYSTEM "file://` + dir + `/secret.txt"><!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">]>`
	svg := func(body string) []byte {
		return []byte(head + `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="100" height="100">` + body + `</svg>`)
	}
	d := read(t, svg(`<text>in &x; out</text>`))
	if s := d.Pages[0].Text(); strings.Contains(s, "OUTSIDE") {
		t.Errorf("text %q", s)
	}
	use := `<g id="a0"><rect width="1" height="1"/></g>`
	for i := range 30 {
		use += fmt.Sprintf(`<g id="a%d"><use href="#a%d"/><use href="#a%d"/></g>`, i+1, i, i)
	}
	if _, err := extract.Extract(t.Context(), svg(strings.Repeat("<g>", 10_000)), extract.Limits{}); kind(err) != extract.TooLarge {
		t.Errorf("deep: %v", err)
	}
	need(t, "rsvg-convert")
	outside := read(t, svg(`<image xlink:href="file://`+dir+`/secret.png" width="100" height="100"/>`))
	if img, err := outside.Pages[0].Raster(t.Context()); err == nil {
		if c := img.NRGBAAt(700, 700); c.R != 255 || c.G != 255 {
			t.Errorf("a file beside the drawing was drawn: %v", c)
		}
	}
	for name, body := range map[string]string{"entities": `<text>&g;&g;&g;</text>`, "uses": use, "filter": `<filter id="f"><feGaussianBlur stdDeviation="99999"/></filter><rect width="100" height="100" filter="url(#f)"/>`} {
		start := time.Now()
		d, err := extract.Extract(t.Context(), svg(body), extract.Limits{PageTimeout: time.Second})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		img, err := d.Pages[0].Raster(t.Context())
		if took := time.Since(start); took > 15*time.Second || err == nil && img.Rect.Dx() != 1400 {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
}

func TestHTMLHostile(t *testing.T) {
	if _, err := extract.Extract(t.Context(), []byte("<html>"+strings.Repeat("<div>", 1_000_000)), extract.Limits{}); kind(err) != extract.TooLarge {
		t.Errorf("deep: %v", err)
	}
	if _, err := extract.Extract(t.Context(), []byte("<html><p a='"+strings.Repeat("x", 20<<20)), extract.Limits{}); kind(err) != extract.TooLarge {
		t.Errorf("long attribute: %v", err)
	}
	d, err := extract.Extract(t.Context(), []byte("<html>"+strings.Repeat("<p>word ", 100_000)), extract.Limits{MaxText: 1000})
	must(t, err)
	if n := len(d.Pages[0].Text()); n > 1000 || n < 900 || len(d.Notes) != 1 {
		t.Errorf("%d bytes of text, notes %q", n, d.Notes)
	}
}
