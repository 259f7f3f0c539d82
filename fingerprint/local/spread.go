package local

import (
	"cmp"
	"slices"
)

// How features are spread: within one cell of the picture, each further feature counts
// less than the one before.
const (
	cells = 8    // cells along the longer side
	crowd = 0.9  // what the next feature of a cell counts
	again = 0.25 // two features nearer than this part of their size are one
)

// spread orders points, strongest first, in such a way that the first n of them lie
// all over the picture.
func spread(list []point, octaves []octave, w, h int) []point {
	scale := func(p *point) float32 { return octaves[p.octave].scale }
	slices.SortFunc(list, func(a, b point) int {
		return cmp.Or(cmp.Compare(b.response, a.response), cmp.Compare(a.octave, b.octave),
			cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x), cmp.Compare(a.sigma, b.sigma))
	})
	side := float32(max(w, h)) / cells
	var count [cells * cells]float32
	for i := range count {
		count[i] = 1
	}
	for i := range list {
		p := &list[i]
		x := min(int(p.x*scale(p)/side), cells-1)
		y := min(int(p.y*scale(p)/side), cells-1)
		c := &count[y*cells+x]
		p.key = p.response * *c
		*c *= crowd
	}
	slices.SortStableFunc(list, func(a, b point) int { return cmp.Compare(b.key, a.key) })
	return list
}
