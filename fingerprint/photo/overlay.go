package photo

import (
	"math"

	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
)

// pyramid is a grey picture and its halves, for sampling at any scale. Level k is 2^k
// times smaller.
type pyramid []*local.Gray

// smallest is the longer side below which a picture is not halved again.
const smallest = 16

func newPyramid(g *local.Gray) pyramid {
	p := pyramid{g}
	for g.W >= 2 && g.H >= 2 && max(g.W, g.H) > smallest {
		g = half(g)
		p = append(p, g)
	}
	return p
}

// half averages blocks of 2 × 2 pixels; an odd last row or column is dropped.
func half(g *local.Gray) *local.Gray {
	h := &local.Gray{W: g.W / 2, H: g.H / 2}
	h.Pix = make([]uint8, h.W*h.H)
	for y := range h.H {
		a, b := g.Pix[2*y*g.W:][:2*h.W], g.Pix[(2*y+1)*g.W:][:2*h.W]
		out := h.Pix[y*h.W:][:h.W]
		for x := range out {
			out[x] = uint8((uint(a[2*x]) + uint(a[2*x+1]) + uint(b[2*x]) + uint(b[2*x+1]) + 2) >> 2)
		}
	}
	return h
}

// level is the level on which a step of scale base pixels is nearest to one pixel.
func (p pyramid) level(scale float64) int {
	k := 0
	for k+1 < len(p) && scale > math.Sqrt2 {
		k, scale = k+1, scale/2
	}
	return k
}

// outside marks a place of the overlay where the query has no picture.
const outside = -1

// laid is a query laid over a registered picture, pixel by pixel of the latter, in
// sixteenths of a grey level; outside where there is nothing.
type laid struct {
	w, h int
	pix  []int16
	in   int // how many are inside
}

// lay samples the query where m says that the pixels of a w × h registered picture lie.
func (p pyramid) lay(w, h int, m geometry.Map, negative bool) *laid {
	l := &laid{w: w, h: h, pix: make([]int16, w*h)}
	k := p.level(scaleOf(m, float64(w)/2, float64(h)/2))
	g := p[k]
	f := 1 / float64(int(1)<<k)
	for y := range h {
		fy := float64(y) + .5
		ax, ay, az := float64(m[1]*fy)+m[2], float64(m[4]*fy)+m[5], float64(m[7]*fy)+m[8]
		out := l.pix[y*w:][:w]
		for x := range out {
			fx := float64(x) + .5
			out[x] = outside
			z := float64(m[6]*fx) + az
			if z <= 1e-9 {
				continue
			}
			if out[x] = sample(g, float64((float64(m[0]*fx)+ax)/z*f)-.5, float64((float64(m[3]*fx)+ay)/z*f)-.5, negative); out[x] != outside {
				l.in++
			}
		}
	}
	return l
}

// sample interpolates between the four pixels around u, v (pixel middles at whole
// numbers), in sixteenths of a level; it is outside where the picture is not.
func sample(g *local.Gray, u, v float64, negative bool) int16 {
	if u < -.5 || v < -.5 || u > float64(g.W)-.5 || v > float64(g.H)-.5 {
		return outside
	}
	iu, iv := int(math.Floor(u)), int(math.Floor(v))
	fu, fv := int(float64((u-float64(iu))*64)), int(float64((v-float64(iv))*64))
	x0, x1 := max(iu, 0), min(iu+1, g.W-1)
	y0, y1 := max(iv, 0)*g.W, min(iv+1, g.H-1)*g.W
	top := int(g.Pix[y0+x0])*(64-fu) + int(g.Pix[y0+x1])*fu
	bot := int(g.Pix[y1+x0])*(64-fu) + int(g.Pix[y1+x1])*fu
	s := int16((top*(64-fv) + bot*fv) >> 8)
	if negative {
		return 255*16 - s
	}
	return s
}

// scaleOf is how many query pixels one pixel of the registered picture at x, y spans.
func scaleOf(m geometry.Map, x, y float64) float64 {
	xx, xy, yx, yy := m.Jacobian(geometry.Point{X: x, Y: y})
	return math.Sqrt(math.Abs(float64(xx*yy) - float64(xy*yx)))
}
