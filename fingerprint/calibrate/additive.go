package calibrate

// Term is what one feature adds to the log-odds: a line through knots, which beyond the
// outer knots goes on ever more slowly and by less than one more rise, so that a
// measurement unlike any in training cannot decide alone.
type Term struct {
	Knots []float32 `json:"knots"` // rising; none where the feature says nothing
	Rises []float64 `json:"rises"` // from a knot to the next
}

// place finds where x lies: at knot i plus the share u of the way to the next one.
// u leaves [0, 1] beyond the outer knots only.
func (t Term) place(x float64) (i int, u float64) {
	last := len(t.Knots) - 2
	for i < last && x > float64(t.Knots[i+1]) {
		i++
	}
	from, to := float64(t.Knots[i]), float64(t.Knots[i+1])
	u = (x - from) / (to - from)
	switch {
	case u < 0:
		u = -ease(-u)
	case u > 1:
		u = 1 + ease(u-1)
	}
	return i, u
}

func (t Term) at(x float64) float64 {
	if len(t.Rises) == 0 {
		return 0
	}
	i, u := t.place(x)
	sum := 0.0
	for _, r := range t.Rises[:i] {
		sum += r
	}
	return sum + float64(t.Rises[i]*u)
}

// Additive is a generalised additive model: log-odds as a sum of what each feature adds.
type Additive struct {
	Bias  float64 `json:"bias"`
	Terms []Term  `json:"terms"` // by feature
}

func (a *Additive) at(x []float64) float64 {
	sum := a.Bias
	for i := range a.Terms {
		sum += a.Terms[i].at(x[i])
	}
	return sum
}
