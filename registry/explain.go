package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"selvage/registry/overlay"
	"selvage/store"
)

// Overlay writes a PNG that explains one match of a stored report: the query and the
// registered picture with the regions that correspond, and what was found in words. Who may
// read the report may have it, with the same matches: the asker, or the owner of a matched
// work with that owner's works only. An empty work means the first match. The query is shown
// from its preview. The registered picture is shown if it is the reader's own or public now;
// otherwise the regions stand in an empty frame. ErrNotFound if there is no such match.
func (s *Service) Overlay(ctx context.Context, reader OwnerID, id MatchID, w WorkID, out io.Writer) error {
	if s.shut.Load() {
		return ErrClosed
	}
	defer s.stage("overlay")()
	rep, m, preview, err := s.explainable(ctx, reader, id, w)
	if err != nil {
		return err
	}
	sheet := newSheet(rep, m)
	if preview != nil {
		if sheet.Query.Picture, err = jpeg.Decode(bytes.NewReader(preview)); err != nil {
			return fmt.Errorf("preview of match %s: %w: %w", id, store.ErrCorrupt, err)
		}
	}
	if err := s.showRegistered(ctx, reader, m, &sheet.Ref); err != nil {
		return err
	}
	return sheet.Encode(out)
}

// explainable loads a report, one match of it and the query's preview, as far as the reader
// may see them.
func (s *Service) explainable(ctx context.Context, reader OwnerID, id MatchID, w WorkID) (rep *MatchReport, m Match, preview []byte, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) error {
		stored, asked, err := s.reportFor(tx, reader, id)
		if err != nil {
			return err
		}
		rep = &stored.MatchReport
		preview, err = tx.Get(previewKey(rep.Asker, id))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		matches := rep.Matches
		if !asked {
			matches = slices.Concat(matches, stored.Unsaid.Hidden)
		}
		for _, x := range matches {
			if (asked || x.Owner == reader) && (w == "" || x.Work == w) {
				m = x
				return nil
			}
		}
		return ErrNotFound
	})
	return rep, m, preview, err
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

// showRegistered puts the registered picture into the panel if the reader may see it now,
// or else its proportions, if the answer could tell them now.
func (s *Service) showRegistered(ctx context.Context, reader OwnerID, m Match, p *overlay.Panel) error {
	var work *Work
	var at int
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
		return nil // erased since
	}
	if err != nil || at < 0 {
		return err
	}
	if p.Picture, err = s.thumbnail(ctx, work, work.Assets[at], m.RefPart); err != nil {
		return err
	}
	if p.Picture == nil {
		p.Why = "this kind of work has no picture"
	}
	return nil
}
