package decode

import (
	"image"

	"github.com/disintegration/imaging"
)

// upright undoes an EXIF orientation (EXIF 2.32, tag 0x0112). src must be a picture that
// this package has made: imaging works in goroutines of its own, where a panic over a
// foreign image type (a palette index out of range, say) could not be recovered.
func upright(src *image.NRGBA, orientation int) *image.NRGBA {
	switch orientation {
	case 2:
		return imaging.FlipH(src)
	case 3:
		return imaging.Rotate180(src)
	case 4:
		return imaging.FlipV(src)
	case 5:
		return imaging.Transpose(src)
	case 6:
		return imaging.Rotate270(src)
	case 7:
		return imaging.Transverse(src)
	case 8:
		return imaging.Rotate90(src)
	}
	return src
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
