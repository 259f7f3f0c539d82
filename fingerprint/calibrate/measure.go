package calibrate

import (
	"math"
	"slices"
)

// verdicts is what the candidates of the queries come to, by query.
type verdicts struct {
	queries []query
	wrong   []float64 // best wrong candidate of each query that has one, falling
}

type query struct {
	name, edit   string
	copy, wrong  bool    // it has a true candidate, a wrong one
	best         float64 // of the true candidates
	worst, aside float64 // the best of the wrong candidates; of those that are set aside
	asideClass   bool
}

// judge sums scores up by query. Wrong candidates of a class in aside are counted apart:
// they do not set thresholds.
func judge(rows []Row, score []float64, aside []string) *verdicts {
	v := new(verdicts)
	at := map[string]int{}
	none := math.Inf(-1)
	for i := range rows {
		r := &rows[i]
		k, known := at[r.Query]
		if !known {
			k = len(v.queries)
			at[r.Query] = k
			v.queries = append(v.queries, query{name: r.Query, best: none, worst: none, aside: none})
		}
		q := &v.queries[k]
		switch {
		case r.Copy:
			q.copy, q.edit, q.best = true, r.Edit, max(q.best, score[i])
		case slices.Contains(aside, r.Class):
			q.asideClass, q.aside = true, max(q.aside, score[i])
		default:
			q.wrong, q.worst = true, max(q.worst, score[i])
		}
	}
	for _, q := range v.queries {
		if q.wrong {
			v.wrong = append(v.wrong, q.worst)
		}
	}
	slices.SortFunc(v.wrong, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	return v
}

// at returns the threshold that the share of the queries with wrong candidates passes.
func (v *verdicts) at(share float64) float64 {
	if len(v.wrong) == 0 {
		return math.Inf(-1)
	}
	return v.wrong[int(share*float64(len(v.wrong)))]
}

// found says whether the true work comes first and above the threshold: a tie is a miss.
func (q *query) found(above float64) bool {
	return q.copy && q.best > above && q.best > q.worst && q.best > q.aside
}

// recall is the share of the copies with a true candidate that are found.
func (v *verdicts) recall(above float64) float64 {
	found, copies := 0, 0
	for i := range v.queries {
		if v.queries[i].copy {
			copies++
			if v.queries[i].found(above) {
				found++
			}
		}
	}
	return ratio(found, copies)
}

func ratio(n, of int) float64 { return float64(n) / float64(max(1, of)) }

// logLoss is the weighted mean, in nats.
func logLoss(t *table, z []float64) float64 {
	sum, mass := 0.0, 0.0
	for i, w := range t.w {
		sum += float64(w * loss(z[i], t.y[i]))
		mass += w
	}
	return sum / mass
}

// eceBins is the number of bins of equal weight.
const eceBins = 15

// ECE is the expected calibration error: rows are sorted by probability into 15 bins of
// equal weight, and the distances between mean probability and share of copies are
// averaged. Weights may be nil.
func ECE(p []float64, truth []bool, weights []float64) float64 {
	order := make([]int, len(p))
	mass := 0.0
	weight := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	for i := range order {
		order[i] = i
		mass += weight(i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	total, seen, gap := 0.0, 0.0, 0.0
	bin := 1
	for k, i := range order {
		y := 0.0
		if truth[i] {
			y = 1
		}
		w := weight(i)
		gap += float64(w * (p[i] - y))
		seen += w
		if k == len(order)-1 || seen >= mass*float64(bin)/eceBins {
			total += math.Abs(gap)
			gap = 0
			for bin < eceBins && seen >= mass*float64(bin)/eceBins {
				bin++
			}
		}
	}
	if mass == 0 {
		return 0
	}
	return total / mass
}
