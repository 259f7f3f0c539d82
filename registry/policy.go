package registry

import (
	"fmt"
	"math"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
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
var DefaultPolicy = Policy{Version: "policy.v1+" + photo.ModelVersion, Act: photo.ActThreshold, Show: photo.AlikeFloor}

func (p Policy) shows(f found) bool { return p.acts(f) || f.prob >= p.Show }

func (p Policy) acts(f found) bool { return p.verdict(f).Accuses() }

func (p Policy) verdict(f found) Verdict {
	switch {
	case f.same || f.cmp.SamePixels:
		return Identical
	case f.prob >= p.Act:
		return Copy
	}
	return Alike
}

// describe makes the answer's entry for one found work.
func (s *Service) describe(f found, q *fingerprint.Result, asker OwnerID) Match {
	m := Match{
		Work: f.work.ID, Owner: f.work.Owner, Asset: f.record.Digest, Verdict: s.policy.verdict(f), Probability: f.prob,
		Transform: f.transform(q), Regions: []Region{}, Signals: f.signals(), Reason: f.reason(),
		Received: f.work.Dates.Received, Proven: f.work.Proven,
	}
	if f.work.Owner == asker || f.work.Visibility == Public {
		m.Title = f.work.Title
	}
	if m.Verdict.Accuses() {
		qr, rr := f.cmp.Regions(q, f.record.Result)
		m.Regions = append(m.Regions, Region{Query: qr[:], Ref: rr[:]})
	}
	return m
}

func (f found) reason() string {
	if f.same {
		return "the same file, byte for byte"
	}
	return f.cmp.Reason()
}

// signals lists what was measured.
func (f found) signals() []Signal {
	if f.same {
		return []Signal{{Name: "bytes", Value: 0, Of: 1, Text: "the same bytes"}}
	}
	if f.cmp.SamePixels {
		return []Signal{{Name: string(fingerprint.Pixels256), Value: 0, Of: 1, Text: "the same pixels after decoding"}}
	}
	out := []Signal{{
		Name: string(fingerprint.PDQ256), Value: float64(f.cmp.PDQ), Of: 256,
		Text: fmt.Sprintf("%d of 256 bits differ (%s against %s, %s)", f.cmp.PDQ, f.cmp.QueryView, f.cmp.RefView, f.cmp.Form),
	}}
	if f.cmp.PHash >= 0 {
		out = append(out, Signal{
			Name: string(fingerprint.PHash64), Value: float64(f.cmp.PHash), Of: 64,
			Text: fmt.Sprintf("%d of 64 bits differ", f.cmp.PHash),
		})
	}
	return append(out,
		Signal{Name: "ncc", Value: f.cmp.NCC, Of: 1, Text: fmt.Sprintf("correlation of the aligned pictures %.2f", f.cmp.NCC)},
		Signal{Name: "share", Value: f.cmp.Share, Of: 1, Text: fmt.Sprintf("%.0f %% of the textured area agrees", 100*f.cmp.Share)},
	)
}

// transform describes how the registered picture became the query.
func (f found) transform(q *fingerprint.Result) Transform {
	t := Transform{Form: f.cmp.Form.String(), Words: formWords[f.cmp.Form&7]}
	qr, rr := f.cmp.Regions(q, f.record.Result)
	t.Matrix = affine(rr, qr)
	switch {
	case f.cmp.QueryView == fingerprint.Box && f.cmp.RefView == fingerprint.Full:
		t.Words += "; a border was added"
	case f.cmp.QueryView == fingerprint.Full && f.cmp.RefView == fingerprint.Box:
		t.Words += "; the border of the registered picture was cut off"
	}
	return t
}

var formWords = [8]string{
	fingerprint.Identity:   "neither turned nor mirrored",
	fingerprint.Rotate90:   "turned a quarter anticlockwise",
	fingerprint.Rotate180:  "turned upside down",
	fingerprint.Rotate270:  "turned a quarter clockwise",
	fingerprint.FlipX:      "mirrored top to bottom",
	fingerprint.FlipY:      "mirrored left to right",
	fingerprint.FlipPlus1:  "mirrored along the main diagonal",
	fingerprint.FlipMinus1: "mirrored along the other diagonal",
}

// affine returns the map that takes the first, second and fourth corner of one
// quadrilateral to those of another: exact for parallelograms.
func affine(from, to [4][2]float64) [6]float64 {
	ax, ay := from[1][0]-from[0][0], from[1][1]-from[0][1]
	bx, by := from[3][0]-from[0][0], from[3][1]-from[0][1]
	det := ax*by - ay*bx
	if math.Abs(det) < 1e-9 {
		return [6]float64{1, 0, 0, 0, 1, 0}
	}
	var m [6]float64
	for i := range 2 {
		u, v := to[1][i]-to[0][i], to[3][i]-to[0][i]
		m[3*i] = (u*by - v*ay) / det
		m[3*i+1] = (v*ax - u*bx) / det
		m[3*i+2] = to[0][i] - m[3*i]*from[0][0] - m[3*i+1]*from[0][1]
	}
	return m
}
