package decode

import (
	"encoding/binary"
	"image"
)

// yuvMatrix turns luma and chroma into red, green and blue in 16.16 fixed point:
// R = (Y-black)*gain + red*Cr and so on, where chroma counts from 128.
type yuvMatrix struct {
	black, gain                         int32
	red, greenCb, greenCr, blue, offset int32
}

var (
	// jfif is ITU-T T.871: full range, BT.601. The constants are those of the Go
	// standard library, so that results agree with image/color to the last bit.
	jfif = yuvMatrix{gain: 0x10101, red: 91881, greenCb: 22554, greenCr: 46802, blue: 116130}
	// studio601 is BT.601 with luma in 16..235, as in lossy WebP (RFC 6386 §9.2).
	studio601 = yuvMatrix{black: 16, gain: 76309, red: 104597, greenCb: 25675, greenCr: 53279, blue: 132201, offset: 1 << 15}
	full709   = yuvMatrix{gain: 1 << 16, red: 103206, greenCb: 12276, greenCr: 30679, blue: 121609, offset: 1 << 15}
	studio709 = yuvMatrix{black: 16, gain: 76309, red: 117489, greenCb: 13975, greenCr: 34925, blue: 138438, offset: 1 << 15}
	full2020  = yuvMatrix{gain: 1 << 16, red: 96639, greenCb: 10784, greenCr: 37444, blue: 123299, offset: 1 << 15}
	studio20  = yuvMatrix{black: 16, gain: 76309, red: 110014, greenCb: 12277, greenCr: 42626, blue: 140363, offset: 1 << 15}
)

// limitedYCbCr is a picture whose luma and chroma do not follow JFIF, with an optional
// alpha plane of its own.
type limitedYCbCr struct {
	*image.YCbCr
	matrix      yuvMatrix
	alpha       []byte
	alphaStride int
}

// layOnWhite lays dst, which holds the colours of m, on white.
func (m *limitedYCbCr) layOnWhite(dst *image.NRGBA) (alpha bool) {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	for y := range h {
		d := dst.Pix[y*dst.Stride:][:4*w]
		for x, a := range m.alpha[y*m.alphaStride:][:w] {
			d[4*x+3] = a
		}
		alpha = onWhite(d) || alpha
	}
	return alpha
}

// clampFixed shifts v down by 16 bits and clamps it to 0..255.
func clampFixed(v int32) uint8 {
	if uint32(v)&0xff000000 == 0 {
		return uint8(v >> 16)
	}
	return uint8(^(v >> 31))
}

// yuvToRGB fills dst, which has the size of m. Chroma is repeated, not smoothed: that is
// exact, the same everywhere and fast, and no fingerprint depends on chroma detail. It
// calls rows, if there is such a function, after each band of rows.
func yuvToRGB(dst *image.NRGBA, m *image.YCbCr, k yuvMatrix, rows func(m *image.NRGBA, end int)) {
	b := m.Rect
	w, h := b.Dx(), b.Dy()
	t := k.table()
	halves := (m.SubsampleRatio == image.YCbCrSubsampleRatio420 || m.SubsampleRatio == image.YCbCrSubsampleRatio422) && b.Min.X%2 == 0
	band := BandRows(w)
	for y := range h {
		if rows != nil && y > 0 && y%band == 0 {
			rows(dst, y)
		}
		d := dst.Pix[y*dst.Stride:][:4*w]
		luma := m.Y[m.YOffset(b.Min.X, b.Min.Y+y):][:w]
		c := m.COffset(b.Min.X, b.Min.Y+y)
		switch {
		case halves:
			n := (w + 1) / 2
			cb, cr := m.Cb[c:][:n], m.Cr[c:][:n]
			x := t.half(d, luma, cb, cr)
			yuvRowHalf(d[4*x:], luma[x:], cb[x/2:], cr[x/2:], k)
		case m.SubsampleRatio == image.YCbCrSubsampleRatio444 || m.SubsampleRatio == image.YCbCrSubsampleRatio440:
			cb, cr := m.Cb[c:][:w], m.Cr[c:][:w]
			x := t.full(d, luma, cb, cr)
			yuvRowFull(d[4*x:], luma[x:], cb[x:], cr[x:], k)
		default:
			for x := range w {
				c := m.COffset(b.Min.X+x, b.Min.Y+y)
				yuvRowFull(d[4*x:4*x+4], luma[x:x+1], m.Cb[c:c+1], m.Cr[c:c+1], k)
			}
		}
	}
}

// yuvRowHalf converts a row in which two pixels share their chroma.
func yuvRowHalf(d, luma, cb, cr []byte, k yuvMatrix) {
	pairs := len(luma) / 2
	if len(luma)%2 == 1 {
		// The last pixel of an odd row has its chroma for itself.
		yuvRowFull(d[8*pairs:], luma[2*pairs:], cb[pairs:pairs+1], cr[pairs:pairs+1], k)
	}
	cb, cr = cb[:pairs], cr[:pairs]
	for i, u := range cb {
		cbv, crv := int32(u)-128, int32(cr[i])-128
		r := k.red*crv + k.offset
		g := k.offset - k.greenCb*cbv - k.greenCr*crv
		b := k.blue*cbv + k.offset
		pair := luma[2*i : 2*i+2 : 2*i+2]
		y0 := (int32(pair[0]) - k.black) * k.gain
		y1 := (int32(pair[1]) - k.black) * k.gain
		binary.LittleEndian.PutUint64(d[8*i:8*i+8:8*i+8], uint64(packed(y0+r, y0+g, y0+b))|uint64(packed(y1+r, y1+g, y1+b))<<32)
	}
}

// yuvRowFull converts a row in which every pixel has its own chroma.
func yuvRowFull(d, luma, cb, cr []byte, k yuvMatrix) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		cbv, crv := int32(cb[x])-128, int32(cr[x])-128
		yv := (int32(l)-k.black)*k.gain + k.offset
		binary.LittleEndian.PutUint32(d[4*x:4*x+4:4*x+4], packed(yv+k.red*crv, yv-k.greenCb*cbv-k.greenCr*crv, yv+k.blue*cbv))
	}
}

// packed is one opaque pixel as it lies in memory, from 16.16 fixed point.
func packed(r, g, b int32) uint32 {
	// Most pixels need no clamping: one test for all three.
	if uint32(r|g|b)&0xff000000 == 0 {
		return uint32(r)>>16 | uint32(g)>>16<<8 | uint32(b)&0xff0000 | 0xff000000
	}
	return uint32(clampFixed(r)) | uint32(clampFixed(g))<<8 | uint32(clampFixed(b))<<16 | 0xff000000
}
