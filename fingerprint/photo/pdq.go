package photo

import (
	"image"
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

// blur is a plane after two passes of box filters, along rows and along columns.
type blur struct {
	pix  []int32
	w, h int
}

// newBlur makes the blur of p (PDQ paper, "Downsampling").
func newBlur(p *plane) blur {
	a, b := slices.Clone(p.pix), make([]int32, len(p.pix))
	wx, wy := boxWindow(p.w), boxWindow(p.h)
	for range 2 {
		boxRows(b, a, p.w, p.h, wx)
		boxCols(a, b, p.w, p.h, wy)
	}
	return blur{a, p.w, p.h}
}

// sample takes the pixel at the centre of each of side × side cells of the blurred
// picture, its rows or columns reversed if asked for.
//
// Reversed means what blurring the reversed picture would have given, which is not the
// reverse of the upright sample: a box of even size reaches one pixel further forward than
// back, and a centre is rounded down. In a fine pattern those two or three pixels make a
// tenth of the hash.
func (b blur) sample(flipRows, flipCols bool) *luma {
	ys, xs := centres(b.h, flipRows), centres(b.w, flipCols)
	var l luma
	for i, y := range ys {
		row := b.pix[y*b.w:][:b.w]
		for j, x := range xs {
			l[i][j] = row[x]
		}
	}
	return &l
}

// centres are the centres of side cells along an axis of n pixels.
func centres(n int, flip bool) (at [side]int) {
	before, after := reach(boxWindow(n))
	for i := range at {
		at[i] = (2*i + 1) * n / (2 * side)
		if flip { // two passes, each of which reaches forward by after-before more
			at[i] = min(max(n-1-at[i]-2*(after-before), 0), n-1)
		}
	}
	return at
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
	// Between these the whole box is inside.
	lo, hi := before+1, max(w-after, before+1)
	for y := range h {
		in, out := src[y*w:][:w], dst[y*w:][:w]
		var sum int32
		n := 0
		edge := func(from, to int) {
			for x := from; x < to; x++ {
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
		for x := range min(after, w) {
			sum += in[x]
			n++
		}
		edge(0, min(lo, w))
		if lo < hi {
			gone := in[:hi-lo]
			come, inside, r := in[lo+after:][:len(gone)], out[lo:][:len(gone)], recip[n]
			for i, v := range gone {
				sum += come[i] - v
				inside[i] = mean(sum, r)
			}
		}
		edge(hi, w)
	}
}

func boxCols(dst, src []int32, w, h, window int) {
	before, after := reach(window)
	recip := reciprocals(window)
	sums := make([]int32, w)
	none := make([]int32, w) // beyond the edges
	n := 0
	for y := range min(after, h) {
		for x, v := range src[y*w:][:w] {
			sums[x] += v
		}
		n++
	}
	for y := range h {
		come, gone := none, none
		if y+after < h {
			come = src[(y+after)*w:][:w]
			n++
		}
		if y-before > 0 {
			gone = src[(y-before-1)*w:][:w]
			n--
		}
		out, r := dst[y*w:][:w], recip[n]
		come, gone = come[:len(out)], gone[:len(out)]
		for x, sum := range sums[:len(out)] {
			sum += come[x] - gone[x]
			sums[x] = sum
			out[x] = mean(sum, r)
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

// pdq is the PDQ hash of a view in all forms, from one transform, as the reference makes
// them: element f is the hash of the picture after form f has been applied to it, as far
// as turning the coefficients can tell.
func (c *coeffs) pdq() (forms [8][]byte) {
	for f := range forms {
		forms[f] = c.turn(fingerprint.Dihedral(f)).bits()
	}
	return forms
}

// pdq is the PDQ hash of the blurred picture in all forms: element f is what hashing the
// picture anew after form f has been applied to it would give. That takes four transforms
// of the one blur, since transposing costs nothing.
func (b blur) pdq() (forms [8][]byte) {
	for _, flipRows := range []bool{false, true} {
		for _, flipCols := range []bool{false, true} {
			c := transform(b.sample(flipRows, flipCols))
			for f, s := range symmetries {
				switch {
				case !s.transpose && s.flipRows == flipRows && s.flipCols == flipCols:
					forms[f] = c.bits()
				case s.transpose && s.flipCols == flipRows && s.flipRows == flipCols:
					// Reversing the rows of the transposed is transposing the reversed columns.
					forms[f] = c.turn(fingerprint.FlipPlus1).bits()
				}
			}
		}
	}
	return forms
}

// PDQ returns the PDQ hash of a picture (opaque, with (0,0) as the upper left corner) in the
// eight forms, and its quality 0..100, exactly as the reference derives them from one
// transform: for exchange with systems that speak PDQ.
func PDQ(m *image.NRGBA) (forms [8][]byte, quality int) {
	p := newPlane(m)
	if len(p.pix) == 0 {
		return forms, 0
	}
	l := newBlur(p).sample(false, false)
	return transform(l).pdq(), l.quality()
}
