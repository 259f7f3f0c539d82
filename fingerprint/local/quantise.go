package local

import "math"

// Probes is how many words [QuantiseQuery] names for a feature.
const Probes = 4

// QueryFeature is a feature of a query.
type QueryFeature struct {
	Feature
	Near [Probes]uint32 // the words nearest to it, nearest first; Near[0] is Word
}

// Quantise turns features found on a base picture of w × h pixels into their compact
// form, one for each, in the same order.
//
// With a variant other than [Plain] the descriptors are those that the features would
// have if the picture were mirrored or negative: Word and Sig are then like those of a
// registered picture of that kind. X, Y, Size and Angle are those of the picture as it
// is, so a caller that compares directions takes for the mirrored picture X' = w - X and
// Angle' = 128 - Angle, and for the negative one Angle' = Angle + 128, modulo 256.
//
// Safe for concurrent use, and the same on every CPU.
func Quantise(raw []Raw, w, h int, v Variant) []Feature { return standard().Quantise(raw, w, h, v) }

// QuantiseQuery is [Quantise] for the features of a query, which are looked up under more
// words than one.
func QuantiseQuery(raw []Raw, w, h int, v Variant) []QueryFeature {
	return standard().QuantiseQuery(raw, w, h, v)
}

// Quantise is [Quantise] with this vocabulary.
func (q *Quantiser) Quantise(raw []Raw, w, h int, v Variant) []Feature {
	features := make([]Feature, len(raw))
	var s scratch
	for i := range raw {
		var near [1]uint32
		features[i] = compact(&raw[i], max(w, h))
		features[i].Sig = q.word(&s, v.permute(&raw[i].Desc), near[:])
		features[i].Word = near[0]
	}
	return features
}

// QuantiseQuery is [QuantiseQuery] with this vocabulary.
func (q *Quantiser) QuantiseQuery(raw []Raw, w, h int, v Variant) []QueryFeature {
	features := make([]QueryFeature, len(raw))
	var s scratch
	for i := range raw {
		f := &features[i]
		f.Feature = compact(&raw[i], max(w, h))
		f.Sig = q.word(&s, v.permute(&raw[i].Desc), f.Near[:])
		f.Word = f.Near[0]
	}
	return features
}

// compact rounds place, size and direction.
func compact(r *Raw, longer int) Feature {
	return Feature{
		X:     relative(r.X, longer),
		Y:     relative(r.Y, longer),
		Size:  sizeOf(r.Sigma, longer),
		Angle: uint8(int64(math.Floor(float64(float64(r.Angle)*(128/math.Pi)) + 0.5))),
	}
}

func relative(at float32, longer int) uint16 {
	return uint16(min(max(math.Floor(float64(at)*65536/float64(longer)+0.5), 0), 65535))
}

// between holds 2^((2i+1)/32)/2, the borders between sizes.
var between = [16]float64{
	0.5109485743270583, 0.5335702003384118, 0.5571933712979462, 0.5818624293887887,
	0.6076236799902345, 0.6345254785958666, 0.6626183215798707, 0.691954940981916,
	0.7225904034885233, 0.7545822137967114, 0.7879904225539432, 0.8228777390769825,
	0.859309649061239, 0.8973545375015536, 0.93708381705515, 0.9785720620877001,
}

// sizeOf is 16·log2(longer/sigma), rounded, from 0 to 255.
func sizeOf(sigma float32, longer int) uint8 {
	if !(sigma > 0) {
		return 255
	}
	m, e := math.Frexp(float64(longer) / float64(sigma))
	n := 16 * (e - 1)
	for _, b := range between {
		if m >= b {
			n++
		}
	}
	return uint8(min(max(n, 0), 255))
}
