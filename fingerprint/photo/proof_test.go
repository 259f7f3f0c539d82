package photo

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"selvage/fingerprint/local"
)

// A proof picture comes back to within the rounding of its levels.
func TestProofRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {128, 1}, {1, 128}, {128, 96}, {7, 5}, {128, 128}} {
		for kind := range 4 {
			g := &local.Gray{W: size[0], H: size[1], Pix: make([]uint8, size[0]*size[1])}
			for i := range g.Pix {
				switch kind {
				case 0:
					g.Pix[i] = 255
				case 1:
					g.Pix[i] = uint8(r.IntN(256)) // noise: the longest codes
				case 2:
					g.Pix[i] = uint8(i % 2 * 255)
				case 3:
					g.Pix[i] = uint8(i / g.W)
				}
			}
			b := encodeProof(g)
			got, err := decodeProof(b)
			if err != nil {
				t.Fatalf("%v, kind %d: %v", size, kind, err)
			}
			for i, v := range g.Pix {
				if got.Pix[i]>>2 != v>>2 {
					t.Fatalf("%v, kind %d: pixel %d is %d, was %d", size, kind, i, got.Pix[i], v)
				}
			}
			for n := range b {
				if g, err := decodeProof(b[:n]); err == nil && len(g.Pix) == 0 {
					t.Fatalf("%v, kind %d: the first %d bytes are no picture, and no error", size, kind, n)
				}
			}
		}
	}
}

func FuzzDecodeProof(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{2, 2, 0, 0, 0})
	f.Add(encodeProof(&local.Gray{W: 3, H: 2, Pix: []uint8{0, 80, 255, 7, 9, 200}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := decodeProof(b)
		if err != nil {
			return
		}
		again, err := decodeProof(encodeProof(g))
		if err != nil || again.W != g.W || !bytes.Equal(again.Pix, g.Pix) {
			t.Fatalf("a picture that was read is not written back: %v", err)
		}
	})
}
