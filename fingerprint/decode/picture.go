package decode

import (
	"image"

	"selvage/fingerprint"
)

// Picture is a decoded file. It belongs to the caller.
type Picture struct {
	// RGB is opaque: alpha is laid on white. The orientation is undone, the bounds
	// start at (0,0), and Stride is 4*Width.
	RGB *image.NRGBA
	// Format is what Sniff said.
	Format string
	// Orientation is the EXIF orientation 1..8 that was undone; 1 means none. For AVIF,
	// HEIC and JPEG XL it is the equivalent of the container's own turn and mirror; an
	// EXIF orientation in those is a copy without force and is not applied.
	Orientation int
	// Notes are facts that a reader of the answer should know, in plain words.
	Notes []string
}

// PixelDigest is the fingerprint kind pixels256.v2: the BLAKE3 hash, of 256 bits, of
//
//	red, green, blue of a pixel        1 byte each, row by row from the top left
//	"selvage pixels v2\n"
//	width, height                      4 bytes each, big-endian
//
// It is equal for two files exactly if they decode to the same picture, so it survives
// lossless re-encoding and lost metadata. Nobody is known to be able to make two pictures
// with one digest.
func (p *Picture) PixelDigest() fingerprint.Digest { return NewPixelHasher(p.RGB).Sum() }
