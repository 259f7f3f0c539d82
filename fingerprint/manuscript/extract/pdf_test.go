package extract_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"selvage/fingerprint/decode"
	"selvage/fingerprint/manuscript/extract"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, data []byte) *extract.Document {
	t.Helper()
	d, err := extract.Extract(t.Context(), data, extract.Limits{})
	must(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

// hidden maps the text of each run without white space around it to how it is hidden.
func hidden(p *extract.Page) map[string]extract.Hidden {
	m := map[string]extract.Hidden{}
	for _, r := range p.Runs {
		if s := strings.TrimSpace(r.Text); s != "" {
			m[s] = r.Hidden
		}
	}
	return m
}

func TestPDFText(t *testing.T) {
	w := newPDF()
	w.page(line(72, 700, 12, "The warp runs the length of the cloth.")+line(72, 680, 12, "The weft crosses it (again).")+
		wide(72, 640, 12, "青花瓷纹样设计\u200b第三版"), "", "")
	w.page(line(72, 700, 12, "Second page"), "/Rotate 90", "")
	d := read(t, w.bytes())
	if d.PageCount != 2 || len(d.Pages) != 2 {
		t.Fatalf("%d pages of %d", len(d.Pages), d.PageCount)
	}
	const want = "The warp runs the length of the cloth.\nThe weft crosses it (again).\n青花瓷纹样设计\u200b第三版"
	if got := d.Pages[0].Text(); got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if len(d.Notes) != 0 {
		t.Errorf("notes %q", d.Notes)
	}
	p := d.Pages[0]
	if p.Height != 1400 || p.Width != 989 {
		t.Errorf("page %d x %d", p.Width, p.Height)
	}
	// 72 points from the left and 700 from the foot, at 1400/842 pixels a point.
	b := p.Runs[0].Box
	if b.X0 < 115 || b.X0 > 125 || b.Y1 < 236-3 || b.Y1 > 236+10 || b.H() < 15 || b.H() > 30 {
		t.Errorf("first line in %v", b)
	}
	// The ink is where the box says.
	img, err := p.Raster(t.Context())
	must(t, err)
	if img.Rect.Dx() != p.Width || img.Rect.Dy() != p.Height {
		t.Fatalf("raster %v of a page %d x %d", img.Rect, p.Width, p.Height)
	}
	dark := 0
	for y := b.Y0; y < b.Y1; y++ {
		for x := b.X0; x < b.X1; x++ {
			if img.NRGBAAt(x, y).R < 128 {
				dark++
			}
		}
	}
	if dark < 500 {
		t.Errorf("%d dark pixels in the box of the first line", dark)
	}
	turned := d.Pages[1]
	if turned.Width != 1400 || turned.Height != 989 {
		t.Errorf("turned page %d x %d", turned.Width, turned.Height)
	}
	if b := turned.Runs[0].Box; b.H() < b.W() || b.X0 < 1100 {
		t.Errorf("turned line in %v", b)
	}
}

func TestPDFHidden(t *testing.T) {
	w := newPDF()
	w.page("0.2 0.3 0.4 rg 60 480 400 40 re f\n"+
		"0 g "+line(72, 700, 12, "plain text")+
		"1 g "+line(72, 660, 12, "white on white")+
		"1 g "+line(72, 495, 12, "white on blue")+
		"0 g 3 Tr "+line(72, 600, 12, "invisible mode")+"0 Tr "+
		"/Clear gs "+line(72, 580, 12, "transparent")+
		"0 g "+line(72, 560, 0.4, "tiny tiny tiny")+
		line(72, 900, 12, "above the page"), "", "")
	w.page("0 g "+line(72, 700, 12, "covered later")+"0.9 g 60 690 300 30 re f "+"0 g "+line(72, 640, 12, "left alone")+
		"0.2 0.3 0.4 rg 60 480 400 40 re f 0.21 0.3 0.4 rg "+line(72, 495, 12, "blue on blue")+"0 g "+line(260, 495, 12, "black on blue"), "", "")
	d := read(t, w.bytes())
	got := hidden(&d.Pages[0])
	for s, want := range map[string]extract.Hidden{
		"plain text": "", "white on blue": "", "white on white": extract.HiddenColour, "invisible mode": extract.HiddenMode,
		"transparent": extract.HiddenColour, "tiny tiny tiny": extract.HiddenSize, "above the page": extract.HiddenOff,
	} {
		if h, ok := got[s]; !ok || h != want {
			t.Errorf("%q: hidden %q (found %t), want %q", s, h, ok, want)
		}
	}
	got = hidden(&d.Pages[1])
	if got["covered later"] != extract.HiddenColour || got["left alone"] != "" || got["blue on blue"] != extract.HiddenColour || got["black on blue"] != "" {
		t.Errorf("second page: %v", got)
	}
	if !slices.Contains(d.Notes, "2 pages, the first of them 1, have text that is not seen (unseen)") || len(d.Notes) != 4 {
		t.Errorf("notes %q", d.Notes)
	}
}

func kind(err error) decode.Kind { return decode.KindOf(err) }

func TestPDFBroken(t *testing.T) {
	w := newPDF()
	w.page(line(72, 700, 12, "one"), "", "")
	good := w.bytes()
	noPages := newPDF().bytes()
	for name, c := range map[string]struct {
		data []byte
		want decode.Kind
	}{
		"empty":    {nil, decode.Empty},
		"no pages": {noPages, extract.NoPages},
		"garbage":  {[]byte("%PDF-1.7\ngarbage"), decode.Corrupt},
		"cut":      {good[:200], decode.Corrupt},
	} {
		if _, err := extract.Extract(context.Background(), c.data, extract.Limits{}); kind(err) != c.want {
			t.Errorf("%s: %v, want kind %s", name, err, c.want)
		}
	}
	// A wrong cross-reference table is rebuilt.
	d := read(t, []byte(strings.Replace(string(good), "startxref\n", "startxref\n9", 1)))
	if got := strings.TrimSpace(d.Pages[0].Text()); got != "one" {
		t.Errorf("broken table: %q", got)
	}
}

func TestPDFHyphens(t *testing.T) {
	w := newPDF()
	w.page(line(72, 700, 12, "a woven pat-")+line(72, 685, 12, "tern of B-")+line(72, 670, 12, "Trees"), "", "")
	w.page(wide(72, 700, 12, "\u0001\u0003\u0004\u0005\u0006"), "", "")
	d := read(t, w.bytes())
	if got, want := d.Pages[0].Text(), "a woven pattern of B-Trees"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	for _, r := range d.Pages[0].Runs {
		if r.Box.H() > 40 {
			t.Errorf("%q in %v, over two lines", r.Text, r.Box)
		}
	}
	if d.Pages[0].Garbled || !d.Pages[1].Garbled {
		t.Errorf("garbled %t and %t: %q", d.Pages[0].Garbled, d.Pages[1].Garbled, d.Pages[1].Text())
	}
}

func TestPDFTogether(t *testing.T) {
	w := newPDF()
	for i := range 4 {
		w.page(line(72, 700, 40*float64(i+1), "x"), "", "")
	}
	d := read(t, w.bytes())
	var wg sync.WaitGroup
	ink := make([]int, 4)
	for i := range 4 {
		wg.Go(func() {
			img, err := d.Pages[i].Raster(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			for k := 0; k < len(img.Pix); k += 4 {
				if img.Pix[k] < 128 {
					ink[i]++
				}
			}
		})
	}
	wg.Wait()
	if !slices.IsSorted(ink) || ink[0] == 0 || ink[3] < 10*ink[0] {
		t.Errorf("ink of letters that grow: %d", ink)
	}
	must(t, d.Close())
	must(t, d.Close())
	if _, err := d.Pages[0].Raster(t.Context()); err == nil {
		t.Error("a closed document was drawn")
	}
}
