package photo

import (
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
)

// pasted puts in into a copy of m with its upper left corner at (x, y).
func pasted(m, in *image.NRGBA, x, y int) *image.NRGBA {
	out := image.NewNRGBA(m.Rect)
	draw.Draw(out, out.Rect, m, image.Point{}, draw.Src)
	draw.Draw(out, in.Rect.Add(image.Pt(x, y)), in, image.Point{}, draw.Src)
	return out
}

// blobs is a picture of overlapping ellipses, with no straight edge.
func blobs(seed uint64, w, h int) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 8))
	m := canvas(w, h, gray(90))
	for range 160 {
		cx, cy, rx, ry := r.IntN(w), r.IntN(h), w/40+r.IntN(w/9), h/40+r.IntN(h/9)
		c := color.NRGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
		for y := max(cy-ry, 0); y < min(cy+ry, h); y++ {
			for x := max(cx-rx, 0); x < min(cx+rx, w); x++ {
				if dx, dy := x-cx, y-cy; dx*dx*ry*ry+dy*dy*rx*rx <= rx*rx*ry*ry {
					m.SetNRGBA(x, y, c)
				}
			}
		}
	}
	return m
}

func TestInsets(t *testing.T) {
	ground := blobs(40, 800, 600)
	for _, tt := range []struct {
		name string
		m    *image.NRGBA
		want fingerprint.Rect // empty: none
	}{
		{"picture in picture", pasted(ground, scene(41, 240, 180), 130, 310), rect(130, 310, 370, 490)},
		{"recompressed", recoded(t, pasted(ground, scene(41, 240, 180), 130, 310), 40), rect(130, 310, 370, 490)},
		{"in a corner", pasted(ground, scene(42, 200, 260), 600, 340), rect(600, 340, 800, 600)},
		{"drawing on white", pasted(ground, framed(scene(43, 60, 60), gray(255), 90, 60, 90, 60), 300, 100), rect(300, 100, 540, 280)},
		{"half of a pair", pasted(pasted(canvas(816, 608, gray(255)), scene(44, 400, 600), 4, 4), scene(45, 400, 600), 412, 4), rect(4, 4, 404, 604)},
		{"too small", pasted(ground, scene(41, 60, 40), 130, 310), fingerprint.Rect{}},
		{"gradient", mapped(canvas(640, 480, gray(0)), func(int, int, int) (int, int, int) { return 80, 90, 100 }), fingerprint.Rect{}},
		{"narrow", canvas(600, 40, gray(9)), fingerprint.Rect{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := local.NewBase(tt.m, local.QuerySide)
			found := insets(g)
			if tt.want.Empty() {
				if tt.name != "too small" && len(found) > 0 {
					t.Errorf("found %v in nothing", found)
				}
				for _, r := range found {
					if max(r.W(), r.H()) < g.W/insetShare {
						t.Errorf("%v is below the least size", r)
					}
				}
				return
			}
			k := float64(g.W) / float64(tt.m.Rect.Dx())
			near := func(got, want int) bool { d := float64(got) - float64(want)*k; return d >= -2 && d <= 2 }
			for _, r := range found {
				if near(r.X0, tt.want.X0) && near(r.Y0, tt.want.Y0) && near(r.X1, tt.want.X1) && near(r.Y1, tt.want.Y1) {
					return
				}
			}
			t.Errorf("found %v, want %v × %.2f", found, tt.want, k)
		})
	}
}

// TestInsetFound: what stands in a picture at a quarter of its size is a candidate by its
// whole, mirrored too, and placed where it is.
func TestInsetFound(t *testing.T) {
	work := framed(scene(50, 220, 260), gray(255), 90, 60, 90, 60) // few local features
	ref := hashed(t, work)
	small := halved(work)
	for name, in := range map[string]*image.NRGBA{"plain": small, "mirrored": applied(small, fingerprint.FlipY)} {
		m := recoded(t, pasted(blobs(51, 800, 600), in, 420, 110), 85)
		r, err := HashPicture(m, Options{query: true})
		if err != nil {
			t.Fatal(err)
		}
		all := pairs(r, ref)
		if len(all) == 0 || all[0].query != fingerprint.Inset || all[0].distance > CandidateRadius {
			t.Fatalf("%s: nearest pairing %+v of insets %v", name, all[0], r.Insets)
		}
		c := NewQuery(r).Compare(ref)
		if len(c.Places) == 0 || c.Places[0].Probability < ActThreshold {
			t.Fatalf("%s: probability %v", name, c.Probability())
		}
		p := c.Places[0]
		if d := p.OfQuery - 200.*190/(800*600); p.Mirrored != (name == "mirrored") || d < -.01 || d > .01 {
			t.Errorf("%s: mirrored %v, %.3f of the query", name, p.Mirrored, p.OfQuery)
		}
	}
}

func TestRecoloured(t *testing.T) {
	m := scene(60, 320, 400)
	ref := hashed(t, m)
	at := func(f func(r, g, b int) (int, int, int)) float64 {
		r, err := HashPicture(mapped(m, f), Options{query: true})
		if err != nil {
			t.Fatal(err)
		}
		c := NewQuery(r).Compare(ref, Variants[:]...)
		if len(c.Places) == 0 {
			t.Fatal("not found at all")
		}
		return c.Places[0].recoloured
	}
	for _, tt := range []struct {
		name     string
		f        func(r, g, b int) (int, int, int)
		from, to float64
	}{
		{"brighter", func(r, g, b int) (int, int, int) { return r*9/10 + 25, g*9/10 + 25, b*9/10 + 25 }, 0, .05},
		{"pale", func(r, g, b int) (int, int, int) {
			v := (r + 2*g + b) / 4
			return (r + v) / 2, (g + v) / 2, (b + v) / 2
		}, 0, .05},
		{"grey", func(r, g, b int) (int, int, int) { v := (r + 2*g + b) / 4; return v, v, v }, 0, .05},
		{"inverted", func(r, g, b int) (int, int, int) { return 255 - r, 255 - g, 255 - b }, 0, .05},
		{"other colours", func(r, g, b int) (int, int, int) { return b, g, r }, .6, 2},
	} {
		if v := at(tt.f); v < tt.from || v > tt.to {
			t.Errorf("%s: colours differ by %.3f, want %v to %v", tt.name, v, tt.from, tt.to)
		}
	}
}

func TestChromaPayload(t *testing.T) {
	m := canvas(640, 320, gray(128))
	draw.Draw(m, image.Rect(0, 0, 320, 320), image.NewUniform(color.NRGBA{255, 0, 0, 255}), image.Point{}, draw.Src)
	draw.Draw(m, image.Rect(320, 0, 640, 160), image.NewUniform(color.NRGBA{0, 0, 255, 255}), image.Point{}, draw.Src)
	c, err := decodeChroma(encodeChroma(m, refChroma))
	if err != nil || c.w != 16 || c.h != 8 {
		t.Fatalf("%+v, %v", c, err)
	}
	// BT.601: red is (-43, 127 of 127.5), blue (127 of 127.5, -21), grey (0, 0).
	for _, p := range []struct{ x, y, cb, cr float64 }{{.1, .1, -43, 127}, {.45, .9, -43, 127}, {.9, .2, 127, -21}, {.9, .9, 0, 0}} {
		if cb, cr := c.at(p.x, p.y); cb != p.cb || cr != p.cr {
			t.Errorf("at %v, %v: %v, %v; want %v, %v", p.x, p.y, cb, cr, p.cb, p.cr)
		}
	}
	for _, bad := range [][]byte{nil, {1}, {0, 4}, {2, 2, 0}, {33, 1, 0}} {
		if _, err := decodeChroma(bad); err == nil {
			t.Errorf("% x is taken as a grid", bad)
		}
	}
}

// TestHole: islands all over are not one hole.
func TestHole(t *testing.T) {
	m := blobs(70, 400, 400)
	ref := hashed(t, m)
	dots := image.NewNRGBA(m.Rect)
	draw.Draw(dots, dots.Rect, m, image.Point{}, draw.Src)
	for y := 0; y < 400; y += 80 {
		for x := y / 80 % 2 * 50; x < 400; x += 100 {
			draw.Draw(dots, image.Rect(x, y, x+56, y+56), image.NewUniform(color.NRGBA{250, 220, 30, 255}), image.Point{}, draw.Src)
		}
	}
	one := pasted(m, blobs(71, 250, 250), 75, 75)
	measure := func(m *image.NRGBA) *evidence {
		c := Compare(hashed(t, m), ref)
		if len(c.Places) == 0 {
			t.Fatal("not found at all")
		}
		return c.Places[0].fine
	}
	whole, islands, hole := measure(m), measure(dots), measure(one)
	if whole.Hole > .01 || whole.Cover < .99 {
		t.Errorf("the picture itself: hole %.3f, cover %.3f", whole.Hole, whole.Cover)
	}
	if islands.Hole > .1 || hole.Hole < .25 || islands.Cover < .7 {
		t.Errorf("islands: hole %.3f, cover %.3f; one hole: %.3f, %.3f", islands.Hole, islands.Cover, hole.Hole, hole.Cover)
	}
}

func BenchmarkRecoloured(b *testing.B) {
	m := scene(60, 320, 400)
	q, err := HashPicture(m, Options{query: true})
	if err != nil {
		b.Fatal(err)
	}
	query := NewQuery(q)
	c := query.Compare(hashed(b, m), Variants[:]...)
	for b.Loop() {
		query.recoloured(&c.Places[0], c)
	}
}

func BenchmarkInsets(b *testing.B) {
	g := local.NewBase(pasted(blobs(40, 800, 600), scene(41, 240, 180), 130, 310), local.QuerySide)
	for b.Loop() {
		insets(g)
	}
}
