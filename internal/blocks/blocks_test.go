package blocks

import (
	"image"
	"math/rand/v2"
	"testing"
)

// TestSumsAreExact compares with adding up one pixel after the other, in blocks of all
// shapes, of pictures that are parts of others, and of the brightest pixels.
func TestSumsAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {15, 3}, {16, 300}, {17, 40}, {100, 33}, {1031, 7}, {64, 600}} {
		whole := image.NewNRGBA(image.Rect(0, 0, size[0]+5, size[1]+2))
		for i := range whole.Pix {
			whole.Pix[i] = 255
			if size[0] != 64 {
				whole.Pix[i] = uint8(r.Uint32())
			}
		}
		m := whole.SubImage(image.Rect(3, 1, 3+size[0], 1+size[1])).(*image.NRGBA)
		for _, k := range []int{1, 2, 3, 7, 16, 300} {
			s := New(m, k)
			for _, rows := range []int{1, 2, 5, size[1]} {
				for y := 0; y < size[1]; y += rows {
					end := min(y+rows, size[1])
					for i, got := range s.Sums(y, end) {
						var want [3]uint32
						for yy := y; yy < end; yy++ {
							for x := i * k; x < min((i+1)*k, size[0]); x++ {
								p := m.Pix[yy*m.Stride+4*x:]
								want[0], want[1], want[2] = want[0]+uint32(p[0]), want[1]+uint32(p[1]), want[2]+uint32(p[2])
							}
						}
						if got != want {
							t.Fatalf("%v, blocks %d x %d: block %d from row %d: %v, want %v", size, k, rows, i, y, got, want)
						}
					}
				}
			}
		}
	}
}
