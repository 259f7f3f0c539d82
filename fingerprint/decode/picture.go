package decode

import (
	"encoding/binary"
	"image"

	"lukechampine.com/blake3"

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
//	"selvage pixels v2\n"
//	width, height                      4 bytes each, big-endian
//	red, green, blue of a pixel, 255   1 byte each, row by row from the top left
//
// It is equal for two files exactly if they decode to the same picture, so it survives
// lossless re-encoding and lost metadata. Nobody is known to be able to make two pictures
// with one digest.
func (p *Picture) PixelDigest() fingerprint.Digest {
	w, h := p.RGB.Rect.Dx(), p.RGB.Rect.Dy()
	head := []byte("selvage pixels v2\n")
	head = binary.BigEndian.AppendUint32(head, uint32(w))
	head = binary.BigEndian.AppendUint32(head, uint32(h))
	hash := blake3.New(len(fingerprint.Digest{}), nil)
	hash.Write(head)
	hash.Write(p.RGB.Pix[:4*w*h]) // one long piece is several times as fast as many short ones
	return fingerprint.Digest(hash.Sum(nil))
}
