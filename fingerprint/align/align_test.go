package align

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// support is what a line is worth, by its definition and nothing clever.
func support(pairs []Pair, l Line, tolerance float64) float64 {
	q, r := map[float64]float64{}, map[float64]float64{}
	for _, p := range pairs {
		if math.Abs(p.R-l.At(p.Q)) <= tolerance {
			q[p.Q] = max(q[p.Q], p.Weight)
			r[p.R] = max(r[p.R], p.Weight)
		}
	}
	sum := func(m map[float64]float64) (s float64) {
		for _, w := range m {
			s += w
		}
		return s
	}
	return min(sum(q), sum(r))
}

// bruteForce is the most that any line through two pairs is supported by.
func bruteForce(pairs []Pair, o Options, tolerance float64) (best float64) {
	for i, a := range pairs {
		for _, b := range pairs[i+1:] {
			if a.Q == b.Q {
				continue
			}
			l := Line{Speed: (b.R - a.R) / (b.Q - a.Q)}
			if s := math.Abs(l.Speed); s < o.Slowest || s > o.Fastest {
				continue
			}
			l.Offset = a.R - l.Speed*a.Q
			best = max(best, support(pairs, l, tolerance))
		}
	}
	return best
}

// run is a registered video that runs in a query from one time to another, sampled every
// half second on both sides.
func run(speed, from, to, start float64) (pairs []Pair) {
	for q := math.Ceil(2*from) / 2; q <= to; q += .5 {
		r := start + speed*(q-from)
		if speed < 0 {
			r = start - speed*(from-q) // backwards from start
		}
		pairs = append(pairs, Pair{Q: q, R: math.Round(2*r) / 2, Weight: 1})
	}
	return pairs
}

func noise(r *rand.Rand, n int, q, ref float64) (pairs []Pair) {
	for range n {
		pairs = append(pairs, Pair{Q: math.Round(2*r.Float64()*q) / 2, R: math.Round(2*r.Float64()*ref) / 2, Weight: .2 + .8*r.Float64()})
	}
	return pairs
}

func randomSpeed(r *rand.Rand) float64 {
	s := .8 + .45*r.Float64()
	if r.IntN(3) == 0 {
		s = -s
	}
	return s
}

func TestFindEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 40 {
		speed := randomSpeed(r)
		length := 2 + 28*r.Float64()
		pairs := run(speed, 3, 3+length, 60+20*r.Float64())
		pairs = append(pairs, noise(r, r.IntN(60), 40, 120)...)
		r.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		o := Options{}.filled()
		lines := Find(pairs, Options{})
		if len(lines) == 0 {
			t.Fatalf("case %d: no line", n)
		}
		l := lines[0]
		if got := support(pairs, l, o.Tolerance+1e-9); math.Abs(got-l.Support) > 1e-6 {
			t.Errorf("case %d: support is said to be %v and is %v", n, l.Support, got)
		}
		// What lies within half of the tolerance must be found, but for the preferences.
		if want := (1 - 2*backwards - oddSpeed) * bruteForce(pairs, o, o.Tolerance/2); l.Support < want {
			t.Errorf("case %d: speed %.3f: support %v, brute force finds %v", n, speed, l.Support, want)
		}
		if length > 8 {
			if math.Abs(l.Speed-speed) > .8/length {
				t.Errorf("case %d: speed %.3f, want %.3f over %.1f s", n, l.Speed, speed, length)
			}
		}
	}
}

// Several pieces of one video, each at a speed and place of its own, are all found.
func TestSegments(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for n := range 60 {
		speeds := []float64{randomSpeed(r), randomSpeed(r), randomSpeed(r)}
		starts := []float64{40, 140, 90}
		var pairs []Pair
		for i, s := range speeds {
			from := float64(12 * i)
			pairs = append(pairs, run(s, from, from+9, starts[i])...)
		}
		pairs = append(pairs, noise(r, 40, 36, 200)...)
		lines := Find(pairs, Options{Max: 3})
		for i, s := range speeds {
			mid := float64(12*i) + 4.5
			want := starts[i] + s*4.5
			if !slices.ContainsFunc(lines, func(l Line) bool { return math.Abs(l.At(mid)-want) < .6 && math.Abs(l.Speed-s) < .15 }) {
				t.Errorf("case %d: piece %d at speed %.3f from %v is not among %+v", n, i, s, starts[i], lines)
			}
		}
	}
}

func TestPreferences(t *testing.T) {
	// A still scene: all frames look alike. The plain speed forwards is what is said of it.
	var pairs []Pair
	for q := range 9 {
		for r := range 9 {
			pairs = append(pairs, Pair{Q: float64(q) / 2, R: float64(r) / 2, Weight: 1})
		}
	}
	l := Find(pairs, Options{})[0]
	if l.Speed != 1 || math.Abs(l.Offset) > .25 {
		t.Errorf("still scene: %+v, want speed 1 and no offset", l)
	}
	if len(l.Members) < 9 || l.Support < 9 {
		t.Errorf("still scene: support %v of %d members, want 9", l.Support, len(l.Members))
	}
}

// One registered frame that many moments of the query resemble is one moment.
func TestStillAgainstMoving(t *testing.T) {
	var pairs []Pair
	for q := range 40 {
		pairs = append(pairs, Pair{Q: float64(q) / 2, R: 7, Weight: 1})
	}
	for _, l := range Find(pairs, Options{}) {
		if l.Support > 1+1e-9 {
			t.Errorf("one registered frame supports %v", l.Support)
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	pairs := append(run(.9, 1, 20, 5), noise(r, 60, 25, 40)...)
	// Distinct pairs, so that a place in the list names one.
	slices.SortFunc(pairs, func(a, b Pair) int { return int(math.Copysign(1, a.Q*1000+a.R-b.Q*1000-b.R)) })
	pairs = slices.CompactFunc(pairs, func(a, b Pair) bool { return a.Q == b.Q && a.R == b.R })
	want := Find(pairs, Options{})
	for range 10 {
		r.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		got := Find(pairs, Options{})
		if len(got) != len(want) {
			t.Fatalf("%d lines, then %d", len(want), len(got))
		}
		for i := range got {
			if got[i].Speed != want[i].Speed || got[i].Offset != want[i].Offset || got[i].Support != want[i].Support {
				t.Fatalf("line %d: %+v, then %+v", i, want[i], got[i])
			}
		}
	}
}

// A piece of 3 seconds in a video of two hours.
func TestNeedle(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 10 {
		at := 7000 * r.Float64()
		pairs := append(run(randomSpeed(r), 10, 13, at), noise(r, 300, 60, 7200)...)
		l := Find(pairs, Options{})[0]
		if math.Abs(l.At(10)-at) > .6 {
			t.Errorf("found at %.1f s, want %.1f", l.At(10), at)
		}
	}
}

func TestHostile(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, pairs := range [][]Pair{
		nil,
		{{nan, 1, 1}, {1, nan, 1}, {1, 1, nan}, {inf, 1, 1}, {1, -inf, 1}, {1, 1, inf}, {1, 1, 0}, {1, 1, -1}},
		{{1e9, 1, 1}},
	} {
		if l := Find(pairs, Options{}); len(l) != 0 {
			t.Errorf("%v: %+v", pairs, l)
		}
	}
	if l := Find([]Pair{{1, 1, 1}}, Options{}); len(l) != 1 || l[0].Support != 1 {
		t.Errorf("one pair: %+v", l)
	}
}

func BenchmarkFind(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 5))
	pairs := append(run(1.1, 0, 60, 100), noise(r, 1000, 60, 3600)...)
	for b.Loop() {
		Find(pairs, Options{Max: 1})
	}
}
