package video

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/video/media"
)

// A film is a made-up video: what it shows at a time.
type film func(t float64) *image.NRGBA

const filmW, filmH = 256, 192

// shape is a soft-edged coloured ellipse or box that moves.
type shape struct {
	x, y, w, h, vx, vy float64
	box                bool
	colour             [3]float64
}

// scene is a film of moving shapes, another one for every seed.
func scene(seed uint64) film {
	r := rand.New(rand.NewPCG(seed, 77))
	var shapes []shape
	for range 60 {
		shapes = append(shapes, shape{
			r.Float64() * filmW, r.Float64() * filmH, 6 + 30*r.Float64(), 6 + 30*r.Float64(),
			24 * (r.Float64() - .5), 18 * (r.Float64() - .5), r.IntN(2) == 0,
			[3]float64{255 * r.Float64(), 255 * r.Float64(), 255 * r.Float64()},
		})
	}
	return func(t float64) *image.NRGBA {
		m := blank(color.NRGBA{90, 110, 100, 255})
		for _, s := range shapes {
			cx, cy := s.x+s.vx*t, s.y+s.vy*t
			for y := max(0, int(cy-s.h)); y < min(filmH, int(cy+s.h)+1); y++ {
				for x := max(0, int(cx-s.w)); x < min(filmW, int(cx+s.w)+1); x++ {
					dx, dy := (float64(x)-cx)/s.w, (float64(y)-cy)/s.h
					if s.box || dx*dx+dy*dy < 1 {
						p := m.Pix[m.PixOffset(x, y):]
						for c := range 3 {
							v := .25*float64(p[c]) + .75*s.colour[c]
							if int(dx*5+10)%2 == int(dy*5+10)%2 { // a pattern that moves along
								v *= .7
							}
							p[c] = uint8(v)
						}
					}
				}
			}
		}
		return m
	}
}

func blank(c color.NRGBA) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, filmW, filmH))
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = c.R, c.G, c.B, 255
	}
	return m
}

// card is a title card: a few bars of "writing" on a plain ground.
func card(seed uint64) film {
	r := rand.New(rand.NewPCG(seed, 5))
	m := blank(color.NRGBA{230, 225, 210, 255})
	for line := range 2 {
		for x := 60; x < 190; x += 5 {
			for y := 80 + 20*line; y < 88+20*line; y++ {
				for k := range 1 + r.IntN(3) {
					m.SetNRGBA(x+k, y, color.NRGBA{40, 30, 60, 255})
				}
			}
		}
	}
	return func(float64) *image.NRGBA { return m }
}

// cuts shows films one after the other, each for its time, from its own time 0 on.
func cuts(seconds float64, films ...film) film {
	return func(t float64) *image.NRGBA {
		n := min(int(t/seconds), len(films)-1)
		return films[n](t - float64(n)*seconds)
	}
}

// from plays a film from a time on, at a speed.
func (f film) from(start, speed float64) film {
	return func(t float64) *image.NRGBA { return f(start + speed*t) }
}

// mapped changes every picture of a film: at says for each place of the result where it
// comes from, in pixels; ok is false outside.
func (f film) mapped(ground film, at func(x, y float64) (float64, float64, bool)) film {
	return func(t float64) *image.NRGBA {
		in, out := f(t), image.NewNRGBA(image.Rect(0, 0, filmW, filmH))
		copy(out.Pix, ground(t).Pix)
		for y := range filmH {
			for x := range filmW {
				u, v, ok := at(float64(x), float64(y))
				if ok && u >= 0 && v >= 0 && u < filmW && v < filmH {
					copy(out.Pix[out.PixOffset(x, y):][:4], in.Pix[in.PixOffset(int(u), int(v)):][:4])
				}
			}
		}
		return out
	}
}

func black(float64) *image.NRGBA { return blank(color.NRGBA{0, 0, 0, 255}) }

func mirrored(x, y float64) (float64, float64, bool) { return filmW - 1 - x, y, true }
func turned(x, y float64) (float64, float64, bool) {
	return y * filmW / filmH, (filmW - 1 - x) * filmH / filmW, true
}
func letterboxed(x, y float64) (float64, float64, bool) {
	return x, (y-40)*192/112 + 0, y >= 40 && y < 152
}
func cropped(x, y float64) (float64, float64, bool) { return 25 + x*.8, 30 + y*.8, true }
func inset(x, y float64) (float64, float64, bool) {
	return (x - 20) / .5, (y - 70) / .5, x >= 20 && x < 148 && y >= 70 && y < 166
}

// noisy adds grain, as bad compression does.
func (f film) noisy(level int) film {
	return func(t float64) *image.NRGBA {
		r := rand.New(rand.NewPCG(math.Float64bits(t), 9))
		in := f(t)
		out := image.NewNRGBA(in.Rect)
		for i, v := range in.Pix {
			if out.Pix[i] = v; i%4 != 3 {
				out.Pix[i] = uint8(min(255, max(0, int(v)+r.IntN(2*level+1)-level)))
			}
		}
		return out
	}
}

// watched fingerprints a film.
func watched(t *testing.T, f film, seconds float64, query bool) *fingerprint.Result {
	t.Helper()
	m := maker{query: query}
	for n := 0; float64(n)*Step < seconds; n++ {
		if err := m.show(media.Frame{Time: float64(n) * Step, RGB: f(float64(n) * Step)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.finish(seconds); err != nil {
		t.Fatal(err)
	}
	return m.result(filmW, filmH, seconds)
}

// compared compares a query with a registered video; every pair of key frames is proposed
// that is right to half a second when the query starts at a registered time and runs at a
// speed, as the search by local features would.
func compared(t *testing.T, q, r *fingerprint.Result, pairs ...fingerprint.PartPair) *Comparison {
	t.Helper()
	c, err := NewQuery(q).Compare(r, pairs, func(i int) (*fingerprint.Result, error) { return r.Parts[i].Result, nil })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// proposed are all pairs of key frames, as a search that finds everything would give.
func proposed(q, r *fingerprint.Result) (all []fingerprint.PartPair) {
	for i := range q.Parts {
		for j := range r.Parts {
			all = append(all, fingerprint.PartPair{Query: i, Ref: j})
		}
	}
	return all
}
