package calibrate

import (
	"fmt"
	"math"
	"slices"
)

// Model is a trained model. It is never changed and safe for concurrent use.
type Model struct {
	Format   int       `json:"format"`  // of the file: 1
	Version  string    `json:"version"` // names the model; answers carry it
	Features []Feature `json:"features"`

	// The log-odds before calibration are Share times the additive part, which is smooth,
	// plus the trees, which are steps.
	Share    float64  `json:"share"`
	Additive Additive `json:"additive"`
	Trees    []Tree   `json:"trees"`

	Calibration Curve   `json:"calibration"`
	Act         float64 `json:"act"`        // probability from which a candidate may be acted upon
	ActReason   string  `json:"act_reason"` // how Act was chosen

	Training Facts `json:"training"`
}

// Facts say what a model was trained on and how it did out of fold.
type Facts struct {
	Rows        int     `json:"rows"`
	Copies      int     `json:"copies"` // rows
	Groups      int     `json:"groups"`
	CopyQueries int     `json:"copy_queries"`
	Negatives   int     `json:"negatives"` // queries with at least one wrong candidate
	Folds       int     `json:"folds"`
	Family      string  `json:"family"`
	LogLoss     float64 `json:"log_loss"`
	ECE         float64 `json:"ece"`
	RecallZero  float64 `json:"recall_at_zero_false"`
	RecallAct   float64 `json:"recall_at_act"`
}

// Tree is a decision tree of full depth. Node i asks whether feature Feature[i] is above
// Above[i] and leads to node 2i+1 (no) or 2i+2 (yes); a node with feature -1 leads to
// 2i+1. The nodes of the last row are the leaves.
type Tree struct {
	Feature []int16   `json:"f"`
	Above   []float32 `json:"t"`
	Leaf    []float64 `json:"v"` // log-odds
}

func (t *Tree) at(x []float64) float64 {
	i := 0
	for i < len(t.Feature) {
		f, above := t.Feature[i], t.Above[i]
		i = 2*i + 1
		if f >= 0 && x[f] > float64(above) {
			i++
		}
	}
	return t.Leaf[i-len(t.Feature)]
}

// Curve maps the log-odds of the ensemble to calibrated ones: a rising line through knots,
// kept between a floor and a ceiling that the number of training queries can carry. It is
// strictly rising and reaches neither.
type Curve struct {
	Bias    float64 `json:"bias"`
	Line    Term    `json:"line"`
	Floor   float64 `json:"floor"`   // log-odds < 0
	Ceiling float64 `json:"ceiling"` // log-odds > 0
}

// at returns calibrated log-odds.
func (c *Curve) at(z float64) float64 {
	u := c.Bias + c.Line.at(z)
	// The last quarter of the way to a bound is travelled ever more slowly.
	if room := float64(c.Ceiling / 4); u > c.Ceiling-room {
		return c.Ceiling - room + float64(room*ease((u-c.Ceiling+room)/room))
	}
	if room := float64(-c.Floor / 4); u < c.Floor+room {
		return c.Floor + room - float64(room*ease((c.Floor+room-u)/room))
	}
	return u
}

// before returns the margin that at maps to calibrated log-odds u, by bisection.
func (c *Curve) before(u float64) float64 {
	low, high := -100.0, 100.0
	for range 200 {
		if mid := (low + high) / 2; c.at(mid) < u {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// margin are the log-odds of the ensemble, not calibrated.
func (m *Model) margin(x []float64) float64 {
	z := float64(m.Share * m.Additive.at(x))
	for i := range m.Trees {
		z += m.Trees[i].at(x)
	}
	return z
}

// Probability is the calibrated probability that the candidate is a copy, given that it
// was a candidate. x holds one number a feature, in the order of Features, or it panics.
// Infinite numbers count as very large ones; NaN, which no measurement should be, as 0.
func (m *Model) Probability(x []float64) float64 {
	if len(x) != len(m.Features) {
		panic(fmt.Sprintf("calibrate: %d features given to a model of %d", len(x), len(m.Features)))
	}
	for _, v := range x {
		if !(math.Abs(v) <= 1e12) {
			x = tamed(x)
			break
		}
	}
	return sigmoid(m.Calibration.at(m.margin(x)))
}

func tamed(x []float64) []float64 {
	x = slices.Clone(x)
	for i, v := range x {
		if math.IsNaN(v) {
			v = 0
		}
		x[i] = min(max(v, -1e12), 1e12)
	}
	return x
}
