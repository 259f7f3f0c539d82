// Package scene draws the picture that the tests of package decode expect. Test files
// are made from it, so that no file of another author is needed.
package scene

import (
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
)

// The size of the picture: odd sides, so that padding and chroma edges are exercised.
const (
	Width  = 61
	Height = 47
)

// EXIF is an EXIF block that holds an orientation and nothing else.
func EXIF(orientation int) []byte {
	b := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	b[19] = byte(orientation)
	return b
}

// WithEXIF puts an eXIf chunk after the header of a PNG file.
func WithEXIF(png []byte, orientation int) []byte {
	const header = 8 + 25
	body := append([]byte("eXIf"), EXIF(orientation)...)
	out := append([]byte{}, png[:header]...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)-4))
	out = append(out, body...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	return append(out, png[header:]...)
}

// RGB is an opaque picture with gradients, a disc, a bar and a little fine texture. No
// turn or mirror of it equals another.
func RGB() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, Width, Height))
	for y := range Height {
		for x := range Width {
			c := color.NRGBA{uint8(x * 4), uint8(y * 5), uint8(200 - x - 2*y), 255}
			dx, dy := x-18, y-15
			switch {
			case dx*dx+dy*dy < 90:
				c = color.NRGBA{230, 40, 30, 255}
			case x > 40 && x < 46 && y > 10:
				c = color.NRGBA{20, 30, 160, 255}
			case (x*7+y*13)%29 == 0:
				c.G ^= 24
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// Alpha is RGB with a see-through band and a soft edge.
func Alpha() *image.NRGBA {
	m := RGB()
	for y := range Height {
		for x := range Width {
			c := m.NRGBAAt(x, y)
			switch {
			case y >= 30 && y < 36:
				c.A = 0
			case y >= 36:
				c.A = uint8(x * 4)
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// Stored returns what a camera stores so that undoing the EXIF orientation gives m.
func Stored(m *image.NRGBA, orientation int) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	sw, sh := w, h
	if orientation >= 5 {
		sw, sh = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, sw, sh))
	for y := range h {
		for x := range w {
			// EXIF 2.32 §4.6.4.A: where row 0 and column 0 of the stored picture lie.
			sx, sy := x, y
			switch orientation {
			case 2:
				sx = w - 1 - x
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sy = h - 1 - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, w-1-x
			case 7:
				sx, sy = h-1-y, w-1-x
			case 8:
				sx, sy = h-1-y, x
			}
			out.SetNRGBA(sx, sy, m.NRGBAAt(x, y))
		}
	}
	return out
}
