package registry

import (
	"fmt"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/video"
)

// What an answer says of two videos and of two manuscripts; of two pictures, see policy.go.

// mostOf is the share of both files that has to be the same for one to be a copy of the other,
// and not a part in it.
const mostOf = .8

// clipVerdict calls a video a copy where each shows most of the other, and the whole picture.
func clipVerdict(f *found) Verdict {
	ref := f.record.Result
	var ofQuery, ofRef float64
	for _, s := range f.clip.Segments {
		ofQuery += s.Query[1] - s.Query[0]
		ofRef += s.Ref[1] - s.Ref[0]
		if s.OfRef > 0 && s.OfRef < mostOf {
			return Part
		}
	}
	if ref.Work == fingerprint.Video && ofQuery >= mostOf*f.query.Duration && ofRef >= mostOf*ref.Duration {
		return Copy
	}
	return Part
}

// drawings reports whether two photos were compared by their lines.
func (f *found) drawings() bool {
	return f.doc != nil && f.query.Work == fingerprint.Photo && f.record.Result.Work == fingerprint.Photo
}

func docVerdict(f *found) Verdict {
	switch {
	case f.drawings():
		if p := f.doc.Pairs[0]; p.Kind == p.QueryKind && !p.Photo.Part() {
			return Copy
		}
	case f.doc.Relation == manuscript.Revision:
		return Copy
	case f.doc.Relation == manuscript.Pages && len(f.record.Parts) <= 2 && len(f.doc.Pairs) > 0 && f.doc.Pairs[0].Photo != nil && !f.doc.Pairs[0].Photo.Part():
		return Copy // a sketch: its page, and the lines of it
	}
	return Part
}

// describeClip fills in what corresponds in two videos.
func (m *Match) describeClip(c *video.Comparison) {
	if len(c.Segments) == 0 {
		return
	}
	m.Measures = c.Measures
	best := &c.Segments[0]
	m.Transform.Form = best.Form.String()
	if best.Words != "" {
		m.Transform.Words = best.Words
	}
	if !m.Verdict.Accuses() {
		return
	}
	m.QueryPart = &Place{Kind: fingerprint.FramePart, Start: best.At[0], End: best.Query[1]}
	if best.Ref[1] > best.Ref[0] {
		m.RefPart = &Place{Kind: fingerprint.FramePart, Start: best.At[1], End: best.Ref[1]}
	}
	for i := range c.Segments {
		s := &c.Segments[i]
		one := Segment{Query: &s.Query, Ref: &s.Ref, Speed: s.Speed, Words: s.Words}
		if s.Ref[1] <= s.Ref[0] { // a picture has no time
			one.Ref, one.Speed = nil, 0
		}
		if len(s.InQuery) > 0 && len(s.InRef) > 0 {
			one.Region = &Region{Query: corners(s.InQuery), Ref: corners(s.InRef)}
			if i == 0 {
				m.Regions = append(m.Regions, *one.Region)
			}
		}
		for _, p := range s.Pairs {
			one.Frames = append(one.Frames, FramePair(p))
		}
		m.Segments = append(m.Segments, one)
	}
}

func clipSignals(c *video.Comparison) []Signal {
	var out []Signal
	frames, asked := 0, 0
	for _, s := range c.Segments {
		frames += s.Frames
		asked += s.Asked
	}
	if len(c.Segments) > 0 {
		s := &c.Segments[0]
		out = append(out,
			Signal{Name: string(fingerprint.VFrame), Value: s.Distance, Of: 256, Text: fmt.Sprintf("%.0f of 256 bits differ between frames that show the same, on average", s.Distance)},
			Signal{Name: "frames", Value: float64(frames), Of: float64(asked), Text: fmt.Sprintf("%d of %d sampled frames agree; stretches: %d", frames, asked, len(c.Segments))},
			Signal{Name: "scenes", Value: float64(s.Scenes), Of: float64(max(s.Scenes, s.Frames)), Text: fmt.Sprintf("%d different pictures among them", s.Scenes)})
	}
	if s, m := c.Sound(); s != video.NoSound {
		// Told beside; it decides nothing.
		out = append(out, Signal{Name: string(fingerprint.Audio), Value: m.Wrong, Of: 1, Text: s.Words(m)})
	}
	if c.SharedBy > 0 {
		out = append(out, Signal{Name: "shared", Value: c.Shared, Of: 1, Text: fmt.Sprintf("%.0f %% of it is shown by %d other works as well, and was not counted", 100*c.Shared, c.SharedBy)})
	}
	return out
}

// maxPassages is how many passages an answer lists, the first ones.
const maxPassages = 100

// describeDoc fills in what corresponds in two manuscripts.
func (m *Match) describeDoc(f *found) {
	act := manuscript.ActThreshold
	for i := range f.doc.Pairs {
		p := &f.doc.Pairs[i]
		if p.Probability < act && i > 0 {
			break
		}
		if p.Probability < act || !m.Verdict.Accuses() {
			continue
		}
		if i == 0 {
			m.QueryPart, m.RefPart = f.place(f.query, p.PartPair.Query), f.place(f.record.Result, p.PartPair.Ref)
			if p.Photo != nil && len(p.Photo.Places) > 0 {
				m.Transform.Form = p.Photo.Places[0].Form().String()
			}
			if f.drawings() {
				m.Transform.Matrix, m.Transform.Words = p.Map, "drawn anew"
				if parts, ok := geometry.Decompose(p.Map, float64(f.record.Result.Width), float64(f.record.Result.Height)); ok {
					m.Transform.Words = parts.Words() + ", drawn anew"
				}
			}
		}
		if f.drawings() { // of one picture each
			m.Regions = []Region{{Query: corners(p.InQuery), Ref: corners(p.InRef)}}
			break
		}
		pair := PagePair{Query: p.QueryPage, Ref: p.RefPage, Probability: p.Probability}
		if len(p.InQuery) > 0 {
			pair.Regions = []Region{{Query: corners(p.InQuery), Ref: corners(p.InRef)}}
		}
		m.Pages = append(m.Pages, pair)
		if len(m.Regions) == 0 {
			m.Regions = append(m.Regions, pair.Regions...)
		}
	}
	if !m.Verdict.Accuses() {
		return
	}
	for _, p := range f.doc.Passages[:min(len(f.doc.Passages), maxPassages)] {
		m.Passages = append(m.Passages, Passage{
			Query:      TextRange{From: int(p.Query.From), To: int(p.Query.To), Page: p.QueryPage},
			Ref:        TextRange{From: int(p.Ref.From), To: int(p.Ref.To), Page: p.RefPage},
			Characters: p.Units,
		})
	}
}

// place is where a part of one of the two manuscripts stands; nil of a file that is a picture: its
// lines are outlined on it.
func (f *found) place(r *fingerprint.Result, part int) *Place {
	if part < 0 || r.Work == fingerprint.Photo {
		return nil
	}
	var p fingerprint.Part
	var size *fingerprint.Result
	if r == f.query {
		p, size = r.Parts[part], r.Parts[part].Result
	} else {
		p, size = f.record.Parts[part], f.parts[part]
	}
	out := placeOf(&p)
	switch p.Kind {
	case fingerprint.PagePart, fingerprint.PicturePart:
		if size != nil {
			out.Width, out.Height = size.Width, size.Height
		}
	default: // lines are outlined on their page
		out.Kind = fingerprint.PagePart
	}
	return out
}

func docSignals(c *manuscript.Comparison) []Signal {
	var out []Signal
	if c.Units > 0 || c.Shared > 0 {
		out = append(out,
			Signal{Name: string(fingerprint.Text), Value: float64(c.Units), Of: float64(max(c.Units+c.Shared, 1)), Text: fmt.Sprintf("%d characters of shared text, the longest passage of %d", c.Units, c.Longest)},
			Signal{Name: "covered", Value: c.OfQuery, Of: 1, Text: fmt.Sprintf("%.0f %% of the query's text and %.0f %% of the registered one", 100*c.OfQuery, 100*c.OfRef)})
	}
	if c.Shared > 0 {
		out = append(out, Signal{Name: "shared", Value: float64(c.Shared), Of: float64(c.Units + c.Shared), Text: fmt.Sprintf("%d characters are common text, which was not counted", c.Shared)})
	}
	if len(c.Pairs) > 0 {
		if p := &c.Pairs[0]; p.Kind.Drawn() {
			at := &p.Photo.Places[0]
			out = append(out,
				Signal{Name: "lines", Value: float64(at.Inliers), Of: local.RefFeatures, Text: fmt.Sprintf("%d local features of the lines, drawn anew, lie where the found position says", at.Inliers)},
				Signal{Name: "agreement", Value: at.Agree, Of: 1, Text: fmt.Sprintf("%.0f %% of the lines in the overlap agree", 100*at.Agree)})
		}
		out = append(out, Signal{Name: "pages", Value: c.Pairs[0].Probability, Of: 1, Text: fmt.Sprintf("%d pairs of pages or pictures look alike", len(c.Pairs))})
	}
	return out
}
