package calibrate

import "math"

// bins are the values of all rows by feature, each as the number of edges below it, which
// a tree can count instead of sort.
type bins struct {
	edges [][]float32
	of    [][]uint8 // by feature and row
}

const maxBins = 48

// newBins lays the edges where the rows of the subset are; all rows get bins.
func newBins(t *table, s subset) *bins {
	shares := make([]float64, maxBins-1)
	for i := range shares {
		shares[i] = float64(i+1) / maxBins
	}
	b := new(bins)
	for f := range t.cols {
		edges := t.quantiles(f, s, shares)
		of := make([]uint8, len(t.y))
		e := 0
		for _, row := range t.order[f] {
			for e < len(edges) && t.cols[f][row] > float64(edges[e]) {
				e++
			}
			of[row] = uint8(e)
		}
		b.edges, b.of = append(b.edges, edges), append(b.of, of)
	}
	return b
}

// grower grows one tree on first and second derivatives of the loss.
type grower struct {
	b       *bins
	senses  []Sense
	w, g, h []float64 // by row
	opt     *Options

	tree Tree
	bin  []uint8 // by node: its threshold as a bin
}

// cell is what a histogram sums over rows of a bin.
type cell struct{ g, h, w float64 }

func (c cell) plus(o cell) cell  { return cell{c.g + o.g, c.h + o.h, c.w + o.w} }
func (c cell) minus(o cell) cell { return cell{c.g - o.g, c.h - o.h, c.w - o.w} }

type histogram [][maxBins]cell // by feature

func (r *grower) count(rows []int32) histogram {
	hist := make(histogram, len(r.b.of))
	for f, of := range r.b.of {
		cells := &hist[f]
		for _, i := range rows {
			c := &cells[of[i]]
			c.g += r.g[i]
			c.h += r.h[i]
			c.w += r.w[i]
		}
	}
	return hist
}

// grow returns the tree over the rows; leaves hold values before shrinkage.
func (r *grower) grow(rows []int32) {
	n := 1<<r.opt.Depth - 1
	r.tree = Tree{Feature: make([]int16, n), Above: make([]float32, n), Leaf: make([]float64, n+1)}
	r.bin = make([]uint8, n)
	var all cell
	for _, i := range rows {
		all = all.plus(cell{r.g[i], r.h[i], r.w[i]})
	}
	r.node(0, rows, r.count(rows), all, math.Inf(-1), math.Inf(1))
}

// value is the best leaf for a sum of derivatives, within the bounds that the splits
// above it left.
func (r *grower) value(c cell, low, high float64) float64 {
	return min(max(-c.g/(c.h+r.opt.Shrink), low), high)
}

// gain is how much the loss falls (to second order) if the rows of c get value v.
func (r *grower) gain(c cell, v float64) float64 {
	return -float64(c.g*v) - float64(float64((c.h+r.opt.Shrink)*v)*v/2)
}

func (r *grower) node(i int, rows []int32, hist histogram, all cell, low, high float64) {
	own := r.value(all, low, high)
	if i >= len(r.tree.Feature) {
		r.tree.Leaf[i-len(r.tree.Feature)] = own
		return
	}
	best := struct {
		gain    float64
		f, bin  int
		no, yes cell
		v, w    float64
	}{gain: r.opt.LeastGain, f: -1}
	before := r.gain(all, own)
	for f := range hist {
		var no cell
		for bin := range r.b.edges[f] {
			no = no.plus(hist[f][bin])
			yes := all.minus(no)
			if no.w < r.opt.LeastLeaf || yes.w < r.opt.LeastLeaf {
				continue
			}
			v, w := r.value(no, low, high), r.value(yes, low, high)
			if s := float64(r.senses[f]); s != 0 && (w-v)*s < 0 {
				continue
			}
			if gain := r.gain(no, v) + r.gain(yes, w) - before; gain > best.gain {
				best.gain, best.f, best.bin, best.no, best.yes, best.v, best.w = gain, f, bin, no, yes, v, w
			}
		}
	}
	if best.f < 0 {
		r.close(i, own)
		return
	}
	r.tree.Feature[i], r.tree.Above[i], r.bin[i] = int16(best.f), r.b.edges[best.f][best.bin], uint8(best.bin)
	noRows, yesRows := part(rows, r.b.of[best.f], uint8(best.bin))
	// Only the smaller side is counted; the other is what remains.
	small, large := noRows, hist
	if len(yesRows) < len(noRows) {
		small = yesRows
	}
	counted := r.count(small)
	for f := range large {
		for k := range large[f] {
			large[f][k] = large[f][k].minus(counted[f][k])
		}
	}
	noHist, yesHist := counted, large
	if len(yesRows) < len(noRows) {
		noHist, yesHist = large, counted
	}
	// No leaf on one side may pass the middle: that keeps the sense in the whole tree.
	noLow, noHigh, yesLow, yesHigh := low, high, low, high
	mid := (best.v + best.w) / 2
	switch r.senses[best.f] {
	case Rising:
		noHigh, yesLow = mid, mid
	case Falling:
		noLow, yesHigh = mid, mid
	}
	r.node(2*i+1, noRows, noHist, best.no, noLow, noHigh)
	r.node(2*i+2, yesRows, yesHist, best.yes, yesLow, yesHigh)
}

// close makes node i and all below it say v.
func (r *grower) close(i int, v float64) {
	if i >= len(r.tree.Feature) {
		r.tree.Leaf[i-len(r.tree.Feature)] = v
		return
	}
	r.tree.Feature[i] = -1
	r.close(2*i+1, v)
	r.close(2*i+2, v)
}

// part splits rows by bin, in order.
func part(rows []int32, of []uint8, bin uint8) (no, yes []int32) {
	n := 0
	for _, i := range rows {
		if of[i] <= bin {
			n++
		}
	}
	both := make([]int32, len(rows))
	no, yes = both[:0:n], both[n:n]
	for _, i := range rows {
		if of[i] <= bin {
			no = append(no, i)
		} else {
			yes = append(yes, i)
		}
	}
	return no, yes
}

// leaf returns what the tree says about a row of the bins.
func (r *grower) leaf(row int32) float64 {
	i := 0
	for i < len(r.tree.Feature) {
		f, bin := r.tree.Feature[i], r.bin[i]
		i = 2*i + 1
		if f >= 0 && r.b.of[f][row] > bin {
			i++
		}
	}
	return r.tree.Leaf[i-len(r.tree.Feature)]
}
