package geometry

import (
	"cmp"
	"math"
	"slices"
)

// Polygon is a closed line through its points; the last is joined to the first.
type Polygon []Point

// Rect returns the outline of a w×h picture: its corners from the top left, clockwise as
// seen on a screen.
func Rect(w, h float64) Polygon { return Polygon{{0, 0}, {w, 0}, {w, h}, {0, h}} }

// Image takes each corner through the map. ok is false when a corner has no image.
func (p Polygon) Image(m Map) (image Polygon, ok bool) {
	image = make(Polygon, len(p))
	for i, q := range p {
		if image[i], ok = m.Apply(q); !ok {
			return nil, false
		}
	}
	return image, true
}

// signed is the area, positive when the points run clockwise as seen on a screen.
func (p Polygon) signed() float64 {
	if len(p) < 3 {
		return 0
	}
	sum, o := 0.0, p[0]
	for i := 1; i+1 < len(p); i++ {
		sum += cross(p[i].X-o.X, p[i+1].Y-o.Y, p[i].Y-o.Y, p[i+1].X-o.X)
	}
	return sum / 2
}

// Area is the area inside, in squared units.
func (p Polygon) Area() float64 { return math.Abs(p.signed()) }

// Clip returns the part of p inside a w×h picture whose top left corner is the origin; it
// is empty when nothing is inside. Of a polygon that is not convex, parts may hang
// together by lines without width.
func (p Polygon) Clip(w, h float64) Polygon { return p.Intersect(Rect(w, h)) }

// Intersect returns the part of p inside a convex polygon (Sutherland and Hodgman,
// Reentrant polygon clipping, 1974). The order of the points of either does not matter.
func (p Polygon) Intersect(convex Polygon) Polygon {
	area := convex.signed()
	if area == 0 || len(p) < 3 {
		return nil
	}
	out, in := slices.Clone(p), make(Polygon, 0, len(p)+len(convex))
	for i, a := range convex {
		b := convex[(i+1)%len(convex)]
		side := func(q Point) float64 {
			s := cross(b.X-a.X, q.Y-a.Y, b.Y-a.Y, q.X-a.X)
			if area < 0 {
				return -s
			}
			return s
		}
		in, out = append(in[:0], out...), out[:0]
		for j, q := range in {
			prev := in[(j+len(in)-1)%len(in)]
			s, t := side(prev), side(q)
			if (s < 0) != (t < 0) {
				share := s / (s - t)
				out = append(out, Point{prev.X + float64(share*(q.X-prev.X)), prev.Y + float64(share*(q.Y-prev.Y))})
			}
			if t >= 0 {
				out = append(out, q)
			}
		}
		if len(out) < 3 {
			return nil
		}
	}
	return out
}

// IoU is the area that two polygons share divided by the area that they cover together,
// 0 to 1; b has to be convex. It is 0 when both are without area.
func IoU(a, b Polygon) float64 {
	shared := a.Intersect(b).Area()
	union := a.Area() + b.Area() - shared
	if !(union > 0) {
		return 0
	}
	return min(shared/union, 1)
}

// Hull returns the convex hull of points, clockwise as seen on a screen, without points
// on its edges (Andrew's monotone chain, 1979).
func Hull(points []Point) Polygon {
	p := slices.Clone(points)
	slices.SortFunc(p, func(a, b Point) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y)) })
	p = slices.Compact(p)
	if len(p) < 3 {
		return p
	}
	hull := make(Polygon, 0, len(p)+1)
	half := func(q Point, floor int) {
		for len(hull) >= floor {
			a, b := hull[len(hull)-2], hull[len(hull)-1]
			if cross(b.X-a.X, q.Y-a.Y, b.Y-a.Y, q.X-a.X) > 0 {
				break
			}
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, q)
	}
	for _, q := range p {
		half(q, 2)
	}
	floor := len(hull) + 1
	for i := len(p) - 2; i >= 0; i-- {
		half(p[i], floor)
	}
	return hull[:len(hull)-1]
}

// Overlap tells which part of the registered picture is seen in the query: its outline in
// the query and the same outline in the registered picture. Both are empty when nothing is
// seen or the map has no inverse. Pictures run from 0 to their width and height, in the
// units of the map.
func Overlap(m Map, refW, refH, queryW, queryH float64) (inQuery, inRef Polygon) {
	outline, ok := Rect(refW, refH).Image(m)
	if !ok {
		return nil, nil
	}
	back, ok := m.Inverse()
	if !ok {
		return nil, nil
	}
	inQuery = outline.Clip(queryW, queryH)
	inRef = make(Polygon, 0, len(inQuery))
	for _, q := range inQuery {
		p, ok := back.Apply(q)
		if !ok {
			return nil, nil
		}
		inRef = append(inRef, Point{min(max(p.X, 0), refW), min(max(p.Y, 0), refH)})
	}
	if len(inQuery) == 0 {
		return nil, nil
	}
	return inQuery, inRef
}
