package decode

import (
	"encoding/binary"
	"image"
)

// upright undoes an EXIF orientation (EXIF 2.32, tag 0x0112). src must be packed:
// bounds at (0,0) and Stride 4*Width.
func upright(src *image.NRGBA, orientation int) *image.NRGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dw, dh := w, h
	if orientation >= 5 {
		dw, dh = h, w
	}
	// The pixel (x, y) of the upright picture is pixel base + x*stepX + y*stepY of src.
	var base, stepX, stepY int
	switch orientation {
	case 2:
		base, stepX, stepY = w-1, -1, w
	case 3:
		base, stepX, stepY = w*h-1, -1, -w
	case 4:
		base, stepX, stepY = (h-1)*w, 1, -w
	case 5:
		base, stepX, stepY = 0, w, 1
	case 6:
		base, stepX, stepY = (h-1)*w, -w, 1
	case 7:
		base, stepX, stepY = w*h-1, -w, -1
	case 8:
		base, stepX, stepY = w-1, w, -1
	default:
		return src
	}
	dst := image.NewNRGBA(image.Rect(0, 0, dw, dh))
	// Square blocks keep the reads of a quarter turn in the cache.
	const block = 64
	for y0 := 0; y0 < dh; y0 += block {
		for x0 := 0; x0 < dw; x0 += block {
			x1 := min(x0+block, dw)
			for y := y0; y < min(y0+block, dh); y++ {
				d := dst.Pix[4*(y*dw+x0) : 4*(y*dw+x1)]
				s := base + x0*stepX + y*stepY
				for i := 0; i+4 <= len(d); i += 4 {
					binary.LittleEndian.PutUint32(d[i:], binary.LittleEndian.Uint32(src.Pix[4*s:]))
					s += stepX
				}
			}
		}
	}
	return dst
}

// fromTurnAndMirror gives the EXIF orientation whose undoing equals applying an irot
// box (angle quarter turns anticlockwise) and then an imir box (mirror: -1 none, 0 top
// and bottom change places, 1 left and right change places), ISO/IEC 23008-12 §6.5.10
// and §6.5.12.
func fromTurnAndMirror(angle, mirror int) int {
	switch mirror {
	case 0:
		return [4]int{4, 5, 2, 7}[angle&3]
	case 1:
		return [4]int{2, 7, 4, 5}[angle&3]
	}
	return [4]int{1, 8, 3, 6}[angle&3]
}
