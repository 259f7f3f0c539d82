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

// textPage has rows of small marks: words with blanks between.
func textPage() *image.NRGBA {
	text := plain.blank()
	for y := 40; y < 560; y += 24 {
		for x := 60; x < 720; x += 11 {
			if x/11%6 == 0 {
				continue // a blank between words
			}
			plain.line(text, float64(x), float64(y), float64(x+(x*7+y)%7), float64(y+9))
		}
	}
	return text
}

// laid is m as it lies in a picture of w × h pixels on a dark ground, under light that falls off
// from left to right.
func laid(m *image.NRGBA, w, h int, at geometry.Map) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	back, _ := at.Inverse()
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(70 + (x*3+y*5)%7), 60, 50, 255}
			if p, ok := back.Apply(geometry.Point{X: float64(x) + .5, Y: float64(y) + .5}); ok && p.X >= 0 && p.Y >= 0 && int(p.X) < m.Rect.Dx() && int(p.Y) < m.Rect.Dy() {
				c = m.NRGBAAt(int(p.X), int(p.Y))
			}
			light := 1 - .4*float64(x)/float64(w)
			out.SetNRGBA(x, y, color.NRGBA{uint8(float64(c.R) * light), uint8(float64(c.G) * light), uint8(float64(c.B) * light), 255})
		}
	}
	return out
}

// rows is how many rows of dark pixels a picture has, blank ones between: 22 of textPage if it is
// level.
func rows(m *image.NRGBA) (n int) {
	on := false
	for y := range m.Rect.Dy() {
		ink := 0
		for x := m.Rect.Dx() / 8; x < m.Rect.Dx()*7/8; x++ {
			if m.NRGBAAt(x, y).G < 110 {
				ink++
			}
		}
		if now := ink > m.Rect.Dx()/25; now != on {
			on = now
			if on {
				n++
			}
		}
	}
	return n
}

// TestUpright: however a page of text was turned, leant or photographed, it comes back level, one
// way up and the other, and what is no page is not read.
func TestUpright(t *testing.T) {
	text := textPage()
	want := rows(text)
	turn := func(degrees float64) *image.NRGBA {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		m := plain.blank()
		for y := range 600 {
			for x := range 800 {
				dx, dy := float64(x)-400, float64(y)-300
				if p := image.Pt(int(400+dx*cos+dy*sin), int(300-dx*sin+dy*cos)); p.In(text.Rect) {
					m.SetNRGBA(x, y, text.NRGBAAt(p.X, p.Y))
				}
			}
		}
		return m
	}
	side := image.NewNRGBA(image.Rect(0, 0, plain.h, plain.w))
	for y := range plain.h {
		for x := range plain.w {
			side.SetNRGBA(y, x, text.NRGBAAt(x, y))
		}
	}
	photographed := func(corners ...geometry.Point) *image.NRGBA {
		at, ok := geometry.Refine(geometry.Projective, geometry.Rect(800, 600), corners, nil)
		if !ok {
			t.Fatal("no such view")
		}
		return laid(text, 1400, 1100, at)
	}
	for _, tt := range []struct {
		name string
		m    *image.NRGBA
	}{
		{"as it is", text},
		{"leaning to the right", turn(4)},
		{"leaning to the left", turn(-9)},
		{"on its side", side},
		{"photographed", photographed(geometry.Point{X: 200, Y: 150}, geometry.Point{X: 1200, Y: 180}, geometry.Point{X: 1230, Y: 930}, geometry.Point{X: 170, Y: 960})},
		{"photographed from one side", photographed(geometry.Point{X: 180, Y: 60}, geometry.Point{X: 1180, Y: 260}, geometry.Point{X: 1150, Y: 860}, geometry.Point{X: 120, Y: 1000})},
	} {
		ways := page.Upright(tt.m)
		if len(ways) != 2 {
			t.Errorf("%s: can be read in %d ways, want 2", tt.name, len(ways))
			continue
		}
		for i, w := range ways {
			if n := rows(w); n < want-1 || n > want+1 {
				t.Errorf("%s: way %d has %d level lines, want %d", tt.name, i, n, want)
			}
		}
	}
	large := image.NewNRGBA(image.Rect(0, 0, 5*plain.w, 5*plain.h))
	for y := range large.Rect.Dy() {
		for x := range large.Rect.Dx() {
			large.SetNRGBA(x, y, text.NRGBAAt(x/5, y/5))
		}
	}
	if ways := page.Upright(large); len(ways) != 2 || ways[0].Rect.Dx() > 3000 || rows(ways[0]) != want {
		t.Errorf("a page of 20 megapixels can be read in %d ways", len(ways))
	}
	if n := len(page.Upright(plain.blank())); n != 0 {
		t.Errorf("a blank page can be read in %d ways", n)
	}
	if n := len(page.Upright(plain.drawn(5))); n != 0 {
		t.Errorf("a drawing can be read in %d ways", n)
	}
}
