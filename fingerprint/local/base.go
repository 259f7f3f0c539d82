package local

import (
	"image"

	"selvage/internal/blocks"
)

// BaseMaker makes the base of a picture while others read the same rows, which saves
// fetching them from memory once more. It is not safe for concurrent use.
type BaseMaker struct {
	g            *Gray
	h, k         int // height of the picture, side of the blocks
	in           *blocks.Averager
	across, down []filter
	// Rows of the result's width, number r at r%len(rows), and how many there have been;
	// filters go down, so each is made once.
	rows [][]uint32
	done int
	y    int // the next row of the result
	sum  []uint32
}

// NewBase turns a picture grey and brings its longer side to side pixels, or to twice
// its own where that is less. Shrinking averages what lies behind each pixel, in fixed
// point, so the result is the same on every CPU. Alpha is ignored: package decode has put
// the picture on white. An empty picture gives an empty Gray.
func NewBase(m *image.NRGBA, side int) *Gray { return NewBaseMaker(m, side).Base() }

// NewBaseMaker starts what NewBase does.
func NewBaseMaker(m *image.NRGBA, side int) *BaseMaker {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if w == 0 || h == 0 || side <= 0 {
		return &BaseMaker{g: &Gray{}}
	}
	long := max(w, h)
	side = min(side, 2*long)
	g := &Gray{
		W: max(1, (2*w*side+long)/(2*long)),
		H: max(1, (2*h*side+long)/(2*long)),
	}
	g.Pix = make([]uint8, g.W*g.H)
	// Blocks of k × k pixels are averaged first: what is left has at least twice the side.
	k := max(1, long/(2*side))
	b := &BaseMaker{
		g: g, h: h, k: k, in: blocks.New(m, k),
		across: padded(filters(w, k, g.W), (w+k-1)/k), down: filters(h, k, g.H),
		rows: make([][]uint32, 2), sum: make([]uint32, g.W),
	}
	for _, f := range b.down {
		for len(b.rows) < len(f.weights) {
			b.rows = append(b.rows, nil)
		}
	}
	for i := range b.rows {
		b.rows[i] = make([]uint32, g.W)
	}
	return b
}

// Rows takes the rows before end, which must not fall. It may leave some for the next call.
func (b *BaseMaker) Rows(end int) {
	for ; b.y < b.g.H; b.y++ {
		f := &b.down[b.y]
		if min((f.first+len(f.weights))*b.k, b.h) > end {
			return
		}
		clear(b.sum)
		for i, weight := range f.weights {
			r := f.first + i
			row := b.rows[r%len(b.rows)]
			for ; b.done <= r; b.done++ {
				y := b.done * b.k
				// In units of 1/256 grey level.
				shrink(b.rows[b.done%len(b.rows)], b.in.Means(y, min(y+b.k, b.h), 8), b.across)
			}
			for x, v := range row {
				b.sum[x] += weight * v
			}
		}
		out := b.g.Pix[b.y*b.g.W:][:b.g.W]
		for x, v := range b.sum {
			out[x] = uint8(min((v+1<<22)>>23, 255))
		}
	}
}

// Base takes the rows that are left and returns the base.
func (b *BaseMaker) Base() *Gray {
	b.Rows(b.h)
	return b.g
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

// taps is how many weights a filter is padded to, if it has not more.
const taps = 8

// padded adds weights of 0 to the filters along a row of n blocks: knowing the number is
// worth more than having less to do.
func padded(list []filter, n int) []filter {
	for i := range list {
		f := &list[i]
		if n < taps || len(f.weights) >= taps {
			continue
		}
		first := min(f.first, n-taps)
		all := make([]uint32, taps)
		copy(all[f.first-first:], f.weights)
		*f = filter{first, all}
	}
	return list
}

// shrink applies filters along one row of blocks.
func shrink(out, in []uint32, list []filter) {
	for x := range out {
		f := &list[x]
		var sum uint32
		if len(f.weights) == taps {
			w, v := (*[taps]uint32)(f.weights), (*[taps]uint32)(in[f.first:])
			sum = w[0]*v[0] + w[1]*v[1] + w[2]*v[2] + w[3]*v[3] + w[4]*v[4] + w[5]*v[5] + w[6]*v[6] + w[7]*v[7]
		} else {
			src := in[f.first:][:len(f.weights)]
			for i, weight := range f.weights {
				sum += weight * src[i]
			}
		}
		out[x] = (sum + 1<<14) >> 15
	}
}
