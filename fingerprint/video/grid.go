package video

import (
	"selvage/fingerprint"
	"selvage/fingerprint/align"
)

// far stands for codes that say nothing.
const far = 128

// grid is the distances of the frames of a query to those of a registered video: rows and
// columns are places in their tracks.
type grid struct {
	q, r Track
	// Of two long videos only every every-th row is kept; others are compared when they are
	// asked for.
	every int
	d     []uint8
	// found are cells of rows that are not kept which something else than the codes made nearer.
	found map[int]uint8
	// probes are the codes of row in all forms: the last one that was compared.
	row    int
	probes []Code
}

// maxCells is how many distances are kept.
const maxCells = 1 << 24

// newGrid compares all frames, each in the eight forms, whole and boxed.
func newGrid(q, r Track) *grid {
	g := &grid{q: q, r: r, row: -1, found: map[int]uint8{}}
	g.every = max(1, (len(q)*len(r)+maxCells-1)/maxCells)
	g.d = make([]uint8, (len(q)+g.every-1)/g.every*len(r))
	for i := 0; i < len(q); i += g.every {
		for j := range r {
			g.d[i/g.every*len(r)+j] = g.compare(i, j)
		}
	}
	return g
}

func (g *grid) compare(i, j int) uint8 {
	if g.row != i {
		g.row, g.probes = i, g.q[i].probes(g.probes[:0])
	}
	best, o := far, &g.r[j]
	for _, p := range g.probes {
		best = min(best, p.Distance(o.Full))
		if o.HasBox {
			best = min(best, p.Distance(o.Box))
		}
	}
	return uint8(best)
}

// probes appends the codes of a frame in the eight forms.
func (f *Frame) probes(to []Code) []Code {
	for form := range fingerprint.Dihedral(8) {
		if f.HasBox {
			to = append(to, f.Box.Turned(form))
		}
		to = append(to, f.Full.Turned(form))
	}
	return to
}

func (g *grid) at(i, j int) uint8 {
	if i%g.every == 0 {
		return g.d[i/g.every*len(g.r)+j]
	}
	if d, ok := g.found[i*len(g.r)+j]; ok {
		return d
	}
	return g.compare(i, j)
}

// nearer notes that two frames differ by no more than d.
func (g *grid) nearer(i, j int, d uint8) {
	switch {
	case d >= g.at(i, j):
	case i%g.every == 0:
		g.d[i/g.every*len(g.r)+j] = d
	default:
		g.found[i*len(g.r)+j] = d
	}
}

// mostPairs is how many pairs of near frames lines are looked for in: the nearest.
const mostPairs = 20_000

// evidence are the pairs of frames that are near.
func (g *grid) evidence() (out []align.Pair) {
	var count [NearFrames + 1]int
	for _, d := range g.d {
		if d <= NearFrames {
			count[d]++
		}
	}
	limit, n := uint8(0), count[0]
	for limit < NearFrames && n+count[limit+1] <= mostPairs {
		limit++
		n += count[limit]
	}
	every := n/mostPairs + 1 // a still scene against itself
	nearest := make([]uint8, len(g.q))
	for i := range nearest {
		nearest[i] = far
	}
	for k, d := range g.d {
		i := k / len(g.r) * g.every
		nearest[i] = min(nearest[i], d)
	}
	for k, d := range g.found {
		i := k / len(g.r)
		nearest[i] = min(nearest[i], d)
	}
	add := func(i, j int, d uint8) {
		if w := nearness(d) * g.q[i].telling() * likelier(d, nearest[i]); w > 0 {
			out = append(out, align.Pair{Q: g.q[i].Time(), R: g.r[j].Time(), Weight: w})
		}
	}
	seen := 0
	for k, d := range g.d {
		if d > limit {
			continue
		}
		if seen++; seen%every == 0 {
			add(k/len(g.r)*g.every, k%len(g.r), d)
		}
	}
	for k, d := range g.found {
		add(k/len(g.r), k%len(g.r), d) // align.Find does not mind the order
	}
	return out
}

// likelier weighs a pair of frames against the nearest pair of the query's frame: where a scene
// changes slowly, all of it is near, and the moment is told by what is nearest.
func likelier(d, nearest uint8) float64 {
	return max(.2, 1-float64(d-nearest)/40)
}

// How many samples away frames are that a frame is contrasted with.
const (
	awayFrom = 4
	awayTo   = 12
)

// off is the mean distance of a row to frames away from a column.
func (g *grid) off(row, col int) float64 {
	sum, n := 0, 0
	for j := max(0, col-awayTo); j < min(len(g.r), col+awayTo+1); j++ {
		if away := abs(g.r[j].Slot - g.r[col].Slot); away >= awayFrom && away <= awayTo {
			sum += int(g.at(row, j))
			n++
		}
	}
	if n == 0 {
		return far
	}
	return float64(sum) / float64(n)
}
