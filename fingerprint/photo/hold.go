package photo

import (
	"math"
	"math/bits"
	"slices"

	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
)

// held is how far the local features of two pictures hold a place.
type held struct {
	inliers int     // pairs alike that lie where the map says, one to one
	support float64 // their weights; those at nearly the same place count once
	spread  float64 // area of their hull, as a share of the registered picture
	err     float64 // root mean square distance, as a share of the query's longer side; unheld without inliers
	seen    int     // features of the registered picture that the query should show
	asked   int     // features of the query inside the outline
	sure    int     // those of seen that lie where the two pictures agree
	lost    lost    // where those of seen are that do not hold it

	places []geometry.Point // of the inliers, in the registered picture
	weight []float64
	refs   []int   // their features of it
	off    float64 // sum of the squared distances
}

// unheld is the error of a place that nothing holds.
const unheld = .02

// How far a pair may be off: as a share of the geometric mean of the longer sides of the
// query and of the registered picture as it appears there; in size, as a ratio; in
// direction, in radians.
const (
	holdSlack = .015
	holdSize  = 1.6
	holdTurn  = .5
	samePlace = .012 // inliers nearer than this share of the registered picture's side count once
)

// grip counts the pairs of alike features that agree with a place, whatever it came from.
func (q *Query) grip(p *Place, c *Comparison, list []geometry.Pair) held {
	h := held{err: unheld}
	qw, qh := float64(q.res.Width), float64(q.res.Height)
	rw, rh := float64(c.ref.Width), float64(c.ref.Height)
	m := p.Map
	if p.Mirrored {
		m = flip(m, qw) // the pairs are those of the mirrored query
	}
	size := scaleOf(m, rw/2, rh/2)
	slack := holdSlack * math.Sqrt(max(qw, qh)*max(rw, rh)*size)
	slack *= slack
	type inlier struct {
		pair int
		off  float64
	}
	var in []inlier
	for i := range list {
		a := &list[i]
		to, ok := p.bend.apply(m, geometry.Point{X: a.RX, Y: a.RY}, rw, rh)
		if !ok {
			continue
		}
		dx, dy := to.X-a.QX, to.Y-a.QY
		off := float64(dx*dx) + float64(dy*dy)
		if off > slack || !alikeIn(m, a) {
			continue
		}
		in = append(in, inlier{i, off})
	}
	slices.SortStableFunc(in, func(a, b inlier) int {
		switch {
		case a.off < b.off:
			return -1
		case a.off > b.off:
			return 1
		}
		return 0
	})
	usedQ, usedR := map[int]bool{}, map[int]bool{}
	for _, i := range in {
		a := &list[i.pair]
		if usedQ[a.Q] || usedR[a.R] {
			continue
		}
		usedQ[a.Q], usedR[a.R] = true, true
		h.places = append(h.places, geometry.Point{X: a.RX, Y: a.RY})
		h.weight, h.refs = append(h.weight, a.Weight), append(h.refs, a.R)
		h.off += i.off
	}
	h.sum(rw, rh, max(qw, qh))
	return h
}

// alikeIn reports whether a pair has the size and the direction that a map gives it.
func alikeIn(m geometry.Map, a *geometry.Pair) bool {
	xx, xy, yx, yy := m.Jacobian(geometry.Point{X: a.RX, Y: a.RY})
	scale := math.Sqrt(math.Abs(float64(xx*yy) - float64(xy*yx)))
	if a.Scale > scale*holdSize || a.Scale*holdSize < scale {
		return false
	}
	// The turn of the map is the direction of its nearest rotation.
	sin, cos := yx-xy, xx+yy
	turn := math.Atan2(sin, cos) - a.Turn
	turn -= 2 * math.Pi * math.Round(turn/(2*math.Pi))
	return math.Abs(turn) <= holdTurn
}

// hold is the grip on a place, and what should be seen of it.
func (q *Query) hold(p *Place, c *Comparison, list []geometry.Pair) held {
	h := q.grip(p, c, list)
	qw, qh := float64(q.res.Width), float64(q.res.Height)
	rw, rh := float64(c.ref.Width), float64(c.ref.Height)
	m := p.Map
	if p.Mirrored {
		m = flip(m, qw) // the features are those of the mirrored query
	}
	size := scaleOf(m, rw/2, rh/2)
	margin := .01 * max(qw, qh)
	holds := make([]bool, len(c.features))
	for _, r := range h.refs {
		holds[r] = true
	}
	seen, held := make([]geometry.Point, 0, len(c.features)), make([]bool, 0, len(c.features))
	for i := range c.features {
		f := &c.features[i]
		rl := max(rw, rh)
		to, ok := p.bend.apply(m, geometry.Point{X: float64(f.X) / 65536 * rl, Y: float64(f.Y) / 65536 * rl}, rw, rh)
		// A feature that has become smaller than the smallest that are looked for cannot be seen.
		small := sizes[255-int(f.Size)]*rl*size*q.kx < leastSigma
		if ok && !small && to.X > margin && to.Y > margin && to.X < qw-margin && to.Y < qh-margin {
			h.seen++
			seen = append(seen, geometry.Point{X: float64(f.X) / 65536 * rl / rw, Y: float64(f.Y) / 65536 * rl / rh})
			held = append(held, holds[i])
			if p.fine.near(float64(f.X)/65536*rl/rw, float64(f.Y)/65536*rl/rh) {
				h.sure++
			}
		}
	}
	h.lost = scanLost(seen, held)
	inside, _ := geometry.Overlap(p.Map, rw, rh, qw, qh)
	ql := max(qw, qh)
	for i := range q.sets[local.Plain] {
		f := &q.sets[local.Plain][i]
		if contains(inside, float64(f.X)/65536*ql, float64(f.Y)/65536*ql) {
			h.asked++
		}
	}
	return h
}

// leastSigma is the size of the smallest features in pixels of a query's base.
const leastSigma = 1.2

// sum fills in what follows from places and weights.
func (h *held) sum(rw, rh, ql float64) {
	h.inliers, h.support, h.spread, h.err = len(h.places), 0, 0, unheld
	near := samePlace * max(rw, rh)
	var kept []geometry.Point
	for i, p := range h.places {
		if slices.ContainsFunc(kept, func(k geometry.Point) bool {
			return float64((k.X-p.X)*(k.X-p.X))+float64((k.Y-p.Y)*(k.Y-p.Y)) < near*near
		}) {
			continue
		}
		kept = append(kept, p)
		h.support += h.weight[i]
	}
	if len(kept) >= 3 {
		h.spread = geometry.Hull(slices.Clone(kept)).Area() / (rw * rh)
	}
	if n := len(h.places); n > 0 {
		h.err = min(unheld, math.Sqrt(h.off/float64(n))/ql)
	}
}

// without leaves out what lies in common content.
func (h held) without(c *Comparison, p *Place, common *cells, q *Query) held {
	out := h
	out.places, out.weight, out.refs = nil, nil, nil
	hidden := func(at geometry.Point) bool {
		to, ok := p.bend.apply(p.Map, at, float64(c.ref.Width), float64(c.ref.Height))
		i, j := int(to.X*grid/float64(q.res.Width)), int(to.Y*grid/float64(q.res.Height))
		return ok && to.X >= 0 && to.Y >= 0 && i < grid && j < grid && common[j*grid+i]
	}
	for i, at := range h.places {
		if !hidden(at) {
			out.places = append(out.places, at)
			out.weight, out.refs = append(out.weight, h.weight[i]), append(out.refs, h.refs[i])
		}
	}
	if len(h.places) > 0 {
		out.off *= float64(len(out.places)) / float64(len(h.places))
	}
	gone := len(h.places) - len(out.places)
	out.seen, out.asked, out.sure = max(0, h.seen-gone), max(0, h.asked-gone), max(0, h.sure-gone)
	out.sum(float64(c.ref.Width), float64(c.ref.Height), float64(max(q.res.Width, q.res.Height)))
	return out
}

// Distinct is how many of the inliers of the first place are features of the registered picture
// that have nothing like them elsewhere in it. Regular figures (rings, stars, grids) repeat their
// corners, and agree with every figure of the same rule.
func (c *Comparison) Distinct() (n int) {
	if len(c.Places) == 0 {
		return 0
	}
	for _, r := range c.Places[0].held.refs {
		if !repeated(c.features, r) {
			n++
		}
	}
	return n
}

// repeated reports whether a feature has one like it elsewhere in its picture.
func repeated(features []local.Feature, i int) bool {
	f := &features[i]
	for j := range features {
		o := &features[j]
		dx, dy := float64(o.X)-float64(f.X), float64(o.Y)-float64(f.Y)
		if float64(dx*dx)+float64(dy*dy) < (samePlace*65536)*(samePlace*65536) {
			continue // the same corner, in another size or direction
		}
		if bits.OnesCount64(f.Sig[0]^o.Sig[0])+bits.OnesCount64(f.Sig[1]^o.Sig[1]) <= repeatLimit {
			return true
		}
	}
	return false
}

// repeatLimit is how many bits may differ between features that repeat each other.
const repeatLimit = 24

// contains reports whether a convex polygon, in either direction, holds a point.
func contains(p geometry.Polygon, x, y float64) bool {
	if len(p) < 3 {
		return false
	}
	plus, minus := false, false
	for i, a := range p {
		b := p[(i+1)%len(p)]
		s := float64((b.X-a.X)*(y-a.Y)) - float64((b.Y-a.Y)*(x-a.X))
		plus, minus = plus || s > 0, minus || s < 0
	}
	return !plus || !minus
}
