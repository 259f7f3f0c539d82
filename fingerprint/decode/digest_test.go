package decode

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"slices"
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

// TestDecodeRows takes rows while a JPEG is decoded: they are final, and come in order.
func TestDecodeRows(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 701, 499))
	for i := range m.Pix {
		m.Pix[i] = uint8(i / 500 * (1 + i%4))
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, nil); err != nil {
		t.Fatal(err)
	}
	data := file.Bytes()
	turned := slices.Concat(data[:2], []byte{0xff, 0xe1, 0, 34}, []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"), data[2:])
	for name, data := range map[string][]byte{"upright": data, "turned": turned} {
		var early []byte
		p, err := Rows(t.Context(), data, Limits{}, func(m *image.NRGBA, end int) {
			if n := 4 * end * m.Rect.Dx(); n > len(early) && n < len(m.Pix) {
				early = append(early, m.Pix[len(early):n]...)
				return
			}
			t.Errorf("%s: %d rows after %d bytes", name, end, len(early))
		})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(p.RGB.Pix, early) {
			t.Errorf("%s: rows changed after they were said to be done", name)
		}
		if (len(early) > 0) != (p.Orientation == 1) {
			t.Errorf("%s: %d bytes early of orientation %d", name, len(early), p.Orientation)
		}
		if name == "turned" && p.Orientation != 6 {
			t.Errorf("%s: orientation %d", name, p.Orientation)
		}
	}
}
