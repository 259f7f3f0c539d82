package blocks

import (
	"image"
	"math/rand/v2"
	"testing"
)

// TestMeansAreExact compares with adding up one pixel after the other, in blocks of all
// shapes, of pictures that are parts of others, and of the brightest pixels.
func TestMeansAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {15, 3}, {16, 300}, {17, 40}, {100, 33}, {1031, 7}, {64, 600}, {301, 9}} {
		whole := image.NewNRGBA(image.Rect(0, 0, size[0]+5, size[1]+2))
		for i := range whole.Pix {
			whole.Pix[i] = 255
			if size[0] != 64 {
				whole.Pix[i] = uint8(r.Uint32())
			}
		}
		m := whole.SubImage(image.Rect(3, 1, 3+size[0], 1+size[1])).(*image.NRGBA)
		for _, k := range []int{1, 2, 3, 7, 16, 300} {
			a := New(m, k)
			for _, rows := range []int{1, 2, 5, size[1]} {
				for y := 0; y < size[1]; y += rows {
					end := min(y+rows, size[1])
					for _, shift := range []uint{0, 8} {
						for i, got := range a.Means(y, end, shift) {
							if want := mean(m, i*k, y, min((i+1)*k, size[0]), end, shift); got != want {
								t.Fatalf("%v, blocks %d x %d: block %d from row %d in 1<<%d: %v, want %v", size, k, rows, i, y, shift, got, want)
							}
						}
					}
				}
			}
		}
	}
}

func mean(m *image.NRGBA, x0, y0, x1, y1 int, shift uint) uint32 {
	var sum uint64
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			p := m.Pix[y*m.Stride+4*x:]
			sum += 19595*uint64(p[0]) + 38470*uint64(p[1]) + 7471*uint64(p[2])
		}
	}
	n := uint64((x1 - x0) * (y1 - y0))
	return uint32((sum + n<<shift/2) / (n << shift))
}

// TestDivisor holds the multiplication against division where they come closest to
// differing: around the sums at which a quotient grows, and at the most there can be.
func TestDivisor(t *testing.T) {
	for n := uint64(1); n <= maxPixels; n++ {
		most := 255 * 65536 * n
		for _, shift := range []uint{0, 8} {
			half, by := n<<shift/2, newDivisor(n, shift)
			for _, q := range []uint64{0, 1, 2, 77, 255<<16>>shift - 1, 255 << 16 >> shift} {
				for sum := max(q*n<<shift, half+1) - half - 1; sum <= min(q*n<<shift+2, most); sum++ {
					if got, want := by.of(uint32(sum)), uint32((sum+half)/(n<<shift)); got != want {
						t.Fatalf("%d by %d<<%d: %d, want %d", sum, n, shift, got, want)
					}
				}
				if got, want := by.of(uint32(most)), uint32((most+half)/(n<<shift)); got != want {
					t.Fatalf("%d by %d<<%d: %d, want %d", most, n, shift, got, want)
				}
			}
		}
	}
}
