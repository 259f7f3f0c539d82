package calibrate

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Report is how a model did on rows that it had not seen.
type Report struct {
	Facts       Facts
	Families    []FamilyResult
	RecallMille float64 // at one false alarm in 1,000 queries with wrong candidates
	Act         float64
	ActReason   string
	Choices     []Choice
	Reliability []ReliabilityBin
	Edits       []EditRecall
	Classes     []ClassFalse
	Features    []FeatureUse
	Highest     []Outlier // wrong candidates, the highest first
	Lowest      []Outlier // true candidates that are their query's best, the lowest first
	Scores      []float64 // out-of-fold probability by row
}

// FamilyResult is one of the competing families.
type FamilyResult struct {
	Name                    string
	Rounds                  int // trees
	LogLoss                 float64
	RecallZero, RecallMille float64
}

// Choice is a threshold that could have been chosen.
type Choice struct {
	Risk   float64 // false alarms expected among as many queries, as the tail goes on
	Act    float64
	Recall float64
	Aside  int // queries with a candidate of a class set aside that reaches it
}

// ReliabilityBin holds the rows whose probability lies in [From, To).
type ReliabilityBin struct {
	From, To   float64
	Rows       int
	Mean       float64 // of the probability
	CopyShare  float64
	Uncertain  float64 // half width of the 95 % interval of CopyShare, were the rows independent
	Mass, good float64
}

// EditRecall is the share of the copies of an edit that are found, where their own work
// was a candidate.
type EditRecall struct {
	Edit            string
	Copies          int
	Zero, Mille, At float64 // at zero false alarms, at one in 1,000, at Act
}

// ClassFalse counts queries of a class whose wrong candidate reaches Act.
type ClassFalse struct {
	Class          string
	Queries, False int
	Aside          bool // the class did not set the threshold
}

// FeatureUse says how much a feature moves the model.
type FeatureUse struct {
	Name   string
	Rise   float64 // log-odds between its outer knots, in the additive part
	Splits int     // nodes that ask for it
}

// Outlier is a row to look at.
type Outlier struct {
	Row         int
	Probability float64
}

var reliabilityEdges = []float64{0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1}

// outliers is how many rows to look at are listed on either side.
const outliers = 15

func report(t *table, m *Model, best *trial, trials []trial, v *verdicts, p []float64, from float64, opt *Options) *Report {
	truth := make([]bool, len(t.rows))
	copies := 0
	for i, r := range t.rows {
		truth[i] = r.Copy
		if r.Copy {
			copies++
		}
	}
	r := &Report{Act: m.Act, ActReason: m.ActReason, RecallMille: best.RecallMille, Scores: p}
	calibrated := make([]float64, len(p))
	for i := range p {
		calibrated[i] = logit(p[i])
	}
	r.Facts = Facts{Rows: len(t.rows), Copies: copies, Negatives: len(v.wrong), Folds: opt.Folds, Family: best.Name,
		LogLoss: round6(logLoss(t, calibrated)), ECE: round6(ECE(p, truth, t.w)), RecallZero: round6(best.RecallZero),
		RecallAct: round6(v.recall(math.Nextafter(from, math.Inf(-1))))}
	for _, f := range trials {
		r.Families = append(r.Families, f.FamilyResult)
	}
	r.Reliability = reliability(t, p)
	r.Edits = edits(v, from)
	r.Classes = classes(t.rows, best.margin, from, opt.Aside)
	r.Features = use(m)
	r.Highest, r.Lowest = extremes(t.rows, p)
	return r
}

func reliability(t *table, p []float64) []ReliabilityBin {
	var out []ReliabilityBin
	for i, to := range reliabilityEdges[1:] {
		b := ReliabilityBin{From: reliabilityEdges[i], To: to}
		sum := 0.0
		for k, q := range p {
			if q >= b.From && q < b.To {
				b.Rows++
				b.Mass += t.w[k]
				b.good += float64(t.w[k] * t.y[k])
				sum += float64(t.w[k] * q)
			}
		}
		if b.Rows > 0 {
			b.Mean, b.CopyShare = sum/b.Mass, b.good/b.Mass
			b.Uncertain = 1.96 * math.Sqrt(b.CopyShare*(1-b.CopyShare)/float64(b.Rows))
		}
		out = append(out, b)
	}
	return out
}

func edits(v *verdicts, from float64) []EditRecall {
	zero, mille, at := v.at(0), v.at(0.001), math.Nextafter(from, math.Inf(-1))
	place := map[string]int{}
	var out []EditRecall
	for i := range v.queries {
		q := &v.queries[i]
		if !q.copy || q.edit == "" {
			continue
		}
		k, known := place[q.edit]
		if !known {
			k = len(out)
			place[q.edit] = k
			out = append(out, EditRecall{Edit: q.edit})
		}
		e := &out[k]
		e.Copies++
		for _, c := range []struct {
			n    *float64
			over float64
		}{{&e.Zero, zero}, {&e.Mille, mille}, {&e.At, at}} {
			if q.found(c.over) {
				*c.n++
			}
		}
	}
	for k := range out {
		n := float64(out[k].Copies)
		out[k].Zero, out[k].Mille, out[k].At = out[k].Zero/n, out[k].Mille/n, out[k].At/n
	}
	slices.SortFunc(out, func(a, b EditRecall) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Edit, b.Edit)) })
	return out
}

func classes(rows []Row, z []float64, from float64, aside []string) []ClassFalse {
	type key struct{ class, query string }
	best := map[key]float64{}
	for i, r := range rows {
		if !r.Copy {
			k := key{r.Class, r.Query}
			if old, known := best[k]; !known || z[i] > old {
				best[k] = z[i]
			}
		}
	}
	sums := map[string]*ClassFalse{}
	for k, b := range best {
		c := sums[k.class]
		if c == nil {
			c = &ClassFalse{Class: k.class, Aside: slices.Contains(aside, k.class)}
			sums[k.class] = c
		}
		c.Queries++
		if b >= from {
			c.False++
		}
	}
	var out []ClassFalse
	for _, c := range sums {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b ClassFalse) int { return cmp.Compare(a.Class, b.Class) })
	return out
}

func use(m *Model) []FeatureUse {
	out := make([]FeatureUse, len(m.Features))
	for i, f := range m.Features {
		out[i].Name = f.String()
		for _, r := range m.Additive.Terms[i].Rises {
			out[i].Rise += float64(m.Share * r)
		}
	}
	for _, t := range m.Trees {
		for _, f := range t.Feature {
			if f >= 0 {
				out[f].Splits++
			}
		}
	}
	return out
}

// extremes lists each query once on either side.
func extremes(rows []Row, p []float64) (highest, lowest []Outlier) {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
	wrong, right := map[string]bool{}, map[string]bool{}
	for _, i := range order {
		r := &rows[i]
		seen := wrong
		if r.Copy {
			seen = right
		}
		if seen[r.Query] {
			continue
		}
		seen[r.Query] = true
		if r.Copy {
			lowest = append(lowest, Outlier{i, p[i]})
		} else if len(highest) < outliers {
			highest = append(highest, Outlier{i, p[i]})
		}
	}
	slices.Reverse(lowest)
	return highest, lowest[:min(outliers, len(lowest))]
}

// Markdown writes the report for people; rows are those that were trained on.
func (r *Report) Markdown(w io.Writer, rows []Row) error {
	var b strings.Builder
	f := r.Facts
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("%d rows (%d true) of %d groups; %d copies with their work among the candidates, %d queries with a wrong candidate; %d folds.\n", f.Rows, f.Copies, f.Groups, f.CopyQueries, f.Negatives, f.Folds)
	p("| family | trees | log loss | recall, no false alarm | recall, 0.1 %% false |\n| --- | --- | --- | --- | --- |")
	for _, x := range r.Families {
		chosen := x.Name
		if x.Name == f.Family {
			chosen = "**" + x.Name + "**"
		}
		p("| %s | %d | %.4f | %.4f | %.4f |", chosen, x.Rounds, x.LogLoss, x.RecallZero, x.RecallMille)
	}
	p("\nCalibrated: log loss %.4f, calibration error %.4f (%d bins of equal weight).\n", f.LogLoss, f.ECE, eceBins)
	p("| probability | rows | mean | copies among them |\n| --- | --- | --- | --- |")
	for _, x := range r.Reliability {
		if x.Rows == 0 {
			p("| %g to %g | 0 | | |", x.From, x.To)
			continue
		}
		p("| %g to %g | %d | %.4f | %.4f ± %.4f |", x.From, x.To, x.Rows, x.Mean, x.CopyShare, x.Uncertain)
	}
	p("\nActs from %.6f, recall %.4f: %s.\n", r.Act, f.RecallAct, r.ActReason)
	p("| false alarms expected | probability from | recall | set aside, reach it |\n| --- | --- | --- | --- |")
	for _, x := range r.Choices {
		p("| %g | %.6f | %.4f | %d |", x.Risk, x.Act, x.Recall, x.Aside)
	}
	p("\n| class of wrong candidates | queries | reach it |\n| --- | --- | --- |")
	for _, x := range r.Classes {
		note := ""
		if x.Aside {
			note = " (set aside)"
		}
		p("| %s%s | %d | %d |", cell0(x.Class), note, x.Queries, x.False)
	}
	if len(r.Edits) > 0 {
		p("\n| edit | copies | no false alarm | 0.1 %% false | acts |\n| --- | --- | --- | --- | --- |")
		for _, x := range r.Edits {
			p("| %s | %d | %.2f | %.2f | %.2f |", cell0(x.Edit), x.Copies, x.Zero, x.Mille, x.At)
		}
	}
	p("\n| feature | rise, log-odds | splits |\n| --- | --- | --- |")
	for _, x := range r.Features {
		p("| %s | %.2f | %d |", x.Name, x.Rise, x.Splits)
	}
	for _, list := range []struct {
		name string
		rows []Outlier
	}{{"Highest wrong candidates", r.Highest}, {"Lowest true candidates", r.Lowest}} {
		p("\n%s:\n", list.name)
		for _, o := range list.rows {
			row := rows[o.Row]
			p("- %.6f %s → %s %s", o.Probability, row.Query, row.Work, strings.TrimSpace(row.Class+" "+row.Edit))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell0 keeps a name from breaking a table.
func cell0(s string) string {
	if s == "" {
		return "—"
	}
	return strings.NewReplacer("|", "/", "\n", " ").Replace(s)
}

// WriteScores writes the out-of-fold probability of every row as CSV.
func (r *Report) WriteScores(w io.Writer, rows []Row) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"query", "work", "copy", "probability"}); err != nil {
		return err
	}
	for i, row := range rows {
		label := "0"
		if row.Copy {
			label = "1"
		}
		if err := out.Write([]string{row.Query, row.Work, label, number(r.Scores[i])}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
