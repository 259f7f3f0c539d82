package local

import (
	"cmp"
	"slices"
)

// How features are spread: within one cell of the picture, each further feature counts
// less than the one before.
const (
	cells = 8   // cells along the longer side
	crowd = 0.9 // what the next feature of a cell counts
)

// spread orders points, strongest first, in such a way that the first n of them lie all
// over the picture. The strength is contrast times size: small features are many, and
// only large ones are found again where the picture was made small or blurred.
func spread(list []point, octaves []octave, w, h int) []point {
	for i := range list {
		p := &list[i]
		p.key = float32(p.response*p.sigma) * octaves[p.octave].scale
	}
	slices.SortFunc(list, func(a, b point) int {
		return cmp.Or(cmp.Compare(b.key, a.key), cmp.Compare(a.octave, b.octave),
			cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x), cmp.Compare(a.sigma, b.sigma))
	})
	// An extremum between two pixels of the same value was found from both.
	n := 0
	for _, p := range list {
		if !slices.ContainsFunc(list[max(0, n-4):n], func(q point) bool { return same(p, q) }) {
			list[n] = p
			n++
		}
	}
	list = list[:n]
	side := float32(max(w, h)) / cells
	var weights [cells * cells]float32
	for i := range weights {
		weights[i] = 1
	}
	for i := range list {
		p := &list[i]
		scale := octaves[p.octave].scale
		x := min(max(int(p.x*scale/side), 0), cells-1)
		y := min(max(int(p.y*scale/side), 0), cells-1)
		weight := &weights[y*cells+x]
		p.key *= *weight
		*weight *= crowd
	}
	slices.SortStableFunc(list, func(a, b point) int { return cmp.Compare(b.key, a.key) })
	return list
}

// same says whether two points of about the same strength are one.
func same(p, q point) bool {
	near := func(a, b, most float32) bool { return a-b < most && b-a < most }
	return p.octave == q.octave && near(p.x, q.x, 0.2) && near(p.y, q.y, 0.2) && near(p.sigma, q.sigma, 0.1)
}
