package photo

import "math"

// CandidateRadius is the Hamming distance of pdq256.v1 within which a registered photo is
// worth a comparison. On the development pictures (1,050 registered, 2,250 copies in 45
// edits, 1,662 strangers) 72 or 80 proved no more copies than 64 and gave 2 to 4 times
// the candidates; 60 lost a few. A pairing beyond 45 never reaches ActThreshold, so an
// index that must be fast may be asked for 48.
const CandidateRadius = 64

// ActThreshold is the probability from which a photo is called a copy. On the development
// pictures, cross-fitted by work, the most probable of 1,600 strangers (a drawing of a
// product family in another colour) had 0.98, and one of 62 pages made from a registered
// page's template reached 0.99.
const ActThreshold = 0.99

// AlikeFloor is the probability below which a candidate is not worth showing, even as
// merely alike. Most pages of one template lie below it.
const AlikeFloor = 0.92

// model is a logistic regression on two measures of a Comparison. Version photo-copy.v1,
// fitted on the development pictures within CandidateRadius; cross-fitting by work in five
// parts gave the figures above. Other measures (NCC, Share, Texture, whether turned) were
// tried and got no weight once these two were in.
var model = struct{ constant, pdq, low float64 }{
	constant: 4.26,
	pdq:      -0.108, // per differing bit
	low:      5.25,   // per unit of Low
}

// Probability is the calibrated probability that the query is a copy of the registered
// photo, given that it was a candidate: 1 for equal pixels and only then, 0 where nothing
// could be compared. It falls with every differing bit of PDQ and rises with Low.
func (c Comparison) Probability() float64 {
	switch {
	case c.SamePixels:
		return 1
	case !c.Found:
		return 0
	}
	z := model.constant + float64(model.pdq*float64(c.PDQ)) + float64(model.low*c.Low)
	return 1 / (1 + math.Exp(-z))
}
