package photo

import (
	"image"

	"selvage/fingerprint"
	"selvage/internal/blocks"
)

// Luma weights of ITU-R BT.601 in units of 1/65536; they add up to 65536.
const lumaR, lumaG, lumaB = 19595, 38470, 7471

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

// newPlane turns a picture grey and averages blocks of kx × ky pixels, so that no side
// is longer than maxSide. The last column and row of blocks may be smaller; they count
// as whole. Alpha is ignored: package decode has put the picture on white.
func newPlane(m *image.NRGBA) *plane {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	kx, ky := (w+maxSide-1)/maxSide, (h+maxSide-1)/maxSide
	if kx == 0 || ky == 0 {
		return &plane{kx: 1, ky: 1}
	}
	p := &plane{w: (w + kx - 1) / kx, h: (h + ky - 1) / ky, kx: kx, ky: ky}
	p.pix = make([]int32, p.w*p.h)
	if kx == 1 && ky == 1 {
		for y := range h {
			row := m.Pix[y*m.Stride:][:4*w]
			out := p.pix[y*w:][:w]
			for x := range out {
				q := row[4*x : 4*x+4 : 4*x+4]
				out[x] = lumaR*int32(q[0]) + lumaG*int32(q[1]) + lumaB*int32(q[2])
			}
		}
		return p
	}
	in := blocks.New(m, kx)
	for by := range p.h {
		y1 := min((by+1)*ky, h)
		sums := in.Sums(by*ky, y1)
		rows := uint64(y1 - by*ky)
		out := p.pix[by*p.w:][:p.w]
		for bx := range out {
			n := rows * uint64(min((bx+1)*kx, w)-bx*kx)
			s := &sums[bx]
			out[bx] = int32((lumaR*uint64(s[0]) + lumaG*uint64(s[1]) + lumaB*uint64(s[2]) + n/2) / n)
		}
	}
	return p
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
