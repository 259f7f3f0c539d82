package local

import "math"

// The direction of a feature: gradients around it, weighted by their distance, vote for
// their direction; the winner, and the next if it is nearly as strong, give the feature
// its direction. Lowe (2004), section 5.
const (
	turns       = 36  // directions in the vote
	orientSide  = 13  // gradients along a side
	orientStep  = 0.7 // their distance in sigma
	orientSigma = 1.5 // standard deviation of the weight in sigma
	secondPeak  = 0.8 // share of the best vote that gives a second direction
	maxTurns    = 2   // directions per point
)

var orientWeight = func() (t [orientSide * orientSide]float32) {
	for j := range orientSide {
		for i := range orientSide {
			u, v := float64(i-orientSide/2)*orientStep, float64(j-orientSide/2)*orientStep
			t[j*orientSide+i] = float32(exp(-(float64(u*u) + float64(v*v)) / (2 * orientSigma * orientSigma)))
		}
	}
	return t
}()

// orient returns up to two directions in eighths of a turn, the stronger one first.
func orient(p *plane, x, y, sigma float32) (dirs [maxTurns]float32, n int) {
	const side = orientSide + 2
	var pix [side * side]float32
	sample(pix[:], p, side, x, y, float32(orientStep*sigma), 0, 1)
	var votes [turns]float32
	for j := range orientSide {
		for i := range orientSide {
			at := (j+1)*side + i + 1
			gx, gy := pix[at+1]-pix[at-1], pix[at+side]-pix[at-side]
			m := float32(gx*gx) + float32(gy*gy)
			if m == 0 {
				continue
			}
			m = float32(float32(math.Sqrt(float64(m))) * orientWeight[j*orientSide+i])
			d := float32(direction(gx, gy) * (turns / 8.))
			b := int(d)
			f := d - float32(b)
			next := b + 1
			if next == turns {
				next = 0
			}
			w := float32(m * f)
			votes[b] += m - w
			votes[next] += w
		}
	}
	var smooth [turns]float32
	for i := range smooth {
		at := func(d int) float32 { return votes[(i+d+turns)%turns] }
		smooth[i] = float32(0.375*at(0)) + float32(0.25*(at(-1)+at(1))) + float32(0.0625*(at(-2)+at(2)))
	}
	var best [maxTurns]float32
	for i, v := range smooth {
		l, r := smooth[(i+turns-1)%turns], smooth[(i+1)%turns]
		if v <= l || v < r || v <= best[maxTurns-1] {
			continue
		}
		d := float32(i) + (l-r)/(2*(l+r-2*v))
		if d < 0 {
			d += turns
		}
		d = float32(d * (8. / turns))
		if d >= 8 {
			d -= 8
		}
		if v > best[0] {
			best[1], dirs[1] = best[0], dirs[0]
			best[0], dirs[0] = v, d
		} else {
			best[1], dirs[1] = v, d
		}
	}
	switch {
	case best[0] == 0:
		return dirs, 0
	case best[1] < float32(secondPeak*best[0]):
		return dirs, 1
	}
	return dirs, 2
}
