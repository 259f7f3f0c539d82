package train

import (
	"math"

	"selvage/fingerprint/local"
)

// How well features of a picture and its copy must meet to be those of one place.
const (
	mostShift = 1.0  // in sigma of the smaller one, at least in pixels
	mostGrow  = 1.32 // between the sizes
	mostTurn  = 0.35 // between the directions, in radians
)

// AddCopy takes the features of an edited copy, and learns what edits do to descriptors
// from those that lie at the same place. There takes a point of the original's base picture
// to the copy's. Copies that are mirrored or negative teach nothing about that, as their
// descriptors are in another order.
func (l *Learner) AddCopy(original, edited []local.Raw, there func(x, y float64) (float64, float64)) {
	l.Add(edited)
	for _, p := range Pairs(original, edited, there) {
		var d [dims]int16
		for k, v := range original[p[0]].Desc {
			d[k] = int16(v) - int16(edited[p[1]].Desc[k])
		}
		l.copies.add(&d)
	}
}

// Pairs finds the features that lie at the same place, with the same size and direction:
// the numbers of each pair in the two lists. Each feature is in one pair at most. A
// mirrored copy has no pairs.
func Pairs(original, edited []local.Raw, there func(x, y float64) (float64, float64)) [][2]int {
	best := make([]int, len(original))
	taken := make([]float64, len(edited)) // distance of its partner
	partner := make([]int, len(edited))
	for j := range partner {
		partner[j] = -1
	}
	for i := range original {
		a := &original[i]
		x, y := there(float64(a.X), float64(a.Y))
		ahead := 0.01 // far enough to see direction and scale, near enough to be straight
		dx, dy := there(float64(a.X)+ahead*math.Cos(float64(a.Angle)), float64(a.Y)+ahead*math.Sin(float64(a.Angle)))
		dx, dy = (dx-x)/ahead, (dy-y)/ahead
		sx, sy := there(float64(a.X)-ahead*math.Sin(float64(a.Angle)), float64(a.Y)+ahead*math.Cos(float64(a.Angle)))
		best[i] = -1
		if dx*(sy-y)-dy*(sx-x) <= 0 {
			continue // mirrored
		}
		sigma := float64(a.Sigma) * math.Hypot(dx, dy)
		least := math.Inf(1)
		for j := range edited {
			b := &edited[j]
			s := float64(b.Sigma)
			d := math.Hypot(float64(b.X)-x, float64(b.Y)-y) / max(1, min(sigma, s))
			turn := math.Remainder(float64(b.Angle)-math.Atan2(dy, dx), 2*math.Pi)
			if d < min(least, mostShift) && sigma < s*mostGrow && s < sigma*mostGrow && math.Abs(turn) < mostTurn {
				best[i], least = j, d
			}
		}
		if j := best[i]; j >= 0 && (partner[j] < 0 || least < taken[j]) {
			partner[j], taken[j] = i, least
		}
	}
	var pairs [][2]int
	for i, j := range best {
		if j >= 0 && partner[j] == i {
			pairs = append(pairs, [2]int{i, j})
		}
	}
	return pairs
}
