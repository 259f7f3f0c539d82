package page

import "selvage/fingerprint/local"

// What a drawing looks like, in a grey picture of some hundred pixels.
const (
	leastPaper  = .4  // share of the picture that is of about its commonest tone
	flatStep    = 3   // grey levels between the neighbours of a pixel up to which there is no slope
	strokeStep  = 24  // and from which on it lies at the side of a stroke
	leastStroke = .01 // share of the picture that lies there
	mostStroke  = .25
	strokeReach = 2 // pixels about the side of a stroke that still belong to it
)

// How much tone a drawing may have: pixels for each one at the side of a stroke. A shaded,
// photographed or woven thing has more: of 500 photos of clothes, on any ground, none has less than
// .027, and one in twenty less than .16.
const (
	PlainTone = .05 // of a picture as it was drawn
	WornTone  = .15 // of one that was compressed or scanned since
)

// IsDrawing reports whether a picture is a drawing: strokes and plain areas on a ground of one
// tone, dark or light, with nothing shaded beside the ground. A picture of a thing is none, on
// however white a ground, and a drawing with soft shadows is none either.
func IsDrawing(g *local.Gray, tone float64) bool {
	if min(g.W, g.H) <= 2*strokeReach {
		return false
	}
	var hist [256]int
	for _, p := range g.Pix {
		hist[p]++
	}
	from, paper := commonest(&hist)
	if float64(paper) < leastPaper*float64(len(g.Pix)) {
		return false
	}
	slopes, strokes := slopesOf(g)
	if s := float64(strokes) / float64(len(g.Pix)); s < leastStroke || s > mostStroke {
		return false
	}
	// What is shaded: a slope off the ground and away from strokes.
	left := int(tone * float64(strokes))
	for y := strokeReach; y < g.H-strokeReach; y++ {
		for x := strokeReach; x < g.W-strokeReach; x++ {
			i := y*g.W + x
			if slopes[i] != gentle || int(g.Pix[i]) >= from && int(g.Pix[i]) < from+groundLevels || atStroke(slopes, g.W, i) {
				continue
			}
			if left--; left < 0 {
				return false
			}
		}
	}
	return true
}

// slope says how the tone changes about a pixel.
type slope uint8

const (
	level slope = iota
	gentle
	steep // the side of a stroke
)

// slopesOf is the slope of every pixel, and how many are steep.
func slopesOf(g *local.Gray) (out []slope, steeps int) {
	out = make([]slope, len(g.Pix))
	for y := 1; y < g.H-1; y++ {
		above, row, below := g.Pix[(y-1)*g.W:][:g.W], g.Pix[y*g.W:][:g.W], g.Pix[(y+1)*g.W:][:g.W]
		to := out[y*g.W:][:g.W]
		for x := 1; x < len(row)-1; x++ {
			dx, dy := int(row[x+1])-int(row[x-1]), int(below[x])-int(above[x])
			switch d := max(dx, -dx, dy, -dy); {
			case d >= strokeStep:
				to[x] = steep
				steeps++
			case d > flatStep:
				to[x] = gentle
			}
		}
	}
	return out, steeps
}

// atStroke reports whether a steep pixel is within reach of the i-th, which is not at the rim.
func atStroke(slopes []slope, w, i int) bool {
	for dy := -strokeReach; dy <= strokeReach; dy++ {
		for _, s := range slopes[i+dy*w-strokeReach : i+dy*w+strokeReach+1] {
			if s == steep {
				return true
			}
		}
	}
	return false
}
