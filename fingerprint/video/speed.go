package video

import "math"

// Where a scene is still, its frames agree at any speed, and the line through them is one of
// many. Then no speed is said, nor whether it runs backwards.

const (
	leastTimed = 3    // seconds that a segment lasts whose speed is said
	paceRows   = 64   // frames of a segment that are asked, evenly spread
	otherBy    = .2   // by how much another speed differs
	asGood     = .97  // share of its agreement at which it does as well
	slowest    = .75  // the speeds that are tried, forwards and backwards
	fastest    = 1.35 // as align.Options has them
	paceStep   = .1
)

// pace says of a segment whether its frames agree at the speed of its line better than at
// others in the same direction, and better than at any in the other one.
func (q *Query) pace(g *grid, s *Segment) (speed, direction bool) {
	n := min(len(s.agreed), paceRows)
	rows := make([]int, n)
	mid := 0.0
	for k := range rows {
		rows[k] = s.agreed[k*len(s.agreed)/n].row
		mid += q.track[rows[k]].Time() / float64(n)
	}
	at := s.line.At(mid)
	// agreement is how well the rows agree at a speed, wherever in the registered video the
	// middle of the segment then lies.
	agreement := func(speed float64) (best float64) {
		for shift := -2 * Step; shift <= 2*Step; shift += Step / 2 {
			sum := 0.0
			for _, i := range rows {
				t := at + shift + float64(speed*(q.track[i].Time()-mid))
				if j := g.r.at(t); j >= 0 {
					sum += float64(q.track[i].telling() * nearness(g.at(i, j)))
				}
			}
			best = max(best, sum)
		}
		return best
	}
	own := s.line.Speed
	least := asGood * agreement(own)
	speed, direction = s.Query[1]-s.Query[0] >= leastTimed, true
	for v := slowest; v <= fastest; v += paceStep {
		v := math.Copysign(v, own)
		speed = speed && (math.Abs(v-own) <= otherBy || agreement(v) < least)
		direction = direction && agreement(-v) < least
	}
	return speed && direction, direction
}
