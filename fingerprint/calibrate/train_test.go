package calibrate

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func train(t testing.TB, s Set, o Options) (*Model, *Report) {
	t.Helper()
	m, r, err := Train(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

// A known truth is recovered: on fresh rows the probabilities are near the true ones and
// the loss is near the least that any model can reach.
func TestRecoversTruth(t *testing.T) {
	s, _ := logistic(1, 6000, 300, 8)
	fresh, truth := logistic(2, 20000, 300, 8)
	for _, family := range []string{"additive", "mixed", "trees"} {
		t.Run(family, func(t *testing.T) {
			m, r := train(t, s, Options{Family: family})
			var off, got, least float64
			p := make([]float64, len(fresh.Rows))
			labels := make([]bool, len(p))
			for i, row := range fresh.Rows {
				p[i], labels[i] = m.Probability(row.X), row.Copy
				off += math.Abs(p[i]-truth[i]) / float64(len(p))
				y := 0.0
				if row.Copy {
					y = 1
				}
				got += loss(logit(p[i]), y) / float64(len(p))
				least += loss(logit(truth[i]), y) / float64(len(p))
			}
			t.Logf("mean distance %.4f, loss %.4f of %.4f, ECE %.4f fresh, %.4f out of fold", off, got, least, ECE(p, labels, nil), r.Facts.ECE)
			if off > 0.05 || got > least*1.03 {
				t.Errorf("mean distance from the truth %.4f (want ≤ 0.05), loss %.4f where %.4f is the least", off, got, least)
			}
			if e := ECE(p, labels, nil); e > 0.03 || r.Facts.ECE > 0.03 {
				t.Errorf("calibration error %.4f on fresh rows, %.4f out of fold: want ≤ 0.03", e, r.Facts.ECE)
			}
		})
	}
}

// Where two features count only together, no sum of curves can say it, and trees can.
func TestTreesLearnWhatSumsCannot(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 14))
	s, _ := logistic(14, 3000, 200, 5)
	for i := range s.Rows {
		r := &s.Rows[i]
		r.Copy = rng.Float64() < sigmoid(30*(min(r.X[0], r.X[2])-0.5))
		r.WorkGroup = r.QueryGroup
	}
	_, r := train(t, s, Options{})
	additive, mixed := r.Families[0], r.Families[1]
	t.Logf("log loss %.4f without trees, %.4f with %d", additive.LogLoss, mixed.LogLoss, mixed.Rounds)
	if mixed.LogLoss > 0.9*additive.LogLoss || r.Facts.Family == "additive" {
		t.Errorf("log loss %.4f without trees and %.4f with %d, chosen %s", additive.LogLoss, mixed.LogLoss, mixed.Rounds, r.Facts.Family)
	}
}

// Whatever the rows say, the probability keeps the senses: here the truth runs against them.
func TestKeepsSenses(t *testing.T) {
	s, _ := logistic(3, 1500, 120, 6)
	for i := range s.Features {
		s.Features[i].Sense = []Sense{Falling, Falling, Rising, Rising, Rising, Falling}[i]
	}
	rng := rand.New(rand.NewPCG(4, 4))
	for _, family := range []string{"additive", "mixed", "trees"} {
		m, _ := train(t, s, Options{Family: family})
		for range 20000 {
			x := make([]float64, len(s.Features))
			for k := range x {
				x[k] = rng.Float64()*1.6 - 0.3
			}
			before := m.Probability(x)
			k := rng.IntN(len(x))
			step := rng.Float64() * 0.2
			x[k] += step * float64(s.Features[k].Sense)
			if after := m.Probability(x); after <= before {
				t.Fatalf("%s: feature %v moved by %.3g in its sense, and the probability from %.17g to %.17g", family, s.Features[k], step, before, after)
			}
		}
	}
}

// A feature that names the work tells a model all about works it has seen, and nothing
// about others. Out of fold it must be worth nothing, on either side of a pair.
func TestFoldsDoNotLeak(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const groups = 40
	var s Set
	s.Features = []Feature{{Name: "query_id"}, {Name: "work_id"}, {Name: "noise"}}
	for i := range 4000 {
		q, w := rng.IntN(groups), rng.IntN(groups)
		name := func(g int) string { return "g" + string(rune('A'+g)) }
		// Half of the queries and half of the works are of the kind that is always a copy.
		odd := rng.Perm(2)
		r := Row{Query: name(q) + string(rune('a'+i%26)) + string(rune('0'+i/26%75)), Work: name(w), Weight: 1,
			QueryGroup: name(q), WorkGroup: name(w), Copy: mix(uint64(q))%2 != mix(uint64(w)+99)%2,
			X: []float64{float64(q), float64(w), rng.Float64() + float64(odd[0])}}
		s.Rows = append(s.Rows, r)
	}
	ls, err := learners(newTable(s), &Options{Folds: 5})
	if err != nil {
		t.Fatal(err)
	}
	judged := make([]int, len(s.Rows))
	for _, l := range ls {
		seen := map[string]bool{}
		for _, i := range l.train.rows {
			seen[s.Rows[i].QueryGroup], seen[s.Rows[i].WorkGroup] = true, true
		}
		for _, i := range l.hold {
			judged[i]++
			if r := s.Rows[i]; seen[r.QueryGroup] || seen[r.WorkGroup] {
				t.Fatalf("row %d is judged by a model that saw %s or %s", i, r.QueryGroup, r.WorkGroup)
			}
		}
	}
	for i, n := range judged {
		if n != 1 {
			t.Fatalf("row %d is judged %d times", i, n)
		}
	}
	// Trees of depth 6 could learn the table of the pairs by heart.
	_, r := train(t, s, Options{Depth: 6, LeastLeaf: 1, Shrink: 0.1, LeastGain: 1e-6})
	base := 0.0
	for _, row := range s.Rows {
		if row.Copy {
			base += 1 / float64(len(s.Rows))
		}
	}
	chance := -base*math.Log(base) - (1-base)*math.Log(1-base)
	if r.Facts.LogLoss < chance*0.98 {
		t.Errorf("log loss %.4f out of fold: below chance, %.4f, so something leaks", r.Facts.LogLoss, chance)
	}
}

func TestSameBytes(t *testing.T) {
	s, _ := logistic(6, 1500, 120, 6)
	var all [2][]byte
	for i := range all {
		m, _ := train(t, clone(s), Options{})
		var err error
		if all[i], err = m.Encode(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(all[0], all[1]) {
		t.Error("two trainings on the same rows gave different models")
	}
}

func TestRefusesToTrain(t *testing.T) {
	s, _ := logistic(8, 300, 60, 5)
	cases := map[string]struct {
		change func(*Set, *Options)
		want   string
	}{
		"no rows":        {func(s *Set, _ *Options) { s.Rows = nil }, "no rows"},
		"no copies":      {func(s *Set, _ *Options) { relabel(s, false) }, "no copies or no strangers"},
		"one group":      {func(s *Set, _ *Options) { regroup(s) }, "no copies or no strangers"},
		"no group":       {func(s *Set, _ *Options) { s.Rows[3].WorkGroup = "" }, "row 3"},
		"short row":      {func(s *Set, _ *Options) { s.Rows[3].X = s.Rows[3].X[1:] }, "row 3"},
		"infinite":       {func(s *Set, _ *Options) { s.Rows[3].X[0] = math.Inf(1) }, "row 3"},
		"no features":    {func(s *Set, _ *Options) { s.Features = nil }, "0 features"},
		"unknown family": {func(_ *Set, o *Options) { o.Family = "forest" }, "forest"},
		"two folds":      {func(_ *Set, o *Options) { o.Folds = 2 }, "2 folds"},
		"says nothing":   {func(s *Set, _ *Options) { constant(s) }, "no feature differs"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, o := clone(s), Options{}
			c.change(&s, &o)
			if _, _, err := Train(t.Context(), s, o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v: want one about %q", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Train(ctx, s, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v: want the context's", err)
	}
}

func relabel(s *Set, copies bool) {
	for i := range s.Rows {
		s.Rows[i].Copy = copies
	}
}

func regroup(s *Set) {
	for i := range s.Rows {
		s.Rows[i].QueryGroup, s.Rows[i].WorkGroup = "one", "one"
	}
}

func constant(s *Set) {
	for i := range s.Rows {
		for k := range s.Rows[i].X {
			s.Rows[i].X[k] = 1
		}
	}
}

func BenchmarkTrain(b *testing.B) {
	s, _ := logistic(9, 20000, 1000, 25)
	for b.Loop() {
		if _, _, err := Train(b.Context(), s, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProbability(b *testing.B) {
	s, _ := logistic(9, 3000, 200, 25)
	m, _ := train(b, s, Options{Family: "mixed"})
	b.ReportMetric(float64(len(m.Trees)), "trees")
	for b.Loop() {
		m.Probability(s.Rows[0].X)
	}
}
