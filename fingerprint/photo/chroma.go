package photo

import (
	"errors"
	"image"
	"math"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
)

// A chroma.v1 payload says which colours stand where: the picture is divided into a grid,
// and each cell has the mean colour differences of BT.601.
//
//	byte 0, 1  cells across and down, 1..32
//	then       for each cell, row by row, Cb and Cr as signed bytes, 0 for grey
//
// The longer side of a registered picture has refChroma cells, that of a query queryChroma.
// Each cell is sampled at chromaSamples/cells² points, so that the cost does not grow with
// the picture.
const (
	refChroma     = 16
	queryChroma   = 32
	chromaSamples = 128
)

// encodeChroma makes the payload of a picture whose longer side is to have that many cells.
func encodeChroma(m *image.NRGBA, cells int) []byte {
	mw, mh := m.Rect.Dx(), m.Rect.Dy()
	long := max(mw, mh)
	w, h := max(1, (cells*mw+long/2)/long), max(1, (cells*mh+long/2)/long)
	k := chromaSamples / cells // samples of a cell along each side
	out := make([]byte, 2, 2+2*w*h)
	out[0], out[1] = byte(w), byte(h)
	for cy := range h {
		for cx := range w {
			var r, g, b int
			for i := range k {
				row := m.Pix[(2*(cy*k+i)+1)*mh/(2*h*k)*m.Stride:]
				for j := range k {
					p := row[(2*(cx*k+j)+1)*mw/(2*w*k)*4:][:3]
					r, g, b = r+int(p[0]), g+int(p[1]), b+int(p[2])
				}
			}
			n := k * k
			out = append(out, difference(-11059*r-21709*g+32768*b, n), difference(32768*r-27439*g-5329*b, n))
		}
	}
	return out
}

// difference rounds a colour difference in units of 1/65536, summed over n samples.
func difference(sum, n int) byte {
	n <<= 16
	v := (sum + n/2) / n
	if sum < -n/2 {
		v = -((-sum + n/2) / n)
	}
	return byte(int8(max(-128, min(v, 127))))
}

// chroma is a decoded payload.
type chroma struct {
	w, h  int
	cells []byte
}

var errChroma = errors.New("colour grid is damaged")

func decodeChroma(b []byte) (*chroma, error) {
	if len(b) < 2 || b[0] == 0 || b[1] == 0 || max(b[0], b[1]) > queryChroma || len(b) != 2+2*int(b[0])*int(b[1]) {
		return nil, errChroma
	}
	return &chroma{int(b[0]), int(b[1]), b[2:]}, nil
}

// chromaOf is the colour grid among the prints; nil where there is none, as in what was
// registered before the kind existed.
func chromaOf(lists ...[]fingerprint.Fingerprint) *chroma {
	for _, prints := range lists {
		for _, p := range prints {
			if p.Kind == fingerprint.Chroma {
				c, _ := decodeChroma(p.Payload) // damaged: as if there were none
				return c
			}
		}
	}
	return nil
}

// at are the colour differences at a place given as shares of the sides, 0..1.
func (c *chroma) at(x, y float64) (cb, cr float64) {
	i, j := min(max(int(x*float64(c.w)), 0), c.w-1), min(max(int(y*float64(c.h)), 0), c.h-1)
	p := c.cells[2*(j*c.w+i):][:2]
	return float64(int8(p[0])), float64(int8(p[1]))
}

const (
	// greyish is the squared colour difference that a cell may owe to rounding and noise.
	greyish = 9
	// paleness is the squared colour difference up to which colours say little.
	paleness = 64
)

// recoloured says how much the colours of two pictures differ where they agree in tone: 0
// for the same colours, in any strength, 1 for unrelated ones, 2 for opposite ones. Where one
// of the two has no colours, or is not known, they do not differ: it was made grey.
func (q *Query) recoloured(p *Place, c *Comparison) float64 {
	if q.chroma == nil || c.chroma == nil || c.proof == nil || p.fine == nil {
		return 0
	}
	w, h := c.proof.W, c.proof.H
	rw, rh := float64(c.ref.Width), float64(c.ref.Height)
	qw, qh := float64(q.res.Width), float64(q.res.Height)
	sign := 1.0
	if p.Negative {
		sign = -1
	}
	// The query's colours are averaged over each cell of the registered picture.
	type cell struct{ n, cb, cr float64 }
	sums := make([]cell, c.chroma.w*c.chroma.h)
	for y := 0; y < h; y += 2 {
		for x := y / 2 % 2; x < w; x += 2 {
			if !p.fine.agrees[y*w+x] {
				continue
			}
			to, ok := p.Map.Apply(geometry.Point{X: (float64(x) + .5) / float64(w) * rw, Y: (float64(y) + .5) / float64(h) * rh})
			if !ok {
				continue
			}
			cb, cr := q.chroma.at(to.X/qw, to.Y/qh)
			s := &sums[y*c.chroma.h/h*c.chroma.w+x*c.chroma.w/w]
			s.n, s.cb, s.cr = s.n+1, s.cb+cb, s.cr+cr
		}
	}
	var n, qq, rr, qr float64
	for i, s := range sums {
		if s.n == 0 {
			continue
		}
		ab, ar := s.cb/s.n, s.cr/s.n
		bb, br := float64(int8(c.chroma.cells[2*i])), float64(int8(c.chroma.cells[2*i+1]))
		n += s.n
		qq += float64(s.n * (float64(ab*ab) + float64(ar*ar)))
		rr += float64(s.n * (float64(bb*bb) + float64(br*br)))
		qr += float64(s.n * (float64(ab*bb) + float64(ar*br)))
	}
	if n == 0 {
		return 0
	}
	most := math.Sqrt(max(0, qq-float64(n*greyish)) * max(0, rr-float64(n*greyish)))
	ground := float64(n * paleness)
	return 1 - (float64(sign*max(-most, min(qr, most)))+ground)/(most+ground)
}
