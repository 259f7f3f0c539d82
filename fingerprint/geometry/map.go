package geometry

import "math"

// Point is a place in a picture: x to the right, y down.
type Point struct{ X, Y float64 }

// Identity is the map that changes nothing.
var Identity = Map{1, 0, 0, 0, 1, 0, 0, 0, 1}

// Apply takes a point through the map. ok is false, and the point without meaning, where
// the map sends it to infinity or behind the eye.
func (m Map) Apply(p Point) (q Point, ok bool) {
	w := dot(m[6], p.X, m[7], p.Y) + m[8]
	if !(w > 0) {
		return Point{}, false
	}
	q = Point{(dot(m[0], p.X, m[1], p.Y) + m[2]) / w, (dot(m[3], p.X, m[4], p.Y) + m[5]) / w}
	return q, finite(q.X, q.Y)
}

// Det is the determinant of the matrix: positive when the map keeps the orientation,
// negative when it mirrors.
func (m Map) Det() float64 {
	return float64(m[0]*cross(m[4], m[8], m[5], m[7])) -
		float64(m[1]*cross(m[3], m[8], m[5], m[6])) +
		float64(m[2]*cross(m[3], m[7], m[4], m[6]))
}

// Inverse returns the map that leads back. Its last element is 1, or -1 when the origin of
// the query lies behind the horizon of the map, so that [Map.Apply] works for every point
// that has been taken through m. ok is false when there is none: the map flattens the
// picture.
func (m Map) Inverse() (inv Map, ok bool) {
	inv = Map{
		cross(m[4], m[8], m[5], m[7]), cross(m[2], m[7], m[1], m[8]), cross(m[1], m[5], m[2], m[4]),
		cross(m[5], m[6], m[3], m[8]), cross(m[0], m[8], m[2], m[6]), cross(m[2], m[3], m[0], m[5]),
		cross(m[3], m[7], m[4], m[6]), cross(m[1], m[6], m[0], m[7]), cross(m[0], m[4], m[1], m[3]),
	}
	switch det := m.Det(); {
	case det == 0 || !finite(det):
		return Map{}, false
	case det < 0:
		for i := range inv {
			inv[i] = -inv[i]
		}
	}
	return inv.scaled()
}

// Mul returns the map that does n first and m after it, with a last element as in
// [Map.Inverse]. ok is false when it is not finite.
func (m Map) Mul(n Map) (product Map, ok bool) {
	for row := 0; row < 9; row += 3 {
		for col := range 3 {
			product[row+col] = dot(m[row], n[col], m[row+1], n[3+col]) + float64(m[row+2]*n[6+col])
		}
	}
	return product.scaled()
}

// scaled divides by a positive number so that the last element is 1 or -1.
func (m Map) scaled() (Map, bool) {
	d := math.Abs(m[8])
	for i := range m {
		m[i] /= d
	}
	return m, finite(m[:]...)
}

// Jacobian returns the derivative of the map at a point: how a small step in the
// registered picture, (dx, dy), moves in the query, (xx·dx + xy·dy, yx·dx + yy·dy).
func (m Map) Jacobian(p Point) (xx, xy, yx, yy float64) {
	if m[6] == 0 && m[7] == 0 {
		return m[0], m[1], m[3], m[4]
	}
	w := dot(m[6], p.X, m[7], p.Y) + m[8]
	u := (dot(m[0], p.X, m[1], p.Y) + m[2]) / w
	v := (dot(m[3], p.X, m[4], p.Y) + m[5]) / w
	return (m[0] - float64(u*m[6])) / w, (m[1] - float64(u*m[7])) / w,
		(m[3] - float64(v*m[6])) / w, (m[4] - float64(v*m[7])) / w
}

// anisotropy is the ratio of the larger to the smaller stretch of a derivative, >= 1;
// infinite when it is flat. For a matrix with a circle's axes p = (xx+yy, yx-xy) and
// q = (xx-yy, yx+xy) the two stretches are (|p| ± |q|)/2.
func anisotropy(xx, xy, yx, yy float64) float64 {
	p := math.Sqrt(dot(xx+yy, xx+yy, yx-xy, yx-xy))
	q := math.Sqrt(dot(xx-yy, xx-yy, yx+xy, yx+xy))
	if p == q {
		return math.Inf(1)
	}
	return (p + q) / math.Abs(p-q)
}

// depth returns the smallest and the largest w over the corners of a w×h picture.
func (m Map) depth(w, h float64) (near, far float64) {
	a, b := float64(m[6]*w), float64(m[7]*h)
	return m[8] + min(0, a, b, a+b), m[8] + max(0, a, b, a+b)
}
