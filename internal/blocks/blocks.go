// Package blocks averages blocks of pixels in grey: the first step of making a large
// picture small. The means are exact, and the same with and without vector code.
package blocks

import (
	"image"
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
	last := len(a.sums) - 1
	rows := y1 - y0
	n, lastN := uint64(rows*a.k), uint64(rows*(a.w-last*a.k))
	if rows <= maxRows && n <= maxPixels {
		a.columns(a.pix[y0*a.stride:], rows)
		average(a.means[:last], a.lanes, a.k, newDivisor(n, shift))
		average(a.means[last:], a.lanes[last*a.k:], a.w-last*a.k, newDivisor(lastN, shift))
		return a.means
	}
	clear(a.sums)
	for y := y0; y < y1; {
		n := min(y1-y, maxRows)
		a.columns(a.pix[y*a.stride:], n)
		for x, l := range a.lanes {
			a.sums[x/a.k] += uint64(l)
		}
		y += n
	}
	for i, sum := range a.sums {
		if i == last {
			n = lastN
		}
		a.means[i] = uint32((sum + n<<shift>>1) / (n << shift))
	}
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

// average makes a mean of each k lanes.
func average(out, lanes []uint32, k int, by divisor) {
	if k == 3 { // photos of 12 megapixels
		for i := range out {
			l := lanes[:3:3]
			out[i] = by.of(l[0] + l[1] + l[2])
			lanes = lanes[3:]
		}
		return
	}
	for i := range out {
		var sum uint32
		for _, l := range lanes[:k] {
			sum += l
		}
		out[i] = by.of(sum)
		lanes = lanes[k:]
	}
}

// maxPixels is how many pixels the sum of a small block holds.
const maxPixels = 255

// divisor divides sums of n pixels by n<<shift, and rounds, by multiplying.
type divisor struct {
	half  uint32
	shift uint
	recip uint64
}

// newDivisor returns the divisor for 1 ≤ n ≤ maxPixels. What is multiplied is below n<<24,
// so the product has at most 64 bits, and rounding 2^40/n up changes no quotient.
func newDivisor(n uint64, shift uint) divisor {
	return divisor{half: uint32(n << shift >> 1), shift: shift, recip: (1<<40 + n - 1) / n}
}

func (d divisor) of(sum uint32) uint32 {
	return uint32(uint64((sum+d.half)>>(d.shift&31)) * d.recip >> 40)
}
