package extract_test

import (
	"bytes"
	"encoding/binary"
	"image/color"
	"testing"
	"unicode/utf16"

	"selvage/fingerprint"
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

// psdOf writes a PSD of 20 x 10 gray-blue pixels with three layers: a red square, half of it
// transparent; a type layer; an invisible type layer.
func psdOf(t testing.TB) []byte {
	t.Helper()
	be := binary.BigEndian
	const w, h = 20, 10
	text := func(s string) []byte {
		b := append([]byte("8BIMTySh"), make([]byte, 20)...)
		b = append(b, "Txt TEXT"...)
		u := utf16.Encode([]rune(s + "\x00"))
		b = be.AppendUint32(b, uint32(len(u)))
		for _, c := range u {
			b = be.AppendUint16(b, c)
		}
		return b
	}
	var records, channels []byte
	add := func(top, left, bottom, right int32, flags byte, extra []byte, planes map[int16][]byte) {
		for _, v := range []int32{top, left, bottom, right} {
			records = be.AppendUint32(records, uint32(v))
		}
		records = be.AppendUint16(records, uint16(len(planes)))
		for id := int16(-1); id < 3; id++ {
			if p, ok := planes[id]; ok {
				records = be.AppendUint16(records, uint16(id))
				records = be.AppendUint32(records, uint32(2+len(p)))
				channels = append(append(channels, 0, 0), p...)
			}
		}
		records = append(records, "8BIMnorm"...)
		records = append(records, 255, 0, flags, 0)
		records = be.AppendUint32(records, uint32(len(extra)))
		records = append(records, extra...)
	}
	const side = 4
	alpha := bytes.Repeat([]byte{255}, side*side)
	copy(alpha[side*side/2:], make([]byte, side*side/2))
	add(2, 3, 2+side, 3+side, 0, make([]byte, 12), map[int16][]byte{
		-1: alpha, 0: bytes.Repeat([]byte{200}, side*side), 1: make([]byte, side*side), 2: make([]byte, side*side)})
	add(0, 0, 0, 0, 0, text("warp 青花\rsecond line"), nil)
	add(0, 0, 0, 0, 2, text("switched off"), nil)

	info := be.AppendUint16(nil, 3)
	info = append(append(info, records...), channels...)
	var out []byte
	out = append(out, "8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03"...)
	out = be.AppendUint32(out, h)
	out = be.AppendUint32(out, w)
	out = append(out, 0, 8, 0, 3)
	out = append(out, make([]byte, 8)...) // neither colour mode data nor resources
	out = be.AppendUint32(out, uint32(len(info)+4))
	out = be.AppendUint32(out, uint32(len(info)))
	out = append(out, info...)
	out = append(out, 0, 0)
	for _, shade := range []byte{90, 90, 120} {
		out = append(out, bytes.Repeat([]byte{shade}, w*h)...)
	}
	return out
}

func TestPSDLayers(t *testing.T) {
	data := psdOf(t)
	d := read(t, data)
	p := d.Pages[0]
	if d.Format != extract.PSD || p.Width != 20 || p.Height != 10 {
		t.Fatalf("%s, %d x %d", d.Format, p.Width, p.Height)
	}
	if got, want := p.Text(), "warp 青花\nsecond line\nswitched off\n"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if p.Runs[0].Hidden != "" || p.Runs[1].Hidden != extract.HiddenMarked {
		t.Errorf("%+v", p.Runs)
	}
	if len(p.Pictures) != 1 || p.Pictures[0].Box != (fingerprint.Rect{X0: 3, Y0: 2, X1: 7, Y1: 6}) {
		t.Fatalf("pictures %+v", p.Pictures)
	}
	pic, err := p.Pictures[0].Decode(t.Context())
	must(t, err)
	if top, foot := pic.RGB.NRGBAAt(1, 0), pic.RGB.NRGBAAt(1, 3); top != (color.NRGBA{200, 0, 0, 255}) || foot != (color.NRGBA{255, 255, 255, 255}) {
		t.Errorf("layer is %v at its top and %v at its foot", top, foot)
	}
	img, err := p.Raster(t.Context())
	must(t, err)
	if c := img.NRGBAAt(5, 5); c != (color.NRGBA{90, 90, 120, 255}) {
		t.Errorf("merged picture is %v", c)
	}
	// Lengths that lie cost the layers only.
	for at := 34; at < 60; at++ {
		broken := append([]byte(nil), data...)
		broken[at] ^= 0x40
		if d, err := extract.Extract(t.Context(), broken, extract.Limits{}); err != nil && kind(err) == "" {
			t.Errorf("byte %d: %v, %v", at, d, err)
		}
	}
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
