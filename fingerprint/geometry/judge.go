package geometry

import (
	"cmp"
	"math"
	"slices"
)

// carried tells whether enough hits carry the map, spread over at
// least the given share of what is seen of the picture.
func (f *finder) carried(m *Map, limit float64, least int, share float64) bool {
	f.collect(m, limit, gates{fitSize, fitTurn})
	if len(f.hits) < least {
		return false
	}
	_, seen := Overlap(*m, f.opt.RefW, f.opt.RefH, f.opt.QueryW, f.opt.QueryH)
	return f.hull() >= float64(share*seen.Area())
}

// hull is the area of the hits' hull in the registered picture.
func (f *finder) hull() float64 {
	f.points = f.points[:0]
	for _, h := range f.hits {
		f.points = append(f.points, Point{f.scope[h.at].rx, f.scope[h.at].ry})
	}
	return Hull(f.points).Area()
}

// finish collects the inliers of a final map and counts them.
func (f *finder) finish(model Model, m *Map, side, limit float64) (found, bool) {
	f.survey(m, side)
	f.collect(m, limit, gates{fitSize, fitTurn})
	distinct, support := f.count(side)
	if distinct < defaultMin {
		f.collect(m, limit, gates{smallSize, smallTurn})
		distinct, support = f.count(side)
	}
	if distinct < f.opt.Min || !f.sound(m) {
		return found{}, false
	}
	fit := found{Fit{Model: model, Map: *m, Distinct: distinct, Support: support}, side}
	fit.Inliers = make([]int, len(f.hits))
	sum := 0.0
	for i, h := range f.hits {
		fit.Inliers[i] = int(f.scope[h.at].at)
		sum += h.d
	}
	slices.Sort(fit.Inliers)
	fit.Error = math.Sqrt(sum / float64(len(f.hits)))
	fit.Spread = f.hull() / float64(f.opt.RefW*f.opt.RefH)
	return fit, true
}

// count returns how many places the hits hold and the weight of the best of each.
func (f *finder) count(side float64) (distinct int, support float64) {
	f.order = f.order[:0]
	for i := range f.hits {
		f.order = append(f.order, int32(i))
	}
	slices.SortFunc(f.order, func(a, b int32) int {
		x, y := f.scope[f.hits[a].at].weight, f.scope[f.hits[b].at].weight
		if x != y {
			return cmp.Compare(y, x)
		}
		return cmp.Compare(a, b)
	})
	limit := float64(side * float64(f.opt.Tolerance*samePos))
	limit *= limit
	f.places = f.places[:0]
next:
	for _, i := range f.order {
		c := &f.scope[f.hits[i].at]
		for _, p := range f.places {
			if dx := p.X - c.qx; float64(dx*dx) < limit && dot(dx, dx, p.Y-c.qy, p.Y-c.qy) < limit {
				continue next
			}
		}
		f.places = append(f.places, Point{c.qx, c.qy})
		support += c.weight
	}
	return len(f.places), support
}

// sound tells whether a map keeps the orientation, does not fold the picture, stretches
// and tilts it no more than pictures are, and leaves some of it to be seen.
func (f *finder) sound(m *Map) bool {
	if !finite(m[:]...) || !(m.Det() > 0) {
		return false
	}
	near, far := m.depth(f.opt.RefW, f.opt.RefH)
	if !(near > 0) || far > float64(near*maxDepth) {
		return false
	}
	for _, p := range [...]Point{{f.opt.RefW / 2, f.opt.RefH / 2}, {0, 0}, {f.opt.RefW, f.opt.RefH}} {
		if anisotropy(m.Jacobian(p)) > maxAspect {
			return false
		}
		if near == far {
			break
		}
	}
	return true
}
