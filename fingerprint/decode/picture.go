package decode

import (
	"crypto/sha256"
	"encoding/binary"
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

// PixelDigest is the fingerprint kind pixels256.v1: the SHA-256 of
//
//	"selvage pixels v1\n"
//	width, height                 4 bytes each, big-endian
//	red, green, blue of a pixel   1 byte each, row by row from the top left
//
// It is equal for two files exactly if they decode to the same picture, so it survives
// lossless re-encoding and lost metadata.
func (p *Picture) PixelDigest() fingerprint.Digest {
	w, h := p.RGB.Rect.Dx(), p.RGB.Rect.Dy()
	hash := sha256.New()
	head := []byte("selvage pixels v1\n")
	head = binary.BigEndian.AppendUint32(head, uint32(w))
	head = binary.BigEndian.AppendUint32(head, uint32(h))
	hash.Write(head)
	buf := make([]byte, 0, 3*w)
	for y := range h {
		buf = buf[:3*w]
		row := p.RGB.Pix[y*p.RGB.Stride:][:4*w]
		for s, d := 0, 0; s+3 < len(row) && d+2 < len(buf); s, d = s+4, d+3 {
			buf[d], buf[d+1], buf[d+2] = row[s], row[s+1], row[s+2]
		}
		hash.Write(buf)
	}
	return fingerprint.Digest(hash.Sum(nil))
}
