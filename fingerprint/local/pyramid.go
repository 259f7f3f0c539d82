package local

import "math"

// The scale space: each octave halves the picture and holds the blurs firstSigma ×
// 2^(i/layers), i < levels, and the differences of neighbouring ones. Lowe, "Distinctive
// Image Features from Scale-Invariant Keypoints" (2004), section 3.
const (
	layers     = 3
	levels     = layers + 3
	firstSigma = 1.6
	baseSigma  = 0.4 // blur that a base picture is taken to have
	leastSide  = 8   // octaves end before a side is shorter
	maxRadius  = 16
	register   = 8  // floats in a vector register
	lane       = 32 // rows are padded to a multiple, so that vector code needs no tail
)

// plane is a picture of floats. Rows are stride apart; what lies behind w is undefined.
type plane struct {
	w, h, stride int
	pix          []float32
}

func (p *plane) row(y int) []float32 { return p.pix[y*p.stride:][:p.stride] }

func (p *plane) resize(w, h int) {
	p.w, p.h, p.stride = w, h, (w+lane-1)/lane*lane
	if n := p.stride * h; cap(p.pix) < n {
		p.pix = make([]float32, n)
	} else {
		p.pix = p.pix[:n]
	}
}

// octave is one octave of the scale space.
type octave struct {
	level [levels]plane
	scale float32 // base pixels behind one pixel
}

// kernel is one half of a symmetric filter, the middle first; both halves add up to 1.
type kernel []float32

// newKernel is a Gaussian of standard deviation sigma, cut off at 4 sigma.
func newKernel(sigma float64) kernel {
	r := min(int(math.Ceil(4*sigma)), maxRadius)
	half := make([]float64, r+1)
	sum := 0.0
	for i := range half {
		half[i] = exp(-float64(i*i) / (2 * float64(sigma*sigma)))
		sum += half[i]
		if i > 0 {
			sum += half[i]
		}
	}
	k := make(kernel, r+1)
	for i, v := range half {
		k[i] = float32(v / sum)
	}
	return k
}

// sigmas are the blurs of the levels of an octave, in its own pixels.
var sigmas = func() (s [levels]float64) {
	for i := range s {
		s[i] = firstSigma * exp(math.Ln2*float64(i)/layers)
	}
	return s
}()

// first takes a base picture to level 0, and steps the level before to level i. Halving
// an octave averages 2 × 2 pixels, which adds a quarter of a pixel to the variance:
// level 0 of the next octave is a little more blurred than its name says.
var first, steps, stepsAfter = func() (kernel, [levels]kernel, [levels]kernel) {
	var s, a [levels]kernel
	for i := 1; i < levels; i++ {
		s[i] = newKernel(math.Sqrt(float64(sigmas[i]*sigmas[i]) - float64(sigmas[i-1]*sigmas[i-1])))
		a[i] = s[i]
	}
	a[1] = newKernel(math.Sqrt(float64(sigmas[1]*sigmas[1]) - float64(sigmas[0]*sigmas[0]) - 1./16))
	return newKernel(math.Sqrt(firstSigma*firstSigma - baseSigma*baseSigma)), s, a
}()

// blurrer blurs one plane; its memory is used again.
type blurrer struct {
	padded []float32 // one row with its mirror images on both sides
	ring   []float32 // rows blurred across, row y at y mod the number of rows
	rows   filterRows
}

// filterRows are what a filter weighs: rows[0] in the middle, rows[2i-1] and rows[2i] on its sides.
type filterRows [2*maxRadius + 1]*float32

// blur sets dst to src under the kernel across and down. Behind the edges the picture
// goes on as its mirror image. Where diff is given, it gets dst - src.
func (b *blurrer) blur(dst, src *plane, k kernel, diff *plane) {
	w, h, stride, r := src.w, src.h, src.stride, len(k)-1
	n := 2*r + 1
	b.padded = grow(b.padded, stride+2*maxRadius)
	b.ring = grow(b.ring, n*stride)
	done := 0
	for y := range h {
		for ; done <= min(y+r, h-1); done++ {
			b.pad(src.row(done)[:w], r)
			b.rows[0] = &b.padded[r]
			for i := 1; i <= r; i++ {
				b.rows[2*i-1], b.rows[2*i] = &b.padded[r-i], &b.padded[r+i]
			}
			weigh(b.ring[done%n*stride:][:stride], &b.rows, k)
		}
		b.rows[0] = &b.ring[y%n*stride]
		for i := 1; i <= r; i++ {
			b.rows[2*i-1] = &b.ring[reflect(y-i, h)%n*stride]
			b.rows[2*i] = &b.ring[reflect(y+i, h)%n*stride]
		}
		out := dst.row(y)
		if diff == nil {
			weigh(out, &b.rows, k)
		} else {
			weighDiff(out, &b.rows, k, src.row(y), diff.row(y))
		}
	}
}

// pad puts a row and r pixels of its mirror image on each side into b.padded.
func (b *blurrer) pad(row []float32, r int) {
	w := len(row)
	copy(b.padded[r:], row)
	for i := 1; i <= r; i++ {
		b.padded[r-i] = row[reflect(-i, w)]
		b.padded[r+w-1+i] = row[reflect(w-1+i, w)]
	}
}

// reflect returns the place inside 0..n-1 whose mirror image lies at i; the edge pixels repeat.
func reflect(i, n int) int {
	for i < 0 || i >= n {
		if i < 0 {
			i = -1 - i
		} else {
			i = 2*n - 1 - i
		}
	}
	return i
}

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// halve sets dst to the means of 2 × 2 pixels of src. An odd last row or column is left out.
func halve(dst, src *plane) {
	dst.resize(src.w/2, src.h/2)
	for y := range dst.h {
		a, b := src.row(2*y), src.row(2*y+1)
		out := dst.row(y)[:dst.w]
		for x := range out {
			out[x] = ((a[2*x] + a[2*x+1]) + (b[2*x] + b[2*x+1])) * 0.25
		}
	}
}
