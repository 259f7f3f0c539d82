package geometry

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// find calls Find and checks everything that is promised of any result.
func find(t testing.TB, pairs []Pair, o Options) []Fit {
	t.Helper()
	before := slices.Clone(pairs)
	fits := Find(pairs, o)
	for i := range pairs {
		if pairs[i] != before[i] && !math.IsNaN(pairs[i].RX+pairs[i].RY+pairs[i].QX+pairs[i].QY+pairs[i].Scale+pairs[i].Turn+pairs[i].Weight) {
			t.Fatalf("pair %d was changed", i)
		}
	}
	if limit := cmp.Or(max(o.Max, 0), defaultMax); len(fits) > limit {
		t.Errorf("%d fits, at most %d were asked for", len(fits), limit)
	}
	queries := make(map[int]bool)
	for i, fit := range fits {
		if i > 0 && fit.Support > fits[i-1].Support {
			t.Errorf("fit %d has more support than the one before", i)
		}
		if !finite(fit.Map[:]...) || !finite(fit.Support, fit.Spread, fit.Error) || fit.Map[8] != 1 || !(fit.Map.Det() > 0) {
			t.Errorf("fit %d: %+v", i, fit)
		}
		if p, ok := Decompose(fit.Map, o.RefW, o.RefH); !ok || p.Mirrored || p.Anisotropy > maxAspect+1e-9 || p.Perspective > maxDepth+1e-9 {
			t.Errorf("fit %d does what no picture does: %+v", i, p)
		}
		outline, ok := Rect(o.RefW, o.RefH).Image(fit.Map)
		if hull := Hull(outline); !ok || math.Abs(hull.Area()-outline.signed()) > 1e-9*hull.Area() {
			t.Errorf("fit %d folds the picture: %v", i, outline)
		}
		if fit.Distinct < max(o.Min, 2) || fit.Distinct > len(fit.Inliers) || !slices.IsSorted(fit.Inliers) ||
			fit.Spread < 0 || fit.Error < 0 || fit.Model > Projective {
			t.Errorf("fit %d: %+v", i, fit)
		}
		refs, sum, square := make(map[int]bool), 0.0, 0.0
		for _, at := range fit.Inliers {
			p := pairs[at]
			if refs[p.R] || queries[p.Q] {
				t.Errorf("fit %d: a feature of pair %d is named twice", i, at)
			}
			refs[p.R], queries[p.Q] = true, true
			sum += p.Weight
			q, _ := fit.Map.Apply(Point{p.RX, p.RY})
			square += (q.X-p.QX)*(q.X-p.QX) + (q.Y-p.QY)*(q.Y-p.QY)
		}
		if !(fit.Support > 0) || fit.Support > sum*(1+1e-12) {
			t.Errorf("fit %d: support %v, weights sum to %v", i, fit.Support, sum)
		}
		if rms := math.Sqrt(square / float64(len(fit.Inliers))); math.Abs(rms-fit.Error) > 1e-6*(1+rms) {
			t.Errorf("fit %d: error %v, measured %v", i, fit.Error, rms)
		}
	}
	return fits
}

func TestFindSeveral(t *testing.T) {
	for seed := range uint64(10) {
		truths := []Map{placed(0.3, 0, 80, 60), placed(0.3, 90, 240, 60), placed(0.25, 15, 80, 180), product(t, placed(0.3, -20, 240, 180), stretch(1.2))}
		k := newMaker(seed)
		for i, m := range truths {
			k.right(m, sizes, 34-6*i, 0.4)
		}
		// The same features of the registered picture serve the second copy too.
		for i := range 28 {
			p := &k.pairs[34+i]
			near := slices.MinFunc(k.pairs[:34], func(a, b Pair) int {
				return cmp.Compare(math.Hypot(a.RX-p.RX, a.RY-p.RY), math.Hypot(b.RX-p.RX, b.RY-p.RY))
			})
			if q, ok := truths[1].Apply(Point{near.RX, near.RY}); ok {
				p.R, p.RX, p.RY, p.QX, p.QY = near.R, near.RX, near.RY, q.X, q.Y
			}
		}
		k.wrong(sizes, 60)
		o := sizes
		o.Max = 6
		fits := find(t, k.shuffled(), o)
		for i, truth := range truths {
			outline, _ := Rect(o.RefW, o.RefH).Image(truth)
			best := 0.0
			for _, fit := range fits {
				image, _ := Rect(o.RefW, o.RefH).Image(fit.Map)
				best = max(best, IoU(image, outline))
			}
			if best < 0.9 {
				t.Errorf("seed %d: copy %d is found with an IoU of %.3f", seed, i, best)
			}
		}
		if len(fits) > len(truths)+1 {
			t.Errorf("seed %d: %d fits for %d copies", seed, len(fits), len(truths))
		}
	}
}

func TestFindFew(t *testing.T) {
	truth := placed(0.5, 12, 160, 120)
	for right := 2; right <= 5; right++ {
		found, again := 0, 0
		for seed := range uint64(40) {
			k := newMaker(seed)
			k.right(truth, sizes, right, 0.2)
			k.wrong(sizes, 10)
			o := sizes
			o.Min, o.Max = 2, 8
			for _, fit := range find(t, k.shuffled(), o) {
				if cornerError(fit.Map, truth, sizes) < 0.1 {
					found++
				}
			}
			for _, fit := range find(t, k.pairs, sizes) {
				if fit.Distinct < 4 {
					t.Errorf("%d inliers where 4 are the fewest", fit.Distinct)
				}
				again++
			}
		}
		// Two pairs are often too close to each other to fix a map, or at the same place.
		if least := []int{2: 15, 3: 32, 4: 38, 5: 39}[right]; found < least {
			t.Errorf("%d right pairs: found in %d of 40, want %d", right, found, least)
		}
		if right < 4 && again > 0 {
			t.Errorf("%d right pairs made %d fits of four", right, again)
		}
	}
}

// Chance agreement: the support that wrong pairs find among themselves.
func TestFindStrangers(t *testing.T) {
	for _, x := range []struct{ wrong, fours int }{{60, 3}, {500, 40}} {
		fours := 0
		for seed := range uint64(40) {
			k := newMaker(seed)
			k.wrong(sizes, x.wrong)
			for _, fit := range find(t, k.pairs, sizes) {
				fours++
				if fit.Distinct > 6 {
					t.Errorf("%d wrong pairs, seed %d: a fit of %d places", x.wrong, seed, fit.Distinct)
				}
			}
		}
		if fours > x.fours {
			t.Errorf("%d wrong pairs: %d fits in 40 runs, at most %d are usual", x.wrong, fours, x.fours)
		}
	}
}

func TestFindOrder(t *testing.T) {
	for _, n := range []int{30, 100, 400} {
		k := newMaker(uint64(n))
		k.right(placed(0.3, 0, 80, 60), sizes, n/6, 0.4)
		k.right(product(t, placed(0.3, 90, 240, 160), tilt(0.3, 0)), sizes, n/6, 0.4)
		k.wrong(sizes, n-2*(n/6))
		k.pairs = append(k.pairs, k.pairs[:n/10]...) // whole pairs twice
		want := ""
		for round := range 12 {
			pairs := k.shuffled()
			got := ""
			for _, fit := range find(t, pairs, sizes) {
				var inliers []Pair
				for _, at := range fit.Inliers {
					inliers = append(inliers, pairs[at])
				}
				slices.SortFunc(inliers, func(a, b Pair) int { return cmp.Compare(a.Q, b.Q) })
				fit.Inliers = nil
				got += fmt.Sprintf("%x %v\n", fit, inliers)
			}
			if round == 0 {
				want = got
			}
			if got != want || got == "" {
				t.Fatalf("%d pairs, round %d: other order, other result:\n%s\n%s", n, round, got, want)
			}
		}
	}
}

func TestFindHostile(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := newMaker(1)
	good.right(placed(0.7, 10, 160, 120), sizes, 20, 0.3)
	var line, spot, swapped, lattice, bad []Pair
	for i := range 40 {
		p := Pair{RX: float64(i) * 7, RY: float64(i) * 7, QX: float64(i) * 5, QY: float64(i) * 5, Scale: 5. / 7, Weight: 1, R: i, Q: i}
		line = append(line, p)
		p.RX, p.RY, p.QX, p.QY = 50, 50, 60, 60
		spot = append(spot, p)
		p.QX = float64(i) * 7
		swapped = append(swapped, p)
	}
	// A weave: each knot looks like all others.
	for i := range 25 {
		for j := range 25 {
			lattice = append(lattice, Pair{
				RX: float64(i%5)*60 + 20, RY: float64(i/5)*60 + 20, QX: float64(j%5)*50 + 30, QY: float64(j/5)*50 + 10,
				Scale: 50. / 60, Weight: 1, R: i, Q: j,
			})
		}
	}
	for i, v := range []float64{nan, inf, -inf, 1e300, -1e300, 1e-300} {
		for field := range 7 {
			p := good.pairs[0]
			*[]*float64{&p.RX, &p.RY, &p.QX, &p.QY, &p.Scale, &p.Turn, &p.Weight}[field] = v
			p.R, p.Q = 1000+10*i+field, 1000+10*i+field
			bad = append(bad, p)
		}
	}
	for name, pairs := range map[string][]Pair{"none": nil, "line": line, "spot": spot, "spread from a spot": swapped, "lattice": lattice, "bad": bad} {
		o := sizes
		for _, o.Min = range []int{0, 2} {
			fits := find(t, pairs, o)
			switch name {
			case "line":
				if len(fits) == 0 || fits[0].Model != Similarity || len(fits[0].Inliers) != 40 || fits[0].Spread > 1e-9 {
					t.Errorf("line: %+v", fits)
				}
			case "lattice":
				if len(fits) == 0 || len(fits[0].Inliers) != 25 || math.Abs(fits[0].Map[0]-5./6) > 1e-6 {
					t.Errorf("lattice: %+v", fits)
				}
			default:
				for _, fit := range fits {
					if name != "bad" || fit.Distinct > 2 {
						t.Errorf("%s: %+v", name, fit)
					}
				}
			}
		}
	}
	alone := find(t, good.pairs, sizes)
	if mixed := find(t, append(slices.Clone(good.pairs), bad...), sizes); len(alone) != 1 || len(mixed) != 1 || mixed[0].Distinct < 19 {
		t.Errorf("bad pairs do harm: %+v without, %+v with", alone, mixed)
	}
	for _, v := range []float64{nan, inf, 0, -1, 1e300} {
		for field := range 4 {
			o := sizes
			*[]*float64{&o.RefW, &o.RefH, &o.QueryW, &o.QueryH}[field] = v
			if fits := Find(good.pairs, o); fits != nil {
				t.Errorf("size %d is %v: %+v", field, v, fits)
			}
		}
		o := sizes
		o.Tolerance = v
		if fits := find(t, good.pairs, o); len(fits) != 1 {
			t.Errorf("tolerance %v: %+v", v, fits)
		}
	}
}

func FuzzFind(f *testing.F) {
	for seed := range uint64(4) {
		k := newMaker(seed)
		k.right(placed(0.6, 25, 150, 130), sizes, 10, 0.5)
		k.wrong(sizes, 10)
		var data []byte
		for _, p := range k.pairs {
			for _, v := range []float64{p.RX, p.RY, p.QX, p.QY, p.Scale, p.Turn, p.Weight} {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(v)))
			}
			data = append(data, byte(p.R), byte(p.Q))
		}
		f.Add(data, float32(300), float32(320), float32(320), float32(240), int8(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte, rw, rh, qw, qh float32, least int8) {
		var pairs []Pair
		for ; len(data) >= 30 && len(pairs) < 300; data = data[30:] {
			v := func(i int) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))) }
			pairs = append(pairs, Pair{
				RX: v(0), RY: v(1), QX: v(2), QY: v(3), Scale: v(4), Turn: v(5), Weight: v(6),
				R: int(data[28]), Q: int(data[29]),
			})
		}
		find(t, pairs, Options{RefW: float64(rw), RefH: float64(rh), QueryW: float64(qw), QueryH: float64(qh), Min: int(least)})
	})
}

// Pairs on a coarse grid, with many ties and features named again and again.
func TestFindRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 400 {
		pairs := make([]Pair, rng.IntN(250))
		grid := float64(1 + rng.IntN(12))
		for i := range pairs {
			pairs[i] = Pair{
				RX: grid * float64(rng.IntN(25)), RY: grid * float64(rng.IntN(25)), QX: grid * float64(rng.IntN(20)), QY: grid * float64(rng.IntN(20)),
				Scale: []float64{0.5, 1, 1, 2}[rng.IntN(4)], Turn: []float64{0, 0, math.Pi / 2, math.Pi, -math.Pi}[rng.IntN(5)],
				Weight: float64(1 + rng.IntN(3)), R: rng.IntN(40), Q: rng.IntN(40),
			}
		}
		o := sizes
		o.Min, o.Max = rng.IntN(6), rng.IntN(8)
		find(t, pairs, o)
	}
}

// The bits of fits to fixed scenes, so that a CPU or compiler that computes otherwise shows.
func TestFindBits(t *testing.T) {
	sum := fnv.New64a()
	put := func(v ...float64) {
		for _, x := range v {
			sum.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
		}
	}
	for seed := range uint64(30) {
		k := newMaker(seed)
		k.right(placed(0.3, float64(10*seed), 80, 60), sizes, 15, 0.4)
		k.right(product(t, placed(0.3, 90, 240, 160), tilt(0.3, 0.1)), sizes, 25, 0.4)
		k.right(product(t, placed(0.3, -40, 80, 180), stretch(1.4)), sizes, 20, 0.4)
		k.wrong(sizes, int(60+10*seed))
		for _, fit := range find(t, k.shuffled(), sizes) {
			put(fit.Map[:]...)
			put(fit.Support, fit.Spread, fit.Error, float64(fit.Model), float64(fit.Distinct), float64(len(fit.Inliers)))
			p, _ := Decompose(fit.Map, sizes.RefW, sizes.RefH)
			put(p.Scale, p.Turn, p.Aspect, p.Shear, p.Anisotropy, p.Perspective)
			inQuery, inRef := Overlap(fit.Map, sizes.RefW, sizes.RefH, sizes.QueryW, sizes.QueryH)
			put(inQuery.Area(), inRef.Area(), IoU(inQuery, Rect(160, 120)))
		}
	}
	if got, want := fmt.Sprintf("%016x", sum.Sum64()), "ff2f823fd9e3e655"; got != want {
		t.Errorf("bits of the fits are %s, were %s", got, want)
	}
}
