package decode

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"github.com/gen2brain/jpegn"
)

// phone is a 4032 x 3024 JPEG in 4:2:0 with detail everywhere: gradients, edges and a
// fixed noise, about as large as what a telephone writes.
func phone(b *testing.B) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 4032, 3024))
	seed := uint32(1)
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			seed = seed*1664525 + 1013904223
			n := uint8(seed >> 28)
			c := color.NRGBA{uint8(x>>4) + n, uint8(y>>4) + n, uint8((x^y)>>5) + n, 255}
			if (x/90+y/70)%5 == 0 {
				c.R += 60
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkJPEG12MP(b *testing.B) {
	data := phone(b)
	b.Run("Decode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := Decode(context.Background(), data, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("jpegn alone", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := jpegn.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
	img, err := jpegn.Decode(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("opaque", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := opaque(img); err != nil {
				b.Fatal(err)
			}
		}
	})
	rgb, _, err := opaque(img)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("upright 6", func(b *testing.B) {
		for b.Loop() {
			upright(rgb, 6)
		}
	})
	b.Run("PixelDigest", func(b *testing.B) {
		for b.Loop() {
			(&Picture{RGB: rgb}).PixelDigest()
		}
	})
	b.Run("inspect", func(b *testing.B) {
		for b.Loop() {
			if _, err := inspectJPEG(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
