package fingerprint

import (
	"errors"
	"fmt"
	"math/bits"
)

// Kind names one fingerprint algorithm with its size and version, for example
// "pdq256.v1". A kind never changes meaning: a better algorithm is a new kind
// beside the old one. Fingerprints of different kinds cannot be compared.
type Kind string

// The kinds that exist.
const (
	// PDQ256 is the 256-bit PDQ hash (Facebook, 2019) of a picture; payload 32 bytes,
	// compared by Hamming distance.
	PDQ256 Kind = "pdq256.v1"
	// PHash64 is the 64-bit perceptual hash of goimagehash, kept for exchange with
	// systems that speak it; payload 8 bytes big-endian, compared by Hamming distance.
	PHash64 Kind = "phash64.v1"
	// Pixels256 is the BLAKE3 hash of the decoded, oriented pixels: equal means the same
	// picture down to the last pixel, whatever the file format. Payload 32 bytes.
	Pixels256 Kind = "pixels256.v2"
	// Local is the local features of a picture: see package fingerprint/local.
	Local Kind = "local.v1"
	// Proof is a small grey picture of the whole, over which a query is laid to prove a
	// candidate. Its payload is described in package photo.
	Proof Kind = "proof128.v1"
	// Chroma is which colours stand where in a picture, on a coarse grid: a copy in other
	// colours is told by it. Its payload is described in package photo.
	Chroma Kind = "chroma.v1"
	// VFrame is the codes of the sampled frames of a video with their times, Audio what is
	// heard: see package video.
	VFrame Kind = "vframe.v1"
	Audio  Kind = "audio.v1"
	// Text is the normalised text of a manuscript, winnowed: see package manuscript.
	Text Kind = "text.v1"
)

// hammingBytes is the payload length of the kinds that are compared bit by bit.
var hammingBytes = map[Kind]int{PDQ256: 32, PHash64: 8}

// WorkKind says what sort of thing a work is, and so which hasher reads its files.
type WorkKind string

// The kinds of work.
const (
	Photo      WorkKind = "photo"
	Video      WorkKind = "video"
	Manuscript WorkKind = "manuscript"
)

// View says which part of a picture a fingerprint describes.
type View string

// The views.
const (
	// Full is the whole picture after orientation.
	Full View = "full"
	// Box is the content box: what is left when uniform borders, letterbox bars and
	// frames are cut away. It is present only where it differs from Full.
	Box View = "box"
	// Frame is what the outermost border surrounds, where Box goes on to cut what lies
	// inside it (the blank ground of a drawing). Only queries have it.
	Frame View = "frame"
	// Inset is what straight edges surround inside the picture: a picture in it, a part of a
	// collage. Only queries have them, and more than one; see Result.Insets.
	Inset View = "inset"
)

// Fingerprint is what one algorithm says of one view of one file.
// It is as confidential as the work itself.
type Fingerprint struct {
	Kind    Kind   `json:"kind"`
	View    View   `json:"view"`
	Payload []byte `json:"payload"`
	// Quality runs from 0 (says nothing) to 100. Its meaning is the kind's own.
	Quality int `json:"quality"`
}

// ErrKindMismatch is returned when fingerprints of two kinds are compared, or a
// kind that has no Hamming distance.
var ErrKindMismatch = errors.New("fingerprints of these kinds have no distance")

// Distance returns the number of differing bits between two fingerprints of the same
// Hamming kind.
func Distance(a, b Fingerprint) (int, error) {
	n, ok := hammingBytes[a.Kind]
	if !ok || a.Kind != b.Kind {
		return 0, fmt.Errorf("%w: %s and %s", ErrKindMismatch, a.Kind, b.Kind)
	}
	if len(a.Payload) != n || len(b.Payload) != n {
		return 0, fmt.Errorf("%s: payloads of %d and %d bytes, want %d", a.Kind, len(a.Payload), len(b.Payload), n)
	}
	d := 0
	for i := range a.Payload {
		d += bits.OnesCount8(a.Payload[i] ^ b.Payload[i])
	}
	return d, nil
}

// Dihedral is one of the eight ways to turn and mirror a picture: the symmetries of
// the square. The value says what was done to the *registered* picture to get the
// query.
type Dihedral uint8

// The eight forms, in the order of the PDQ reference. Each comment ends with what the
// form puts at row y, column x of its result; in is the picture before, with rows 0..H
// and columns 0..W.
const (
	Identity   Dihedral = iota // as it is: in[y][x]
	Rotate90                   // a quarter turn anticlockwise: in[x][W-y]
	Rotate180                  // upside down: in[H-y][W-x]
	Rotate270                  // a quarter turn clockwise: in[H-x][y]
	FlipX                      // mirrored top to bottom, rows reversed: in[H-y][x]
	FlipY                      // mirrored left to right, columns reversed: in[y][W-x]
	FlipPlus1                  // mirrored along the main diagonal, transposed: in[x][y]
	FlipMinus1                 // mirrored along the other diagonal: in[H-x][W-y]
)

// DihedralNames are the words used in JSON and in reasons, by value.
var DihedralNames = [8]string{"none", "rotate90", "rotate180", "rotate270", "flipX", "flipY", "flipPlus1", "flipMinus1"}

func (d Dihedral) String() string { return DihedralNames[d&7] }

// Probe is one code to ask of an index: a fingerprint of the query in one form.
type Probe struct {
	Fingerprint
	Form Dihedral
	// Inset is the place in Result.Insets, for probes of view Inset.
	Inset int `json:",omitempty"`
}

// Rect is an axis-parallel rectangle in pixels of the picture after orientation:
// X0, Y0 inclusive, X1, Y1 exclusive.
type Rect struct {
	X0 int `json:"x0"`
	Y0 int `json:"y0"`
	X1 int `json:"x1"`
	Y1 int `json:"y1"`
}

// Empty reports whether r holds no pixel.
func (r Rect) Empty() bool { return r.X1 <= r.X0 || r.Y1 <= r.Y0 }

// W and H are the sides in pixels.
func (r Rect) W() int { return r.X1 - r.X0 }

// H is the height in pixels.
func (r Rect) H() int { return r.Y1 - r.Y0 }
