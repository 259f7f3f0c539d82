package video

import (
	"math"

	"selvage/fingerprint/calibrate"
)

// Features are what the model sees of a comparison, in order: the name of each measure, and
// how the probability may depend on it.
//
//	evidence  log(1 + frames of the query that agree, each by how telling, how new and how near
//	          it is, less segmentFee a segment)
//	distance  mean number of bits by which the codes of agreeing frames differ, telling frames more
//	contrast  mean number of bits by which other frames of the registered video, some seconds
//	          away, differ more: two shots of one room resemble each other at any offset
//	local     log-odds of the surest pair of telling key frames by package photo
//	proved    sum of the probabilities of up to three telling pairs, of different scenes
var Features = []calibrate.Feature{
	{Name: "evidence", Sense: calibrate.Rising},
	{Name: "distance", Sense: calibrate.Falling},
	{Name: "contrast", Sense: calibrate.Rising},
	{Name: "local", Sense: calibrate.Rising},
	{Name: "proved", Sense: calibrate.Rising},
}

// segmentFee is what of a segment's evidence pays for its place: one frame always finds
// another that is about like it.
const segmentFee = .6

// fresh is how many bits a frame differs by from all before it to count in full; one that
// differs by none, in a still scene, counts repeated.
const (
	fresh    = 24
	repeated = .1
)

// judge takes the measures of a comparison, without the rows of the query that are common
// content, and its probability.
func (c *Comparison) judge(q *Query, common []bool) {
	counted := func(row int) bool { return common == nil || row < 0 || !common[row] }
	evidence := 0.0
	distance, contrast, weight := 0.0, 0.0, 0.0
	var seen []Code
	for i := range c.Segments {
		s := &c.Segments[i]
		sum := 0.0
		for _, a := range s.agreed {
			if !counted(a.row) {
				continue
			}
			f := &q.track[a.row]
			code, near := f.code(), fresh
			for _, o := range seen {
				near = min(near, code.Distance(o))
			}
			seen = append(seen, code)
			w := min(f.telling(), c.track[a.col].telling())
			sum += w * (repeated + (1-repeated)*float64(near)/fresh) * nearness(a.d)
			distance += w * float64(a.d)
			contrast += w * (min(a.off, mostContrast) - min(float64(a.d), mostContrast))
			weight += w
		}
		evidence += max(0, sum-segmentFee)
	}
	contrast /= weight + 1
	distance = float64(distance+far/2) / (weight + 1) // drawn to what says nothing where there is little
	surest, proved := 0.0, 0.0
	var shown []Code
	for _, k := range c.checks {
		p := k.probability()
		if k.row < 0 || !counted(k.row) {
			continue
		}
		f := &q.track[k.row]
		p *= f.telling()
		if col := c.track.at(c.ref.Parts[k.pair.Ref].Start); col >= 0 {
			p = min(p, k.probability()*c.track[col].telling())
		}
		surest = max(surest, p)
		if p < .3 {
			continue
		}
		other := true
		for _, o := range shown {
			other = other && f.code().Distance(o) >= fresh
		}
		if other && len(shown) < 3 {
			proved += p
			shown = append(shown, f.code())
		}
	}
	c.Measures = []float64{math.Log1p(evidence), distance, contrast, logit(surest), proved}
	if c.prob = probability(c.Measures); len(c.Segments) == 0 {
		c.prob = 0
	}
}

// code is that of the content box, where a frame has one.
func (f *Frame) code() Code {
	if f.HasBox {
		return f.Box
	}
	return f.Full
}

// mostContrast is how many bits differ between pictures that have nothing in common: more
// says no more.
const mostContrast = 100

// logit is the log-odds of p, between -5 and 5.
func logit(p float64) float64 {
	p = min(max(p, .0067), .9933)
	return math.Log(p / (1 - p))
}

// Probability is that the query copies the registered file, calibrated.
func (c *Comparison) Probability() float64 { return c.prob }
