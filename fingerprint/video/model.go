package video

import (
	_ "embed"
	"fmt"
	"slices"

	"selvage/fingerprint/calibrate"
)

//go:embed model.json
var modelJSON []byte

// model gives the probability that a registered video is in a query. It is trained by
// "selvage calibrate" on rows of [Comparison.Measures]; docs/accuracy.md has the commands and
// the figures.
var model = func() *calibrate.Model {
	m, err := calibrate.Parse(modelJSON)
	if err != nil {
		panic(fmt.Sprintf("video: embedded model: %v", err)) // a test parses it
	}
	if !slices.Equal(m.Features, Features) {
		panic("video: embedded model wants other measures than are taken")
	}
	return m
}()

// ActThreshold is the probability from which a video is called a copy, and ModelVersion the
// name of the model that gives it: answers carry it.
var (
	ActThreshold = model.Act
	ModelVersion = model.Version
)

// AlikeFloor is the probability below which a candidate is not worth showing, even as merely
// alike.
const AlikeFloor = 0.002

func probability(measures []float64) float64 { return model.Probability(measures) }
