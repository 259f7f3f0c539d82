package registry

import (
	"fmt"
	"strings"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/photo"
	"selvage/fingerprint/video"
)

// Policy turns measurements into verdicts. It is versioned data: every report names
// the version that judged it.
type Policy struct {
	Version string
	// Act is the probability from which a match is a reason to act.
	Act float64
	// Show is the probability below which a candidate is not even shown as alike.
	Show float64
}

// DefaultPolicy acts where the calibrated probability leaves no reasonable doubt; the
// figures behind it are in docs/accuracy.md.
var DefaultPolicy = Policy{Version: "policy.v2+" + photo.ModelVersion + "+" + video.ModelVersion + "+" + manuscript.ModelVersion, Act: photo.ActThreshold, Show: photo.AlikeFloor}

// thresholds of what was compared: pictures by the policy, videos and manuscripts by their
// own models.
func (p Policy) thresholds(f found) (act, show float64) {
	switch {
	case f.clip != nil:
		return video.ActThreshold, video.AlikeFloor
	case f.doc != nil:
		return manuscript.ActThreshold, manuscript.AlikeFloor
	}
	return p.Act, p.Show
}

func (p Policy) shows(f found) bool {
	_, show := p.thresholds(f)
	return p.acts(f) || f.prob >= show
}

func (p Policy) acts(f found) bool { return p.verdict(f).Accuses() }

func (p Policy) verdict(f found) Verdict {
	act, _ := p.thresholds(f)
	switch {
	case f.same:
		return Identical
	case f.prob < act:
		return Alike
	case f.clip != nil:
		return clipVerdict(&f)
	case f.doc != nil:
		return docVerdict(&f)
	case f.inside():
		return Part
	case f.cmp.SamePixels:
		return Identical
	case f.cmp.Part():
		return Part
	}
	return Copy
}

// describe makes the answer's entry for one found work.
func (s *Service) describe(f found, q *fingerprint.Result, asker OwnerID) Match {
	m := Match{
		Work: f.work.ID, Owner: f.work.Owner, Asset: f.record.Digest, Verdict: s.policy.verdict(f), Probability: f.prob,
		Regions: []Region{}, Signals: f.signals(), Reason: f.reason(s.policy),
		Received: f.work.Dates.Received, Proven: f.work.Proven,
	}
	if f.work.Owner == asker || f.work.Visibility == Public {
		m.Title = f.work.Title
	}
	m.Transform = Transform{Form: fingerprint.Identity.String(), Words: "unchanged", Matrix: [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}}
	m.QueryPart = placeOf(f.queryPart)
	if f.record.Part != nil {
		m.RefPart = placeOf(&f.record.Part.Part)
		m.RefPart.Width, m.RefPart.Height = f.record.Result.Width, f.record.Result.Height
	}
	if m.QueryPart != nil {
		m.QueryPart.Width, m.QueryPart.Height = f.queryPart.Result.Width, f.queryPart.Result.Height
	}
	if m.Verdict.Accuses() && (m.QueryPart.timed() || m.RefPart.timed()) {
		m.Segments = append(m.Segments, Segment{Query: m.QueryPart.span(), Ref: m.RefPart.span()})
	}
	switch {
	case f.clip != nil:
		m.describeClip(f.clip)
	case f.doc != nil:
		m.describeDoc(&f)
	}
	if f.cmp == nil || len(f.cmp.Places) == 0 {
		return m
	}
	best := &f.cmp.Places[0]
	m.Measures, m.Undiscounted = best.Measures, f.cmp.Undiscounted
	m.Transform = Transform{Form: best.Form().String(), Words: best.Words(f.record.Result.Width, f.record.Result.Height), Matrix: best.Map}
	if m.Verdict.Accuses() {
		for _, p := range f.cmp.Places {
			m.Regions = append(m.Regions, Region{Query: corners(p.InQuery), Ref: corners(p.InRef)})
		}
	}
	return m
}

func corners(p geometry.Polygon) [][2]float64 {
	out := make([][2]float64, len(p))
	for i, c := range p {
		out[i] = [2]float64{c.X, c.Y}
	}
	return out
}

func (f found) reason(p Policy) string {
	if f.same {
		return "the same file, byte for byte"
	}
	act, _ := p.thresholds(f)
	switch {
	case f.clip != nil:
		return f.clip.Reason(f.prob >= act)
	case f.doc != nil:
		return f.doc.Reason(f.prob >= act)
	}
	reason := f.cmp.Reason(f.prob >= p.Act)
	if !f.inside() || f.prob < p.Act {
		return reason
	}
	var where []string
	if f.queryPart != nil && !f.alone {
		where = append(where, placeOf(f.queryPart).words()+" of the file asked about")
	}
	if f.record.Part != nil && !f.record.Part.Alone {
		where = append(where, placeOf(&f.record.Part.Part).words()+" of the registered "+f.workKind())
	}
	return strings.Join(where, " and ") + ": " + reason
}

func (f found) workKind() string {
	if f.work == nil {
		return "file"
	}
	return string(f.work.Kind)
}

// placeOf is what an answer says of a part; nil of none.
func placeOf(p *fingerprint.Part) *Place {
	if p == nil {
		return nil
	}
	return &Place{Kind: p.Kind, Start: p.Start, End: p.End, Page: p.Page, Box: p.Box}
}

// part is the place as hashers name it.
func (p *Place) part() fingerprint.Part {
	return fingerprint.Part{Kind: p.Kind, Start: p.Start, End: p.End, Page: p.Page, Box: p.Box}
}

// size is the pixels of the picture at a place, or those of the file where it does not say.
func (p *Place) size(w, h int) (int, int) {
	if p == nil || p.Width == 0 || p.Height == 0 {
		return w, h
	}
	return p.Width, p.Height
}

func (p *Place) timed() bool { return p != nil && p.Kind == fingerprint.FramePart }

// span is the stretch of the video that a frame stands for; nil of anything else.
func (p *Place) span() *[2]float64 {
	if !p.timed() {
		return nil
	}
	return &[2]float64{p.Start, p.End}
}

func (p *Place) words() string {
	switch p.Kind {
	case fingerprint.FramePart:
		return fmt.Sprintf("second %.1f", p.Start)
	case fingerprint.PicturePart:
		if p.Page == 0 {
			return "a picture"
		}
		return fmt.Sprintf("a picture on page %d", p.Page)
	}
	return fmt.Sprintf("page %d", p.Page)
}

// signals lists what was measured.
func (f found) signals() []Signal {
	if f.same {
		return []Signal{{Name: "bytes", Value: 0, Of: 1, Text: "the same bytes"}}
	}
	switch {
	case f.clip != nil:
		return clipSignals(f.clip)
	case f.doc != nil:
		return docSignals(f.doc)
	}
	if f.cmp.SamePixels && !f.inside() {
		return []Signal{{Name: string(fingerprint.Pixels256), Value: 0, Of: 1, Text: "the same pixels after decoding"}}
	}
	var out []Signal
	add := func(name string, value, of float64, format string, args ...any) {
		out = append(out, Signal{Name: name, Value: value, Of: of, Text: fmt.Sprintf(format, args...)})
	}
	if len(f.cmp.Places) > 0 {
		p := &f.cmp.Places[0]
		add(string(fingerprint.Local), float64(p.Inliers), local.RefFeatures, "%d local features lie where the found position says", p.Inliers)
		add("agreement", p.Agree, 1, "%.0f %% of the texture of the overlap agrees", 100*p.Agree)
		add("overlap", p.OfRef, 1, "%.0f %% of the registered picture is seen in %.0f %% of the query", 100*p.OfRef, 100*p.OfQuery)
	}
	if f.cmp.Shared > 0 {
		add("shared", f.cmp.Shared, 1, "%.0f %% of what agrees is common content, which was not counted", 100*f.cmp.Shared)
	}
	add(string(fingerprint.PDQ256), float64(f.cmp.PDQ), 256, "%d of 256 bits differ, at best", f.cmp.PDQ)
	if f.cmp.PHash >= 0 {
		add(string(fingerprint.PHash64), float64(f.cmp.PHash), 64, "%d of 64 bits differ", f.cmp.PHash)
	}
	return out
}
