package photo

import (
	"math"

	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
)

// bendNodes are the nodes of a bend along each side.
const bendNodes = 13

// bend is what no map of planes can say of how a registered picture lies in a query: paper that
// curls, cloth that drapes, a picture warped on purpose. Every place of the registered picture is
// moved by it before the map is applied. It is smooth: moves are given at the nodes of a grid over
// the picture, x and y as shares of its sides, and interpolated between them.
type bend [2][bendNodes * bendNodes]float64

// node is a corner of the cell of the grid that a place lies in, and its share in the place.
type node struct {
	at    int
	share float64
}

// nodes are those that a place, given as shares of the sides, lies between.
func nodes(u, v float64) [4]node {
	u, v = min(max(u, 0), 1)*(bendNodes-1), min(max(v, 0), 1)*(bendNodes-1)
	i, j := min(int(u), bendNodes-2), min(int(v), bendNodes-2)
	u, v = u-float64(i), v-float64(j)
	at := j*bendNodes + i
	return [4]node{{at, float64((1 - u) * (1 - v))}, {at + 1, float64(u * (1 - v))}, {at + bendNodes, float64((1 - u) * v)}, {at + bendNodes + 1, float64(u * v)}}
}

// at is how far a place is moved, as shares of the sides.
func (b *bend) at(n *[4]node) (du, dv float64) {
	for _, k := range n {
		du += float64(k.share * b[0][k.at])
		dv += float64(k.share * b[1][k.at])
	}
	return du, dv
}

// apply takes a place of a w × h picture through bend and map; a nil bend moves nothing.
func (b *bend) apply(m geometry.Map, at geometry.Point, w, h float64) (geometry.Point, bool) {
	if b != nil {
		n := nodes(at.X/w, at.Y/h)
		du, dv := b.at(&n)
		at.X, at.Y = at.X+float64(du*w), at.Y+float64(dv*h)
	}
	return m.Apply(at)
}

// sane reports whether the bend neither folds the picture nor moves parts of it far.
func (b *bend) sane() bool {
	const cell = 1. / (bendNodes - 1)
	for axis, step := range [2]int{1, bendNodes} {
		for i, d := range b[axis] {
			if math.Abs(d) > mostBend {
				return false
			}
			if axis == 0 && i%bendNodes == bendNodes-1 || i+step >= len(b[axis]) {
				continue
			}
			if s := b[axis][i+step] - d; s < -mostStretch*cell || s > mostStretch*cell {
				return false
			}
		}
	}
	return true
}

const (
	mostBend    = .25 // shares of a side
	mostStretch = .5  // of one cell of the grid

	bendEnough = .9  // share of the texture that agrees: no bend is looked for
	bendGain   = 1.1 // it has to make this much more agree
	bendLost   = 14  // most odds of a block that has lost its features; of 168 pictures that were bent 160 have 11 at most, and of 77 that were not 73 have 18

	bendInliers = 30 // features that have to hold it, and their share of those that should be seen: of 50 pairs of two animals, bent into each other, none has more than 26 and .17
	bendShare   = .3

	bendPairs   = 10   // features that a bend is looked for from
	bendRounds  = 8    // in which it is fitted to them, ever closer and suppler:
	bendFar     = .08  // how far one may be off at first, as a share of the sides
	bendNear    = .006 // and in the end
	bendCloser  = .7
	bendStiff   = .01 // how much smoothness counts at first, for each feature
	bendSupple  = .0001
	bendSuppler = .4
	bendPolish  = 6 // rounds in which it is fitted to the tones
)

// bent looks for the bend by which the registered picture lies better in the query than by the
// map of the place alone: first from the features, which lie where the picture has been bent to,
// then by the tones. It is taken where it makes much more of the texture agree, many of the features
// hold it, and no block of the picture is without them: another picture can be bent into some
// likeness, but has not the features of this one.
func (q *Query) bent(p *Place, c *Comparison, small, large *sheet, list []geometry.Pair) {
	if p.fine.Above[2] >= bendEnough*p.fine.Texture {
		return
	}
	b := q.bendOf(p, c, list)
	if b == nil {
		return
	}
	flat := *p
	p.bend = b
	if !bendHolds(q.hold(p, c, list)) {
		*p = flat
		return
	}
	at := func(s *sheet) geometry.Map {
		return chain(stretch(q.kx, q.ky), p.Map, stretch(float64(c.ref.Width)/float64(s.W), float64(c.ref.Height)/float64(s.H)))
	}
	b = q.base.polishBend(small.Gray, at(small), b, p.Negative)
	b = q.base.polishBend(large.Gray, at(large), b, p.Negative)
	fine := weigh(q.base.layBent(large.W, large.H, at(large), b, p.Negative), large, nil)
	if fine.Above[3] < bendGain*p.fine.Above[3] || fine.Above[2]*p.fine.Texture < p.fine.Above[2]*fine.Texture {
		*p = flat
		return
	}
	p.bend, p.fine = b, fine
	if p.held = q.hold(p, c, list); !bendHolds(p.held) {
		*p = flat
		return
	}
	p.coarse = weigh(q.base.layBent(small.W, small.H, at(small), b, p.Negative), small, nil)
}

// bendHolds reports whether enough features hold a bend, in every block of the picture. Two
// drawings of one animal in one pose can be bent into each other, too, and a sixth of their features then
// agree.
func bendHolds(h held) bool {
	return h.inliers >= bendInliers && float64(h.inliers) >= bendShare*float64(h.seen) && h.lost.odds <= bendLost
}

// bendOf is the smooth bend that the features near the place agree on; nil where they are few or
// none explains them.
func (q *Query) bendOf(p *Place, c *Comparison, list []geometry.Pair) *bend {
	qw, rw, rh := float64(q.res.Width), float64(c.ref.Width), float64(c.ref.Height)
	m := p.Map
	if p.Mirrored {
		m = flip(m, qw) // the pairs are those of the mirrored query
	}
	back, ok := m.Inverse()
	if !ok {
		return nil
	}
	type moved struct {
		n            [4]node
		du, dv, w, k float64
	}
	var all []moved
	far := mostBend * max(rw, rh)
	for i := range list {
		a := &list[i]
		to, ok := back.Apply(geometry.Point{X: a.QX, Y: a.QY})
		if !ok || math.Hypot(to.X-a.RX, to.Y-a.RY) > far || !alikeIn(m, a) {
			continue
		}
		all = append(all, moved{n: nodes(a.RX/rw, a.RY/rh), du: (to.X - a.RX) / rw, dv: (to.Y - a.RY) / rh, w: a.Weight})
	}
	if len(all) < bendPairs {
		return nil
	}
	b := new(bend)
	limit, stiff := bendFar, bendStiff
	for range bendRounds {
		// What is far from the bend so far counts less, from round to round (Tukey).
		n, weight := 0, 0.0
		for i := range all {
			o := &all[i]
			du, dv := b.at(&o.n)
			du, dv = o.du-du, o.dv-dv
			t := (float64(du*du) + float64(dv*dv)) / float64(limit*limit)
			o.k = 0
			if t < 1 {
				o.k = float64(o.w * (1 - t) * (1 - t))
				n++
				weight += o.k
			}
		}
		if n < bendPairs {
			return nil
		}
		var u smooth
		var v [bendNodes * bendNodes]float64
		for i := range all {
			o := &all[i]
			u.add(&o.n, 1, o.du, o.k)
			for _, k := range o.n {
				v[k.at] += float64(o.k * float64(k.share*o.dv))
			}
		}
		if !u.factor(float64(stiff * weight)) {
			return nil
		}
		b[0], b[1] = u.solve(&u.b), u.solve(&v)
		limit, stiff = max(bendNear, bendCloser*limit), max(bendSupple, bendSuppler*stiff)
	}
	if !b.sane() {
		return nil
	}
	return b
}

// smooth are the normal equations of one axis of a bend.
type smooth struct {
	a [bendNodes * bendNodes][bendNodes * bendNodes]float64
	b [bendNodes * bendNodes]float64
}

// add asks for factor times the move of a place to be value.
func (s *smooth) add(n *[4]node, factor, value, weight float64) {
	for _, k := range n {
		f := float64(weight * float64(factor*k.share))
		s.b[k.at] += float64(f * value)
		f *= factor
		for _, l := range n {
			s.a[k.at][l.at] += float64(f * l.share)
		}
	}
}

// factor makes the decomposition of Cholesky of the equations, with so much stiffness, in the lower
// half. Nodes are coupled over two rows of the grid, so that it has a band.
func (s *smooth) factor(stiff float64) bool {
	bending(func(at [4]int, k [4]float64) {
		for i, x := range at {
			for j, y := range at {
				s.a[x][y] += float64(stiff * float64(k[i]*k[j]))
			}
		}
	})
	for j := range s.a {
		s.a[j][j] += float64(1e-6*stiff) + 1e-12
	}
	for j := range s.a {
		row := &s.a[j]
		from := max(0, j-band)
		for i := j; i < min(j+band+1, len(s.a)); i++ {
			r := &s.a[i]
			v := r[j]
			for k := max(from, i-band); k < j; k++ {
				v -= float64(r[k] * row[k])
			}
			if i == j {
				if !(v > 0) {
					return false
				}
				row[j] = math.Sqrt(v)
			} else {
				r[j] = v / row[j]
			}
		}
	}
	return true
}

const band = 2 * bendNodes

// solve finds the moves of the nodes that fit best, after factor.
func (s *smooth) solve(b *[bendNodes * bendNodes]float64) (x [bendNodes * bendNodes]float64) {
	x = *b
	for i := range x {
		for k := max(0, i-band); k < i; k++ {
			x[i] -= float64(s.a[i][k] * x[k])
		}
		x[i] /= s.a[i][i]
	}
	for i := len(x) - 1; i >= 0; i-- {
		for k := i + 1; k < min(i+band+1, len(x)); k++ {
			x[i] -= float64(s.a[k][i] * x[k])
		}
		x[i] /= s.a[i][i]
	}
	return x
}

// bending calls f for each term whose square adds to the energy of a thin plate: up to four nodes and
// their factors.
func bending(f func(at [4]int, k [4]float64)) {
	for j := range bendNodes {
		for i := range bendNodes {
			at := j*bendNodes + i
			if i+2 < bendNodes {
				f([4]int{at, at + 1, at + 2, at}, [4]float64{1, -2, 1, 0})
			}
			if j+2 < bendNodes {
				f([4]int{at, at + bendNodes, at + 2*bendNodes, at}, [4]float64{1, -2, 1, 0})
			}
			if i+1 < bendNodes && j+1 < bendNodes {
				f([4]int{at, at + 1, at + bendNodes, at + bendNodes + 1}, [4]float64{math.Sqrt2, -math.Sqrt2, -math.Sqrt2, math.Sqrt2})
			}
		}
	}
}

// layBent is lay where the picture is bent.
func (p pyramid) layBent(w, h int, m geometry.Map, b *bend, negative bool) *laid {
	l := &laid{w: w, h: h, pix: make([]int16, w*h)}
	k := p.level(scaleOf(m, float64(w)/2, float64(h)/2))
	g := p[k]
	f := 1 / float64(int(1)<<k)
	fw, fh := float64(w), float64(h)
	for y := range h {
		out := l.pix[y*w:][:w]
		for x := range out {
			out[x] = outside
			to, ok := b.apply(m, geometry.Point{X: float64(x) + .5, Y: float64(y) + .5}, fw, fh)
			if !ok {
				continue
			}
			if out[x] = sample(g, float64(to.X*f)-.5, float64(to.Y*f)-.5, negative); out[x] != outside {
				l.in++
			}
		}
	}
	return l
}

// polishBend moves a bend so that the tones of the query lie better on those of the registered
// picture: what polish does for a map.
func (p pyramid) polishBend(ref *local.Gray, m geometry.Map, b *bend, negative bool) *bend {
	w, h := ref.W, ref.H
	best, bestMass := b, -1.0
	slack := 0.0
	var at []slope
	for round := 0; ; round++ {
		l := p.layBent(w, h, m, b, negative)
		gain, offset, spread, ok := tones(l, ref)
		if !ok {
			return best
		}
		if slack == 0 {
			slack = spread
		}
		mass := 0.0
		at = at[:0]
		var su, sv smooth
		var gu, gv float64
		for y := 1; y < h-1; y++ {
			for x := 1; x < w-1; x++ {
				i := y*w + x
				if l.pix[i] == outside {
					continue
				}
				gx := float64(int(ref.Pix[i+1])-int(ref.Pix[i-1])) / 2
				gy := float64(int(ref.Pix[i+w])-int(ref.Pix[i-w])) / 2
				if gx == 0 && gy == 0 {
					continue
				}
				e := float64((float64(l.pix[i])/16-offset)*gain) - float64(ref.Pix[i])
				if f := e / slack; f > -1 && f < 1 {
					mass += float64((1 - float64(f*f)) * min(math.Abs(gx)+math.Abs(gy), 32))
				}
				t := e / spread
				if t <= -1 || t >= 1 {
					continue
				}
				k := 1 - float64(t*t)
				o := slope{n: nodes((float64(x)+.5)/float64(w), (float64(y)+.5)/float64(h)), u: float64(gx * float64(w)), v: float64(gy * float64(h)), e: e, k: float64(k * k)}
				o.bu, o.bv = b.at(&o.n)
				at = append(at, o)
				su.add(&o.n, o.u, float64(o.u*o.bu)-e, o.k)
				gu += float64(o.k * float64(o.u*o.u))
				gv += float64(o.k * float64(o.v*o.v))
			}
		}
		if mass > bestMass {
			best, bestMass = b, mass
		}
		if round == bendPolish {
			return best
		}
		// One axis after the other: the second takes what the first leaves.
		next := new(bend)
		if !su.factor(float64(bendSupple * gu)) {
			return best
		}
		next[0] = su.solve(&su.b)
		for i := range at {
			o := &at[i]
			nu, _ := next.at(&o.n)
			sv.add(&o.n, o.v, float64(o.v*o.bv)-(o.e-float64(o.u*(o.bu-nu))), o.k)
		}
		if !sv.factor(float64(bendSupple * gv)) {
			return best
		}
		if next[1] = sv.solve(&sv.b); !next.sane() {
			return best
		}
		b = next
	}
}

// slope is what the tones at one pixel ask of a bend.
type slope struct {
	n      [4]node
	u, v   float64 // by how much the registered picture's level changes for a move, as shares of its sides
	e, k   float64 // how much lighter the query is, and the weight
	bu, bv float64 // the move so far
}
