package photo

import (
	"math"

	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
)

// A pattern that repeats, such as polka dots or a tartan, agrees with every pattern of the
// same spacing, wherever it is laid. That it agrees everywhere is then no proof of copying;
// features that hold it would be.

const (
	periodicSide   = 48  // pixels of the longer side that repetition is looked for in
	periodicFar    = 3   // pixels a repetition is away, at least
	periodicAgain  = .55 // correlation of a picture with itself, moved by a period
	periodicValley = .25 // it has to fall by this much on the way there
	periodicPeaks  = 3   // places where it does so: less is chance
)

// periodic reports whether the part of a picture inside the outline, which is in units of
// kx and ky pixels of it, repeats itself.
func periodic(g *local.Gray, outline geometry.Polygon, kx, ky float64) bool {
	p := cutOut(g, outline, kx, ky)
	if p == nil {
		return false
	}
	p = shrink(p, periodicSide)
	w, h := p.W, p.H
	if min(w, h) < 4*periodicFar {
		return false
	}
	// Correlations with the picture moved by up to half of it, to the right or left and down.
	mx, my := w/2, h/2
	cols := 2*mx + 1
	r := make([]float64, cols*(my+1))
	for dy := range my + 1 {
		for dx := -mx; dx <= mx; dx++ {
			r[dy*cols+dx+mx] = selfCorrelation(p, dx, dy)
		}
	}
	at := func(dx, dy int) float64 {
		if dy < 0 {
			dx, dy = -dx, -dy
		}
		if dx < -mx || dx > mx || dy > my {
			return -1
		}
		return r[dy*cols+dx+mx]
	}
	peaks := 0
	for dy := range my + 1 {
		for dx := -mx; dx <= mx; dx++ {
			c := at(dx, dy)
			if dx*dx+dy*dy < periodicFar*periodicFar || c < periodicAgain {
				continue
			}
			peak := true
			for y := -1; y <= 1 && peak; y++ {
				for x := -1; x <= 1; x++ {
					peak = peak && at(dx+x, dy+y) <= c
				}
			}
			if !peak {
				continue
			}
			n := max(dx, -dx, dy)
			for i := 1; i < n; i++ {
				if at((dx*i)/n, (dy*i)/n) < c-periodicValley {
					peaks++
					break
				}
			}
		}
	}
	return peaks >= periodicPeaks
}

// selfCorrelation is that of a picture with itself, moved.
func selfCorrelation(g *local.Gray, dx, dy int) float64 {
	var n, a, b, aa, bb, ab int64
	for y := 0; y < g.H-dy; y++ {
		p, q := g.Pix[y*g.W:][:g.W], g.Pix[(y+dy)*g.W:][:g.W]
		for x := max(0, -dx); x < g.W-max(0, dx); x++ {
			u, v := int64(p[x]), int64(q[x+dx])
			a, b, aa, bb, ab = a+u, b+v, aa+u*u, bb+v*v, ab+u*v
			n++
		}
	}
	va, vb := n*aa-a*a, n*bb-b*b
	if n == 0 || va < 4*n*n || vb < 4*n*n { // plain
		return 0
	}
	return float64(n*ab-a*b) / math.Sqrt(float64(va)*float64(vb))
}

// cutOut is the part of a picture in the bounding box of an outline; nil where that is
// hardly anything.
func cutOut(g *local.Gray, outline geometry.Polygon, kx, ky float64) *local.Gray {
	if len(outline) == 0 {
		return nil
	}
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, c := range outline {
		x0, y0, x1, y1 = min(x0, float64(c.X*kx)), min(y0, float64(c.Y*ky)), max(x1, float64(c.X*kx)), max(y1, float64(c.Y*ky))
	}
	l, t := max(0, int(x0)), max(0, int(y0))
	w, h := min(g.W, int(math.Ceil(x1)))-l, min(g.H, int(math.Ceil(y1)))-t
	if w < 4*periodicFar || h < 4*periodicFar {
		return nil
	}
	out := &local.Gray{W: w, H: h, Pix: make([]uint8, w*h)}
	for y := range h {
		copy(out.Pix[y*w:][:w], g.Pix[(t+y)*g.W+l:])
	}
	return out
}
