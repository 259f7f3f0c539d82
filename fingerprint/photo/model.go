package photo

import (
	_ "embed"
	"fmt"

	"selvage/fingerprint/calibrate"
)

// CandidateRadius is the Hamming distance of pdq256.v1 within which a registered photo is
// worth a comparison. On the development pictures (1,050 registered, 3,912 queries) 64
// gave 1,886 candidates; 72 and 80 gave 1.5 and 2.6 times as many and proved at most 0.2 %
// more copies.
const CandidateRadius = 64

//go:embed model.json
var modelJSON []byte

// model gives the probability that a place is that of a copy. It is trained by
// "selvage calibrate" on what "selvage eval --measures" prints; docs/accuracy.md has the
// commands and the figures.
var model, modelInput = func() (*calibrate.Model, []int) {
	m, err := calibrate.Parse(modelJSON)
	if err != nil {
		panic(fmt.Sprintf("photo: embedded model: %v", err)) // a test parses it
	}
	var at []int
	for _, f := range m.Features {
		i := 0
		for i < len(Features) && Features[i].Name != f.Name {
			i++
		}
		if i == len(Features) {
			panic(fmt.Sprintf("photo: embedded model wants the measure %q, which is not taken", f.Name))
		}
		at = append(at, i)
	}
	return m, at
}()

// ActThreshold is the probability from which a photo is called a copy, and ModelVersion the
// name of the model that gives it: answers carry it.
var (
	ActThreshold = model.Act
	ModelVersion = model.Version
)

// AlikeFloor is the probability below which a candidate is not worth showing, even as
// merely alike.
const AlikeFloor = 0.002

func probability(measures []float64) float64 {
	x := make([]float64, len(modelInput))
	for i, at := range modelInput {
		x[i] = measures[at]
	}
	return model.Probability(x)
}
