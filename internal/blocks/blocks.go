// Package blocks averages blocks of pixels in grey: the first step of making a large
// picture small. The means are exact, and the same with and without vector code.
package blocks

import (
	"image"
	"math"
	"math/bits"
)

// Luma weights of ITU-R BT.601 in units of 1/65536; they add up to 65536. The vector code
// has them as well.
const lumaR, lumaG, lumaB = 19595, 38470, 7471

// Averager averages the blocks of one picture, k pixels wide. It is not safe for concurrent
// use.
type Averager struct {
	pix       []byte
	stride, w int
	k         int
	lanes     []uint32 // of each column of pixels: the luma, in units of 1/65536 grey level
	sums      []uint64
	means     []uint32
}

// maxRows is how many rows the lanes hold: the vector code adds up colours in 16 bits, one
// of them the sign.
const maxRows = 32767 / 255

// New returns the averager of a picture with blocks of k ≥ 1 pixels in width. The last
// block of a row may be narrower. Alpha is ignored.
func New(m *image.NRGBA, k int) *Averager {
	w := m.Rect.Dx()
	n := (w + k - 1) / k
	return &Averager{
		pix: m.Pix, stride: m.Stride, w: w, k: k,
		lanes: make([]uint32, w), sums: make([]uint64, n), means: make([]uint32, n),
	}
}

// Means returns the mean luma of each block between the rows y0 < y1, counted from the
// first row of the picture, in units of 1<<shift / 65536 grey level, rounded to nearest. It
// is valid until the next call.
func (a *Averager) Means(y0, y1 int, shift uint) []uint32 {
	clear(a.sums)
	for y := y0; y < y1; {
		n := min(y1-y, maxRows)
		a.columns(a.pix[y*a.stride:], n)
		a.across()
		y += n
	}
	last := len(a.sums) - 1
	rows := uint64(y1 - y0)
	divide(a.means[:last], a.sums[:last], rows*uint64(a.k), shift)
	divide(a.means[last:], a.sums[last:], rows*uint64(a.w-last*a.k), shift)
	return a.means
}

// columns adds up n rows into the lanes.
func (a *Averager) columns(pix []byte, n int) {
	x := columns(a.lanes, pix[:(n-1)*a.stride+4*a.w], a.stride, n)
	rest := a.lanes[x:]
	clear(rest)
	for i := range n {
		row := pix[i*a.stride+4*x:][:4*len(rest)]
		for j := range rest {
			q := row[4*j : 4*j+4 : 4*j+4]
			rest[j] += lumaR*uint32(q[0]) + lumaG*uint32(q[1]) + lumaB*uint32(q[2])
		}
	}
}

// across adds the lanes of each block to its sum.
func (a *Averager) across() {
	lanes, k := a.lanes, a.k
	if k == 3 { // photos of 12 megapixels
		for i := range a.sums[:len(lanes)/3] {
			l := lanes[3*i : 3*i+3 : 3*i+3]
			a.sums[i] += uint64(l[0]) + uint64(l[1]) + uint64(l[2])
		}
	} else {
		for i := range a.sums[:len(lanes)/k] {
			var sum uint64
			for _, l := range lanes[i*k : i*k+k] {
				sum += uint64(l)
			}
			a.sums[i] += sum
		}
	}
	for _, l := range lanes[len(lanes)/k*k:] {
		a.sums[len(a.sums)-1] += uint64(l)
	}
}

// divide turns the sums of n pixels each into means.
func divide(out []uint32, sums []uint64, n uint64, shift uint) {
	half := n << shift >> 1
	if n == 1 || n >= 1<<20 {
		for i, s := range sums {
			out[i] = uint32((s + half) >> shift / n)
		}
		return
	}
	// Multiplying by 2^64/n, rounded up, errs by less than n / 2^64 of what is divided,
	// which is less than n << 24: too little to matter.
	recip := math.MaxUint64/n + 1
	for i, s := range sums {
		q, _ := bits.Mul64((s+half)>>shift, recip)
		out[i] = uint32(q)
	}
}
