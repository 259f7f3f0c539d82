package calibrate

import "math"

// knotShares are the places of the knots of a term.
var knotShares = []float64{0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99}

// leastRise keeps a term strictly monotone even where the rows say nothing.
const leastRise = 1e-3

// fitAdditive fits a logistic regression over the terms of the features of t: the least
// weighted log loss over the subset plus ridge/2 times the squared rises, with every rise
// on the side that its feature's sense demands. Newton's method; each step is a quadratic
// problem in a box.
func fitAdditive(t *table, s subset, shares []float64, ridge float64) Additive {
	d := newDesign(t, s, shares)
	mass := t.masses(s)
	d.theta[d.bias] = logit(mass[1] / (mass[0] + mass[1]))
	current := d.objective(d.theta, ridge)
	for range 40 {
		g, h := d.derivatives(ridge)
		step := boxed(h, g, d.low, d.high, d.theta)
		size, scale := 0.0, 1.0
		for _, x := range step {
			size = max(size, math.Abs(x))
		}
		if size < 1e-5 {
			break
		}
		moved := false
		for range 20 {
			trial := make([]float64, len(step))
			for i := range trial {
				trial[i] = d.theta[i] + float64(scale*step[i])
			}
			if o := d.objective(trial, ridge); o < current {
				moved, current, d.theta = true, o, trial
				break
			}
			scale /= 2
		}
		if !moved {
			break
		}
	}
	return d.additive()
}

// design holds, for each row of a subset, where its features lie among the knots. A term
// with n rises owns n+1 parameters from base[f]: the first is held at 0, and the others
// are the rises. The last parameter of all is the bias.
type design struct {
	t         *table
	rows      []int32
	knots     [][]float32
	terms     []int // features that have knots
	base      []int
	bias      int
	theta     []float64
	low, high []float64
	at        [][]int32   // by row and term: parameter of the knot below
	share     [][]float64 // by row and term: how far it is on the way to the next knot
}

func newDesign(t *table, s subset, shares []float64) *design {
	d := &design{t: t, rows: s.rows}
	for f := range t.cols {
		knots := t.quantiles(f, s, shares)
		if len(knots) < 2 {
			knots = nil
		} else {
			d.terms = append(d.terms, f)
		}
		d.base = append(d.base, len(d.theta))
		for i := range knots {
			low, high := math.Inf(-1), math.Inf(1)
			start := 0.0
			switch {
			case i == 0:
				low, high = 0, 0
			case t.senses[f] == Rising:
				low, start = leastRise, leastRise
			case t.senses[f] == Falling:
				high, start = -leastRise, -leastRise
			}
			d.theta, d.low, d.high = append(d.theta, start), append(d.low, low), append(d.high, high)
		}
		d.knots = append(d.knots, knots)
	}
	d.bias = len(d.theta)
	d.theta, d.low, d.high = append(d.theta, 0), append(d.low, math.Inf(-1)), append(d.high, math.Inf(1))
	at := make([]int32, len(s.rows)*len(d.terms))
	share := make([]float64, len(at))
	for n, row := range s.rows {
		a, u := at[n*len(d.terms):][:len(d.terms)], share[n*len(d.terms):][:len(d.terms)]
		for k, f := range d.terms {
			i, v := Term{Knots: d.knots[f]}.place(t.cols[f][row])
			a[k], u[k] = int32(d.base[f]+i), v
		}
		d.at, d.share = append(d.at, a), append(d.share, u)
	}
	return d
}

// heights turns rises into the heights of the lines at their knots.
func (d *design) heights(theta []float64) []float64 {
	h := make([]float64, len(theta))
	for _, f := range d.terms {
		sum := 0.0
		for i := range d.knots[f] {
			sum += theta[d.base[f]+i]
			h[d.base[f]+i] = sum
		}
	}
	return h
}

func (d *design) margin(n int, heights []float64, bias float64) float64 {
	for k, i := range d.at[n] {
		from := heights[i]
		bias += from + float64(d.share[n][k]*(heights[i+1]-from))
	}
	return bias
}

func (d *design) objective(theta []float64, ridge float64) float64 {
	h := d.heights(theta)
	sum := 0.0
	for n, row := range d.rows {
		sum += float64(d.t.w[row] * loss(d.margin(n, h, theta[d.bias]), d.t.y[row]))
	}
	for _, r := range theta[:d.bias] {
		sum += float64(ridge / 2 * float64(r*r))
	}
	return sum
}

// derivatives returns the gradient and the Hessian of the objective. They are summed by
// heights, where a row touches two parameters a term, and then turned to rises: a rise
// lifts all heights behind it.
func (d *design) derivatives(ridge float64) (g []float64, h [][]float64) {
	p := len(d.theta)
	g, h = make([]float64, p), make([][]float64, p)
	for i := range h {
		h[i] = make([]float64, p)
	}
	heights := d.heights(d.theta)
	for n, row := range d.rows {
		q := sigmoid(d.margin(n, heights, d.theta[d.bias]))
		g1 := float64(d.t.w[row] * (q - d.t.y[row]))
		h1 := float64(d.t.w[row] * float64(q*(1-q)))
		at, share := d.at[n], d.share[n]
		for k, i := range at {
			u := share[k]
			g[i] += float64(g1 * (1 - u))
			g[i+1] += float64(g1 * u)
			no, yes := float64(h1*(1-u)), float64(h1*u)
			a, b := h[i], h[i+1]
			for l, j := range at[:k+1] {
				v := share[l]
				a[j] += float64(no * (1 - v))
				a[j+1] += float64(no * v)
				b[j] += float64(yes * (1 - v))
				b[j+1] += float64(yes * v)
			}
			h[d.bias][i] += no
			h[d.bias][i+1] += yes
		}
		g[d.bias] += g1
		h[d.bias][d.bias] += h1
	}
	for i := range h {
		for j := range i {
			if d.term(i) != d.term(j) || i == d.bias {
				h[j][i] = h[i][j]
			}
		}
	}
	for _, f := range d.terms {
		from := d.base[f]
		for i := from + len(d.knots[f]) - 2; i >= from; i-- {
			g[i] += g[i+1]
			for j := range p {
				h[i][j] += h[i+1][j]
			}
		}
	}
	for _, f := range d.terms {
		from := d.base[f]
		for j := from + len(d.knots[f]) - 2; j >= from; j-- {
			for i := range p {
				h[i][j] += h[i][j+1]
			}
		}
	}
	for i := range d.bias {
		g[i] += float64(ridge * d.theta[i])
		h[i][i] += ridge
	}
	h[d.bias][d.bias] += 1e-9
	return g, h
}

// term returns the feature that owns parameter i, or -1 for the bias.
func (d *design) term(i int) int {
	if i == d.bias {
		return -1
	}
	f := 0
	for f+1 < len(d.base) && i >= d.base[f+1] {
		f++
	}
	return f
}

// boxed returns the step that minimises g·step + step·h·step/2 while theta+step stays
// within low and high, one coordinate after the other.
func boxed(h [][]float64, g, low, high, theta []float64) []float64 {
	step := make([]float64, len(g))
	slope := append([]float64(nil), g...) // g + h·step
	for range 500 {
		largest := 0.0
		for i := range step {
			next := step[i] - slope[i]/h[i][i]
			next = min(max(next, low[i]-theta[i]), high[i]-theta[i])
			change := next - step[i]
			if change == 0 {
				continue
			}
			step[i] = next
			largest = max(largest, math.Abs(change))
			for j, v := range h[i] {
				slope[j] += float64(v * change)
			}
		}
		if largest < 1e-8 {
			break
		}
	}
	return step
}

// additive rounds the parameters to what a model file keeps.
func (d *design) additive() Additive {
	a := Additive{Bias: round6(d.theta[d.bias]), Terms: make([]Term, len(d.knots))}
	for _, f := range d.terms {
		a.Terms[f].Knots = d.knots[f]
		for _, r := range d.theta[d.base[f]+1:][:len(d.knots[f])-1] {
			a.Terms[f].Rises = append(a.Terms[f].Rises, round6(r))
		}
	}
	return a
}
