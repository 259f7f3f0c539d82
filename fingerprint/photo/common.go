package photo

import (
	"slices"

	"selvage/fingerprint/geometry"
)

// Shared content: page furniture, banners, logos, stock backgrounds. A query that shows
// the same banner as a hundred registered works copies none of them. What several
// registered works show, which are otherwise different pictures, is no evidence for any
// one of them; each is judged again by what is left. The asker's own list of such content
// counts likewise.

// grid is how many cells a side the query is divided into, to say where works agree.
const grid = 64

// cells is a set of cells of the query.
type cells [grid * grid]bool

const (
	// sharing is how many other works must show the same for it to be common.
	sharing = 1
	// sameShare is how much of a picture's texture another must show to be the same picture,
	// and no witness against it: pages of one template may differ in a tenth.
	sameShare = .93
	// sharers bounds how many works are looked at for it, the surest first.
	sharers = 12
	// DiscountFrom is the probability from which a work is judged again without common content.
	DiscountFrom = .3
	// sharerFloor is the probability from which a work is a witness of common content.
	sharerFloor = .02
)

// Discount judges all comparisons of one query again without the content that they share
// with each other. They must be of works that the asker may know of, one a work: nobody's
// answer depends on others' private works.
func (q *Query) Discount(all []*Comparison) {
	if q.base == nil {
		return
	}
	var witnesses []*Comparison
	for _, c := range all {
		if len(c.Places) > 0 && c.Places[0].fine != nil && c.Places[0].Probability >= sharerFloor {
			witnesses = append(witnesses, c)
		}
	}
	slices.SortStableFunc(witnesses, func(a, b *Comparison) int {
		switch {
		case a.Places[0].Probability > b.Places[0].Probability:
			return -1
		case a.Places[0].Probability < b.Places[0].Probability:
			return 1
		}
		return 0
	})
	if len(witnesses) > sharers {
		witnesses = witnesses[:sharers]
	}
	if len(witnesses) <= sharing {
		return
	}
	shown := make([]*cells, len(witnesses))
	for i, c := range witnesses {
		shown[i] = q.agreement(c, &c.Places[0])
	}
	for i, c := range all {
		if len(c.Places) == 0 || c.Places[0].fine == nil || c.Places[0].Probability < DiscountFrom {
			continue
		}
		mine := q.agreement(c, &c.Places[0])
		var count [grid * grid]uint8
		by := 0
		for k, w := range witnesses {
			if w == c || !overlapping(mine, shown[k]) || q.samePicture(c, w) {
				continue
			}
			by++
			for j, v := range shown[k] {
				if v {
					count[j]++
				}
			}
		}
		common := new(cells)
		for j := range common {
			common[j] = count[j] >= sharing
		}
		if q.judgeWithout(all[i], mine, common) {
			all[i].SharedBy = by
		}
	}
}

// Ignore judges a comparison again without the content of pictures that the asker wants
// ignored: ignored are comparisons of the same query with them. It returns c itself where
// they show nothing of what c rests on.
func (q *Query) Ignore(c *Comparison, ignored []*Comparison) *Comparison {
	if q.base == nil || len(c.Places) == 0 || c.Places[0].fine == nil {
		return c
	}
	common := new(cells)
	for _, o := range ignored {
		for i := range o.Places {
			if p := &o.Places[i]; p.fine != nil && p.Probability >= ActThreshold {
				for k, v := range q.agreement(o, p) {
					common[k] = common[k] || v
				}
			}
		}
	}
	again := *c
	again.Places = slices.Clone(c.Places)
	if !q.judgeWithout(&again, q.agreement(c, &c.Places[0]), common) {
		return c
	}
	return &again
}

// grown is the set with the neighbours of its cells: a correlation is that of a window,
// which reaches beyond the place it is measured for.
func (c *cells) grown() *cells {
	out := *c
	for i, v := range c {
		if !v {
			continue
		}
		x, y := i%grid, i/grid
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				if x+dx >= 0 && x+dx < grid && y+dy >= 0 && y+dy < grid {
					out[(y+dy)*grid+x+dx] = true
				}
			}
		}
	}
	return &out
}

// agreement is where in the query the registered picture agrees with it.
func (q *Query) agreement(c *Comparison, p *Place) *cells {
	out := new(cells)
	w, h := float64(q.res.Width)/grid, float64(q.res.Height)/grid
	back, ok := p.Map.Inverse()
	if !ok {
		return out
	}
	kx, ky := float64(c.proof.W)/float64(c.ref.Width), float64(c.proof.H)/float64(c.ref.Height)
	for y := range grid {
		for x := range grid {
			r, ok := back.Apply(geometry.Point{X: (float64(x) + .5) * w, Y: (float64(y) + .5) * h})
			i, j := int(r.X*kx), int(r.Y*ky)
			if !ok || r.X < 0 || r.Y < 0 || i >= c.proof.W || j >= c.proof.H {
				continue
			}
			out[y*grid+x] = p.fine.agrees[j*c.proof.W+i]
		}
	}
	return out
}

// overlapping reports whether two works agree with the query in the same places, in part.
func overlapping(a, b *cells) bool {
	n, both := 0, 0
	for i, v := range a {
		if v {
			n++
			if b[i] {
				both++
			}
		}
	}
	return both*20 >= n && both > 0
}

// samePicture reports whether two registered pictures are one, as far as the first shows
// anything, when both are laid where the query has them.
func (q *Query) samePicture(a, b *Comparison) bool {
	back, ok := b.Places[0].Map.Inverse()
	if !ok {
		return false
	}
	m, ok := back.Mul(a.Places[0].Map) // pixels of a → pixels of b
	if !ok {
		return false
	}
	g := half(a.proof)
	x, y := float64(g.W)/float64(a.ref.Width), float64(g.H)/float64(a.ref.Height)
	bx, by := float64(b.proof.W)/float64(b.ref.Width), float64(b.proof.H)/float64(b.ref.Height)
	at := chain(stretch(bx, by), m, stretch(1/x, 1/y))
	e := weigh(pyramid{b.proof, half(b.proof)}.lay(g.W, g.H, at, a.Places[0].Negative != b.Places[0].Negative), newSheet(g), nil)
	return e.Above[1] >= sameShare*e.Whole
}

// judgeWithout measures the first place of a comparison, which agrees in the cells mine,
// again without common content. It reports whether that was enough to matter.
func (q *Query) judgeWithout(c *Comparison, mine, common *cells) bool {
	n, hit := 0, 0
	for i, v := range mine {
		if v {
			n++
			if common[i] {
				hit++
			}
		}
	}
	if hit*20 < n || hit == 0 {
		return false
	}
	common = common.grown()
	shared := float64(hit) / float64(n)
	c.Shared = 1 - float64((1-c.Shared)*(1-shared))
	p := &c.Places[0]
	mask := func(w, h int) []bool {
		out := make([]bool, w*h)
		kx, ky := float64(c.ref.Width)/float64(w), float64(c.ref.Height)/float64(h)
		for y := range h {
			for x := range w {
				a, ok := p.bend.apply(p.Map, geometry.Point{X: (float64(x) + .5) * kx, Y: (float64(y) + .5) * ky}, float64(c.ref.Width), float64(c.ref.Height))
				i, j := int(a.X*grid/float64(q.res.Width)), int(a.Y*grid/float64(q.res.Height))
				out[y*w+x] = ok && a.X >= 0 && a.Y >= 0 && i < grid && j < grid && common[j*grid+i]
			}
		}
		return out
	}
	again := func(e *evidence, w, h int) *evidence {
		g := c.proof
		if w != g.W {
			g = half(g)
		}
		x, y := float64(w)/float64(c.ref.Width), float64(h)/float64(c.ref.Height)
		at := chain(stretch(q.kx, q.ky), p.Map, stretch(1/x, 1/y))
		l := q.base.lay(w, h, at, p.Negative)
		if p.bend != nil {
			l = q.base.layBent(w, h, at, p.bend, p.Negative)
		}
		return weigh(l, newSheet(g), mask(w, h))
	}
	p.coarse = again(p.coarse, c.proof.W/2, c.proof.H/2)
	p.fine = again(p.fine, c.proof.W, c.proof.H)
	p.held = p.held.without(c, p, common, q)
	before := p.Probability
	if c.Undiscounted == nil {
		c.Undiscounted = p.Measures
	}
	p.finish(q, c)
	p.Probability = min(p.Probability, before)
	c.Places = c.Places[:1]
	return true
}
