package local

import (
	"image"
	"math"
	"math/bits"

	"selvage/internal/blocks"
)

// Luma weights of ITU-R BT.601 in units of 1/65536; they add up to 65536.
const lumaR, lumaG, lumaB = 19595, 38470, 7471

// NewBase turns a picture grey and brings its longer side to side pixels, or to twice
// its own where that is less. Shrinking averages what lies behind each pixel, in fixed
// point, so the result is the same on every CPU. Alpha is ignored: package decode has put the picture on
// white. An empty picture gives an empty Gray.
func NewBase(m *image.NRGBA, side int) *Gray {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if w == 0 || h == 0 || side <= 0 {
		return &Gray{}
	}
	long := max(w, h)
	side = min(side, 2*long)
	g := &Gray{
		W: max(1, (2*w*side+long)/(2*long)),
		H: max(1, (2*h*side+long)/(2*long)),
	}
	g.Pix = make([]uint8, g.W*g.H)

	// Blocks of k × k pixels are summed up first: what is left has at least twice the side.
	k := max(1, long/(2*side))
	in := newReader(m, k)
	across, down := filters(w, k, g.W), filters(h, k, g.H)
	// Rows of the result's width, number r at r%len(rows); filters go down, so each is made once.
	rows := make([][]uint32, 2)
	for _, f := range down {
		for len(rows) < len(f.weights) {
			rows = append(rows, nil)
		}
	}
	for i := range rows {
		rows[i] = make([]uint32, g.W)
	}
	sum := make([]uint32, g.W)
	done := 0
	for y, f := range down {
		clear(sum)
		for i, weight := range f.weights {
			r := f.first + i
			row := rows[r%len(rows)]
			for ; done <= r; done++ {
				shrink(rows[done%len(rows)], in.row(done), across)
			}
			for x, v := range row {
				sum[x] += weight * v
			}
		}
		out := g.Pix[y*g.W:][:g.W]
		for x, v := range sum {
			out[x] = uint8(min((v+1<<22)>>23, 255))
		}
	}
	return g
}

// filter says which blocks one pixel of the result is made of; the weights add up to 1<<15.
type filter struct {
	first   int
	weights []uint32
}

// filters are the filters along one side: size pixels in blocks of k, to n pixels. Each
// is a triangle of twice the width of a pixel, the larger one of both sides: unlike the
// plain mean, it blurs each pixel alike where the sides are not multiples.
func filters(size, k, n int) []filter {
	blocks := (size + k - 1) / k
	list := make([]filter, n)
	half := 2 * max(size, n) // in units of 1/2n pixel, like all here
	var raw []int
	for c := range list {
		centre := (2*c + 1) * size
		f := &list[c]
		raw = raw[:0]
		total := 0
		for i := max(0, (centre-half)/(2*n*k)-1); i < blocks; i++ {
			lo, hi := i*k, min((i+1)*k, size)
			d := (lo+hi)*n - centre
			if d >= half {
				break
			}
			v := (half - max(d, -d)) * (hi - lo)
			if v <= 0 {
				continue
			}
			if len(raw) == 0 {
				f.first = i
			}
			raw = append(raw, v)
			total += v
		}
		f.weights = make([]uint32, len(raw))
		left, largest := 1<<15, 0
		for i, v := range raw {
			f.weights[i] = uint32((2*v<<15 + total) / (2 * total))
			left -= int(f.weights[i])
			if f.weights[i] > f.weights[largest] {
				largest = i
			}
		}
		f.weights[largest] += uint32(left)
	}
	return list
}

// shrink applies filters along one row of blocks.
func shrink(out, in []uint32, list []filter) {
	for x := range out {
		f := &list[x]
		var sum uint32
		src := in[f.first:][:len(f.weights)]
		for i, weight := range f.weights {
			sum += weight * src[i]
		}
		out[x] = (sum + 1<<14) >> 15
	}
}

// reader gives the rows of blocks of a picture in units of 1/256 grey level.
type reader struct {
	m    *image.NRGBA
	k    int
	in   *blocks.Summer
	grey []uint32
}

func newReader(m *image.NRGBA, k int) *reader {
	n := (m.Rect.Dx() + k - 1) / k
	return &reader{m: m, k: k, in: blocks.New(m, k), grey: make([]uint32, n)}
}

// row returns row r of blocks; it is valid until the next call.
func (d *reader) row(r int) []uint32 {
	w, h := d.m.Rect.Dx(), d.m.Rect.Dy()
	if d.k == 1 {
		row := d.m.Pix[r*d.m.Stride:][:4*w]
		for x := range d.grey {
			q := row[4*x : 4*x+4 : 4*x+4]
			d.grey[x] = (lumaR*uint32(q[0]) + lumaG*uint32(q[1]) + lumaB*uint32(q[2]) + 128) >> 8
		}
		return d.grey
	}
	y1 := min((r+1)*d.k, h)
	sums := d.in.Sums(r*d.k, y1)
	rows := y1 - r*d.k
	last := len(d.grey) - 1
	greys(d.grey[:last], sums[:last], uint64(rows*d.k))
	greys(d.grey[last:], sums[last:], uint64(rows*(w-last*d.k)))
	return d.grey
}

// greys turns the sums of n pixels each into units of 1/256 grey level.
func greys(out []uint32, sums [][3]uint32, n uint64) {
	// Dividing by multiplying: the quotient is right or one too small.
	by, recip := 256*n, math.MaxUint64/(256*n)
	for i := range out {
		s := &sums[i]
		v := lumaR*uint64(s[0]) + lumaG*uint64(s[1]) + lumaB*uint64(s[2]) + 128*n
		q, _ := bits.Mul64(v, recip)
		if v-q*by >= by {
			q++
		}
		out[i] = uint32(q)
	}
}
