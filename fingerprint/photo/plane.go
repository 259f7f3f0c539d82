package photo

import (
	"image"

	"selvage/fingerprint"
	"selvage/internal/blocks"
)

// one is the grey level 1 in the fixed-point numbers of a plane.
const one = 1 << 16

// maxSide is the longest side of a plane. A longer side of the picture is divided by
// the smallest whole number that brings it to maxSide or below.
const maxSide = 512

// plane is a grey picture, row by row, in grey levels 0..255 times one. All that is
// stored is computed from it with integers, so the bits are the same on every CPU.
type plane struct {
	w, h   int
	pix    []int32
	kx, ky int // how many pixels of the picture lie behind one pixel of the plane
}

// planeMaker makes the plane of a picture while others read the same rows.
type planeMaker struct {
	p  *plane
	h  int // of the picture
	in *blocks.Averager
	by int // the next row of the plane
}

// newPlane turns a picture grey and averages blocks of kx × ky pixels, so that no side
// is longer than maxSide. The last column and row of blocks may be smaller; they count
// as whole. Alpha is ignored: package decode has put the picture on white.
func newPlane(m *image.NRGBA) *plane { return newPlaneMaker(m).plane() }

func newPlaneMaker(m *image.NRGBA) *planeMaker {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	kx, ky := (w+maxSide-1)/maxSide, (h+maxSide-1)/maxSide
	if kx == 0 || ky == 0 {
		return &planeMaker{p: &plane{kx: 1, ky: 1}}
	}
	p := &plane{w: (w + kx - 1) / kx, h: (h + ky - 1) / ky, kx: kx, ky: ky}
	p.pix = make([]int32, p.w*p.h)
	return &planeMaker{p: p, h: h, in: blocks.New(m, kx)}
}

// rows takes the rows before end, which must not fall. It may leave some for the next call.
func (pm *planeMaker) rows(end int) {
	p := pm.p
	for ; pm.by < p.h; pm.by++ {
		y0 := pm.by * p.ky
		y1 := min(y0+p.ky, pm.h)
		if y1 > end {
			return
		}
		out := p.pix[pm.by*p.w:][:p.w]
		for x, v := range pm.in.Means(y0, y1, 0) {
			out[x] = int32(v)
		}
	}
}

// plane takes the rows that are left and returns the plane.
func (pm *planeMaker) plane() *plane {
	pm.rows(pm.h)
	return pm.p
}

// crop returns the part of p inside r, which is in pixels of the plane.
func (p *plane) crop(r fingerprint.Rect) *plane {
	c := &plane{w: r.W(), h: r.H(), kx: p.kx, ky: p.ky, pix: make([]int32, r.W()*r.H())}
	for y := range c.h {
		copy(c.pix[y*c.w:][:c.w], p.pix[(r.Y0+y)*p.w+r.X0:])
	}
	return c
}

func (p *plane) bounds() fingerprint.Rect { return fingerprint.Rect{X1: p.w, Y1: p.h} }

// gray is the plane rounded to whole grey levels.
func (p *plane) gray() *image.Gray {
	g := image.NewGray(image.Rect(0, 0, p.w, p.h))
	for i, v := range p.pix {
		g.Pix[i] = level(v)
	}
	return g
}

// level rounds to a whole grey level.
func level(v int32) uint8 { return uint8(min((v+one/2)/one, 255)) }

// spread divides size pixels among n equal cells: it calls f for each pair of a cell
// and a pixel that overlap, with the overlap in units of 1/n pixel. The weights of a
// cell add up to size.
func spread(size, n int, f func(cell, pixel, weight int)) {
	for c := range n {
		for x := c * size / n; x < size && x*n < (c+1)*size; x++ {
			f(c, x, min((x+1)*n, (c+1)*size)-max(x*n, c*size))
		}
	}
}
