package video

import (
	"fmt"
	"math"
	"strings"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/photo"
)

// plainSpeed is how far a speed may be from 1 to go unsaid; in a short segment further, as its
// ends are known to half a sample each.
const plainSpeed = .08

// describe says what was done to picture and time in a segment: by the surest pair of key
// frames in it, and else by the codes.
func (c *Comparison) describe(q *Query, r *refSide, s *Segment) error {
	var words []string
	s.At = [2]float64{(s.Query[0] + s.Query[1]) / 2, (s.Ref[0] + s.Ref[1]) / 2}
	s.Pairs = c.sample(q, s)
	if best := c.surest(q, s); best != nil {
		s.At[0] = q.res.Parts[best.pair.Query].Start
		if best.pair.Ref >= 0 {
			s.At[1] = r.res.Parts[best.pair.Ref].Start
		}
		part, err := r.part(best.pair.Ref)
		if err != nil {
			return err
		}
		p := &best.cmp.Places[0]
		frame := q.res.Parts[best.pair.Query].Result
		s.Form, s.OfQuery, s.OfRef = p.Form(), p.OfQuery, p.OfRef
		s.InQuery = stretched(p.InQuery, q.res, frame)
		s.InRef = stretched(p.InRef, r.res, part)
		if w := turnWords[s.Form]; w != "" {
			words = append(words, w)
		}
		if p.OfRef < .93 {
			words = append(words, fmt.Sprintf("cropped to %.0f %% of the picture", 100*p.OfRef))
		}
		switch {
		case p.OfQuery >= .93:
		case p.OfContent >= .9:
			words = append(words, "with bars or a border around it")
		default:
			x0, y0, x1, y1 := bounds(s.InQuery)
			words = append(words, fmt.Sprintf("inside the box from %.0f,%.0f to %.0f,%.0f of the query's picture", x0, y0, x1, y1))
		}
	} else {
		s.Form = c.form(q, s)
		if w := turnWords[s.Form]; w != "" {
			words = append(words, w)
		}
	}
	if v := math.Abs(s.Speed); v > 0 && math.Abs(v-1) > max(plainSpeed, Step/(s.Query[1]-s.Query[0])) {
		words = append(words, fmt.Sprintf("at about %.2f times the speed", v))
	}
	if s.Backwards {
		words = append(words, "played backwards")
	}
	s.Words = strings.Join(words, ", ")
	return nil
}

// maxSample is how many pairs of frames stand for a segment.
const maxSample = 6

// sample picks the pairs of frames that stand for a segment: of each of up to maxSample equal
// stretches of it the most telling pair.
func (c *Comparison) sample(q *Query, s *Segment) (out []Pair) {
	n := min(maxSample, len(s.agreed))
	for k := range n {
		var best Pair
		most := -1.0
		for _, a := range s.agreed[k*len(s.agreed)/n : (k+1)*len(s.agreed)/n] {
			f, o := &q.track[a.row], &c.track[a.col]
			if w := min(f.telling(), o.telling()) * nearness(a.d); w > most {
				most, best = w, Pair{f.Time(), o.Time(), int(a.d)}
			}
		}
		out = append(out, best)
	}
	return out
}

// turnWords are the forms in words.
var turnWords = [8]string{
	fingerprint.Rotate90:   "turned by 90° anticlockwise",
	fingerprint.Rotate180:  "turned upside down",
	fingerprint.Rotate270:  "turned by 90° clockwise",
	fingerprint.FlipX:      "mirrored top to bottom",
	fingerprint.FlipY:      "mirrored left to right",
	fingerprint.FlipPlus1:  "mirrored and turned by 90°",
	fingerprint.FlipMinus1: "mirrored and turned by 90°",
}

// surest is the pair of key frames in a segment that is proved best; nil where none is.
func (c *Comparison) surest(q *Query, s *Segment) *check {
	var best *check
	for i := range c.checks {
		k := &c.checks[i]
		t := q.res.Parts[k.pair.Query].Start
		if p := k.probability(); t >= s.Query[0] && t <= s.Query[1] && p >= .5 && (best == nil || p > best.probability()) {
			best = k
		}
	}
	if best == nil || len(best.cmp.Places) == 0 || len(best.cmp.Places[0].InQuery) == 0 {
		return nil
	}
	return best
}

// form is the form in which most agreeing frames are nearest.
func (c *Comparison) form(q *Query, s *Segment) (best fingerprint.Dihedral) {
	var votes [8]int
	for _, a := range s.agreed {
		f, o := &q.track[a.row], &c.track[a.col]
		near, form := far, fingerprint.Identity
		for g := range fingerprint.Dihedral(8) {
			// The form that was applied to the registered frame is undone to meet its code.
			if d := f.distance(o, undone(g)); d < near {
				near, form = d, g
			}
		}
		votes[form]++
	}
	for g, n := range votes {
		if n > votes[best] {
			best = fingerprint.Dihedral(g)
		}
	}
	return best
}

// distance is the smallest of the views of two frames, f's turned by form.
func (f *Frame) distance(o *Frame, form fingerprint.Dihedral) int {
	best := far
	for i, a := range [2]Code{f.Full, f.Box} {
		if i == 1 && !f.HasBox {
			break
		}
		a = a.Turned(form)
		best = min(best, a.Distance(o.Full))
		if o.HasBox {
			best = min(best, a.Distance(o.Box))
		}
	}
	return best
}

// stretched is an outline in a key frame in pixels of its video.
func stretched(p geometry.Polygon, video, frame *fingerprint.Result) geometry.Polygon {
	out := make(geometry.Polygon, len(p))
	for i, at := range p {
		out[i] = geometry.Point{X: at.X * float64(video.Width) / float64(frame.Width), Y: at.Y * float64(video.Height) / float64(frame.Height)}
	}
	return out
}

// Reason is one plain sentence that says what was found; acting says whether it is enough
// to act upon.
func (c *Comparison) Reason(acting bool) string {
	if len(c.Segments) == 0 {
		return "nothing that both videos show was found"
	}
	var b strings.Builder
	if !acting {
		b.WriteString("alike, not proved to be a copy: ")
	}
	s := &c.Segments[0]
	if c.ref.Work == fingerprint.Photo {
		fmt.Fprintf(&b, "the frame at %s shows the registered picture", Clock(s.Query[0]))
		return b.String()
	}
	fmt.Fprintf(&b, "%s to %s shows %s to %s of the registered video", Clock(s.Query[0]), Clock(s.Query[1]), Clock(s.Ref[0]), Clock(s.Ref[1]))
	if s.Words != "" {
		b.WriteString(", " + s.Words)
	}
	if n := len(c.Segments) - 1; n == 1 {
		b.WriteString(", and one more piece of it elsewhere")
	} else if n > 1 {
		fmt.Fprintf(&b, ", and %d more pieces of it elsewhere", n)
	}
	fmt.Fprintf(&b, "; %d of %d sampled frames agree, in %d different pictures", s.Frames, s.Asked, s.Scenes)
	proved := 0
	for _, k := range c.checks {
		if k.probability() >= photo.ActThreshold {
			proved++
		}
	}
	if proved > 0 {
		fmt.Fprintf(&b, "; local features prove %d of %d key frames that were compared closely", proved, len(c.checks))
	}
	if c.Shared > 0 {
		fmt.Fprintf(&b, ", not counting the %.0f %% that %d other registered works show too", 100*c.Shared, c.SharedBy)
	}
	return b.String()
}

// Clock writes seconds as 1:02.5.
func Clock(t float64) string {
	tenths := int(math.Round(10 * t))
	return fmt.Sprintf("%d:%02d.%d", tenths/600, tenths/10%60, tenths%10)
}
