package geometry

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

const (
	defaultTolerance = 0.06
	defaultMin       = 4
	defaultMax       = 4

	// Shares of the first tolerance that fitted maps work with.
	aside   = 2.0
	rim     = 1.5
	widest  = 1.0
	wide    = 0.7
	medium  = 0.5 // also what a fit may use when too few pairs agree with tight
	tight   = 0.25
	samePos = 0.15 // inliers nearer to each other than this are at the same place

	maxAspect = 3.0  // stretch of one direction against the other
	maxDepth  = 4.0  // of the farthest corner against the nearest
	maxPlace  = 2.0  // features may lie outside their picture by this many sides
	maxScale  = 1e4  // of a pair
	maxSide   = 1e9  // of a picture; the smallest is its reciprocal
	maxWeight = 1e12 // of a pair

	attempts = 3   // proposals that are worked out before the best is taken
	rival    = 0.3 // share of the best proposal's score that another must have to be one of them
)

// cand is one usable pair.
type cand struct {
	rx, ry, qx, qy float64
	scale, c, s    float64 // size ratio, cosine and sine of the turn
	weight, root   float64 // weight of the pair and the square root, which fits use
	r, q           int32   // numbers of the features, made dense
	id, at         int32   // place in finder.all and in the caller's list
}

// finder holds one call's state; its slices are kept for the next call.
type finder struct {
	opt        Options
	all        []cand  // usable pairs in canonical order: same q side by side
	left       []cand  // those that no fit has used up
	scope      []cand  // those near the map that is being worked out
	gone       []bool  // which of all are no longer left
	agreed     []seed  // proposals that others agree with
	seeds      []seed  // those of them not tried in this round
	bestR      []int32 // per feature of the registered picture: its best hit in the current collection
	hits       []hit
	samples    []sample
	places     []Point
	points     []Point
	order      []int32
	tried      []found
	votes      votes
	most       int // agreed had, when it was made
	features   map[int]int32
	refs, ques int32
}

var finders = sync.Pool{New: func() any { return &finder{features: make(map[int]int32)} }}

// Find returns the ways in which the registered picture lies in the query, by falling
// support; no two fits share an inlier or a feature of the query, but a feature of the
// registered picture may serve several fits, as its picture may stand in the query
// several times. It is nil when nothing fits or a size is out of bounds.
//
// Every pair proposes a similarity by its places, Scale and Turn; proposals are ranked by
// the weight of the pairs that agree in place, size and direction; the best are fitted
// again and again with tightening tolerance as a similarity, an affine map and a
// homography, and the suppler map is kept when it explains clearly more. Among hundreds
// of pairs, a vote over coarse cells of size, turn and shift picks the proposals that are
// tried. Twenty wrong pairs for each right one are harmless as long as wrong ones do not
// agree with each other.
func Find(pairs []Pair, opts Options) []Fit {
	f := finders.Get().(*finder)
	defer finders.Put(f)
	if !f.prepare(pairs, opts) {
		return nil
	}
	var fits []Fit
	f.propose()
	for len(fits) < f.opt.Max && len(f.left) >= f.opt.Min {
		best, ok := f.round()
		if !ok {
			break
		}
		if !slices.ContainsFunc(fits, func(other Fit) bool { return f.same(&other, &best.Fit) }) {
			fits = append(fits, best.Fit)
		}
		f.spend(&best)
	}
	slices.SortStableFunc(fits, func(a, b Fit) int { return cmp.Compare(b.Support, a.Support) })
	return fits
}

// prepare takes over the usable pairs in an order that does not depend on the caller's.
func (f *finder) prepare(pairs []Pair, o Options) bool {
	for _, side := range [...]float64{o.RefW, o.RefH, o.QueryW, o.QueryH} {
		if !(side >= 1/maxSide && side <= maxSide) {
			return false
		}
	}
	if !(o.Tolerance > 0 && o.Tolerance < 1) {
		o.Tolerance = defaultTolerance
	}
	if o.Min <= 0 {
		o.Min = defaultMin
	}
	o.Min = max(o.Min, 2)
	if o.Max <= 0 {
		o.Max = defaultMax
	}
	f.opt, f.all = o, f.all[:0]
	refSide, querySide := maxPlace*max(o.RefW, o.RefH), maxPlace*max(o.QueryW, o.QueryH)
	inside := func(x, y, w, h, out float64) bool {
		return x >= -out && x <= w+out && y >= -out && y <= h+out
	}
	for i := range pairs {
		p := &pairs[i]
		if !(p.Scale >= 1/maxScale && p.Scale <= maxScale) || !(p.Weight > 0 && p.Weight <= maxWeight) ||
			!(math.Abs(p.Turn) <= 1000) ||
			!inside(p.RX, p.RY, o.RefW, o.RefH, refSide) || !inside(p.QX, p.QY, o.QueryW, o.QueryH, querySide) {
			continue
		}
		s, c := sincos(p.Turn)
		f.all = append(f.all, cand{
			rx: p.RX, ry: p.RY, qx: p.QX, qy: p.QY, scale: p.Scale, c: c, s: s,
			weight: p.Weight, root: math.Sqrt(p.Weight), at: int32(i),
		})
	}
	if len(f.all) < o.Min {
		return false
	}
	f.arrange(pairs)
	f.bestR = slices.Grow(f.bestR[:0], int(f.refs))[:f.refs]
	f.left = append(f.left[:0], f.all...)
	f.gone = append(f.gone[:0], make([]bool, len(f.all))...)
	return true
}

// arrange sorts the pairs, by the features first, and numbers the features.
func (f *finder) arrange(pairs []Pair) {
	order := func(a, b cand) int {
		p, q := &pairs[a.at], &pairs[b.at]
		if p.Q != q.Q {
			return cmp.Compare(p.Q, q.Q)
		}
		if p.R != q.R {
			return cmp.Compare(p.R, q.R)
		}
		return cmp.Or(
			cmp.Compare(p.QX, q.QX), cmp.Compare(p.QY, q.QY), cmp.Compare(p.RX, q.RX), cmp.Compare(p.RY, q.RY),
			cmp.Compare(p.Scale, q.Scale), cmp.Compare(p.Turn, q.Turn), cmp.Compare(p.Weight, q.Weight),
			cmp.Compare(a.at, b.at))
	}
	if !slices.IsSortedFunc(f.all, order) {
		slices.SortFunc(f.all, order)
	}
	clear(f.features)
	f.refs, f.ques = 0, 0
	for i := range f.all {
		p := &pairs[f.all[i].at]
		number, ok := f.features[p.R]
		if !ok {
			number = f.refs
			f.features[p.R] = number
			f.refs++
		}
		if i > 0 && p.Q != pairs[f.all[i-1].at].Q {
			f.ques++
		}
		f.all[i].r, f.all[i].q, f.all[i].id = number, f.ques, int32(i)
	}
	f.ques++
}

// side is the length that tolerances are shares of, for a given size ratio.
func (f *finder) side(scale float64) float64 {
	query := max(f.opt.QueryW, f.opt.QueryH)
	image := float64(scale * max(f.opt.RefW, f.opt.RefH))
	image = min(max(image, query/16), query*16)
	return math.Sqrt(float64(query * image))
}

// found is a fit with what the search needs to know of it.
type found struct {
	Fit
	side float64
}

// round works out a few of the best proposals that do not belong to the same fit and
// returns the best supported.
func (f *finder) round() (best found, ok bool) {
	f.tried, f.seeds = f.tried[:0], append(f.seeds[:0], f.agreed...)
	least := 0.0
	for failures := 0; len(f.tried) < attempts && failures < 4*attempts; {
		c, score := f.next(least)
		if c == nil {
			break
		}
		fit, fitted := f.settle(c)
		if !fitted {
			failures++
			continue
		}
		f.tried = append(f.tried, fit)
		least = max(least, float64(score*rival))
		if !ok || better(&fit.Fit, &best.Fit) {
			best, ok = fit, true
		}
	}
	return best, ok
}

func better(a, b *Fit) bool {
	if a.Support != b.Support {
		return a.Support > b.Support
	}
	if a.Model != b.Model {
		return a.Model < b.Model
	}
	return a.Error < b.Error
}

// spend removes the pairs that a fit explains: those of its features in the query, and
// those that say about the same.
func (f *finder) spend(fit *found) {
	used := make([]bool, f.ques)
	j := 0
	for i := range f.left {
		if _, is := slices.BinarySearch(fit.Inliers, int(f.left[i].at)); is {
			used[f.left[i].q] = true
		}
	}
	limit := float64(fit.side * f.opt.Tolerance)
	for i := range f.left {
		c := &f.left[i]
		if used[c.q] || distance(&fit.Map, c) <= float64(limit*limit) {
			f.gone[c.id] = true
			continue
		}
		f.left[j] = *c
		j++
	}
	f.left = f.left[:j]
	f.renew()
}

// distance is the squared distance in the query of a pair from a map.
func distance(m *Map, c *cand) float64 {
	q, ok := m.Apply(Point{c.rx, c.ry})
	if !ok {
		return math.Inf(1)
	}
	return dot(q.X-c.qx, q.X-c.qx, q.Y-c.qy, q.Y-c.qy)
}

// same tells whether two fits put the picture at the same place: all corners within the
// first tolerance.
func (f *finder) same(a, b *Fit) bool {
	scale := math.Sqrt(math.Abs(cross(a.Map[0], a.Map[4], a.Map[1], a.Map[3])))
	limit := float64(f.side(scale) * f.opt.Tolerance)
	for _, corner := range Rect(f.opt.RefW, f.opt.RefH) {
		p, ok1 := a.Map.Apply(corner)
		q, ok2 := b.Map.Apply(corner)
		if !ok1 || !ok2 || dot(p.X-q.X, p.X-q.X, p.Y-q.Y, p.Y-q.Y) > float64(limit*limit) {
			return false
		}
	}
	return true
}
