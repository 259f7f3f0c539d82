package calibrate

import "slices"

// table is the rows of a set by column, in the form that training wants.
type table struct {
	rows   []Row
	senses []Sense
	cols   [][]float64 // by feature
	order  [][]int32   // by feature: rows by rising value, then by number
	y, w   []float64   // truth and weight by row
}

func newTable(s Set) *table {
	t := &table{rows: s.Rows}
	for _, r := range s.Rows {
		y := 0.0
		if r.Copy {
			y = 1
		}
		t.y = append(t.y, y)
		t.w = append(t.w, r.Weight)
	}
	for f, feature := range s.Features {
		col := make([]float64, len(s.Rows))
		for i := range s.Rows {
			col[i] = s.Rows[i].X[f]
		}
		t.add(col, feature.Sense)
	}
	return t
}

func (t *table) add(col []float64, s Sense) {
	order := make([]int32, len(col))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if col[a] != col[b] {
			if col[a] < col[b] {
				return -1
			}
			return 1
		}
		return int(a - b)
	})
	t.cols, t.order, t.senses = append(t.cols, col), append(t.order, order), append(t.senses, s)
}

// subset is the rows that a model may see: those of in, and their numbers in rising order.
type subset struct {
	in   []bool
	rows []int32
}

func pick(n int, want func(i int) bool) subset {
	s := subset{in: make([]bool, n)}
	for i := range n {
		if want(i) {
			s.in[i] = true
			s.rows = append(s.rows, int32(i))
		}
	}
	return s
}

// masses returns the weight of the strangers and of the copies in the subset.
func (t *table) masses(s subset) (m [2]float64) {
	for _, i := range s.rows {
		m[int(t.y[i])] += t.w[i]
	}
	return m
}

// evened is the table with the rows of the subset weighed so that copies and strangers
// have the shares there that they have in all rows. A stranger has two groups and is left
// out of twice as many subsets as a copy; uneven, the models would take that for a
// difference in how likely copies are.
func (t *table) evened(s subset) *table {
	all, here := t.masses(pick(len(t.y), func(int) bool { return true })), t.masses(s)
	keep := (here[0] + here[1]) / (all[0] + all[1])
	e := *t
	e.w = slices.Clone(t.w)
	for _, i := range s.rows {
		k := int(t.y[i])
		e.w[i] = float64(t.w[i]*float64(all[k]*keep)) / here[k]
	}
	return &e
}

// varies says whether any feature does.
func (t *table) varies() bool {
	for f, order := range t.order {
		if n := len(order); n > 0 && t.cols[f][order[0]] < t.cols[f][order[n-1]] {
			return true
		}
	}
	return false
}

// quantiles returns rising values of a feature, at most one for each share, among the
// rows of the subset, where copies and strangers weigh the same in sum: knots go where
// both have rows, not where the many strangers crowd.
func (t *table) quantiles(f int, s subset, shares []float64) []float32 {
	mass := t.masses(s)
	per := [2]float64{0.5 / mass[0], 0.5 / mass[1]}
	var out []float32
	put := func(x float64) {
		if v := float32(x); len(out) == 0 || v > out[len(out)-1] {
			out = append(out, v)
		}
	}
	sum, next := 0.0, 0
	first, last := int32(-1), int32(-1)
	for _, i := range t.order[f] {
		if !s.in[i] {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
		sum += float64(t.w[i] * per[int(t.y[i])])
		for next < len(shares) && sum >= shares[next] {
			put(t.cols[f][i])
			next++
		}
	}
	// Where nearly all rows agree, what differs are the ends.
	if len(out) < 2 && first >= 0 {
		out = out[:0]
		put(t.cols[f][first])
		put(t.cols[f][last])
	}
	return out
}
