package calibrate

import (
	"fmt"
	"math"
	"slices"
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

// tail is the upper end of the wrong candidates, one a query. Above them the number of
// false alarms is taken to fall exponentially, at the rate at which it falls among them.
type tail struct {
	n          int     // how many were looked at
	from       float64 // margin of the next one
	width      float64 // how far they lie above it on average
	top        float64 // the highest
	candidates int
}

// tailSize is how many wrong candidates a tail looks at.
const tailSize = 20

func newTail(v *verdicts) (tail, error) {
	n := min(tailSize, len(v.wrong)/2)
	if n < 2 {
		return tail{}, fmt.Errorf("calibrate: %d queries with a wrong candidate: too few to choose a threshold", len(v.wrong))
	}
	t := tail{n: n, from: v.wrong[n], top: v.wrong[0], candidates: len(v.wrong)}
	for _, z := range v.wrong[:n] {
		t.width += (z - t.from) / float64(n)
	}
	t.width = max(t.width, 1e-3)
	return t, nil
}

// expected is how many false alarms are expected from a margin on, among as many queries.
func (t tail) expected(margin float64) float64 {
	return float64(float64(t.n) * exp((t.from-margin)/t.width))
}

// margin is where as many as risk are expected, and never less than a quarter of the
// tail's width above the highest one seen.
func (t tail) margin(risk float64) float64 {
	return max(t.from+float64(t.width*log(float64(t.n)/risk)), t.top+float64(t.width/4))
}

// act chooses the margin to act from: as safe as risk asks, but giving up at most the
// share cost of the copies that lie above every wrong candidate. Safety that is beyond
// the reach of most copies is no safety but a model that never acts.
func act(v *verdicts, t tail, risk, cost float64) (margin float64, reason string) {
	var found []float64
	copies := 0
	for i := range v.queries {
		q := &v.queries[i]
		if q.copy {
			copies++
		}
		if q.found(t.top) {
			found = append(found, q.best)
		}
	}
	slices.Sort(found)
	margin = t.margin(risk)
	limit := "as safe as asked for"
	if k := int(cost * float64(copies)); k < len(found) && found[k] < margin {
		margin, limit = found[k], fmt.Sprintf("any higher would give up more than %.3g of the copies", cost)
	}
	return margin, fmt.Sprintf("out of fold, the %d highest wrong candidates of %d queries lie %.2f log-odds above the next on average; "+
		"falling on so, %.2g false alarms are expected among as many queries from here, %.2f above the highest seen: %s",
		t.n, t.candidates, t.width, t.expected(margin), margin-t.top, limit)
}

// risks are the choices that a report shows.
var risks = []float64{1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01}

func choices(v *verdicts, t tail, c *Curve) []Choice {
	var out []Choice
	for _, risk := range risks {
		from := t.margin(risk)
		x := Choice{Risk: risk, Act: sigmoid(c.at(from)), Recall: v.recall(math.Nextafter(from, math.Inf(-1)))}
		for _, q := range v.queries {
			if q.aside >= from {
				x.Aside++
			}
		}
		out = append(out, x)
	}
	return out
}
