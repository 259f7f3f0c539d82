package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"selvage/fingerprint/video"
	"selvage/registry/overlay"
	"selvage/store"
)

// Overlay writes a PNG that explains one match of a stored report: the query and the
// registered picture with the regions that correspond, and what was found in words; of two
// videos also frames of both, pair by pair, over all that they have in common. Who may
// read the report may have it, with the same matches: the asker, or the owner of a matched
// work with that owner's works only. An empty work means the first match. The query is shown
// from its preview. The registered picture is shown if it is the reader's own or public now;
// otherwise the regions stand in an empty frame. ErrNotFound if there is no such match.
func (s *Service) Overlay(ctx context.Context, reader OwnerID, id MatchID, w WorkID, out io.Writer) error {
	if s.shut.Load() {
		return ErrClosed
	}
	defer s.stage("overlay")()
	x, err := s.explainable(ctx, reader, id, w)
	if err != nil {
		return err
	}
	sheet := newSheet(x.report, x.match)
	if x.preview != nil {
		if sheet.Query.Picture, err = jpeg.Decode(bytes.NewReader(x.preview)); err != nil {
			return fmt.Errorf("preview of match %s: %w: %w", id, store.ErrCorrupt, err)
		}
	}
	if err := s.showRegistered(ctx, reader, x, &sheet); err != nil {
		return err
	}
	return sheet.Encode(out)
}

// explanation is a match of a stored report as a reader may see it.
type explanation struct {
	report  *MatchReport
	match   Match
	preview []byte                 // of the query; nil: none was kept
	frames  map[uint32]image.Image // of the query, by milliseconds
}

// explainable loads a match of a report with the query's pictures, as far as the reader may
// see them.
func (s *Service) explainable(ctx context.Context, reader OwnerID, id MatchID, w WorkID) (x explanation, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) error {
		stored, asked, err := s.reportFor(tx, reader, id)
		if err != nil {
			return err
		}
		x.report = &stored.MatchReport
		asker := x.report.Asker
		x.preview, err = tx.Get(previewKey(asker, id))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if x.frames, err = keptFrames(tx, asker, id); err != nil {
			return err
		}
		matches := x.report.Matches
		if !asked {
			matches = slices.Concat(matches, stored.Unsaid.Hidden)
		}
		for _, m := range matches {
			if (asked || m.Owner == reader) && (w == "" || m.Work == w) {
				x.match = m
				return nil
			}
		}
		return ErrNotFound
	})
	return x, err
}

// newSheet says in words what a match says. Nothing of the asker is in it.
func newSheet(rep *MatchReport, m Match) overlay.Sheet {
	caption := "Registered: " + string(m.Work)
	width, height := m.QueryPart.size(rep.Query.Width, rep.Query.Height)
	sheet := overlay.Sheet{
		Query:   overlay.Panel{Caption: "Asked about", Why: "no preview of it was kept", Width: width, Height: height},
		Ref:     overlay.Panel{Caption: caption, Why: "its owner does not show this picture"},
		Verdict: string(m.Verdict), Alarm: m.Verdict.Accuses(),
		// Cut, not rounded: only 1 looks like 1.
		Sure:  fmt.Sprintf("probability %.4f", math.Floor(m.Probability*1e4)/1e4),
		Lines: []string{m.Reason},
		Small: fmt.Sprintf("match %s · asked %s UTC · registered by %s, received %s UTC · %s",
			rep.ID, rep.Time.UTC().Format(time.DateTime), m.Owner, m.Received.UTC().Format(time.DateTime), rep.Policy),
	}
	if m.Verdict.Accuses() { // of what is no copy there is no transform to tell
		sheet.Lines = append(sheet.Lines, "Transform: "+m.Transform.Words)
	}
	var signals []string
	for _, x := range m.Signals {
		signals = append(signals, x.Name+": "+x.Text)
	}
	if len(signals) > 0 {
		sheet.Lines = append(sheet.Lines, "Measured: "+strings.Join(signals, "; "))
	}
	for _, r := range m.Regions {
		sheet.Regions = append(sheet.Regions, overlay.Region{Query: r.Query, Ref: r.Ref})
	}
	if len(m.Regions) == 0 {
		sheet.Lines = append(sheet.Lines, "No region agrees well enough to be outlined.")
	}
	return sheet
}

// rows are the pairs of frames of a match, by segment, as far as there are pictures of them.
func (x *explanation) rows(ref overlay.Panel, refs map[uint32]image.Image) (out []overlay.Row) {
	for i, pairs := range x.match.framePairs() {
		seg := &x.match.Segments[i]
		row := overlay.Row{Words: seg.sentence()}
		for _, p := range pairs {
			one := overlay.Pair{
				Query: overlay.Panel{Caption: "asked about, " + video.Clock(p.Query), Picture: x.frames[inMillis(p.Query)], Width: x.report.Query.Width, Height: x.report.Query.Height},
				Ref:   overlay.Panel{Caption: "registered, " + video.Clock(p.Ref), Picture: refs[inMillis(p.Ref)], Width: ref.Width, Height: ref.Height},
			}
			if seg.Region != nil {
				one.Region = &overlay.Region{Query: seg.Region.Query, Ref: seg.Region.Ref}
			}
			row.Pairs = append(row.Pairs, one)
		}
		out = append(out, row)
	}
	return out
}

// sentence says what of two videos a segment is.
func (g *Segment) sentence() string {
	if g.Query == nil || g.Ref == nil {
		return g.Words
	}
	text := fmt.Sprintf("%s to %s shows %s to %s of the registered video", video.Clock(g.Query[0]), video.Clock(g.Query[1]), video.Clock(g.Ref[0]), video.Clock(g.Ref[1]))
	if g.Words != "" {
		text += ", " + g.Words
	}
	return text
}

// showRegistered puts the registered picture and frames into a sheet if the reader may see
// them now, or else their proportions, if the answer could tell them now.
func (s *Service) showRegistered(ctx context.Context, reader OwnerID, x explanation, sheet *overlay.Sheet) error {
	var work *Work
	var at int
	m, p := &x.match, &sheet.Ref
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		if work, err = load[Work](tx, workKey(m.Owner, m.Work)); err != nil {
			return err
		}
		at = slices.IndexFunc(work.Assets, func(a Asset) bool { return a.Digest == m.Asset })
		own := m.Owner == reader
		if at < 0 || !own && (work.Withdrawn != nil || work.Visibility == Private) {
			at = -1
			return nil
		}
		n, err := s.numberOf(tx, m.Owner)
		if err != nil {
			return err
		}
		rec, err := loadPrinted[assetRecord](tx, assetKey(assetRef{n, work.Assets[at].Seq}))
		if err != nil {
			return err
		}
		p.Width, p.Height = m.RefPart.size(rec.Result.Width, rec.Result.Height)
		if !own && work.Visibility != Public {
			at = -1
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		err, at = nil, -1 // erased since
	}
	if err != nil {
		return err
	}
	var frames map[uint32]image.Image
	if at >= 0 {
		if p.Picture, err = s.thumbnail(ctx, work, work.Assets[at], m.RefPart); err != nil {
			return err
		}
		if p.Picture == nil {
			p.Why = "this kind of work has no picture"
		}
		if frames, err = s.registeredFrames(ctx, work, work.Assets[at], m.framePairs()); err != nil {
			return err
		}
	}
	sheet.Rows = x.rows(*p, frames)
	return nil
}
