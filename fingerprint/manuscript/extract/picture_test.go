package extract_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"selvage/fingerprint/manuscript/extract"
)

// tiffOf writes a gray TIFF of some pages, each of one shade: 10, 20, …
func tiffOf(t testing.TB, pages int) []byte {
	t.Helper()
	const w, h = 6, 4
	var b bytes.Buffer
	put := func(v ...any) {
		for _, x := range v {
			must(t, binary.Write(&b, binary.LittleEndian, x))
		}
	}
	const fields = 9
	const ifd = 2 + 12*fields + 4
	put([]byte("II"), uint16(42), uint32(8))
	for i := range pages {
		at := 8 + i*(ifd+w*h)
		next := uint32(at + ifd + w*h)
		if i == pages-1 {
			next = 0
		}
		put(uint16(fields))
		for _, f := range [fields][2]uint32{{254, 2}, {256, w}, {257, h}, {258, 8}, {259, 1}, {262, 1}, {273, uint32(at + ifd)}, {278, h}, {279, w * h}} {
			put(uint16(f[0]), uint16(4), uint32(1), f[1])
		}
		put(next, bytes.Repeat([]byte{byte(10 * (i + 1))}, w*h))
	}
	return b.Bytes()
}

func TestTIFFPages(t *testing.T) {
	data := tiffOf(t, 3)
	d := read(t, data)
	if d.Format != extract.TIFF || d.PageCount != 3 || len(d.Pages) != 3 {
		t.Fatalf("%s, %d pages of %d", d.Format, len(d.Pages), d.PageCount)
	}
	for i := range d.Pages {
		img, err := d.Pages[i].Raster(t.Context())
		must(t, err)
		if got, want := img.NRGBAAt(2, 2).R, uint8(10*(i+1)); got != want || img.Rect.Dx() != 6 {
			t.Errorf("page %d: shade %d of %v, want %d", i+1, got, img.Rect, want)
		}
	}
	// A directory that leads back to the first ends the list.
	circle := append([]byte(nil), data...)
	last := len(circle) - 24 - 4
	binary.LittleEndian.PutUint32(circle[last:], 8)
	if d := read(t, circle); len(d.Pages) != 3 {
		t.Errorf("%d pages in a circle of 3", len(d.Pages))
	}
}
