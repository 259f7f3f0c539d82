package extract_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"strings"
	"testing"

	"selvage/fingerprint/decode"
	"selvage/fingerprint/manuscript/extract"
)

// zipped packs entries: names and contents in turn.
func zipped(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		method := zip.Deflate
		if entries[i] == "mimetype" {
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: entries[i], Method: method})
		must(t, err)
		_, err = w.Write([]byte(entries[i+1]))
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

const wordSpace = ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"`

// docx is a document with a body in WordprocessingML.
func docx(t testing.TB, body string, more ...string) []byte {
	return zipped(t, append([]string{"[Content_Types].xml", "<Types/>",
		"word/document.xml", "<?xml version=\"1.0\"?>\n<w:document" + wordSpace + "><w:body>" + body + "</w:body></w:document>"}, more...)...)
}

// picture is a small PNG whose shade tells it from others.
func picture(t testing.TB, w, h int, shade uint8) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x * 7), uint8(y * 5), shade, 255})
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return b.String()
}

func TestDOCX(t *testing.T) {
	styles := `<w:styles` + wordSpace + `><w:style w:styleId="Ghost"><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:styleId="Child"><w:basedOn w:val="Ghost"/></w:style></w:styles>`
	run := func(props, s string) string {
		return `<w:r><w:rPr>` + props + `</w:rPr><w:t xml:space="preserve">` + s + `</w:t></w:r>`
	}
	d := read(t, docx(t,
		`<w:p>`+run("", "The warp ")+run("<w:b/>", "runs 青花")+run("<w:vanish/>", "secret")+`</w:p>`+
			`<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>`+
			`<w:p>`+run(`<w:color w:val="FFFFFF"/>`, "white")+run(`<w:color w:val="FFFFFF"/><w:shd w:val="clear" w:fill="112233"/>`, "on dark")+`</w:p>`+
			`<w:p>`+run(`<w:rStyle w:val="Child"/>`, "by style")+run(`<w:sz w:val="2"/>`, "tiny")+run(`<w:vanish w:val="0"/>`, "shown")+`</w:p>`+
			`<w:p><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p>`+
			`<mc:AlternateContent><mc:Choice><w:p>`+run("", "once")+`</w:p></mc:Choice><mc:Fallback><w:p>`+run("", "once")+`</w:p></mc:Fallback></mc:AlternateContent>`+
			`<w:tbl><w:tr><w:tc><w:tcPr><w:shd w:fill="000080"/></w:tcPr><w:p>`+run(`<w:color w:val="FFFFFF"/>`, "header cell")+`</w:p></w:tc></w:tr></w:tbl>`,
		"word/styles.xml", styles,
		"word/footnotes.xml", `<w:footnotes`+wordSpace+`><w:footnote><w:p>`+run("", "a note")+`</w:p></w:footnote></w:footnotes>`,
		"word/media/image1.png", picture(t, 40, 30, 9)))
	const want = "The warp runs 青花secret\na\tb\nc\nwhiteon dark\nby styletinyshown\ndeleted\nonce\nheader cell\na note\n"
	if got := d.Pages[0].Text(); got != want {
		t.Errorf("text %q\nwant %q", got, want)
	}
	got := hidden(&d.Pages[0])
	for s, want := range map[string]extract.Hidden{
		"The warp runs 青花": "", "secret": extract.HiddenMarked, "white": extract.HiddenColour, "on dark": "", "by style": extract.HiddenMarked,
		"tiny": extract.HiddenSize, "shown": "", "deleted": extract.HiddenMarked, "header cell": "",
	} {
		if h, ok := got[s]; !ok || h != want {
			t.Errorf("%q: hidden %q (found %t), want %q", s, h, ok, want)
		}
	}
	if d.Format != extract.DOCX || d.PageCount != 0 || d.Pages[0].Number != 0 || d.Pages[0].HasRaster() {
		t.Errorf("format %s, %d pages, page %+v", d.Format, d.PageCount, d.Pages[0])
	}
	p, err := d.Pages[0].Pictures[0].Decode(t.Context())
	must(t, err)
	if p.RGB.Rect.Dx() != 40 || p.RGB.NRGBAAt(0, 0).B != 9 {
		t.Errorf("picture %v", p.RGB.Rect)
	}
}

func TestPPTX(t *testing.T) {
	slide := func(attr, s string) string {
		return `<p:sld xmlns:p="p" xmlns:a="a" ` + attr + `><p:cSld><a:p><a:r><a:t>` + s + `</a:t></a:r></a:p></p:cSld></p:sld>`
	}
	rel := func(id, kind, target string) string {
		return `<Relationship Id="` + id + `" Type="http://x/` + kind + `" Target="` + target + `"/>`
	}
	d := read(t, zipped(t, "[Content_Types].xml", "<Types/>",
		"ppt/presentation.xml", `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="rId2"/><p:sldId id="257" r:id="rId1"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels", `<Relationships>`+rel("rId1", "slide", "slides/slide1.xml")+rel("rId2", "slide", "slides/slide2.xml")+`</Relationships>`,
		"ppt/slides/slide1.xml", slide(`show="0"`, "left out"),
		"ppt/slides/slide2.xml", slide("", "first shown"),
		"ppt/slides/_rels/slide2.xml.rels", `<Relationships>`+rel("rId1", "image", "../media/image1.png")+rel("rId2", "notesSlide", "../notesSlides/n1.xml")+`</Relationships>`,
		"ppt/notesSlides/n1.xml", slide("", "a speaker's note"),
		"ppt/media/image1.png", picture(t, 20, 20, 1)))
	if d.Format != extract.PPTX || len(d.Pages) != 2 {
		t.Fatalf("%s with %d pages", d.Format, len(d.Pages))
	}
	if got := hidden(&d.Pages[0]); got["first shown"] != "" || got["a speaker's note"] != extract.HiddenMarked || len(got) != 2 {
		t.Errorf("first slide %q", got)
	}
	if got := hidden(&d.Pages[1]); got["left out"] != extract.HiddenMarked {
		t.Errorf("second slide %q", got)
	}
	if len(d.Pages[0].Pictures) != 1 || len(d.Pages[1].Pictures) != 0 {
		t.Errorf("%d and %d pictures", len(d.Pages[0].Pictures), len(d.Pages[1].Pictures))
	}
}

// odf is a document of OpenDocument with a content.xml.
func odf(t testing.TB, kind, content string, more ...string) []byte {
	return zipped(t, append([]string{"mimetype", "application/vnd.oasis.opendocument." + kind, "content.xml",
		`<office:document-content xmlns:office="o" xmlns:text="t" xmlns:style="s" xmlns:fo="f" xmlns:draw="d" xmlns:xlink="x">` + content + `</office:document-content>`}, more...)...)
}

func TestODF(t *testing.T) {
	d := read(t, odf(t, "text", `<office:automatic-styles><style:style style:name="T1"><style:text-properties text:display="none"/></style:style>
<style:style style:name="T2"><style:text-properties fo:color="#ffffff"/></style:style></office:automatic-styles>
<office:body><office:text><text:h>Title</text:h><text:p>one<text:s text:c="2"/>two<text:tab/><text:span text:style-name="T1">ghost</text:span><text:span text:style-name="T2">snow</text:span></text:p>
<text:p>青花<draw:frame><draw:image xlink:href="Pictures/a.png"/></draw:frame><draw:frame><draw:image xlink:href="http://example.com/b.png"/></draw:frame></text:p></office:text></office:body>`,
		"Pictures/a.png", picture(t, 20, 20, 1)))
	if got, want := d.Pages[0].Text(), "Title\none  two\tghostsnow\n青花\n"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if got := hidden(&d.Pages[0]); got["ghost"] != extract.HiddenMarked || got["snow"] != extract.HiddenColour {
		t.Errorf("hidden %q", got)
	}
	if len(d.Pages[0].Pictures) != 1 {
		t.Errorf("%d pictures", len(d.Pages[0].Pictures))
	}
	d = read(t, odf(t, "presentation", `<office:body><office:presentation><draw:page><draw:frame><draw:text-box><text:p>slide 1</text:p></draw:text-box></draw:frame></draw:page><draw:page><text:p>slide 2</text:p></draw:page></office:presentation></office:body>`))
	if len(d.Pages) != 2 || d.Pages[1].Text() != "slide 2\n" || d.Pages[1].Number != 2 {
		t.Errorf("slides %+v", d.Pages)
	}
}

func TestText(t *testing.T) {
	gb := "\xc7\xe0\xbb\xa8\xb4\xc9\xce\xc6\xd1\xf9\xc9\xe8\xbc\xc6" // 青花瓷纹样设计 in GB18030
	for name, c := range map[string]struct{ data, want string }{
		"utf-8":    {"warp\u200b and weft\n", "warp\u200b and weft\n"},
		"bom":      {"\xef\xbb\xbfwarp", "warp"},
		"utf-16le": {"\xff\xfew\x00\xb7\x83", "w获"},
		"utf-16be": {"\xfe\xff\x00w\x83\xb7", "w获"},
		"no bom":   {"w\x00a\x00r\x00p\x00", "warp"},
		"gb18030":  {gb, "青花瓷纹样设计"},
		"markdown": {"# Title\n\n- item\n", "# Title\n\n- item\n"},
		"long":     {strings.Repeat("青", 100_000), strings.Repeat("青", 100_000)},
	} {
		d := read(t, []byte(c.data))
		if got := d.Pages[0].Text(); got != c.want || d.Format != extract.Text {
			t.Errorf("%s: %s %.40q, want %.40q", name, d.Format, got, c.want)
		}
	}
	for name, data := range map[string]string{"binary": "\x00\x01\x02\x03abc", "latin1": "caf\xe9 au lait \xe0 la carte", "blank": " \n "} {
		if d, err := extract.Extract(t.Context(), []byte(data), extract.Limits{}); kind(err) != decode.Unknown {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

func TestHTML(t *testing.T) {
	d := read(t, []byte(`<!DOCTYPE html><html><head><title>T</title><style>p{color:red}</style></head><body>
<p>One <b>two</b>
three<p>Four<script>alert("no")</script><br>five &amp; six
<div style="display: none">ghost <i>still</i></div><span style="color:#fff">snow</span><p hidden>mark</p>
<img src="data:image/png;base64,`+b64(picture(t, 20, 20, 1))+`"><img src="https://example.com/x.png"></body></html>`))
	if got, want := d.Pages[0].Text(), "T\nOne two three\nFour\nfive & six \nghost still\nsnow\nmark\n"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	got := hidden(&d.Pages[0])
	if got["ghost still"] != extract.HiddenMarked || got["snow"] != extract.HiddenColour || got["mark"] != extract.HiddenMarked || got["One two three"] != "" {
		t.Errorf("hidden %q", got)
	}
	if len(d.Pages[0].Pictures) != 1 {
		t.Fatalf("%d pictures", len(d.Pages[0].Pictures))
	}
	p, err := d.Pages[0].Pictures[0].Decode(t.Context())
	must(t, err)
	if p.RGB.Rect.Dx() != 20 {
		t.Errorf("picture %v", p.RGB.Rect)
	}
}

// need skips a test whose program is missing, unless it must not be.
func need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing: install it, or see tools/setup.sh", p)
			}
			t.Skipf("%s is missing", p)
		}
	}
}

const drawing = `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="200" height="100">
<title>Name</title><rect x="0" y="0" width="100" height="100" fill="#c00"/><text x="10" y="20">Warp <tspan>and</tspan> weft</text>
<text display="none">ghost</text><image xlink:href="data:image/png;base64,%s" width="20" height="20"/></svg>`

func TestSVG(t *testing.T) {
	d := read(t, fmt.Appendf(nil, drawing, b64(picture(t, 20, 20, 1))))
	p := d.Pages[0]
	if got := hidden(&p); got["ghost"] != extract.HiddenMarked || got["Name"] != extract.HiddenMarked {
		t.Errorf("hidden %q", got)
	}
	if got := strings.Join(strings.Fields(p.Text()), " "); got != "Name Warp and weft ghost" {
		t.Errorf("text %q", got)
	}
	if len(p.Pictures) != 1 || p.Width != 1400 || p.Height != 700 {
		t.Errorf("%d pictures, %d x %d", len(p.Pictures), p.Width, p.Height)
	}
	need(t, "rsvg-convert")
	img, err := p.Raster(t.Context())
	must(t, err)
	if img.Rect.Dx() != 1400 || img.NRGBAAt(400, 600) != (color.NRGBA{0xcc, 0, 0, 255}) || img.NRGBAAt(1000, 600).G != 255 {
		t.Errorf("raster %v, %v, %v", img.Rect, img.NRGBAAt(400, 600), img.NRGBAAt(1000, 600))
	}
}

func TestMissingPrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	d := read(t, fmt.Appendf(nil, drawing, ""))
	_, err := d.Pages[0].Raster(t.Context())
	if kind(err) != extract.NoProgram || !strings.Contains(err.Error(), "librsvg2-bin") {
		t.Errorf("raster without rsvg-convert: %v", err)
	}
}

func TestZipOfPictures(t *testing.T) {
	d := read(t, zipped(t, "b/page10.png", picture(t, 30, 20, 10), "b/page2.png", picture(t, 20, 30, 2), "info.txt", "x"))
	if d.Format != extract.Pictures || len(d.Pages) != 2 || d.PageCount != 2 {
		t.Fatalf("%s, %d pages", d.Format, len(d.Pages))
	}
	for i, shade := range []uint8{2, 10} {
		img, err := d.Pages[i].Raster(t.Context())
		must(t, err)
		if img.NRGBAAt(0, 0).B != shade {
			t.Errorf("page %d has shade %d", i+1, img.NRGBAAt(0, 0).B)
		}
	}
}

func TestSinglePicture(t *testing.T) {
	d := read(t, []byte(picture(t, 3000, 1500, 7)))
	if d.Format != extract.Single || len(d.Pages) != 1 || d.Pages[0].Width != 1400 || d.Pages[0].Height != 700 {
		t.Errorf("%s, %+v", d.Format, d.Pages)
	}
	if f, ok := extract.Sniff([]byte(picture(t, 2, 2, 1))); !ok || !f.IsPicture() {
		t.Errorf("a PNG is sniffed as %q", f)
	}
}
