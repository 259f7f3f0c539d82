package video

import (
	"cmp"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
)

// Common content: title cards, logos, stock shots. What several registered works show that
// are otherwise different videos is no evidence for any one of them; each is judged again by
// what is left.

const (
	// sharers bounds how many works are looked at for it, the surest first; sharerFloor is the
	// probability from which a work is one of them.
	sharers     = 24
	sharerFloor = .01
	// DiscountFrom is the probability from which a work is judged again without common content.
	DiscountFrom = .05
	// sharing is how many other works must show a telling frame for it to be common; of a plain
	// one, like a title card, one is enough.
	sharing = 2
	plain   = .5 // Frame.telling below which a frame is plain
	// elsewhereNear is how near frames of two registered videos are that are one, elsewhereShare
	// the share of their other frames that makes them one video, or versions of it.
	elsewhereNear  = 45
	elsewhereShare = .3
)

// Discount judges all comparisons of one query again without the content that they share
// with each other. They must be of works that the asker may know of, one a work: nobody's
// answer depends on others' private works.
func (q *Query) Discount(all []*Comparison) {
	var witnesses []*Comparison
	for _, c := range all {
		if len(c.Segments) > 0 && len(c.track) > 0 && c.prob >= sharerFloor {
			witnesses = append(witnesses, c)
		}
	}
	slices.SortStableFunc(witnesses, func(a, b *Comparison) int { return cmp.Compare(b.prob, a.prob) })
	witnesses = witnesses[:min(len(witnesses), sharers)]
	if len(witnesses) < 2 {
		return
	}
	shown := make([][]bool, len(witnesses))
	for i, w := range witnesses {
		shown[i] = w.rows(len(q.track))
	}
	type verdict struct {
		c      *Comparison
		common []bool
		by     int
		share  float64
	}
	var again []verdict
	for _, c := range all {
		if len(c.Segments) == 0 || len(c.track) == 0 || c.prob < DiscountFrom {
			continue
		}
		mine := c.rows(len(q.track))
		count := make([]int, len(mine))
		v := verdict{c: c, common: make([]bool, len(mine))}
		for i, w := range witnesses {
			if w == c || !overlap(mine, shown[i]) || sameVideo(c, w, mine, shown[i]) {
				continue
			}
			v.by++
			for row, yes := range shown[i] {
				if yes {
					count[row]++
				}
			}
		}
		n, hit := 0, 0
		for row, yes := range mine {
			if !yes {
				continue
			}
			n++
			if count[row] >= sharing || count[row] > 0 && q.track[row].telling() < plain {
				v.common[row] = true
				hit++
			}
		}
		if hit > 0 {
			v.share = float64(hit) / float64(n)
			again = append(again, v)
		}
	}
	for _, v := range again {
		v.c.Shared, v.c.SharedBy, v.c.common = v.share, v.by, v.common
		v.c.judge(q, v.common)
	}
}

// Shows says which frames of the query show a picture as a whole, edited or not, by their places
// in its track.
func (q *Query) Shows(picture *fingerprint.Result) []bool {
	var codes []Code
	for _, p := range picture.Prints {
		if p.Kind == fingerprint.PDQ256 && (p.View == fingerprint.Full || p.View == fingerprint.Box) {
			codes = append(codes, codeOf(p.Payload))
		}
	}
	out := make([]bool, len(q.track))
	proved := map[int]bool{} // by key frame
	var probes []Code
	for i := range q.track {
		near := far
		probes = q.track[i].probes(probes[:0])
		for _, p := range probes {
			for _, c := range codes {
				near = min(near, p.Distance(c))
			}
		}
		if out[i] = near <= plainlyNear; out[i] || near > NearFrames {
			continue
		}
		part := partAt(q.res.Parts, q.track[i].Time())
		if !q.has(part) {
			continue
		}
		if _, ok := proved[part]; !ok {
			c := q.photos[part]().Compare(picture, photo.Variants[:]...)
			proved[part] = c.Probability() >= photo.ActThreshold && len(c.Places) > 0 && c.Places[0].OfContent >= wholeFrame
		}
		out[i] = proved[part]
	}
	return out
}

// wholeFrame is the share of a frame that a picture must show to be it.
const wholeFrame = .9

// Explained reports whether all frames of the query are among those of the rows, but for plain
// ones.
func (q *Query) Explained(rows []bool) bool {
	for i := range q.track {
		if !rows[i] && q.track[i].telling() >= plain {
			return false
		}
	}
	return true
}

// Without is a comparison judged again without frames of the query, by their places in its
// track: somebody holds them to be no evidence.
func (q *Query) Without(c *Comparison, rows []bool) *Comparison {
	again := *c
	if c.ref.Work == fingerprint.Photo {
		again.Segments, again.checks, again.prob = nil, nil, 0
		for i, k := range c.checks {
			if row := q.row(q.res.Parts[k.pair.Query].Start); row >= 0 && rows[row] {
				continue
			}
			again.Segments = append(again.Segments, c.Segments[i])
			again.checks = append(again.checks, k)
			again.prob = max(again.prob, k.cmp.Probability())
		}
		return &again
	}
	again.common = slices.Clone(rows)
	for i, yes := range c.common {
		again.common[i] = again.common[i] || yes
	}
	again.judge(q, again.common)
	return &again
}

// rows are the frames of the query, of n, that agree.
func (c *Comparison) rows(n int) []bool {
	out := make([]bool, n)
	for i := range c.Segments {
		for _, a := range c.Segments[i].agreed {
			out[a.row] = true
		}
	}
	return out
}

func overlap(a, b []bool) bool {
	for i := range a {
		if a[i] && b[i] {
			return true
		}
	}
	return false
}

// sameVideo reports whether two registered videos, which agree with the query in some of the
// same frames, show the same besides: then they are one video, or one holds the other, and
// neither makes the other's content common.
func sameVideo(a, b *Comparison, inA, inB []bool) bool {
	return a.besides(b, inB) || b.besides(a, inA)
}

// besides reports whether a registered video has nothing but what agrees with the query's
// rows, or shows other content of o.
func (c *Comparison) besides(o *Comparison, rows []bool) bool {
	agreed := make([]bool, len(c.track))
	for i := range c.Segments {
		for _, a := range c.Segments[i].agreed {
			if rows[a.row] {
				for k := max(0, a.col-2); k < min(len(agreed), a.col+3); k++ {
					agreed[k] = true
				}
			}
		}
	}
	others, found := 0, 0
	for i := range c.track {
		f := &c.track[i]
		if agreed[i] || f.telling() < plain {
			continue
		}
		others++
		if slices.ContainsFunc(o.track, func(g Frame) bool {
			return min(f.distance(&g, fingerprint.Identity), f.distance(&g, fingerprint.FlipY)) <= elsewhereNear
		}) {
			found++
		}
	}
	return float64(found) >= elsewhereShare*float64(others)
}
