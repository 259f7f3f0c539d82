package decode

import (
	"encoding/binary"
	"image"
	"math/rand/v2"
	"testing"

	"lukechampine.com/blake3"

	"selvage/fingerprint"
)

// TestPixelHasherIsBLAKE3 compares with the library on pictures around the sizes of chunks,
// leaves and batches, taken in bands of all heights.
func TestPixelHasherIsBLAKE3(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range [][2]int{
		{1, 1}, {15, 1}, {16, 1}, {17, 1}, {333, 1}, {341, 2}, {5452, 1}, {5453, 1}, {5461, 1}, {5462, 1},
		{16384, 1}, {16384, 2}, {8192, 5}, {128, 128}, {130, 126}, {1023, 16}, {500, 333}, {1017, 331}, {2000, 700},
	} {
		w, h := size[0], size[1]
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		var flat []byte
		for i := range m.Pix {
			m.Pix[i] = uint8(r.Uint32())
			if i%4 < 3 {
				flat = append(flat, m.Pix[i])
			}
		}
		flat = append(flat, "selvage pixels v2\n"...)
		flat = binary.BigEndian.AppendUint32(flat, uint32(w))
		flat = binary.BigEndian.AppendUint32(flat, uint32(h))
		want := fingerprint.Digest(blake3.Sum256(flat))
		for _, band := range []int{1, 3, 16, h} {
			p := NewPixelHasher(m)
			for y := 0; y+band < h; y += band {
				p.Rows(y + band)
			}
			if got := p.Sum(); got != want {
				t.Errorf("%d x %d pixels in bands of %d: %v, want %v", w, h, band, got, want)
			}
		}
	}
}
