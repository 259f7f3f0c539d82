package decode

import (
	"image"
	"image/color"
)

// opaque returns img as packed NRGBA with alpha laid on white, and whether any pixel was
// not opaque. It may take over the pixels of img. Everything is integer arithmetic.
func opaque(img image.Image) (dst *image.NRGBA, alpha bool, err error) { return opaqueRows(img, nil) }

// opaqueRows is opaque, and calls rows, if there is such a function, as Rows says.
func opaqueRows(img image.Image, rows func(m *image.NRGBA, end int)) (dst *image.NRGBA, alpha bool, err error) {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	packed := b.Min == image.Point{}
	switch m := img.(type) {
	case *image.NRGBA:
		if packed && m.Stride == 4*w && len(m.Pix) >= 4*w*h {
			return m, onWhite(m.Pix[:4*w*h]), nil
		}
	case *image.RGBA:
		if packed && m.Stride == 4*w && len(m.Pix) >= 4*w*h {
			dst = &image.NRGBA{Pix: m.Pix[:4*w*h], Stride: m.Stride, Rect: m.Rect}
			return dst, premultipliedOnWhite(dst.Pix), nil
		}
	}

	dst = image.NewNRGBA(pixelsOf(img))
	row := func(y int) []byte { return dst.Pix[y*dst.Stride:][:4*w] }
	switch m := img.(type) {
	case *image.YCbCr:
		yuvToRGB(dst, m, jfif, rows)
		return dst, false, nil
	case *limitedYCbCr:
		if m.alpha == nil {
			yuvToRGB(dst, m.YCbCr, m.matrix, rows)
			return dst, false, nil
		}
		yuvToRGB(dst, m.YCbCr, m.matrix, nil)
		return dst, m.layOnWhite(dst), nil
	case *image.Gray:
		for y := range h {
			src := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):][:w]
			d := row(y)
			for x, v := range src {
				d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = v, v, v, 255
			}
		}
		return dst, false, nil
	case *image.Paletted:
		alpha, err = paletteToRGB(dst, m)
		return dst, alpha, err
	case *image.CMYK:
		for y := range h {
			src := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):][:4*w]
			d := row(y)
			for i := 0; i+4 <= len(src); i += 4 {
				d[i], d[i+1], d[i+2] = color.CMYKToRGB(src[i], src[i+1], src[i+2], src[i+3])
				d[i+3] = 255
			}
		}
		return dst, false, nil
	case *image.NRGBA:
		for y := range h {
			d := row(y)
			copy(d, m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
			alpha = onWhite(d) || alpha
		}
		return dst, alpha, nil
	case *image.RGBA:
		for y := range h {
			d := row(y)
			copy(d, m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
			alpha = premultipliedOnWhite(d) || alpha
		}
		return dst, alpha, nil
	}
	for y := range h {
		d := row(y)
		for x := range w {
			c, seeThrough := onWhiteColor(img.At(b.Min.X+x, b.Min.Y+y))
			d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = c.R, c.G, c.B, 255
			alpha = alpha || seeThrough
		}
	}
	return dst, alpha, nil
}

// overWhite lays a channel value with its alpha on white, rounding to nearest.
func overWhite(v, a uint8) uint8 {
	return uint8((uint32(v)*uint32(a) + 255*(255-uint32(a)) + 127) / 255)
}

func onWhite(pix []byte) (alpha bool) {
	for i := 0; i+4 <= len(pix); i += 4 {
		p := pix[i : i+4 : i+4]
		if a := p[3]; a != 255 {
			p[0], p[1], p[2], p[3] = overWhite(p[0], a), overWhite(p[1], a), overWhite(p[2], a), 255
			alpha = true
		}
	}
	return alpha
}

func premultipliedOnWhite(pix []byte) (alpha bool) {
	for i := 0; i+4 <= len(pix); i += 4 {
		p := pix[i : i+4 : i+4]
		if a := p[3]; a != 255 {
			// A channel above its alpha breaks the rules of premultiplying: clamp it.
			p[0] = min(p[0], a) + (255 - a)
			p[1] = min(p[1], a) + (255 - a)
			p[2] = min(p[2], a) + (255 - a)
			p[3] = 255
			alpha = true
		}
	}
	return alpha
}

// to8 reduces 16 bits to 8, rounding to nearest; v*257 gives back v.
func to8(v uint32) uint8 { return uint8((v*255 + 32767) / 65535) }

// onWhiteColor is the slow and general way, used for 16 bits a channel, palettes and
// the odd colour models of PSD.
func onWhiteColor(c color.Color) (out color.NRGBA, alpha bool) {
	switch v := c.(type) {
	case color.NRGBA:
		return color.NRGBA{overWhite(v.R, v.A), overWhite(v.G, v.A), overWhite(v.B, v.A), 255}, v.A != 255
	case color.NRGBA64:
		a := uint32(v.A)
		lay := func(x uint16) uint8 {
			return to8(uint32((uint64(x)*uint64(a) + 0xffff*uint64(0xffff-a) + 0x7fff) / 0xffff))
		}
		return color.NRGBA{lay(v.R), lay(v.G), lay(v.B), 255}, v.A != 0xffff
	}
	r, g, b, a := c.RGBA()
	rest := 0xffff - a
	return color.NRGBA{to8(min(r, a) + rest), to8(min(g, a) + rest), to8(min(b, a) + rest), 255}, a != 0xffff
}

// paletteToRGB checks every index: decoders let through indexes that their palette does
// not have, and later readers panic on them.
func paletteToRGB(dst *image.NRGBA, m *image.Paletted) (alpha bool, err error) {
	var table [256]color.NRGBA
	var seeThrough [256]bool
	n := min(len(m.Palette), 256)
	for i := range n {
		table[i], seeThrough[i] = onWhiteColor(m.Palette[i])
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		d := dst.Pix[y*dst.Stride:][:4*w]
		for x, index := range m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:w] {
			if int(index) >= n {
				return false, bad(Corrupt, "a pixel has colour %d of a palette with %d colours", index, n)
			}
			c := table[index]
			d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = c.R, c.G, c.B, 255
			alpha = alpha || seeThrough[index]
		}
	}
	return alpha, nil
}
