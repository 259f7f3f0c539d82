package geometry

import "math"

// Refine returns the map of the given kind that takes the points from to the points to
// with the least sum of weighted squared distances, measured in the picture of to; for
// Projective the sum is approached by reweighting. Coordinates are centred and scaled first (Hartley, In defense of the eight-point algorithm, 1997).
//
// weights may be nil, for all the same; pairs with a weight that is not positive, or with
// coordinates that are not finite, are passed over. ok is false when the rest does not
// determine such a map: fewer than 2, 3 or 4 places, or all on one line (a similarity
// needs only two places); a map that mirrors or flattens is no similarity, but a
// possible Affine or Projective: look at [Map.Det]. It panics when the lists differ in
// length.
func Refine(model Model, from, to []Point, weights []float64) (m Map, ok bool) {
	if len(from) != len(to) || weights != nil && len(weights) != len(from) {
		panic("geometry: Refine: lists of different length")
	}
	list := make([]sample, 0, len(from))
	for i := range from {
		s := sample{from[i].X, from[i].Y, to[i].X, to[i].Y, 1}
		if weights != nil {
			s.w = weights[i]
		}
		if s.w > 0 && finite(s.x, s.y, s.u, s.v, s.w) {
			list = append(list, s)
		}
	}
	return solve(model, list, 8)
}

// sample is one weighted pair of places: (x, y) goes to (u, v).
type sample struct{ x, y, u, v, w float64 }

// moments are the weighted sums that similarity and affine fits need, about the means.
type moments struct {
	w, x, y, u, v    float64 // total weight and means
	xx, xy, yy       float64
	xu, xv, yu, yv   float64
	spreadR, spreadQ float64 // root of the mean squared distance from the mean
}

func gather(list []sample) (t moments, ok bool) {
	for i := range list {
		s := &list[i]
		t.w += s.w
		t.x += float64(s.w * s.x)
		t.y += float64(s.w * s.y)
		t.u += float64(s.w * s.u)
		t.v += float64(s.w * s.v)
	}
	if !(t.w > 0) {
		return t, false
	}
	t.x /= t.w
	t.y /= t.w
	t.u /= t.w
	t.v /= t.w
	var uu float64
	for i := range list {
		s := &list[i]
		x, y, u, v := s.x-t.x, s.y-t.y, s.u-t.u, s.v-t.v
		wx, wy := float64(s.w*x), float64(s.w*y)
		t.xx += float64(wx * x)
		t.xy += float64(wx * y)
		t.yy += float64(wy * y)
		t.xu += float64(wx * u)
		t.xv += float64(wx * v)
		t.yu += float64(wy * u)
		t.yv += float64(wy * v)
		uu += float64(s.w * dot(u, u, v, v))
	}
	t.spreadR = math.Sqrt((t.xx + t.yy) / t.w)
	t.spreadQ = math.Sqrt(uu / t.w)
	// Places that agree up to rounding are one place.
	size := math.Abs(t.x) + math.Abs(t.y)
	return t, t.spreadR > 1e-12*size && t.spreadQ > 0 && finite(t.spreadR, t.spreadQ)
}

func solve(model Model, list []sample, rounds int) (Map, bool) {
	t, ok := gather(list)
	if !ok || len(list) < 2 {
		return Map{}, false
	}
	switch model {
	case Similarity:
		return t.similarity()
	case Affine:
		return t.affine()
	}
	return projective(list, t, rounds)
}

// similarity is the closed form: turning and scaling by a + ib is a product of complex
// numbers, so least squares is a division.
func (t *moments) similarity() (Map, bool) {
	d := t.xx + t.yy
	a, b := (t.xu+t.yv)/d, (t.xv-t.yu)/d
	m := Map{a, -b, t.u - cross(a, t.x, b, t.y), b, a, t.v - dot(b, t.x, a, t.y), 0, 0, 1}
	return m, finite(m[:]...) && (a != 0 || b != 0)
}

func (t *moments) affine() (Map, bool) {
	det := cross(t.xx, t.yy, t.xy, t.xy)
	// On a line the smaller of the two axes of inertia vanishes.
	if !(det > 1e-10*float64((t.xx+t.yy)*(t.xx+t.yy))) {
		return Map{}, false
	}
	a, b := cross(t.yy, t.xu, t.xy, t.yu)/det, cross(t.xx, t.yu, t.xy, t.xu)/det
	c, d := cross(t.yy, t.xv, t.xy, t.yv)/det, cross(t.xx, t.yv, t.xy, t.xv)/det
	m := Map{a, b, t.u - dot(a, t.x, b, t.y), c, d, t.v - dot(c, t.x, d, t.y), 0, 0, 1}
	return m, finite(m[:]...)
}

// projective minimises, over the six affine numbers h and the two perspective ones p, the
// sum of ω (X·h - u(1 + p·x))² for both coordinates, X = (x, y, 1). For a given p the best
// h solves a 3×3 system whose matrix does not depend on p; put in, a 2×2 system for p is
// left. Dividing ω by the squared depth 1 + p·x makes the sum one of distances, so a few
// rounds with the last p are made.
func projective(list []sample, t moments, rounds int) (Map, bool) {
	if len(list) < 4 {
		return Map{}, false
	}
	ku, kv := 1/t.spreadR, 1/t.spreadQ
	var p [2]float64
	var h, g [3]float64
	for range rounds {
		var a [6]float64 // X Xᵀ: xx xy x yy y 1
		var bu, bv [3]float64
		var cu, cv [6]float64 // X·(x, y)·u
		var e [3]float64
		var f [2]float64
		for i := range list {
			s := &list[i]
			x, y := float64((s.x-t.x)*ku), float64((s.y-t.y)*ku)
			u, v := float64((s.u-t.u)*kv), float64((s.v-t.v)*kv)
			depth := 1 + dot(p[0], x, p[1], y)
			if !(depth > 0.05) {
				return Map{}, false
			}
			w := s.w / float64(depth*depth)
			wx, wy := float64(w*x), float64(w*y)
			xx, xy, yy := float64(wx*x), float64(wx*y), float64(wy*y)
			a[0] += xx
			a[1] += xy
			a[2] += wx
			a[3] += yy
			a[4] += wy
			a[5] += w
			bu[0] += float64(wx * u)
			bu[1] += float64(wy * u)
			bu[2] += float64(w * u)
			bv[0] += float64(wx * v)
			bv[1] += float64(wy * v)
			bv[2] += float64(w * v)
			cu[0] += float64(xx * u)
			cu[1] += float64(xy * u)
			cu[3] += float64(yy * u)
			cv[0] += float64(xx * v)
			cv[1] += float64(xy * v)
			cv[3] += float64(yy * v)
			r := dot(u, u, v, v)
			e[0] += float64(xx * r)
			e[1] += float64(xy * r)
			e[2] += float64(yy * r)
			f[0] += float64(wx * r)
			f[1] += float64(wy * r)
		}
		// Rows of c are x, y, 1; columns x, y. Its last row is the start of b.
		cu[2], cu[4], cu[5] = cu[1], bu[0], bu[1]
		cv[2], cv[4], cv[5] = cv[1], bv[0], bv[1]
		inv, ok := invert(a)
		if !ok {
			return Map{}, false
		}
		for _, side := range [2]struct {
			b *[3]float64
			c *[6]float64
		}{{&bu, &cu}, {&bv, &cv}} {
			c0, c1 := [3]float64{side.c[0], side.c[2], side.c[4]}, [3]float64{side.c[1], side.c[3], side.c[5]}
			i0, i1, ib := times(inv, c0), times(inv, c1), times(inv, *side.b)
			e[0] -= inner(c0, i0)
			e[1] -= inner(c0, i1)
			e[2] -= inner(c1, i1)
			f[0] -= inner(c0, ib)
			f[1] -= inner(c1, ib)
		}
		det := cross(e[0], e[2], e[1], e[1])
		if !(det > 1e-12*float64((e[0]+e[2])*(e[0]+e[2]))) || !(e[0]+e[2] > 1e-10*t.w) {
			return Map{}, false
		}
		p = [2]float64{-cross(e[2], f[0], e[1], f[1]) / det, -cross(e[0], f[1], e[1], f[0]) / det}
		for k := range 3 {
			bu[k] += dot(cu[2*k], p[0], cu[2*k+1], p[1])
			bv[k] += dot(cv[2*k], p[0], cv[2*k+1], p[1])
		}
		h, g = times(inv, bu), times(inv, bv)
	}
	// Undo the centring: x → (x - mean)·ku before, u → u/kv + mean after.
	r := 1 / kv
	m := Map{
		dot(h[0], r, p[0], t.u), dot(h[1], r, p[1], t.u), dot(h[2], r, 1, t.u),
		dot(g[0], r, p[0], t.v), dot(g[1], r, p[1], t.v), dot(g[2], r, 1, t.v),
		p[0], p[1], 1,
	}
	for row := 0; row < 9; row += 3 {
		m[row], m[row+1] = float64(m[row]*ku), float64(m[row+1]*ku)
		m[row+2] -= dot(m[row], t.x, m[row+1], t.y)
	}
	return m.scaled()
}

// invert inverts a symmetric 3×3 matrix given as its upper half, row by row.
func invert(a [6]float64) (inv [6]float64, ok bool) {
	inv = [6]float64{
		cross(a[3], a[5], a[4], a[4]), cross(a[2], a[4], a[1], a[5]), cross(a[1], a[4], a[2], a[3]),
		cross(a[0], a[5], a[2], a[2]), cross(a[1], a[2], a[0], a[4]), cross(a[0], a[3], a[1], a[1]),
	}
	det := dot(a[0], inv[0], a[1], inv[1]) + float64(a[2]*inv[2])
	trace := a[0] + a[3] + a[5]
	if !(det > 1e-10*float64(trace*float64(trace*trace))) {
		return inv, false
	}
	for i := range inv {
		inv[i] /= det
	}
	return inv, true
}

func times(a [6]float64, v [3]float64) [3]float64 {
	return [3]float64{
		dot(a[0], v[0], a[1], v[1]) + float64(a[2]*v[2]),
		dot(a[1], v[0], a[3], v[1]) + float64(a[4]*v[2]),
		dot(a[2], v[0], a[4], v[1]) + float64(a[5]*v[2]),
	}
}

func inner(a, b [3]float64) float64 { return dot(a[0], b[0], a[1], b[1]) + float64(a[2]*b[2]) }
