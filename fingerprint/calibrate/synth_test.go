package calibrate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// logistic draws rows whose log-odds are a sum of curved, monotone parts of five features
// and one product of two; the other features say nothing. The truth of a row and its
// probability are returned with it.
func logistic(seed uint64, rows, groups, features int) (Set, []float64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	s := Set{Features: make([]Feature, features)}
	for i := range s.Features {
		s.Features[i].Name = fmt.Sprintf("f%d", i)
	}
	s.Features[0].Sense, s.Features[1].Sense, s.Features[2].Sense = Rising, Falling, Rising
	truth := make([]float64, rows)
	for i := range rows {
		x := make([]float64, features)
		for k := range x {
			x[k] = rng.Float64()
		}
		z := -3.5 + 6*math.Sqrt(x[0]) - 4*x[1]*x[1] + 3*x[2]*x[3] + 2*math.Abs(x[4]-0.5)
		truth[i] = 1 / (1 + math.Exp(-z))
		g := rng.IntN(groups)
		r := Row{Query: fmt.Sprint("q", i), Copy: rng.Float64() < truth[i], QueryGroup: fmt.Sprint("g", g), Weight: 1, X: x, Class: "stranger"}
		r.WorkGroup = r.QueryGroup
		if r.Copy {
			r.Class, r.Edit = "copy", fmt.Sprint("edit", i%3)
		} else {
			r.WorkGroup = fmt.Sprint("g", rng.IntN(groups))
		}
		r.Work = r.WorkGroup
		s.Rows = append(s.Rows, r)
	}
	return s, truth
}

// clone is a deep enough copy for a test to change features.
func clone(s Set) Set {
	out := Set{Features: slices.Clone(s.Features), Rows: slices.Clone(s.Rows)}
	for i := range out.Rows {
		out.Rows[i].X = slices.Clone(out.Rows[i].X)
	}
	return out
}
