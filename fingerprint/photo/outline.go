package photo

import (
	"math"

	"selvage/fingerprint/geometry"
)

// A map that was measured misses the truth by a fraction of a pixel, which gives the outline
// of a whole picture five or six corners where it has four. An outline is drawn for people:
// what lies this near to the edge, as a share of the longer side, is the edge.
const edgeSlack = .006

// tidy moves the corners of two outlines that correspond, corner by corner, to the edges of
// their pictures where they nearly touch them, and leaves out corners that are none.
func tidy(q, r geometry.Polygon, qw, qh, rw, rh float64) (geometry.Polygon, geometry.Polygon) {
	if len(q) != len(r) {
		return q, r
	}
	slackQ, slackR := edgeSlack*max(qw, qh), edgeSlack*max(rw, rh)
	q, r = snapped(q, qw, qh, slackQ), snapped(r, rw, rh, slackR)
	for i := 0; i < len(q) && len(q) > 3; {
		if needless(q, i, slackQ) && needless(r, i, slackR) {
			q, r = append(q[:i], q[i+1:]...), append(r[:i], r[i+1:]...)
			i = max(0, i-1)
			continue
		}
		i++
	}
	return q, r
}

func snapped(p geometry.Polygon, w, h, slack float64) geometry.Polygon {
	out := make(geometry.Polygon, len(p))
	to := func(v, end float64) float64 {
		switch {
		case v < slack:
			return 0
		case v > end-slack:
			return end
		}
		return v
	}
	for i, c := range p {
		out[i] = geometry.Point{X: to(c.X, w), Y: to(c.Y, h)}
	}
	return out
}

// needless reports whether corner i is one with a neighbour or lies on the line between
// its neighbours.
func needless(p geometry.Polygon, i int, slack float64) bool {
	a, b, c := p[(i+len(p)-1)%len(p)], p[i], p[(i+1)%len(p)]
	abx, aby, acx, acy := b.X-a.X, b.Y-a.Y, c.X-a.X, c.Y-a.Y
	long := math.Sqrt(float64(acx*acx) + float64(acy*acy))
	if long <= slack {
		return true
	}
	off := math.Abs(float64(abx*acy)-float64(aby*acx)) / long
	along := (float64(abx*acx) + float64(aby*acy)) / long
	return off <= slack && along >= -slack && along <= long+slack
}
