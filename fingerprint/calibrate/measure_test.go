package calibrate

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestECE(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	const n = 50000
	p, shifted, truth, weights := make([]float64, n), make([]float64, n), make([]bool, n), make([]float64, n)
	for i := range p {
		p[i] = 0.1 + 0.8*rng.Float64()
		shifted[i] = p[i] + 0.1
		truth[i] = rng.Float64() < p[i]
		weights[i] = 0.5 + float64(i%2)
	}
	if e := ECE(p, truth, nil); e > 0.012 {
		t.Errorf("calibrated scores have error %.4f", e)
	}
	if e := ECE(p, truth, weights); e > 0.015 {
		t.Errorf("weighted, calibrated scores have error %.4f", e)
	}
	if e := ECE(shifted, truth, nil); math.Abs(e-0.1) > 0.012 {
		t.Errorf("scores 0.1 too high have error %.4f", e)
	}
	if e := ECE([]float64{0, 0, 1, 1}, []bool{true, false, true, false}, nil); math.Abs(e-0.5) > 1e-12 {
		t.Errorf("coin flips sold as certain have error %v, want 0.5", e)
	}
	if e := ECE(nil, nil, nil); e != 0 {
		t.Errorf("nothing has error %v", e)
	}
}

// A small collection worked out by hand.
func TestJudge(t *testing.T) {
	row := func(query string, copied bool, class string) Row {
		return Row{Query: query, Copy: copied, Class: class, Edit: "e"}
	}
	rows := []Row{
		row("a", true, "copy"), row("a", false, "wrong"), // found at its threshold
		row("b", true, "copy"), row("b", false, "wrong"), // a wrong work comes first
		row("c", true, "copy"), // tied with the highest stranger
		row("d", false, "stranger"), row("d", false, "stranger"),
		row("e", false, "template"), // set aside
		row("f", true, "copy"),
	}
	score := []float64{5, 1, 2, 3, 4, 4, 0, 9, 8}
	v := judge(rows, score, []string{"template"})
	if len(v.wrong) != 3 || v.at(0) != 4 || v.at(0.5) != 3 {
		t.Errorf("wrong candidates %v", v.wrong)
	}
	if got := v.recall(v.at(0)); got != 0.5 {
		t.Errorf("recall %v with no false alarm, want a and f of 4", got)
	}
	if got := v.recall(v.at(0.5)); got != 0.75 {
		t.Errorf("recall %v at 3, want a, c and f of 4", got)
	}
	c := classes(rows, score, 4, []string{"template"})
	if len(c) != 3 || c[0] != (ClassFalse{"stranger", 1, 1, false}) || c[1] != (ClassFalse{"template", 1, 1, true}) || c[2] != (ClassFalse{"wrong", 2, 0, false}) {
		t.Errorf("classes %+v", c)
	}
	e := edits(v, 4)
	if len(e) != 1 || e[0].Copies != 4 || e[0].Zero != 0.5 || e[0].At != 0.75 {
		t.Errorf("edits %+v", e)
	}
}

// The threshold lies above every wrong candidate, further where the tail is wider, and no
// probability claims more than the number of queries can carry.
func TestActThreshold(t *testing.T) {
	s, _ := logistic(31, 3000, 200, 6)
	m, r := train(t, s, Options{Family: "additive"})
	for _, c := range r.Classes {
		if !c.Aside && c.False != 0 {
			t.Errorf("%d of %d queries of class %s reach the threshold", c.False, c.Queries, c.Class)
		}
	}
	top := 1 / (2 + float64(r.Facts.Negatives))
	if m.Act >= 1-top || r.Highest[0].Probability >= 1-top {
		t.Errorf("threshold %v, highest stranger %v, though %d strangers carry 1 - %v only", m.Act, r.Highest[0].Probability, r.Facts.Negatives, top)
	}
	choose := func(wrong, copies []float64, cost float64) float64 {
		v := &verdicts{wrong: wrong}
		for _, z := range copies {
			v.queries = append(v.queries, query{copy: true, best: z, worst: math.Inf(-1), aside: math.Inf(-1)})
		}
		tail, err := newTail(v)
		if err != nil {
			t.Fatal(err)
		}
		from, _ := act(v, tail, 0.05, cost)
		return from
	}
	strong := []float64{90, 91, 92, 93}
	narrow := choose([]float64{0, -0.1, -0.2, -0.3, -0.4, -0.5}, strong, 0.02)
	wide := choose([]float64{0, -1, -2, -3, -4, -5}, strong, 0.02)
	if !(narrow > 0 && wide > narrow) {
		t.Errorf("thresholds %v and, with a wider tail, %v", narrow, wide)
	}
	weak := []float64{-1, 0.5, 1, 1.5, 2, 90}
	if from := choose([]float64{0, -1, -2, -3, -4, -5}, weak, 0.02); from != 0.5 {
		t.Errorf("threshold %v where no copy may be given up, want the lowest above the strangers, 0.5", from)
	}
	if from := choose([]float64{0, -1, -2, -3, -4, -5}, weak, 0.4); from != 1.5 {
		t.Errorf("threshold %v where two copies of six may be given up, want 1.5", from)
	}
}

func TestReport(t *testing.T) {
	s, _ := logistic(32, 1500, 120, 6)
	_, r := train(t, s, Options{Rounds: 20})
	if len(r.Scores) != len(s.Rows) || len(r.Families) != 3 || len(r.Edits) != 3 || len(r.Highest) == 0 || len(r.Lowest) == 0 {
		t.Errorf("%d scores, %d families, %d edits", len(r.Scores), len(r.Families), len(r.Edits))
	}
	rows := 0
	for _, b := range r.Reliability {
		rows += b.Rows
	}
	if rows != len(s.Rows) {
		t.Errorf("the reliability table has %d of %d rows", rows, len(s.Rows))
	}
	var b bytes.Buffer
	if err := r.Markdown(&b, s.Rows); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| **" + r.Facts.Family + "** |", "calibration error", "| edit1 |", "| +f0 |", "Highest wrong candidates"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := r.WriteScores(&b, s.Rows); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != len(s.Rows)+1 {
		t.Errorf("%d lines of scores for %d rows", n, len(s.Rows))
	}
}
