package video

import (
	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
	"selvage/fingerprint/photo"
)

// lensSide is the side of the grid that a hash is made from.
const lensSide = 64

// hashThrough hashes what m, which leads from the unit square, shows of a picture; ok is
// false where that holds too little.
func hashThrough(g *local.Gray, m geometry.Map) (c Code, ok bool) {
	b := photo.HashLuma(sample(g, m))
	if b == nil {
		return Code{}, false
	}
	return codeOf(b), true
}

// sample takes the cells of the unit square, each as the mean of four samples.
func sample(g *local.Gray, m geometry.Map) *[lensSide * lensSide]uint8 {
	out := new([lensSide * lensSide]uint8)
	for y := range lensSide {
		for x := range lensSide {
			var sum float64
			for _, s := range [4][2]float64{{.25, .25}, {.75, .25}, {.25, .75}, {.75, .75}} {
				at, ok := m.Apply(geometry.Point{X: (float64(x) + s[0]) / lensSide, Y: (float64(y) + s[1]) / lensSide})
				if ok {
					sum += bilinear(g, at.X-.5, at.Y-.5)
				}
			}
			out[y*lensSide+x] = uint8(sum/4 + .5)
		}
	}
	return out
}

// bilinear is the level at a place, that of the edge beyond it.
func bilinear(g *local.Gray, x, y float64) float64 {
	x, y = min(max(x, 0), float64(g.W-1)), min(max(y, 0), float64(g.H-1))
	i, j := int(x), int(y)
	i1, j1 := min(i+1, g.W-1), min(j+1, g.H-1)
	fx, fy := x-float64(i), y-float64(j)
	p := func(i, j int) float64 { return float64(g.Pix[j*g.W+i]) }
	top := p(i, j) + float64(fx*(p(i1, j)-p(i, j)))
	low := p(i, j1) + float64(fx*(p(i1, j1)-p(i, j1)))
	return top + float64(fy*(low-top))
}

// lens is a way in which registered frames lie in those of the query, had from one pair of
// key frames: all others are looked at through it.
type lens struct {
	// toQuery and toRef lead from the unit square, which stands for what both show, to shares
	// of the sides of the query's frame and of the registered one.
	toQuery, toRef geometry.Map
	whole          bool // all of the registered frame is shown
}

const (
	wholeShown = .96 // share of the registered frame that counts as all of it
	leastShown = .08 // share of it below which there is too little to hash
	upright    = .95 // share of its bounding box that an upright overlap fills
)

// newLens makes a lens of a place; ok is false where it shows too little, or shows a part
// that lies askew.
func newLens(p *photo.Place, query, ref *fingerprint.Result) (l lens, ok bool) {
	rw, rh := float64(ref.Width), float64(ref.Height)
	x0, y0, x1, y1 := 0.0, 0.0, rw, rh
	if l.whole = p.OfRef >= wholeShown; !l.whole {
		if p.OfRef < leastShown || len(p.InRef) == 0 {
			return l, false
		}
		x0, y0, x1, y1 = bounds(p.InRef)
		if p.InRef.Area() < upright*(x1-x0)*(y1-y0) {
			return l, false
		}
	}
	unit := geometry.Map{x1 - x0, 0, x0, 0, y1 - y0, y0, 0, 0, 1}
	if l.toQuery, ok = p.Map.Mul(unit); !ok {
		return l, false
	}
	if l.toQuery, ok = scale(1/float64(query.Width), 1/float64(query.Height)).Mul(l.toQuery); !ok {
		return l, false
	}
	l.toRef, ok = scale(1/rw, 1/rh).Mul(unit)
	return l, ok
}

func scale(x, y float64) geometry.Map { return geometry.Map{x, 0, 0, 0, y, 0, 0, 0, 1} }

func bounds(p geometry.Polygon) (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = p[0].X, p[0].Y, p[0].X, p[0].Y
	for _, c := range p[1:] {
		x0, y0, x1, y1 = min(x0, c.X), min(y0, c.Y), max(x1, c.X), max(y1, c.Y)
	}
	return x0, y0, x1, y1
}

// through hashes a picture through a lens on either side.
func through(g *local.Gray, shares geometry.Map) (Code, bool) {
	m, ok := scale(float64(g.W), float64(g.H)).Mul(shares)
	if !ok {
		return Code{}, false
	}
	return hashThrough(g, m)
}
