package page_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/manuscript/page"
	"selvage/fingerprint/photo"
)

// sketch draws a figure of straight strokes: the same numbers, the same figure.
type sketch struct {
	w, h        int
	ground, ink color.NRGBA
	stroke      float64
}

var plain = sketch{800, 600, color.NRGBA{255, 255, 255, 255}, color.NRGBA{0, 0, 0, 255}, 4}

func (s sketch) blank() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, s.w, s.h))
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = s.ground.R, s.ground.G, s.ground.B, 255
	}
	return m
}

func (s sketch) line(m *image.NRGBA, x0, y0, x1, y1 float64) {
	n := int(math.Hypot(x1-x0, y1-y0)) + 1
	for i := range n + 1 {
		t := float64(i) / float64(n)
		cx, cy := x0+(x1-x0)*t, y0+(y1-y0)*t
		r := int(s.stroke)
		for dy := -r; dy <= r; dy++ {
			for dx := -r; dx <= r; dx++ {
				if p := (image.Point{X: int(cx) + dx, Y: int(cy) + dy}); math.Hypot(float64(dx), float64(dy)) <= s.stroke/2 && p.In(m.Rect) {
					m.SetNRGBA(p.X, p.Y, s.ink)
				}
			}
		}
	}
}

// figure draws a jacket-like polygon with seams, at an offset and scale.
func (s sketch) figure(m *image.NRGBA, seed int, ox, oy, k float64) {
	state := uint32(seed)*2654435761 + 12345
	next := func() float64 {
		state = state*1664525 + 1013904223
		return float64(state>>8) / (1 << 24)
	}
	var px, py float64
	for i := range 26 {
		a := 2 * math.Pi * float64(i) / 13
		r := 120 + 110*next()
		if i >= 13 {
			r = 30 + 80*next()
		}
		x, y := ox+k*(260+r*math.Cos(a)), oy+k*(260+r*math.Sin(a))
		if i > 0 {
			s.line(m, px, py, x, y)
		}
		px, py = x, y
	}
}

func (s sketch) drawn(seed int) *image.NRGBA {
	m := s.blank()
	s.figure(m, seed, 120, 30, 1)
	return m
}

func lines(t *testing.T, m *image.NRGBA, query bool) *fingerprint.Result {
	t.Helper()
	l, _, ok := page.Lines(m)
	if !ok {
		t.Fatal("nothing was drawn")
	}
	hash := photo.HashPicture
	if query {
		hash = photo.HashQueryPicture
	}
	r, err := hash(l, photo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// held is how many features agree, the less the lines do.
func held(q, r *fingerprint.Result) float64 {
	c := photo.Compare(q, r)
	if len(c.Places) == 0 {
		return 0
	}
	return float64(c.Places[0].Inliers) * c.Places[0].Agree * c.Places[0].Agree
}

// TestLines: strokes of other widths, other colours and an inverted ground give the same lines;
// another drawing does not.
func TestLines(t *testing.T) {
	ref := lines(t, plain.drawn(1), false)
	for name, s := range map[string]sketch{
		"thin":      {800, 600, plain.ground, plain.ink, 2},
		"thick":     {800, 600, plain.ground, plain.ink, 5},
		"coloured":  {800, 600, color.NRGBA{250, 240, 200, 255}, color.NRGBA{180, 30, 60, 255}, 4},
		"inverted":  {800, 600, plain.ink, plain.ground, 4},
		"faint":     {800, 600, plain.ground, color.NRGBA{170, 170, 170, 255}, 4},
		"on a desk": {1100, 900, plain.ground, plain.ink, 4},
	} {
		if got := held(lines(t, s.drawn(1), true), ref); got < 20 {
			t.Errorf("%s: %.1f features are held, want 20", name, got)
		}
		if got := held(lines(t, s.drawn(2), true), ref); got > 8 {
			t.Errorf("%s, another drawing: %.1f features are held", name, got)
		}
	}
}

// TestIslands: a drawing beside another is found as it is alone.
func TestIslands(t *testing.T) {
	s := plain
	s.w = 1500
	sheet := s.blank()
	s.figure(sheet, 1, 20, 30, 1)
	s.figure(sheet, 5, 900, 150, .7)
	ref := lines(t, plain.drawn(1), false)
	best := 0.0
	for _, d := range page.Drawings(sheet) {
		if d.Kind != fingerprint.IslandPart {
			continue
		}
		r, err := photo.HashQueryPicture(d.Picture, photo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		best = max(best, held(r, ref))
	}
	if best < 30 {
		t.Errorf("%.1f features are held, want 30", best)
	}
}

// TestNothing: blank sheets, ruled and squared paper say nothing that could be told from another.
func TestNothing(t *testing.T) {
	blank := plain.blank()
	if d := page.Drawings(blank); len(d) != 0 {
		t.Errorf("a blank sheet has %d drawings", len(d))
	}
	noisy := plain.blank()
	for i := range noisy.Pix {
		if i%4 < 3 {
			noisy.Pix[i] -= uint8(i * 7919 % 5)
		}
	}
	if d := page.Drawings(noisy); len(d) != 0 {
		t.Errorf("a blank sheet with noise has %d drawings", len(d))
	}
	ruled := func(step, from int, both bool) *image.NRGBA {
		m := plain.blank()
		for y := from; y < plain.h; y += step {
			plain.line(m, 0, float64(y), float64(plain.w), float64(y))
		}
		for x := from; both && x < plain.w; x += step {
			plain.line(m, float64(x), 0, float64(x), float64(plain.h))
		}
		return m
	}
	for name, pair := range map[string][2]*image.NRGBA{
		"ruled":   {ruled(30, 40, false), ruled(37, 60, false)},
		"squared": {ruled(50, 40, true), ruled(43, 20, true)},
	} {
		if got := held(lines(t, pair[0], true), lines(t, pair[1], false)); got > 8 {
			t.Errorf("%s paper: %.1f features are held", name, got)
		}
	}
}

// TestOnPage: a point of a drawing is brought back to where it is on the page.
func TestOnPage(t *testing.T) {
	l, b, ok := page.Lines(plain.drawn(1))
	if !ok {
		t.Fatal("nothing was drawn")
	}
	box := fingerprint.Rect{X0: b.Min.X, Y0: b.Min.Y, X1: b.Max.X, Y1: b.Max.Y}
	onPage := page.OnPage(l.Rect.Dx(), l.Rect.Dy(), box)
	at, ok := onPage.Apply(geometry.Point{X: 16, Y: 16})
	if !ok || math.Abs(at.X-float64(box.X0)) > 1e-9 || math.Abs(at.Y-float64(box.Y0)) > 1e-9 {
		t.Errorf("the upper left corner is at %v, %v, want %d, %d", at.X, at.Y, box.X0, box.Y0)
	}
	at, ok = onPage.Apply(geometry.Point{X: float64(l.Rect.Dx() - 16), Y: float64(l.Rect.Dy() - 16)})
	if !ok || math.Abs(at.X-float64(box.X1)) > 1e-9 || math.Abs(at.Y-float64(box.Y1)) > 1e-9 {
		t.Errorf("the lower right corner is at %v, %v, want %d, %d", at.X, at.Y, box.X1, box.Y1)
	}
}

// TestUpright: lines of text that run from top to bottom are turned both ways, level ones are left,
// and what is no page is not read.
func TestUpright(t *testing.T) {
	text := plain.blank()
	for y := 40; y < 560; y += 24 {
		for x := 60; x < 720; x += 11 {
			if x/11%6 == 0 {
				continue // a blank between words
			}
			plain.line(text, float64(x), float64(y), float64(x+(x*7+y)%7), float64(y+9))
		}
	}
	if n := len(page.Upright(text)); n != 1 {
		t.Errorf("a page of text can be read in %d ways, want 1", n)
	}
	side := image.NewNRGBA(image.Rect(0, 0, plain.h, plain.w))
	for y := range plain.h {
		for x := range plain.w {
			side.SetNRGBA(y, x, text.NRGBAAt(x, y))
		}
	}
	if n := len(page.Upright(side)); n != 2 {
		t.Errorf("a page on its side can be read in %d ways, want 2", n)
	}
	if n := len(page.Upright(plain.blank())); n != 0 {
		t.Errorf("a blank page can be read in %d ways", n)
	}
}
