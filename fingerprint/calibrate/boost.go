package calibrate

// learner is a model in the making: it sees some rows and is judged on others.
type learner struct {
	t          *table
	train      subset
	hold       []int32
	opt        *Options
	share      float64
	additive   Additive
	bins       *bins
	margin     []float64 // by row, over what was learnt so far
	g, h       []float64
	trees      []Tree
	sampleBase []uint64 // by row: its group as a number, for sampling
}

// start sets the margins to what the additive part says, and forgets all trees.
func (l *learner) start(share float64) {
	l.share, l.trees = share, nil
	n := len(l.t.y)
	l.margin, l.g, l.h = make([]float64, n), make([]float64, n), make([]float64, n)
	for _, rows := range [][]int32{l.train.rows, l.hold} {
		for _, i := range rows {
			l.margin[i] = float64(share * l.additive.at(l.t.rows[i].X))
		}
	}
}

// round grows one tree on the groups drawn for it and adds it to the margins. Drawing
// groups, not rows, keeps trees from learning single works by heart.
func (l *learner) round(n int) {
	var rows []int32
	for _, i := range l.train.rows {
		if mix(l.sampleBase[i]+uint64(n)*0x9e3779b97f4a7c15)>>11 >= 1<<52 {
			continue // half of them
		}
		rows = append(rows, i)
		q := sigmoid(l.margin[i])
		l.g[i] = float64(l.t.w[i] * (q - l.t.y[i]))
		l.h[i] = float64(l.t.w[i] * float64(q*(1-q)))
	}
	r := grower{b: l.bins, senses: l.t.senses, w: l.t.w, g: l.g, h: l.h, opt: l.opt}
	r.grow(rows)
	for i, v := range r.tree.Leaf {
		r.tree.Leaf[i] = round6(float64(v * l.opt.Rate))
	}
	l.trees = append(l.trees, r.tree)
	for _, rows := range [][]int32{l.train.rows, l.hold} {
		for _, i := range rows {
			l.margin[i] += r.leaf(i)
		}
	}
}

// heldLoss is the weighted log loss over the rows held out, as a sum.
func (l *learner) heldLoss() float64 {
	sum := 0.0
	for _, i := range l.hold {
		sum += float64(l.t.w[i] * loss(l.margin[i], l.t.y[i]))
	}
	return sum
}

// held returns the margins of the rows held out with the first n trees only.
func (l *learner) held(n int, out []float64) {
	for _, i := range l.hold {
		x := l.t.rows[i].X
		z := float64(l.share * l.additive.at(x))
		for k := range l.trees[:n] {
			z += l.trees[k].at(x)
		}
		out[i] = z
	}
}

// mix is a bijection of numbers that looks like chance (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is FNV-1a, mixed.
func hash(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, c := range []byte(s) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return mix(h)
}
