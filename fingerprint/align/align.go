// Package align fits how one video runs inside another, from pairs of moments that look
// alike: what package geometry does for pictures, in time.
//
// Use [Find]. It takes the pairs, most of which may be wrong, and returns the lines
// (registered time) = speed × (query time) + offset that they agree on, the best supported
// first.
//
// Promised: the same result for the same pairs, in any order, on every CPU. A line whose
// pairs lie within half of [Options.Tolerance] of it, at any speed within the bounds, and
// that spans no more than [Options.Span] seconds, is found with all of them; see
// TestFindEqualsBruteForce. Longer runs are found in pieces, which the caller joins.
package align

import (
	"cmp"
	"math"
	"slices"
)

// Pair says that a moment of the query and a moment of the registered video look alike.
type Pair struct {
	Q, R   float64 // seconds
	Weight float64 // how telling it is, > 0
}

// Line is one way in which the registered video runs in the query.
type Line struct {
	// Speed is how many seconds of the registered video pass in one second of the query;
	// negative where it runs backwards. Offset is the registered time at the query's zero.
	Speed, Offset float64
	// Support is the weight of the pairs on the line, of which each moment of either video
	// counts once.
	Support float64
	// Members are the places of these pairs in the list, by rising query time and place: all
	// pairs on the line, several of which may name the same moment.
	Members []int
}

// At is the registered time at a query time.
func (l *Line) At(q float64) float64 { return float64(l.Speed*q) + l.Offset }

// Options say what counts as a line. The zero value of each field stands for its default.
type Options struct {
	Tolerance float64 // seconds of registered time that a pair may be off; 0.5
	Slowest   float64 // least speed; 0.75
	Fastest   float64 // greatest speed; 1.34
	Forwards  bool    // look for no reversed playback
	Span      float64 // seconds of query time that a line is looked for at once; 64
	Min       float64 // least support; 1
	Max       int     // most lines; 8
}

func (o Options) filled() Options {
	set := func(v *float64, d float64) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Tolerance, .5)
	set(&o.Slowest, .75)
	set(&o.Fastest, 1.34)
	set(&o.Span, 64)
	set(&o.Min, 1)
	if o.Max <= 0 {
		o.Max = 8
	}
	return o
}

// What is preferred where lines are supported alike, as in a still scene: the plain speed
// to others, forwards to backwards.
const (
	oddSpeed  = .02 // of the support, at a speed of 1.25
	backwards = .03
)

// Find returns the lines that pairs agree on, the best supported first. A moment of the
// query that a line explains is not counted again for the next.
func Find(pairs []Pair, o Options) []Line {
	o = o.filled()
	f := finder{Options: o, all: pairs}
	for i, p := range pairs {
		if !(p.Weight > 0) || math.IsInf(p.Weight, 0) || !(math.Abs(p.Q) < 1e7) || !(math.Abs(p.R) < 1e7) {
			continue
		}
		f.left = append(f.left, i)
	}
	slices.SortFunc(f.left, func(a, b int) int {
		x, y := &pairs[a], &pairs[b]
		return cmp.Or(cmp.Compare(x.Q, y.Q), cmp.Compare(x.R, y.R), cmp.Compare(y.Weight, x.Weight), a-b)
	})
	var out []Line
	for len(out) < o.Max && len(f.left) > 0 {
		l, ok := f.best()
		if !ok {
			break
		}
		out = append(out, l)
		f.remove(&l)
	}
	return out
}

type finder struct {
	Options
	all  []Pair
	left []int // pairs not yet explained, by query and registered time
}

// best finds the line with the most support in any window of the query.
func (f *finder) best() (Line, bool) {
	var best Line
	score := 0.0
	for from := 0; from < len(f.left); {
		// Windows overlap by half, so that a line of half a span stands whole in one.
		start := f.all[f.left[from]].Q
		to := from
		for to < len(f.left) && f.all[f.left[to]].Q <= start+f.Span {
			to++
		}
		if l, s := f.window(f.left[from:to]); s > score {
			best, score = l, s
		}
		if to == len(f.left) {
			break
		}
		next := from + 1
		for f.all[f.left[next]].Q < start+f.Span/2 {
			next++
		}
		from = next
	}
	return best, score > 0 && best.Support >= f.Min
}

// bin gathers the weight of the pairs in a stripe, each moment once.
type bin struct {
	last   float64 // the moment counted last
	weight float64 // of it
	sum    float64
}

func (b *bin) add(at, w float64) {
	switch {
	case b.sum == 0 || at != b.last:
		b.last, b.weight = at, w
		b.sum += w
	case w > b.weight:
		b.sum += w - b.weight
		b.weight = w
	}
}

// window finds the best line through the pairs of one window.
func (f *finder) window(at []int) (Line, float64) {
	first, last := f.all[at[0]].Q, f.all[at[len(at)-1]].Q
	mid := (first + last) / 2
	span := max(last-first, .5)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, i := range at {
		lo, hi = min(lo, f.all[i].R), max(hi, f.all[i].R)
	}
	byR := slices.Clone(at)
	slices.SortFunc(byR, func(a, b int) int {
		return cmp.Or(cmp.Compare(f.all[a].R, f.all[b].R), cmp.Compare(f.all[a].Q, f.all[b].Q), a-b)
	})
	// Stripes are two tolerances wide, with one starting every half. From one speed to the next
	// the ends of the window move by half a tolerance: at the nearest speed, pairs within half a
	// tolerance of a line are in a band of 1.5 tolerances, which lies whole in some stripe.
	half, step := f.Tolerance/2, f.Tolerance/span
	n := int(math.Ceil((f.Fastest - f.Slowest) / step))
	reach := f.Fastest*span/2 + 2*f.Tolerance
	size := int((hi-lo+2*reach)/half) + 5
	qs, rs := make([]bin, size), make([]bin, size)
	bestSpeed, best, bestFrom, bestTo := 0.0, 0.0, 0, 0
	try := func(speed float64) {
		clear(qs)
		clear(rs)
		base := lo - reach
		place := func(p *Pair) int { return int((p.R - float64(speed*(p.Q-mid)) - base) / half) }
		for _, i := range at {
			p := &f.all[i]
			for k, n := place(p), 0; n < 4; n++ {
				qs[k+n].add(p.Q, p.Weight)
			}
		}
		for _, i := range byR {
			p := &f.all[i]
			for k, n := place(p), 0; n < 4; n++ {
				rs[k+n].add(p.R, p.Weight)
			}
		}
		likes := 1 - float64(oddSpeed*math.Abs(math.Log(math.Abs(speed)))/math.Log(1.25))
		if speed < 0 {
			likes -= backwards
		}
		for k := range qs {
			// Stripe k holds the places k-3 to k.
			switch s := min(qs[k].sum, rs[k].sum) * likes; {
			case s > best:
				best, bestSpeed, bestFrom, bestTo = s, speed, k, k
			case s == best && speed == bestSpeed && k == bestTo+1:
				bestTo = k // a still scene: the middle of what is possible is said
			}
		}
	}
	for i := 0; i <= n; i++ {
		speed := f.Slowest + float64(i)*(f.Fastest-f.Slowest)/float64(max(n, 1))
		try(speed)
		if !f.Forwards {
			try(-speed)
		}
	}
	try(1)
	if !f.Forwards {
		try(-1)
	}
	if best == 0 {
		return Line{}, 0
	}
	at0 := lo - reach + float64((float64(bestFrom+bestTo)/2-1)*half) // at mid
	l := Line{Speed: bestSpeed, Offset: at0 - float64(bestSpeed*mid)}
	f.gather(&l, at)
	f.settle(&l, at)
	return l, best
}

// gather takes the pairs within tolerance of a line.
func (f *finder) gather(l *Line, at []int) {
	l.Members = l.Members[:0]
	var q bin
	for _, i := range at {
		p := &f.all[i]
		if math.Abs(p.R-l.At(p.Q)) <= f.Tolerance+1e-9 {
			l.Members = append(l.Members, i)
			q.add(p.Q, p.Weight)
		}
	}
	byR := slices.Clone(l.Members)
	slices.SortFunc(byR, func(a, b int) int { return cmp.Compare(f.all[a].R, f.all[b].R) })
	var r bin
	for _, i := range byR {
		r.add(f.all[i].R, f.all[i].Weight)
	}
	l.Support = min(q.sum, r.sum)
}

// settle moves a line to where its pairs lie in the mean, by least squares over one pair a
// query moment, if that loses no support.
func (f *finder) settle(l *Line, at []int) {
	for range 3 {
		var n, sq, sr, sqq, sqr float64
		for k := 0; k < len(l.Members); {
			q := f.all[l.Members[k]].Q
			best, bestOff := -1, 0.0
			for ; k < len(l.Members) && f.all[l.Members[k]].Q == q; k++ {
				p := &f.all[l.Members[k]]
				off := math.Abs(p.R - l.At(q))
				if best < 0 || p.Weight > f.all[best].Weight || p.Weight == f.all[best].Weight && off < bestOff {
					best, bestOff = l.Members[k], off
				}
			}
			p := &f.all[best]
			w := p.Weight
			n += w
			sq += float64(w * p.Q)
			sr += float64(w * p.R)
			sqq += float64(w * p.Q * p.Q)
			sqr += float64(w * p.Q * p.R)
		}
		d := float64(n*sqq) - float64(sq*sq)
		if !(d > 1e-6*float64(n*n)) {
			return
		}
		m := Line{Speed: (float64(n*sqr) - float64(sq*sr)) / d}
		m.Offset = (sr - float64(m.Speed*sq)) / n
		if s := math.Abs(m.Speed); s < f.Slowest || s > f.Fastest || m.Speed < 0 != (l.Speed < 0) {
			return
		}
		f.gather(&m, at)
		if m.Support < l.Support {
			return
		}
		same := m.Support == l.Support && math.Abs(m.Speed-l.Speed) < 1e-9
		*l = m
		if same {
			return
		}
	}
}

// remove takes out the pairs of the query moments that a line explains.
func (f *finder) remove(l *Line) {
	gone := map[float64]bool{}
	for _, i := range l.Members {
		gone[f.all[i].Q] = true
	}
	kept := f.left[:0]
	for _, i := range f.left {
		if !gone[f.all[i].Q] {
			kept = append(kept, i)
		}
	}
	f.left = kept
}
