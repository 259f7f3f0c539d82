package calibrate

import (
	"fmt"
	"math"
)

// fitCurve fits the map from margins to calibrated log-odds on a subset of rows, which
// were scored out of fold. Floor and ceiling are set by how many queries of each kind
// there are: n strangers never called a copy are no evidence for odds much beyond n.
func fitCurve(t *table, s subset, z []float64, negatives, copies int) (Curve, error) {
	one := &table{y: t.y, w: t.w}
	one.add(z, Rising)
	a := fitAdditive(one, s, []float64{0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98}, 0.02)
	if len(a.Terms[0].Rises) == 0 {
		return Curve{}, fmt.Errorf("calibrate: all rows score the same: no feature tells copies from strangers")
	}
	return Curve{Bias: a.Bias, Line: a.Terms[0],
		Floor: round6(-log(float64(copies + 2))), Ceiling: round6(log(float64(negatives + 2)))}, nil
}

// tail is how many of the highest wrong candidates the extrapolation looks at.
const tail = 20

// act chooses the margin to act from. Above the highest wrong candidates the number of
// false alarms is taken to fall exponentially, at the rate at which it falls among them;
// the threshold is where fewer than risk are expected among as many queries, and never
// less than a quarter of that tail's width above the highest one seen.
func act(v *verdicts, risk float64) (margin float64, reason string) {
	n := min(tail, len(v.wrong)/2)
	if n < 2 {
		return math.NaN(), ""
	}
	from, width := v.wrong[n], 0.0
	for _, z := range v.wrong[:n] {
		width += (z - from) / float64(n)
	}
	width = max(width, 1e-3)
	margin = from + float64(width*max(0, log(float64(n)/risk)))
	margin = max(margin, v.wrong[0]+width/4)
	return margin, fmt.Sprintf("out of fold, the %d highest wrong candidates of %d queries lie %.2f log-odds apart from the next on average; "+
		"continued so, %.2g false alarms are expected among as many queries from here, %.2f above the highest seen",
		n, len(v.wrong), width, math.Min(risk, float64(float64(n)*exp(-(margin-from)/width))), margin-v.wrong[0])
}
