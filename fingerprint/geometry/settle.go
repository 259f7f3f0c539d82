package geometry

import "math"

// hit is a pair that agrees with a map: its place in finder.scope and squared distance.
type hit struct {
	at int32
	d  float64
}

// gates say how far a pair's own size ratio and turn may be from those of the map at its
// place: a factor and a cosine.
type gates struct{ size, turn float64 }

// survey fills scope with the pairs that lie near a first map: those that fits which
// start from it look at.
func (f *finder) survey(m *Map, side float64) {
	limit := float64(side * float64(f.opt.Tolerance*aside))
	limit *= limit
	f.scope = f.scope[:0]
	flat := m[6] == 0 && m[7] == 0
	for i := range f.left {
		c := &f.left[i]
		u, v := dot(m[0], c.rx, m[1], c.ry)+m[2], dot(m[3], c.rx, m[4], c.ry)+m[5]
		if !flat {
			w := dot(m[6], c.rx, m[7], c.ry) + m[8]
			if !(w > 0) {
				continue
			}
			u /= w
			v /= w
		}
		if dot(u-c.qx, u-c.qx, v-c.qy, v-c.qy) <= limit {
			f.scope = append(f.scope, *c)
		}
	}
}

// collect fills hits with the pairs of the scope within the limit of the map, in canonical order. Each
// feature of either side appears once, in the pair where both are the nearest for each
// other.
func (f *finder) collect(m *Map, limit float64, g gates) {
	limit *= limit
	turn := float64(g.turn * g.turn)
	grow := float64(g.size * g.size)
	flat := m[6] == 0 && m[7] == 0
	xx, xy, yx, yy := m[0], m[1], m[3], m[4]
	f.hits = f.hits[:0]
	query := int32(-1)
	for i := range f.scope {
		c := &f.scope[i]
		u, v, w := dot(m[0], c.rx, m[1], c.ry)+m[2], dot(m[3], c.rx, m[4], c.ry)+m[5], 1.0
		if !flat {
			if w = dot(m[6], c.rx, m[7], c.ry) + m[8]; !(w > 0) {
				continue
			}
			u /= w
			v /= w
		}
		d := dot(u-c.qx, u-c.qx, v-c.qy, v-c.qy)
		if !(d <= limit) {
			continue
		}
		if !flat {
			xx, xy = (m[0]-float64(u*m[6]))/w, (m[1]-float64(u*m[7]))/w
			yx, yy = (m[3]-float64(v*m[6]))/w, (m[4]-float64(v*m[7]))/w
		}
		area, own := cross(xx, yy, xy, yx), float64(c.scale*c.scale)
		p, q := xx+yy, yx-xy // the turn of the map, with a length
		along := dot(p, c.c, q, c.s)
		if !(area > 0) || own > float64(area*grow) || area > float64(own*grow) ||
			!(along > 0) || float64(along*along) < float64(turn*dot(p, p, q, q)) {
			continue
		}
		if c.q != query {
			query = c.q
			f.hits = append(f.hits, hit{int32(i), d})
		} else if last := &f.hits[len(f.hits)-1]; d < last.d {
			*last = hit{int32(i), d}
		}
	}
	for i := range f.hits {
		f.bestR[f.scope[f.hits[i].at].r] = -1
	}
	for i, h := range f.hits {
		if best := &f.bestR[f.scope[h.at].r]; *best < 0 || h.d < f.hits[*best].d {
			*best = int32(i)
		}
	}
	kept := 0
	for i, h := range f.hits {
		if f.bestR[f.scope[h.at].r] == int32(i) {
			f.hits[kept] = h
			kept++
		}
	}
	f.hits = f.hits[:kept]
}

// fit solves for the hits; those nearer to the last map count more (Tukey's biweight).
func (f *finder) fit(model Model, limit float64) (Map, bool) {
	limit *= limit
	f.samples = f.samples[:0]
	for _, h := range f.hits {
		c := &f.scope[h.at]
		near := 1.0001 - h.d/limit
		f.samples = append(f.samples, sample{c.rx, c.ry, c.qx, c.qy, float64(c.root * float64(near*near))})
	}
	return solve(model, f.samples, 2)
}

// track is one model's way from the first map to a final one.
type track struct {
	m     Map
	ok    bool
	score float64 // weight of the hits at the final tolerance, nearer ones more
}

// tighten refits with a falling tolerance, at the last one until nothing changes.
func (f *finder) tighten(model Model, m Map, side float64, steps ...float64) track {
	loose := gates{fitSize, fitTurn}
	for _, share := range steps[:len(steps)-1] {
		limit := float64(side * share)
		f.collect(&m, limit, loose)
		next, ok := f.fit(model, limit)
		if !ok || !f.sound(&next) {
			return track{}
		}
		m = next
	}
	limit := float64(side * steps[len(steps)-1])
	for range 3 {
		f.collect(&m, limit, loose)
		next, ok := f.fit(model, limit)
		if !ok || !f.sound(&next) {
			break
		}
		still := nearMap(&m, &next)
		m = next
		if still {
			break
		}
	}
	f.collect(&m, limit, loose)
	score := 0.0
	for _, h := range f.hits {
		score += float64(f.scope[h.at].weight * (1 - h.d/float64(limit*limit)))
	}
	return track{m, score > 0, score}
}

// nearMap tells whether two maps are the same up to a millionth.
func nearMap(a, b *Map) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > float64(1e-6*(math.Abs(a[i])+math.Abs(b[i]))) {
			return false
		}
	}
	return true
}

// scarce is the number of hits below which more is tried.
const scarce = 12

// settledScore is the share of the weight of a similarity's inliers that their distances
// must leave for suppler maps not to be tried: they could not gain enough.
const settledScore = 0.9

// settle works out the proposal of one pair.
func (f *finder) settle(c *cand) (found, bool) {
	a, b := float64(c.scale*c.c), float64(c.scale*c.s)
	m := Map{a, -b, c.qx - cross(a, c.rx, b, c.ry), b, a, c.qy - dot(b, c.rx, a, c.ry), 0, 0, 1}
	t := f.opt.Tolerance
	side := f.side(c.scale)
	f.survey(&m, side)
	// The first fits average the errors of one pair's size and turn away.
	for _, share := range [...]float64{widest, wide} {
		limit := float64(side * float64(t*share))
		f.collect(&m, limit, gates{fitSize, fitTurn})
		if next, ok := f.fit(Similarity, limit); ok && f.sound(&next) {
			m = next
			side = f.side(math.Sqrt(dot(m[0], m[0], m[3], m[3])))
		}
	}
	f.survey(&m, side)
	model, best := Similarity, f.tighten(Similarity, m, side, t*medium, t*tight)
	near, sum, final := len(f.hits), f.weight(), float64(side*float64(t*tight))
	f.collect(&m, float64(side*t), gates{fitSize, fitTurn})
	loose, mean := len(f.hits), f.weight()/float64(max(len(f.hits), 1))
	if settled := best.ok && near >= loose && best.score > float64(settledScore*sum); !settled {
		affine := f.tighten(Affine, m, side, t*widest, t*wide, t*medium, t*tight)
		if loose < scarce {
			// So few may be the middle of a stretched picture, whose rim the similarity misses.
			if other := f.tighten(Affine, m, side, t*rim, t*widest, t*medium, t*tight); other.ok && other.score > affine.score {
				affine = other
			}
		}
		if f.clear(&affine, &best, mean) && f.carried(&affine.m, final, 4, 0.06) {
			model, best = Affine, affine
		}
		if loose >= 6 {
			start := m
			if affine.ok {
				start = affine.m
				f.survey(&start, side)
			}
			tilted := f.tighten(Projective, start, side, t*wide, t*medium, t*tight)
			if f.clear(&tilted, &best, mean) && f.carried(&tilted.m, final, 6, 0.15) {
				model, best = Projective, tilted
			}
		}
		// A suppler map may only have found the way: try the stiffer ones from where it ended.
		for stiffer := Similarity; stiffer < model; stiffer++ {
			f.collect(&best.m, final, gates{fitSize, fitTurn})
			start, ok := f.fit(stiffer, float64(side*t))
			if !ok || !f.sound(&start) {
				continue
			}
			again := f.tighten(stiffer, start, side, t*medium, t*tight)
			if again.ok && !f.clear(&best, &again, mean) {
				model, best = stiffer, again
				break
			}
		}
	}
	for _, share := range [...]float64{tight, medium} {
		if best.ok {
			if fit, ok := f.finish(model, &best.m, side, float64(side*float64(t*share))); ok {
				return fit, true
			}
		}
		best = f.tighten(model, m, side, t*medium, t*medium)
	}
	return found{}, false
}

// weight is the sum of the weights of the hits.
func (f *finder) weight() float64 {
	sum := 0.0
	for _, h := range f.hits {
		sum += f.scope[h.at].weight
	}
	return sum
}

// clear tells whether the suppler map explains clearly more: its two further degrees of
// freedom could bring one pair by chance.
func (f *finder) clear(supple, stiff *track, mean float64) bool {
	return supple.ok && (!stiff.ok || supple.score > stiff.score+max(float64(1.5*mean), float64(stiff.score*0.03)))
}
