package photo

import (
	"image"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
)

// FrameHash is what is kept of a picture that is one of very many: a frame of a video.
type FrameHash struct {
	// Full is the pdq256.v1 hash of the whole, up to the few bits by which the hash of a picture
	// depends on how finely it was sampled; nil where the picture holds too little to be told
	// from others, and Lacking says what.
	Full    []byte
	Lacking string
	// Busy is the share of the whole picture, in percent, that is neither plain nor a slow
	// change of tone: about 5 of a title card, 20 and more of most pictures.
	Busy int
	// Box is where the content box lies, in pixels, and Boxed the hash of it; nil where
	// nothing was cut or too little is left.
	Box   fingerprint.Rect
	Boxed []byte
}

// HashFrame hashes a picture (opaque, with (0,0) as the upper left corner) as a whole and
// inside its content box, and nothing more: a twentieth of what [HashPicture] costs.
func HashFrame(m *image.NRGBA) FrameHash {
	p := newPlane(m)
	f := FrameHash{Box: fingerprint.Rect{X1: m.Rect.Dx(), Y1: m.Rect.Dy()}}
	if len(p.pix) == 0 {
		f.Lacking = content{}.lacking(0, 0)
		return f
	}
	f.Full, f.Busy, f.Lacking = hashPlane(p, f.Box)
	if _, b := contentBox(p); differs(p, p.bounds(), b) {
		f.Box = p.scale(b, m.Rect.Dx(), m.Rect.Dy())
		f.Boxed, _, _ = hashPlane(p.crop(b), f.Box)
	}
	return f
}

// hashPlane hashes a plane that shows r.
func hashPlane(p *plane, r fingerprint.Rect) (hash []byte, busy int, lacking string) {
	l := newBlur(p).sample(false, false)
	c := transform(l)
	m := measure(l, c)
	busy = 100 * m.busy / ((side - 2) * (side - 2))
	if lacking = m.lacking(r.W(), r.H()); lacking != "" {
		return nil, busy, lacking
	}
	return c.bits(), busy, ""
}

// HashLuma is the PDQ hash of a picture given as 64 × 64 grey levels, row by row; nil where
// it holds too little to be told from others.
func HashLuma(levels *[side * side]uint8) []byte {
	var l luma
	for i, v := range levels {
		l[i/side][i%side] = int32(v) * one
	}
	c := transform(&l)
	if measure(&l, c).lacking(side, side) != "" {
		return nil
	}
	return c.bits()
}

// Sketch is the small grey picture of the whole that is stored of a registered picture, its
// longer side 128 pixels; nil where there is none.
func Sketch(r *fingerprint.Result) *local.Gray {
	p, ok := r.Print(fingerprint.Proof, fingerprint.Full)
	if !ok {
		return nil
	}
	g, err := decodeProof(p.Payload)
	if err != nil {
		return nil
	}
	return g
}
