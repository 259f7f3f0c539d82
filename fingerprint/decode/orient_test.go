package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"

	"golang.org/x/image/tiff"

	"selvage/fingerprint/decode/internal/scene"
)

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tiffOf(t testing.TB, m image.Image, orientation int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tiff.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	if orientation == 1 {
		return b.Bytes()
	}
	// The directory moves to the end, with one field more in its place by number.
	data := b.Bytes()
	le := binary.LittleEndian
	at := le.Uint32(data[4:])
	n := int(le.Uint16(data[at:]))
	fields := slices.Clone(data[at+2 : int(at)+2+12*n])
	place := 0
	for place < len(fields) && le.Uint16(fields[place:]) < tagOrientation {
		place += 12
	}
	field := le.AppendUint16(nil, tagOrientation)
	field = append(field, 3, 0, 1, 0, 0, 0, byte(orientation), 0, 0, 0)
	fields = slices.Insert(fields, place, field...)
	le.PutUint32(data[4:], uint32(len(data)))
	data = le.AppendUint16(data, uint16(n+1))
	return append(append(data, fields...), 0, 0, 0, 0)
}

// webpWithEXIF wraps the lossless frame of data in an extended file with an EXIF chunk.
func webpWithEXIF(t testing.TB, data []byte, orientation int) []byte {
	t.Helper()
	h, err := inspectWebP(data)
	if err != nil {
		t.Fatal(err)
	}
	f := h.plan.(webpFrame)
	x := []byte{8, 0, 0, 0, byte(h.width - 1), 0, 0, byte(h.height - 1), 0, 0}
	list := appendChunk([]byte("WEBP"), "VP8X", x)
	list = appendChunk(list, f.kind, f.body)
	list = appendChunk(list, "EXIF", scene.EXIF(orientation))
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(list))), list...)
}

// blocks is a picture of flat squares of 16 pixels, which JPEG keeps under every turn.
func blocks() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	for i := range 12 {
		x, y := i%4*16, i/4*16
		c := color.NRGBA{uint8(20 * i), uint8(255 - 15*i), uint8(i * i), 255}
		draw.Draw(m, image.Rect(x, y, x+16, y+16), image.NewUniform(c), image.Point{}, draw.Src)
	}
	return m
}

func jpegWithEXIF(t testing.TB, m image.Image, orientation int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	body := append([]byte("Exif\x00\x00"), scene.EXIF(orientation)...)
	app1 := append([]byte{0xff, 0xe1, 0, byte(len(body) + 2)}, body...)
	return slices.Insert(b.Bytes(), 2, app1...)
}

// turnedHEIF gives the main picture of a HEIF file a turn and a mirror: the old meta box
// becomes free space and a new one stands at the end, so that no offset changes.
func turnedHEIF(t testing.TB, data []byte, angle, mirror int) []byte {
	t.Helper()
	box := func(kind string, body ...byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
	}
	var primary uint64
	var rebuild func(kind string, body []byte) []byte
	props := 0
	rebuild = func(kind string, body []byte) []byte {
		var out []byte
		inner := body
		switch kind {
		case "meta":
			out, inner = append(out, body[:4]...), body[4:]
		case "ipma":
			// Version 0, indexes of 7 bits: what the test file has.
			c := cursor{b: body[8:]}
			out = append(out, body[:8]...)
			for range binary.BigEndian.Uint32(body[4:]) {
				id, n := c.uint(2), c.uint(1)
				own := slices.Clone(c.b[:n])
				c.b = c.b[n:]
				if id == primary {
					own = append(own, byte(props-1)|0x80)
					if mirror >= 0 {
						own = append(own, byte(props)|0x80)
					}
				}
				out = binary.BigEndian.AppendUint16(out, uint16(id))
				out = append(append(out, byte(len(own))), own...)
			}
			return box(kind, out...)
		case "iprp", "ipco":
		default:
			return box(kind, body...)
		}
		err := boxes(inner, func(k string, b []byte) error {
			if kind == "ipco" {
				props++
				out = append(out, box(k, b...)...)
				return nil
			}
			out = append(out, rebuild(k, b)...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if kind == "ipco" {
			out = append(append(out, box("irot", byte(angle))...), box("imir", byte(max(0, mirror)))...)
			props += 2
		}
		return box(kind, out...)
	}
	var meta []byte
	if err := boxes(data, func(kind string, body []byte) error {
		if kind == "meta" {
			m, err := parseMeta(body)
			if err != nil {
				return err
			}
			primary = m.primary
			meta = rebuild(kind, body)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return append(bytes.Replace(data, []byte("meta"), []byte("free"), 1), meta...)
}

// turns are the irot angle and the imir axis of each EXIF orientation.
var turns = [9][2]int{1: {0, -1}, 2: {0, 1}, 3: {2, -1}, 4: {0, 0}, 5: {1, 0}, 6: {3, -1}, 7: {1, 1}, 8: {1, -1}}

func TestOrientations(t *testing.T) {
	// The HEIC decoder resamples chroma where it turns, so its pixels are near, not equal.
	evenHEIC := mustDecode(t, file(t, "even.heic")).RGB
	for o := 1; o <= 8; o++ {
		stored := scene.Stored(scene.RGB(), o)
		storedBlocks := scene.Stored(blocks(), o)
		flat := mustDecode(t, jpegWithEXIF(t, blocks(), 1)).RGB
		lossless := file(t, "lossless.webp")
		cases := []struct {
			name string
			data []byte
			want *image.NRGBA
		}{
			{"png", scene.WithEXIF(pngOf(t, stored), o), scene.RGB()},
			{"tiff", tiffOf(t, stored, o), scene.RGB()},
			{"jpeg", jpegWithEXIF(t, storedBlocks, o), flat},
			{"avif", file(t, fmt.Sprintf("turned%d.avif", o)), scene.RGB()},
			{"heic", turnedHEIF(t, file(t, "even.heic"), turns[o][0], turns[o][1]), upright(evenHEIC, o)},
			{"webp", webpWithEXIF(t, lossless, o), upright(scene.RGB(), o)},
		}
		for _, c := range cases {
			p := mustDecode(t, c.data)
			if p.Orientation != o {
				t.Errorf("%s: orientation %d, want %d", c.name, p.Orientation, o)
			}
			if p.RGB.Rect != c.want.Rect {
				t.Errorf("%s, orientation %d: size %v, want %v", c.name, o, p.RGB.Rect, c.want.Rect)
			} else if d := distance(t, p.RGB, c.want); d > 0 && c.name != "heic" || d > 0.3 {
				t.Errorf("%s, orientation %d: %.2f levels away", c.name, o, d)
			}
		}
		if got := upright(scene.Stored(scene.RGB(), o), o); !bytes.Equal(got.Pix, scene.RGB().Pix) {
			t.Errorf("upright does not undo orientation %d", o)
		}
		if got := fromTurnAndMirror(turns[o][0], turns[o][1]); got != o {
			t.Errorf("turn %v is orientation %d, want %d", turns[o], got, o)
		}
	}
}

func TestOrientationOfJPEGXL(t *testing.T) {
	p := mustDecode(t, file(t, "turned6.jxl"))
	if p.Orientation != 6 || p.RGB.Rect != scene.RGB().Rect || !bytes.Equal(p.RGB.Pix, scene.RGB().Pix) {
		t.Errorf("orientation %d, size %v", p.Orientation, p.RGB.Rect)
	}
}

func TestNonsenseOrientationIsNone(t *testing.T) {
	for _, o := range []int{0, 9, 255} {
		p := mustDecode(t, scene.WithEXIF(pngOf(t, scene.RGB()), o))
		if p.Orientation != 1 || !bytes.Equal(p.RGB.Pix, scene.RGB().Pix) {
			t.Errorf("orientation %d was applied as %d", o, p.Orientation)
		}
	}
}

func TestLargeTurn(t *testing.T) {
	// Larger than a block of the turning loop in both directions, and odd.
	m := image.NewNRGBA(image.Rect(0, 0, 301, 197))
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 31 >> 3)
	}
	for o := 1; o <= 8; o++ {
		if got := upright(scene.Stored(m, o), o); got.Rect != m.Rect || !bytes.Equal(got.Pix, m.Pix) {
			t.Errorf("orientation %d", o)
		}
	}
}
