package photo

import (
	"image"
	"image/draw"
	"math"
	"math/rand/v2"
	"testing"

	"selvage/fingerprint/geometry"
)

// moved is m with each place of it taken from where from says, in pixels.
func moved(m *image.NRGBA, from func(x, y float64) (float64, float64)) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := canvas(w, h, gray(255))
	for y := range h {
		for x := range w {
			fx, fy := from(float64(x)+.5, float64(y)+.5)
			x0, y0 := min(max(int(fx), 0), w-1), min(max(int(fy), 0), h-1)
			out.SetNRGBA(x, y, m.NRGBAAt(x0, y0))
		}
	}
	return out
}

// A picture that is bent is found with its bend: where the registered picture's places lie.
func TestBend(t *testing.T) {
	const w, h = 640, 480
	for _, tt := range []struct {
		name string
		from func(x, y float64) (float64, float64) // from places of the query to those of the picture
	}{
		{"waves", func(x, y float64) (float64, float64) {
			return x + 9*math.Sin(y/h*2*math.Pi*1.7), y + 9*math.Sin(x/w*2*math.Pi*2.1)
		}},
		{"a swirl", func(x, y float64) (float64, float64) {
			dx, dy := x-w/2, y-h/2
			sin, cos := math.Sincos(.35 * math.Exp(-(dx*dx+dy*dy)/(2*150*150)))
			return w/2 + dx*cos - dy*sin, h/2 + dx*sin + dy*cos
		}},
		{"a curled sheet", func(x, y float64) (float64, float64) {
			return x, y + 34*math.Sin(x/w*math.Pi)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bent := 0
			for seed := range uint64(3) {
				m := scene(40+seed, w, h)
				c := Compare(hashed(t, recoded(t, moved(m, tt.from), 85)), hashed(t, m))
				if len(c.Places) == 0 {
					t.Fatal("not found")
				}
				p := &c.Places[0]
				if p.bend != nil {
					bent++
				}
				if p.Agree < .85 || c.Probability() < ActThreshold {
					t.Errorf("seed %d: bent %v, %.2f of the texture agrees, probability %.3f", seed, p.bend != nil, p.Agree, c.Probability())
				}
				// Bend and map together lead most places to where they were moved; plain ones, and those
				// at the rim, are free.
				n, right := 0, 0
				for y := 60.; y < h; y += 60 {
					for x := 60.; x < w; x += 60 {
						fx, fy := tt.from(x, y)
						to, ok := p.bend.apply(p.Map, geometry.Point{X: fx, Y: fy}, w, h)
						n++
						if ok && math.Hypot(to.X-x, to.Y-y) < .01*w {
							right++
						}
					}
				}
				if 10*right < 8*n {
					t.Errorf("seed %d: %d of %d places are led to where they lie", seed, right, n)
				}
			}
			if bent == 0 {
				t.Error("none was found by a bend")
			}
		})
	}
}

// Another picture on the same page is not bent into the registered one.
func TestNoBend(t *testing.T) {
	for seed := range uint64(6) {
		c := Compare(hashed(t, lookPage(seed)), hashed(t, lookPage(seed+1)))
		if len(c.Places) > 0 && (c.Places[0].bend != nil || c.Probability() >= ActThreshold) {
			t.Errorf("pages %d and %d: bent %v, probability %.3f", seed, seed+1, c.Places[0].bend != nil, c.Probability())
		}
	}
}

// The banded decomposition solves what elimination solves.
func TestSmoothSolves(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	var s smooth
	var full [bendNodes * bendNodes][bendNodes*bendNodes + 1]float64
	for range 300 {
		n := nodes(r.Float64(), r.Float64())
		s.add(&n, 1+r.Float64(), r.NormFloat64(), r.Float64())
	}
	const stiff = .5
	for i := range s.a {
		copy(full[i][:], s.a[i][:])
		full[i][i] += 1e-6*stiff + 1e-12
		full[i][len(s.a)] = s.b[i]
	}
	bending(func(at [4]int, k [4]float64) {
		for i, x := range at {
			for j, y := range at {
				full[x][y] += stiff * k[i] * k[j]
			}
		}
	})
	if !s.factor(stiff) {
		t.Fatal("cannot be solved")
	}
	x := s.solve(&s.b)
	for i, row := range full {
		sum := 0.0
		for j := range x {
			sum += row[j] * x[j]
		}
		if math.Abs(sum-row[len(x)]) > 1e-8 {
			t.Fatalf("equation %d: %g, want %g", i, sum, row[len(x)])
		}
	}
}

// scanLost against counting: every square of cells, by its definition.
func TestScanLost(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 2))
	for n := range 20 {
		var seen []geometry.Point
		var held []bool
		block := image.Rect(r.IntN(10), r.IntN(10), 0, 0)
		block.Max = block.Min.Add(image.Pt(3+r.IntN(3), 3+r.IntN(3)))
		for range 40 + r.IntN(200) {
			p := geometry.Point{X: r.Float64(), Y: r.Float64()}
			lost := image.Pt(int(p.X*scanCells), int(p.Y*scanCells)).In(block)
			seen, held = append(seen, p), append(held, r.Float64() < map[bool]float64{true: .1, false: .8}[lost])
		}
		want := 0.0
		log := func(k, n float64) float64 {
			if k == 0 || k == n {
				return 0
			}
			return k*math.Log(k/n) + (n-k)*math.Log(1-k/n)
		}
		for side := scanLeast; side <= scanMost; side++ {
			for y := 0; y+side <= scanCells; y++ {
				for x := 0; x+side <= scanCells; x++ {
					var in, k, total, all float64
					for i, p := range seen {
						total++
						inside := image.Pt(int(p.X*scanCells), int(p.Y*scanCells)).In(image.Rect(x, y, x+side, y+side))
						if inside {
							in++
						}
						if held[i] {
							all++
							if inside {
								k++
							}
						}
					}
					if in > 0 && in < total && k/in < (all-k)/(total-in) {
						want = max(want, log(k, in)+log(all-k, total-in)-log(all, total))
					}
				}
			}
		}
		got := scanLost(seen, held)
		if math.Abs(got.odds-want) > 1e-9 {
			t.Errorf("case %d: odds %.6f, want %.6f", n, got.odds, want)
		}
	}
	if l := scanLost(nil, nil); l.odds != 0 {
		t.Errorf("nothing seen: %+v", l)
	}
}

// A sticker takes the features of one block away and what is beside it stays: no other work.
func TestLostUnderSticker(t *testing.T) {
	m := scene(77, 500, 400)
	worn := canvas(500, 400, gray(0))
	draw.Draw(worn, worn.Rect, m, image.Point{}, draw.Src)
	draw.Draw(worn, image.Rect(150, 120, 290, 240), scene(5, 140, 120), image.Point{}, draw.Src)
	c := Compare(hashed(t, recoded(t, worn, 80)), hashed(t, m))
	if c.Probability() < ActThreshold || c.Places[0].Lost() <= 0 {
		t.Errorf("probability %.3f, odds of a block %.1f", c.Probability(), c.Places[0].Lost())
	}
}
