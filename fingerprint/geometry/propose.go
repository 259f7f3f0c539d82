package geometry

import (
	"cmp"
	"math"
	"slices"
)

const (
	few       = 128 // up to so many pairs, each one's proposal is counted
	picked    = 48  // proposals that the vote leaves
	crowd     = 4   // of them, at most so many from one cell
	sizeGate  = 1.8 // factor between the size ratios of pairs that agree with one pair
	turnGate  = 0.8191520442889918
	fitSize   = 2.0 // the same between a pair and a fitted map
	fitTurn   = 0.766044443118978
	smallSize = 1.5 // the same while there are fewer than defaultMin pairs: nothing else speaks for them
	smallTurn = 0.9063077870366499
)

// The turn gates are the cosines of 35°, 40° and 25°.

// seed is a pair whose proposal agrees with others.
type seed struct {
	score float64
	id    int32 // in finder.all
}

// next returns the pair with the best proposal that is not yet explained by a fit of this
// round, nil when there is none left with the least score.
func (f *finder) next(least float64) (*cand, float64) {
	for len(f.seeds) > 0 {
		best := 0
		for i := range f.seeds {
			if a, b := f.seeds[i], f.seeds[best]; a.score > b.score || a.score == b.score && a.id < b.id {
				best = i
			}
		}
		c, score := &f.all[f.seeds[best].id], f.seeds[best].score
		if score < least {
			break
		}
		last := len(f.seeds) - 1
		f.seeds[best] = f.seeds[last]
		f.seeds = f.seeds[:last]
		if !slices.ContainsFunc(f.tried, func(t found) bool {
			limit := float64(t.side * float64(f.opt.Tolerance*medium))
			return distance(&t.Map, c) <= float64(limit*limit)
		}) {
			return c, score
		}
	}
	return nil, 0
}

// propose counts, for the proposal of each pair, who agrees, and keeps those that enough
// others agree with.
func (f *finder) propose() {
	f.agreed, f.order = f.agreed[:0], f.order[:0]
	if len(f.left) <= few {
		for i := range f.left {
			f.order = append(f.order, int32(i))
		}
	} else {
		f.pick()
	}
	// A fit may reach a few more pairs than the proposal that leads to it.
	least := max(f.opt.Min*2/3, 2)
	for _, i := range f.order {
		if score, count := f.agree(&f.left[i]); count >= least {
			f.agreed = append(f.agreed, seed{score, f.left[i].id})
		}
	}
	f.most = len(f.agreed)
}

// renew drops the proposals that the last fit has used up. When the vote chose them and
// that fit has taken many, there may be others behind: the vote is held again.
func (f *finder) renew() {
	f.agreed = slices.DeleteFunc(f.agreed, func(s seed) bool { return f.gone[s.id] })
	if len(f.all) > few && f.most-len(f.agreed) > picked/4 {
		f.propose()
	}
}

// agree sums the weights of the pairs that lie within the tolerance of the similarity
// that c proposes, nearer ones more, each feature of the query once, and counts these
// features.
func (f *finder) agree(c *cand) (score float64, count int) {
	a, b := float64(c.scale*c.c), float64(c.scale*c.s)
	tx, ty := c.qx-cross(a, c.rx, b, c.ry), c.qy-dot(b, c.rx, a, c.ry)
	limit := float64(f.side(c.scale) * f.opt.Tolerance)
	limit *= limit
	small, large := c.scale/sizeGate, float64(c.scale*sizeGate)
	query, last := int32(-1), 0.0
	for i := range f.left {
		o := &f.left[i]
		dx := cross(a, o.rx, b, o.ry) + (tx - o.qx)
		dy := dot(b, o.rx, a, o.ry) + (ty - o.qy)
		d := dot(dx, dx, dy, dy)
		if d > limit || o.scale < small || o.scale > large || dot(c.c, o.c, c.s, o.s) < turnGate {
			continue
		}
		gain := float64(o.weight * (1 - d/limit))
		if o.q != query {
			query, last = o.q, 0
			count++
		}
		if gain > last {
			score += gain - last
			last = gain
		}
	}
	return score, count
}

// votes is a table of cells of size (octaves), turn (30°) and the place of the registered
// picture's middle in the query (a fifth of the side). Lowe's scheme (Distinctive image
// features from scale-invariant keypoints, 2004, section 7.3): each pair votes for the two
// nearest cells of each dimension. Cells share slots when the table collides, which only
// costs a look at one more proposal.
type votes struct {
	table [1 << 14]float32
	ranks []rank
}

// rank is a pair with its cell's votes, as the bits of a float32 above zero, which order
// like the number, and below them the cell's slot.
type rank struct {
	key uint64
	at  int32
}

const cell = 0.2 // width of a place cell, in sides

// pick fills order with the pairs whose cells hold the most votes.
func (f *finder) pick() {
	v := &f.votes
	clear(v.table[:])
	v.ranks = v.ranks[:0]
	midX, midY := float64(f.opt.RefW/2), float64(f.opt.RefH/2)
	for i := range f.left {
		c := &f.left[i]
		// log2, straight between the powers: exact on every CPU and near enough for cells.
		fraction, exponent := math.Frexp(c.scale)
		size := float64(exponent) + (float64(2*fraction) - 2)
		turn := turnOf(c.c, c.s)
		a, b := float64(c.scale*c.c), float64(c.scale*c.s)
		width := float64(cell * f.side(c.scale))
		x := (c.qx + cross(a, midX-c.rx, b, midY-c.ry)) / width
		y := (c.qy + dot(b, midX-c.rx, a, midY-c.ry)) / width
		sf, tf, xf, yf := math.Floor(size-0.5), math.Floor(turn-0.5), math.Floor(x-0.5), math.Floor(y-0.5)
		w := float32(c.weight)
		for k := range 16 {
			v.table[slot(int(sf)+k&1, (int(tf)+k>>1&1+turns)%turns, int(xf)+k>>2&1, int(yf)+k>>3)] += w
		}
		own := slot(int(math.Floor(size)), int(turn)%turns, int(math.Floor(x)), int(math.Floor(y)))
		v.ranks = append(v.ranks, rank{uint64(own), int32(i)})
	}
	for i := range v.ranks {
		r := &v.ranks[i]
		r.key |= uint64(math.Float32bits(v.table[r.key])) << 32
	}
	slices.SortFunc(v.ranks, func(a, b rank) int {
		if a.key != b.key {
			return cmp.Compare(b.key, a.key)
		}
		return cmp.Compare(a.at, b.at)
	})
	run := 0
	for i, r := range v.ranks {
		if i > 0 && r.key != v.ranks[i-1].key {
			run = 0
		}
		if run++; run > crowd {
			continue
		}
		if f.order = append(f.order, r.at); len(f.order) == picked {
			break
		}
	}
}

const turns = 12 // cells of a full turn

func slot(size, turn, x, y int) uint32 {
	h := uint32(size+64)*0x9e3779b1 ^ uint32(turn)*0x85ebca6b ^ uint32(x+4096)*0xc2b2ae35 ^ uint32(y+4096)*0x27d4eb2f
	h ^= h >> 15
	h *= 0x2c1b3c6d
	return h >> (32 - 14)
}

// turnOf measures a direction in cells of a full turn, 0 <= turn < turns, by the diamond
// angle: exact, without an arc tangent, and off by a few degrees, which cells bear.
func turnOf(c, s float64) float64 {
	t := s / (math.Abs(c) + math.Abs(s))
	if c < 0 {
		t = 2 - t
	} else if s < 0 {
		t += 4
	}
	return min(float64(t*(turns/4)), math.Nextafter(turns, 0))
}
