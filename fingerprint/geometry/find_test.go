package geometry

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The query is 320 wide and 240 high in all scenes, the registered picture 300×320.
var sizes = Options{RefW: 300, RefH: 320, QueryW: 320, QueryH: 240}

// maker draws pairs from a fixed generator, with arithmetic that is the same on all CPUs.
type maker struct {
	*rand.Rand
	pairs []Pair
	refs  int
	ques  int
}

func newMaker(seed uint64) *maker { return &maker{Rand: rand.New(rand.NewPCG(seed, 77))} }

// bell is about normal with standard deviation 1, made of sums only.
func (k *maker) bell() float64 {
	sum := -6.0
	for range 12 {
		sum += k.Float64()
	}
	return sum
}

// right adds n pairs that follow the map, with noise in query units, inside the query.
func (k *maker) right(m Map, o Options, n int, noise float64) {
	for tries := 0; n > 0 && tries < 100000; tries++ {
		p := Point{float64(k.Float64() * o.RefW), float64(k.Float64() * o.RefH)}
		q, ok := m.Apply(p)
		if !ok || q.X < 0 || q.Y < 0 || q.X > o.QueryW || q.Y > o.QueryH {
			continue
		}
		xx, xy, yx, yy := m.Jacobian(p)
		k.refs++
		k.ques++
		k.pairs = append(k.pairs, Pair{
			RX: p.X, RY: p.Y, QX: q.X + float64(noise*k.bell()), QY: q.Y + float64(noise*k.bell()),
			Scale:  float64(math.Sqrt(cross(xx, yy, xy, yx)) * (1 + float64(0.06*k.bell()))),
			Turn:   atan2(yx-xy, xx+yy) + float64(0.06*k.bell()),
			Weight: 1 + k.Float64(), R: k.refs, Q: k.ques,
		})
		n--
	}
}

// wrong adds n pairs that say nothing; some name features that were named before.
func (k *maker) wrong(o Options, n int) {
	for range n {
		k.refs++
		k.ques++
		p := Pair{
			RX: float64(k.Float64() * o.RefW), RY: float64(k.Float64() * o.RefH),
			QX: float64(k.Float64() * o.QueryW), QY: float64(k.Float64() * o.QueryH),
			Scale: 1 / (0.2 + float64(4*k.Float64())), Turn: float64(6.2831853 * k.Float64()),
			Weight: 0.5 + k.Float64(), R: k.refs, Q: k.ques,
		}
		if len(k.pairs) > 0 && k.IntN(4) == 0 {
			other := k.pairs[k.IntN(len(k.pairs))]
			p.R, p.RX, p.RY = other.R, other.RX, other.RY
		}
		k.pairs = append(k.pairs, p)
	}
}

func (k *maker) shuffled() []Pair {
	k.Shuffle(len(k.pairs), func(i, j int) { k.pairs[i], k.pairs[j] = k.pairs[j], k.pairs[i] })
	return k.pairs
}

// placed is the similarity that turns by degrees, scales, and brings the middle of the
// registered picture to (x, y).
func placed(scale, degrees, x, y float64) Map {
	s, c := sincos(float64(degrees * (math.Pi / 180)))
	a, b := float64(scale*c), float64(scale*s)
	mx, my := sizes.RefW/2, sizes.RefH/2
	return Map{a, -b, x - cross(a, mx, b, my), b, a, y - dot(b, mx, a, my), 0, 0, 1}
}

func product(t testing.TB, maps ...Map) Map {
	t.Helper()
	m := Identity
	for _, n := range maps {
		var ok bool
		if m, ok = m.Mul(n); !ok {
			t.Fatal("product of maps is not finite")
		}
	}
	return m
}

// stretch widens the registered picture about its middle.
func stretch(by float64) Map { return Map{by, 0, float64(150 * (1 - by)), 0, 1, 0, 0, 0, 1} }

// tilt makes the right side of the registered picture smaller.
func tilt(right, down float64) Map {
	return Map{1, 0, 0, 0, 1, 0, right / sizes.RefW, down / sizes.RefH, 1}
}

// cornerError is the largest distance, over the outline of what is seen, between two
// maps, as a share of the larger side of the query.
func cornerError(m, truth Map, o Options) float64 {
	_, seen := Overlap(truth, o.RefW, o.RefH, o.QueryW, o.QueryH)
	worst := 0.0
	for _, p := range seen {
		a, ok := m.Apply(p)
		b, _ := truth.Apply(p)
		if !ok {
			return math.Inf(1)
		}
		worst = max(worst, math.Sqrt(dot(a.X-b.X, a.X-b.X, a.Y-b.Y, a.Y-b.Y)))
	}
	return worst / max(o.QueryW, o.QueryH)
}

func TestFindOne(t *testing.T) {
	scenes := []struct {
		name  string
		truth Map
		model Model
	}{
		{"same", placed(0.75, 0, 160, 120), Similarity},
		{"turned by 25", placed(0.6, 25, 150, 130), Similarity},
		{"upside down", placed(0.7, 180, 160, 120), Similarity},
		{"small paste", placed(0.25, -8, 240, 70), Similarity},
		{"crop of a fifth", placed(3, 0, 60, 200), Similarity},
		{"stretched", product(t, placed(0.7, 0, 160, 120), stretch(1.3)), Affine},
		{"stretched and turned", product(t, placed(0.55, 70, 160, 120), stretch(1.6)), Affine},
		{"photographed", product(t, placed(0.8, 4, 170, 130), tilt(0.25, 0.1)), Projective},
		{"photographed askew", product(t, placed(1.1, -20, 220, 150), tilt(0.5, 0.3)), Projective},
	}
	mixes := []struct {
		right, wrong int
		noise, bound float64
		model        bool
	}{
		{40, 20, 0.0, 0.002, true},
		{60, 60, 0.7, 0.012, true},
		{25, 100, 0.7, 0.03, true},
		{25, 475, 0.7, 0.03, true},
		{12, 12, 0.5, 0.04, false},
	}
	for _, s := range scenes {
		for _, x := range mixes {
			t.Run(fmt.Sprintf("%s/%d of %d", s.name, x.right, x.right+x.wrong), func(t *testing.T) {
				for seed := range uint64(8) {
					k := newMaker(seed)
					k.right(s.truth, sizes, x.right, x.noise*min(1, 0.2+math.Sqrt(s.truth.Det())))
					k.wrong(sizes, x.wrong)
					fits := find(t, k.shuffled(), sizes)
					if len(fits) == 0 {
						t.Errorf("seed %d: nothing found", seed)
						continue
					}
					if e := cornerError(fits[0].Map, s.truth, sizes); e > x.bound {
						t.Errorf("seed %d: %v, corners off by %.4f of the side, allowed %.4f (%d inliers)", seed, fits[0].Model, e, x.bound, len(fits[0].Inliers))
					}
					if n := len(fits[0].Inliers); n < x.right*7/10 || n > x.right*13/10 {
						t.Errorf("seed %d: %d inliers of %d", seed, n, x.right)
					}
					if x.model && fits[0].Model != s.model {
						t.Errorf("seed %d: model %v, want %v", seed, fits[0].Model, s.model)
					}
				}
			})
		}
	}
}

func BenchmarkFind(b *testing.B) {
	for _, x := range []struct{ right, wrong int }{{0, 60}, {20, 40}, {50, 10}, {0, 500}, {25, 475}, {250, 250}, {450, 50}} {
		b.Run(fmt.Sprintf("right=%d/wrong=%d", x.right, x.wrong), func(b *testing.B) {
			k := newMaker(1)
			k.right(product(b, placed(0.8, 10, 160, 120), tilt(0.2, 0.1)), sizes, x.right, 0.7)
			k.wrong(sizes, x.wrong)
			pairs := slices.Clone(k.shuffled())
			b.ReportAllocs()
			for b.Loop() {
				Find(pairs, sizes)
			}
		})
	}
}
