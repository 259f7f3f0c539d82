// Package local finds and describes local features of a picture: kind local.v1.
//
// Use [NewBase] to bring a picture to the size that features are looked for at,
// [Extract] to find and describe them, and [Quantise] to turn descriptors into the
// compact form that is stored, indexed and compared: a visual word and a signature of
// 128 bits beside place, size and direction. [Encode] and [Decode] are the payload of
// the fingerprint.
//
// The same picture gives the same features on every CPU: floating point is used in a
// fixed order without fused operations, and the vector code equals the portable code
// bit by bit.
package local

// Gray is a grey picture, row by row, levels 0..255. Positions on it run from 0 to W and
// 0 to H: the middle of the first pixel lies at (0.5, 0.5).
type Gray struct {
	W, H int
	Pix  []uint8
}

// Raw is one feature with its whole descriptor, on the picture it was found in.
type Raw struct {
	X, Y     float32 // place in pixels of the base picture
	Sigma    float32 // size: standard deviation of the blur it was found at, in base pixels
	Angle    float32 // direction of the strongest gradient in radians, 0 <= Angle < 2π, x towards y
	Response float32 // strength of the extremum, larger is better
	Desc     [128]uint8
}

// Feature is one quantised feature. Distances are relative to the longer side of the
// picture, so features of one picture in two resolutions compare.
type Feature struct {
	X, Y  uint16    // place: 1/65536 of the longer side
	Size  uint8     // sigma = longer side × 2^(-Size/16)
	Angle uint8     // direction in 1/256 of a full turn
	Word  uint32    // visual word, 0..Words-1
	Sig   [2]uint64 // signature: descriptors that are alike differ in few bits; bits 0..63 are those that an index keeps
}

// Variant is what is done to a query's descriptors to meet the features of a registered
// picture that was mirrored or colour-inverted.
type Variant uint8

// The variants; they combine.
const (
	Plain    Variant = 0
	Mirrored Variant = 1 // left and right are exchanged
	Negative Variant = 2 // the tones are inverted
)
