package photo

import (
	"math"
	"slices"

	"selvage/fingerprint"
)

// The sizes of PDQ: a picture is blurred and sampled down to side × side, of which
// the lowest dctSide × dctSide frequencies without the constant ones are kept.
const (
	side    = 64
	dctSide = 16
)

type (
	luma   [side][side]int32       // grey levels times one
	coeffs [dctSide][dctSide]int64 // row is the vertical frequency less 1; grey levels times one
)

// downsample blurs p with two passes of box filters, along rows and along columns, and
// takes the pixel at the centre of each of side × side cells (PDQ paper, "Downsampling").
func downsample(p *plane) *luma {
	a, b := slices.Clone(p.pix), make([]int32, len(p.pix))
	wx, wy := boxWindow(p.w), boxWindow(p.h)
	for range 2 {
		boxRows(b, a, p.w, p.h, wx)
		boxCols(a, b, p.w, p.h, wy)
	}
	var l luma
	for i := range side {
		y := (2*i + 1) * p.h / (2 * side)
		for j := range side {
			l[i][j] = a[y*p.w+(2*j+1)*p.w/(2*side)]
		}
	}
	return &l
}

// boxWindow is the box size for one axis: half of the decimation, rounded up.
func boxWindow(n int) int { return (n + 2*side - 1) / (2 * side) }

// reach says how far a box of w pixels extends before and after its own pixel. At the
// edges of the picture it holds what is there and divides by that many.
func reach(w int) (before, after int) {
	after = (w+2)/2 - 1
	return w - 1 - after, after
}

// reciprocals holds round(2^32/n) for n up to w, to divide by multiplying.
func reciprocals(w int) []uint64 {
	r := make([]uint64, w+1)
	for n := 1; n <= w; n++ {
		r[n] = (1<<32 + uint64(n)/2) / uint64(n)
	}
	return r
}

func mean(sum int32, recip uint64) int32 { return int32((uint64(sum)*recip + 1<<31) >> 32) }

func boxRows(dst, src []int32, w, h, window int) {
	before, after := reach(window)
	recip := reciprocals(window)
	for y := range h {
		in, out := src[y*w:][:w], dst[y*w:][:w]
		var sum int32
		n := 0
		for x := range min(after, w) {
			sum += in[x]
			n++
		}
		for x := range out {
			if x+after < w {
				sum += in[x+after]
				n++
			}
			if x-before > 0 {
				sum -= in[x-before-1]
				n--
			}
			out[x] = mean(sum, recip[n])
		}
	}
}

func boxCols(dst, src []int32, w, h, window int) {
	before, after := reach(window)
	recip := reciprocals(window)
	sums := make([]int32, w)
	n := 0
	add := func(y int) {
		for x, v := range src[y*w:][:w] {
			sums[x] += v
		}
		n++
	}
	for y := range min(after, h) {
		add(y)
	}
	for y := range h {
		if y+after < h {
			add(y + after)
		}
		if y-before > 0 {
			for x, v := range src[(y-before-1)*w:][:w] {
				sums[x] -= v
			}
			n--
		}
		out, r := dst[y*w:][:w], recip[n]
		for x := range out {
			out[x] = mean(sums[x], r)
		}
	}
}

// dctRows is the orthonormal cosine basis of frequencies 1..dctSide, times one.
var dctRows = func() (d [dctSide][side]int64) {
	for u := range dctSide {
		for x := range side {
			d[u][x] = int64(math.Round(one * math.Sqrt(2.0/side) * math.Cos(math.Pi/(2*side)*float64(u+1)*float64(2*x+1))))
		}
	}
	return d
}()

// transform takes the lowest frequencies of l.
func transform(l *luma) *coeffs {
	var t [dctSide][side]int64
	for u := range dctSide {
		for y := range side {
			d := dctRows[u][y]
			for x := range side {
				t[u][x] += d * int64(l[y][x])
			}
		}
	}
	var c coeffs
	for u := range dctSide {
		for v := range dctSide {
			var s int64
			for x := range side {
				s += t[u][x] >> 16 * dctRows[v][x]
			}
			c[u][v] = s >> 16
		}
	}
	return &c
}

// turn gives the coefficients of the picture after form has been applied to it:
// mirroring an axis negates its odd frequencies, transposing swaps the two.
func (c *coeffs) turn(form fingerprint.Dihedral) *coeffs {
	s := symmetries[form&7]
	var o coeffs
	for u := range dctSide {
		for v := range dctSide {
			x := c[u][v]
			if s.transpose {
				x = c[v][u]
			}
			// Row u holds frequency u+1, so the even rows are the odd frequencies.
			if s.flipRows && u%2 == 0 {
				x = -x
			}
			if s.flipCols && v%2 == 0 {
				x = -x
			}
			o[u][v] = x
		}
	}
	return &o
}

// bits sets a bit for each coefficient above the median and writes them in the order in
// which the reference prints a hash: row 15 first, and in each row the high bit first.
func (c *coeffs) bits() []byte {
	m := c.median()
	out := make([]byte, dctSide*dctSide/8)
	for u := range dctSide {
		for v := range dctSide {
			if c[u][v] > m {
				out[2*(dctSide-1-u)+1-v/8] |= 1 << (v % 8)
			}
		}
	}
	return out
}

// median is the lower of the two middle values.
func (c *coeffs) median() int64 {
	all := make([]int64, 0, dctSide*dctSide)
	for u := range c {
		all = append(all, c[u][:]...)
	}
	slices.Sort(all)
	return all[len(all)/2-1]
}

// quality is the PDQ measure 0..100 of how much gradient there is: steps between
// neighbours in whole percent of the grey range, added and scaled.
func (l *luma) quality() int {
	sum := 0
	step := func(a, b int32) {
		d := int(a-b) * 100 / (255 * one)
		sum += max(d, -d)
	}
	for i := range side {
		for j := range side {
			if i+1 < side {
				step(l[i][j], l[i+1][j])
			}
			if j+1 < side {
				step(l[i][j], l[i][j+1])
			}
		}
	}
	return min(sum/90, 100)
}

// pdq is the PDQ hash of a view in all forms: element f is the hash of the picture
// after form f has been applied to it.
func (c *coeffs) pdq() (forms [8][]byte) {
	for f := range forms {
		forms[f] = c.turn(fingerprint.Dihedral(f)).bits()
	}
	return forms
}
