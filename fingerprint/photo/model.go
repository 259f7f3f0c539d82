package photo

import "math"

// CandidateRadius is the Hamming distance of pdq256.v1 within which a registered photo is
// worth a comparison.
const CandidateRadius = 64

// ActRadius is interim.
const ActRadius = 45

// AlikeFloor is the probability below which a candidate is not worth showing.
const AlikeFloor = 0.0

// ActThreshold is the probability from which a photo is called a copy.
const ActThreshold = 0.99

// ModelVersion names the model and the thresholds above; answers carry it.
const ModelVersion = "photo-copy.v2"

// probability is interim: replaced by the trained model.
func probability(x []float64) float64 {
	f := x[15+12:]
	z := -6 + 2*(f[0]-7) + 6*f[3] - 4*f[8] + x[0]
	return 1 / (1 + math.Exp(-z))
}
