package photo

import "math"

// CandidateRadius is the Hamming distance of pdq256.v1 within which a registered photo is
// worth a comparison. On the development pictures (1,050 registered, 3,912 queries) 64
// gave 1,886 candidates; 72 and 80 gave 1.5 and 2.6 times as many and proved at most 0.2 %
// more copies.
const CandidateRadius = 64

// ActRadius is the distance beyond which no pairing reaches [ActThreshold], however well
// the pictures correlate. Who wants only what is to act upon loses nothing by searching
// no further, and an exact index is several times faster.
const ActRadius = 45

// ActThreshold is the probability from which a photo is called a copy. On the development
// pictures it called no one of 1,600 strangers a copy, no copy that of a wrong work, and
// one of 62 pages that share a template with a registered page. The next stranger had
// 0.979 (the same arrow in another colour), and the one after it 0.19.
const ActThreshold = 0.99

// AlikeFloor is the probability below which a candidate is not worth showing, even as
// merely alike: all but one of 62 development pages that share a template with a registered
// page lie below it, and all but one of 1,600 strangers.
const AlikeFloor = 0.94

// ModelVersion names the model and the thresholds above; answers carry it.
const ModelVersion = "photo-copy.v1"

// model is a logistic regression on two measures of a Comparison. Version photo-copy.v1,
// fitted on the development pictures within CandidateRadius; cross-fitted by work in five
// parts it did as well as fitted to all. Other measures (NCC, Share, Texture, whether turned) were
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
