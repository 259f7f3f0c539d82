package geometry

import (
	"math"
	"testing"
)

func TestRefine(t *testing.T) {
	truths := map[Model]Map{
		Similarity: placed(0.6, 25, 150, 130),
		Affine:     product(t, placed(0.55, 70, 160, 120), stretch(1.6)),
		Projective: product(t, placed(1.1, -20, 220, 150), tilt(0.5, 0.3)),
	}
	for model, truth := range truths {
		for _, noise := range []float64{0, 1} {
			k := newMaker(3)
			// Far from the origin, as positions in a long strip of frames are.
			shift := Map{1, 0, 1e5, 0, 1, -2e5, 0, 0, 1}
			o := sizes
			o.QueryW, o.QueryH = 1000, 1000
			k.right(truth, o, 100, noise)
			var from, to []Point
			var weights []float64
			for i, p := range k.pairs {
				from = append(from, Point{p.RX, p.RY})
				to = append(to, Point{p.QX + 1e5, p.QY - 2e5})
				weights = append(weights, p.Weight)
				if i%10 == 0 { // weightless and impossible ones are passed over
					from, to = append(from, Point{1, 1}, Point{math.NaN(), 0}), append(to, Point{9e9, 0}, Point{0, 0})
					weights = append(weights, 0, 1)
				}
			}
			m, ok := Refine(model, from, to, weights)
			if !ok {
				t.Fatalf("%v: no map", model)
			}
			want := product(t, shift, truth)
			for _, p := range Rect(300, 320) {
				a, _ := m.Apply(p)
				b, _ := want.Apply(p)
				if d := math.Hypot(a.X-b.X, a.Y-b.Y); d > 1e-7+1.2*noise {
					t.Errorf("%v, noise %v: corner %v is off by %v", model, noise, p, d)
				}
			}
		}
	}
}

func TestRefineIsLeast(t *testing.T) {
	for _, model := range []Model{Similarity, Affine, Projective} {
		k := newMaker(5)
		k.right(product(t, placed(0.8, 4, 170, 130), tilt(0.4, 0.2)), sizes, 30, 1.5)
		var from, to []Point
		for _, p := range k.pairs {
			from, to = append(from, Point{p.RX, p.RY}), append(to, Point{p.QX, p.QY})
		}
		m, ok := Refine(model, from, to, nil)
		if !ok {
			t.Fatal("no map")
		}
		cost := func(m Map) (sum float64) {
			for i := range from {
				q, _ := m.Apply(from[i])
				sum += dot(q.X-to[i].X, q.X-to[i].X, q.Y-to[i].Y, q.Y-to[i].Y)
			}
			return sum
		}
		// The reweighted projective sum has its least value very near to that of the distances.
		allowed := map[Model]float64{Similarity: 1, Affine: 1, Projective: 0.999}[model] * cost(m)
		for step := 1e-3; step > 1e-6; step /= 10 {
			for i := range 8 {
				for _, sign := range []float64{-1, 1} {
					n := m
					n[i] += sign * step * max(math.Abs(m[i]), 1e-4)
					if model == Similarity {
						a, b := m[0], m[3]
						if i != 0 && i != 3 {
							continue
						} else if i == 0 {
							a += sign * step
						} else {
							b += sign * step
						}
						n = Map{a, -b, m[2], b, a, m[5], 0, 0, 1}
					}
					if model != Projective && i > 5 {
						continue
					}
					if c := cost(n); c < allowed {
						t.Errorf("%v: changing element %d by %v lowers the sum from %v to %v", model, i, sign*step, cost(m), c)
					}
				}
			}
		}
	}
}

func TestRefineDegenerate(t *testing.T) {
	line := []Point{{0, 0}, {1, 1}, {2, 2}, {5, 5}, {7, 7}}
	spot := []Point{{3, 4}, {3, 4}, {3, 4}, {3, 4}, {3, 4}}
	tee := []Point{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {1, 5}}
	for _, c := range []struct {
		name     string
		from, to []Point
		ok       [3]bool
	}{
		{"none", nil, nil, [3]bool{}},
		{"one", line[:1], line[:1], [3]bool{}},
		{"two", line[:2], line[1:3], [3]bool{true, false, false}},
		{"on a line", line, line, [3]bool{true, false, false}},
		{"one place", spot, line, [3]bool{}},
		{"to one place", line, spot, [3]bool{}},
		{"four of five on a line", tee, tee, [3]bool{true, true, false}},
	} {
		for model, want := range c.ok {
			m, ok := Refine(Model(model), c.from, c.to, nil)
			if ok != want || ok && !finite(m[:]...) {
				t.Errorf("%s: %v gives %v, %v", c.name, Model(model), m, ok)
			}
		}
	}
}
