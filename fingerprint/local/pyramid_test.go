package local

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// noise is a plane of random values, of few different ones where steps is small. What
// lies behind the width is noise, too: nothing may depend on it.
func noise(r *rand.Rand, w, h, steps int) *plane {
	p := new(plane)
	p.resize(w, h)
	for i := range p.pix {
		p.pix[i] = (float32(r.IntN(steps)) + 0.37) * 255 / float32(steps)
	}
	return p
}

// TestVectors compares the vector code with the plain one, bit for bit, over widths with
// all numbers of values left over.
func TestVectors(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for w := 1; w <= 4*lane; w++ {
		h := 1 + r.IntN(40)
		src := noise(r, w, h, 1<<16)
		kernels := []kernel{first, {1}, newKernel(float64(1+r.IntN(40)) / 10)}
		for i := 1; i < levels; i++ {
			kernels = append(kernels, steps[i])
		}
		for _, k := range kernels {
			var b blurrer
			var dst, diff plane
			dst.resize(w, h)
			diff.resize(w, h)
			b.blur(&dst, src, k, &diff)
			for y := range h {
				for i := range b.rows {
					b.rows[i] = &src.row(r.IntN(h))[0]
				}
				n := src.stride
				got, want := make([][]float32, 3), make([][]float32, 3)
				for i := range got {
					got[i], want[i] = make([]float32, n), make([]float32, n)
				}
				weigh(got[0], &b.rows, k)
				plainWeigh(want[0], &b.rows, k)
				weighDiff(got[1], &b.rows, k, src.row(y), got[2])
				plainWeighDiff(want[1], &b.rows, k, src.row(y), want[2])
				for i := range got {
					if !slices.Equal(got[i], want[i]) {
						t.Fatalf("width %d, radius %d: result %d differs", w, len(k)-1, i)
					}
				}
			}
		}
		if w < 3 {
			continue
		}
		for _, steps := range []int{2, 5, 1 << 16} {
			var diffs differences
			for i := range diffs {
				diffs[i] = *noise(r, w, 3, steps)
				for j := range diffs[i].pix {
					diffs[i].pix[j] -= 128
				}
			}
			var f, plain finder
			for s := range f.bits {
				f.bits[s] = make([]uint32, diffs[0].stride/lane)
				plain.bits[s] = make([]uint32, diffs[0].stride/lane)
			}
			f.find(&diffs, 1)
			plain.plainFind(&diffs, 1)
			for s := range f.bits {
				for x := 1; x < w-1; x++ {
					if (f.bits[s][x/lane]^plain.bits[s][x/lane])>>(x%lane)&1 != 0 {
						t.Fatalf("width %d, %d steps: extremum at %d of layer %d differs", w, steps, x, s)
					}
				}
			}
		}
	}
}

// TestBlur compares with the sum over the whole kernel, at the edges and in between, and
// expects the mirror image of a picture to give the mirror image of the blur.
func TestBlur(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, size := range [][2]int{{1, 1}, {2, 9}, {9, 2}, {8, 8}, {31, 33}, {64, 40}, {97, 5}} {
		w, h := size[0], size[1]
		src := noise(r, w, h, 256)
		flip := new(plane)
		flip.resize(w, h)
		for y := range h {
			for x := range w {
				flip.row(y)[w-1-x] = src.row(y)[x]
			}
		}
		k := steps[levels-1]
		var b blurrer
		var dst, other plane
		dst.resize(w, h)
		other.resize(w, h)
		b.blur(&dst, src, k, nil)
		b.blur(&other, flip, k, nil)
		for y := range h {
			for x := range w {
				var want float64
				for j := -len(k) + 1; j < len(k); j++ {
					for i := -len(k) + 1; i < len(k); i++ {
						v := src.row(reflect(y+j, h))[reflect(x+i, w)]
						want += float64(k[max(i, -i)]) * float64(k[max(j, -j)]) * float64(v)
					}
				}
				got := dst.row(y)[x]
				if d := float64(got) - want; d < -1e-3 || d > 1e-3 {
					t.Fatalf("%v at (%d, %d): %v, want %v", size, x, y, got, want)
				}
				if other.row(y)[w-1-x] != got {
					t.Fatalf("%v at (%d, %d): the mirror image differs", size, x, y)
				}
			}
		}
	}
}
