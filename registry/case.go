package registry

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"slices"
	"strings"

	"selvage/fingerprint"
	"selvage/fingerprint/video"
	"selvage/provenance"
	"selvage/provenance/paper"
	"selvage/store"
)

// caseRecord is the row K/<owner>/<work>/<match>/<a or ->: a case as it was first put
// together. From then on its evidence is the same bytes at every request.
type caseRecord struct {
	Proof   proofRecord `json:"proof"`
	Secret  []byte      `json:"secret"`
	Custody []byte      `json:"custody,omitempty"`
	Graph   []byte      `json:"graph,omitempty"` // the same as a W3C PROV graph
	// Blobs are report.pdf and the tools, by their names in the bundle: as they were then,
	// not as a later version would make them.
	Blobs map[string]caseBlob `json:"blobs"`
}

type caseBlob struct {
	Digest fingerprint.Digest `json:"digest"`
	Size   int64              `json:"size"`
}

const (
	caseReport   = "report.pdf"
	casePictures = 8
)

func caseKey(q *EvidenceRequest) []byte {
	match, accused := string(q.Match), "-"
	if match == "" {
		match = "-"
	}
	if q.Accused != nil {
		accused = "a"
	}
	return []byte("K/" + string(q.Owner) + "/" + string(q.Work) + "/" + match + "/" + accused)
}

// addCase puts the case together at the first request, and what it then was into the bundle.
func (s *Service) addCase(ctx context.Context, q *EvidenceRequest, work *Work, b *provenance.Bundle, cut provenance.Cut) error {
	key := caseKey(q)
	rec, err := s.loadCase(ctx, key)
	again := err == nil
	for try := 0; errors.Is(err, store.ErrNotFound) || errors.Is(err, errCustodyMoved) && try < 5; try++ {
		var event custodyEvent
		if rec, event, err = s.newCase(ctx, q, work, b); err == nil {
			// Durable before the log hears of it, as for works.
			rec, err = s.keepCase(ctx, key, rec, func(*caseRecord) bool { return true }, func(tx store.Txn) error {
				return event.save(tx, q.Owner, q.Work)
			})
		}
	}
	if err != nil {
		return err
	}
	if rec.Proof.Receipt == nil {
		if err := s.prove(ctx, &rec.Proof, again); err != nil {
			return err
		}
		if rec, err = s.keepCase(ctx, key, rec, func(old *caseRecord) bool { return old.Proof.Receipt != nil }, nil); err != nil {
			return err
		}
	}
	// At the first request the case's own event names who asked.
	if a := actorOf(ctx); again && a != nil && !a.Own {
		err := s.KV.Update(ctx, func(tx store.Txn) error {
			return s.custody(ctx, tx, q.Owner, q.Work, custodyTaken, strings.TrimSpace(string(q.Match)+" "+string(cut)))
		})
		if err != nil {
			return err
		}
	}
	if err := s.restoreCase(ctx, q.Owner, rec, b); err != nil {
		return err
	}
	b.Case = &provenance.CaseEvidence{Secret: [32]byte(rec.Secret), Cut: cut}
	b.Case.Receipt, err = provenance.ParseReceipt(rec.Proof.Receipt)
	return err
}

func (s *Service) loadCase(ctx context.Context, key []byte) (rec *caseRecord, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		rec, err = load[caseRecord](tx, key)
		return err
	})
	if err == nil && len(rec.Secret) != 32 {
		err = fmt.Errorf("row %q: %w", key, store.ErrCorrupt)
	}
	return rec, err
}

// keepCase stores a case, unless one is there already that is good: of two concurrent
// requests the first wins. With is done in the same transaction.
func (s *Service) keepCase(ctx context.Context, key []byte, rec *caseRecord, good func(*caseRecord) bool, with func(store.Txn) error) (kept *caseRecord, err error) {
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		old, err := load[caseRecord](tx, key)
		if err == nil && good(old) {
			kept = old
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		kept = rec
		if with != nil {
			if err := with(tx); err != nil {
				return err
			}
		}
		return save(tx, key, rec)
	})
	return kept, err
}

// newCase writes the custody record, the report and the statement of a case. The event is
// the record's last, to be saved with the case.
func (s *Service) newCase(ctx context.Context, q *EvidenceRequest, work *Work, b *provenance.Bundle) (_ *caseRecord, event custodyEvent, _ error) {
	rec := &caseRecord{Secret: make([]byte, 32), Blobs: map[string]caseBlob{}}
	if _, err := rand.Read(rec.Secret); err != nil {
		return nil, event, err
	}
	var events []custodyEvent
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		if event, err = s.nextCustody(ctx, tx, q.Owner, q.Work, custodyCase, string(q.Match)); err != nil {
			return err
		}
		rec.Custody, events, err = readCustody(tx, q.Owner, q.Work)
		return err
	})
	if err != nil {
		return nil, event, err
	}
	line, err := json.Marshal(event)
	if err != nil {
		return nil, event, err
	}
	rec.Custody, events = append(append(rec.Custody, line...), '\n'), append(events, event)
	var match *provenance.MatchStatement
	if b.Match != nil {
		st, err := b.Match.Receipt.Statement()
		if err != nil {
			return nil, event, err
		}
		match, _ = st.(*provenance.MatchStatement)
	}
	if rec.Graph, err = custodyGraph(s.Name, work, match, events); err != nil {
		return nil, event, fmt.Errorf("custody graph: %w", err)
	}
	report, err := s.report(ctx, q, work, b, events)
	if err != nil {
		return nil, event, fmt.Errorf("report: %w", err)
	}
	files := map[string][]byte{caseReport: report}
	for name, data := range s.Tools {
		files["tools/"+name] = data
	}
	for name, data := range files {
		blob := caseBlob{fingerprint.DigestOf(data), int64(len(data))}
		if err := s.Blobs.Put(ctx, string(q.Owner), blob.Digest, bytes.NewReader(data), blob.Size); err != nil {
			return nil, event, fmt.Errorf("keep %s: %w", name, err)
		}
		rec.Blobs[name] = blob
	}
	if err := s.restoreCase(ctx, q.Owner, rec, b); err != nil {
		return nil, event, err
	}
	st, err := provenance.CaseOf(*b, s.Name, provenance.FormatTime(s.Clock()), [32]byte(rec.Secret))
	if err != nil {
		return nil, event, err
	}
	proof, err := s.seal(st)
	if err != nil {
		return nil, event, err
	}
	rec.Proof = *proof
	return rec, event, nil
}

// restoreCase puts what was written for a case into the bundle.
func (s *Service) restoreCase(ctx context.Context, o OwnerID, rec *caseRecord, b *provenance.Bundle) error {
	b.Custody, b.CustodyGraph, b.Tools = rec.Custody, rec.Graph, map[string][]byte{}
	for name, blob := range rec.Blobs {
		data, err := s.Blobs.Read(ctx, string(o), blob.Digest, blob.Size)
		if err != nil {
			return fmt.Errorf("%s of the case: %w", name, err)
		}
		if tool, ok := strings.CutPrefix(name, "tools/"); ok {
			b.Tools[tool] = data
		} else {
			b.Report = data
		}
	}
	return nil
}

// report writes report.pdf.
func (s *Service) report(ctx context.Context, q *EvidenceRequest, work *Work, b *provenance.Bundle, events []custodyEvent) ([]byte, error) {
	d := &paper.Dispute{}
	var err error
	if d.Registration, err = paper.RegistrationOf(b.Work); err != nil {
		return nil, err
	}
	d.Registration.Link = s.VerifyURL
	if b.Match == nil {
		for _, a := range work.Assets[:min(len(work.Assets), casePictures)] {
			p, err := s.assetPicture(ctx, work, a, nil)
			if err != nil {
				return nil, err
			}
			d.Registration.Pictures = append(d.Registration.Pictures, p)
		}
	} else if d.Match, err = s.reportMatch(ctx, q, work, b.Match); err != nil {
		return nil, err
	}
	for _, e := range events {
		what := e.What
		if e.Detail != "" {
			what += ": " + e.Detail
		}
		d.Custody = append(d.Custody, paper.Custody{Time: e.when(), Who: e.who(), What: what, With: "Selvage"})
	}
	return paper.Report(d)
}

func (s *Service) assetPicture(ctx context.Context, work *Work, a Asset, at *Place) (paper.Picture, error) {
	p := paper.Picture{Caption: a.Name, Why: "this kind of work has no picture"}
	img, err := s.thumbnail(ctx, work, a, at)
	if err != nil || img == nil {
		return p, err
	}
	p.Image = img
	err = s.KV.View(ctx, func(tx store.Txn) error {
		n, err := s.numberOf(tx, work.Owner)
		if err != nil {
			return err
		}
		rec, err := loadPrinted[assetRecord](tx, assetKey(assetRef{n, a.Seq}))
		if err == nil {
			p.Width, p.Height = at.size(rec.Result.Width, rec.Result.Height)
		}
		return err
	})
	return p, err
}

// reportMatch fills in what the statement of a match leaves to its policy version.
func (s *Service) reportMatch(ctx context.Context, q *EvidenceRequest, work *Work, ev *provenance.MatchEvidence) (*paper.Match, error) {
	out, err := paper.MatchOf(ev.Receipt)
	if err != nil {
		return nil, err
	}
	rep, err := s.MatchByID(ctx, q.Owner, q.Match)
	if err != nil {
		return nil, err
	}
	if !rep.about(q.Work) {
		return nil, ErrNotFound
	}
	m := rep.Matches[0]
	if m.Verdict.Accuses() {
		out.Transform = m.Transform.Words
	}
	for _, x := range m.Signals {
		out.Signals = append(out.Signals, paper.Signal{Name: x.Name, Text: x.Text})
	}
	for _, a := range work.Assets {
		if a.Digest == m.Asset {
			out.Asset = paper.File{Name: a.Name, SHA256: a.Digest.String(), Size: a.Size, MediaType: mediaType(a.Format)}
			if out.AssetPicture, err = s.assetPicture(ctx, work, a, m.RefPart); err != nil {
				return nil, err
			}
		}
	}
	width, height := m.QueryPart.size(rep.Query.Width, rep.Query.Height)
	out.QueryPicture = paper.Picture{Caption: rep.Query.Name, Width: width, Height: height, Why: "no preview of it was kept"}
	img, err := s.queryPicture(ctx, q, ev, rep)
	if err != nil {
		return nil, err
	}
	out.QueryPicture.Image = img
	if out.Frames, err = s.reportFrames(ctx, q, work, rep, out.AssetPicture); err != nil {
		return nil, err
	}
	out.Innocent = innocent(m)
	return out, nil
}

// reportFrames are the pairs of frames of a match, by segment.
func (s *Service) reportFrames(ctx context.Context, q *EvidenceRequest, work *Work, rep *MatchReport, asset paper.Picture) (out []paper.Frames, err error) {
	m := &rep.Matches[0]
	at := slices.IndexFunc(work.Assets, func(a Asset) bool { return a.Digest == m.Asset })
	pairs := m.framePairs()
	if at < 0 || len(slices.Concat(pairs...)) == 0 {
		return nil, nil
	}
	refs, err := s.registeredFrames(ctx, work, work.Assets[at], pairs)
	if err != nil {
		return nil, err
	}
	x, err := s.explainable(ctx, q.Owner, q.Match, q.Work)
	if err != nil {
		return nil, err
	}
	for i, list := range pairs {
		one := paper.Frames{Text: m.Segments[i].sentence()}
		if r := m.Segments[i].Region; r != nil {
			one.Region = &paper.Region{Query: r.Query, Work: r.Ref}
		}
		for _, p := range list {
			one.Pairs = append(one.Pairs, paper.FramePair{
				Query: paper.Picture{Image: x.frames[inMillis(p.Query)], Width: rep.Query.Width, Height: rep.Query.Height, Caption: "compared, " + video.Clock(p.Query), Why: "no picture of it was kept"},
				Work:  paper.Picture{Image: refs[inMillis(p.Ref)], Width: asset.Width, Height: asset.Height, Caption: "work, " + video.Clock(p.Ref)},
			})
		}
		if len(list) > 0 {
			out = append(out, one)
		}
	}
	return out, nil
}

// queryPicture is a small picture of the compared file: from the file itself if it was
// given, or from the preview that was kept.
func (s *Service) queryPicture(ctx context.Context, q *EvidenceRequest, ev *provenance.MatchEvidence, rep *MatchReport) (image.Image, error) {
	var small []byte
	var err error
	if ev.Accused != nil {
		r, err := ev.Accused.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		if at := rep.Matches[0].QueryPart; at == nil {
			small, err = s.Hashers.Preview(ctx, rep.Query.Kind, data)
		} else {
			small, err = s.Hashers.PreviewPart(ctx, rep.Query.Kind, data, at.part())
		}
		if err != nil {
			return nil, fmt.Errorf("picture of the compared file: %w", err)
		}
	} else {
		x, err := s.explainable(ctx, q.Owner, q.Match, q.Work)
		if err != nil {
			return nil, err
		}
		small = x.preview
	}
	if small == nil {
		return nil, nil
	}
	img, err := jpeg.Decode(bytes.NewReader(small))
	if err != nil {
		return nil, fmt.Errorf("picture of the compared file: %w", err)
	}
	return img, nil
}

// innocent is the strongest explanation of a match that accuses nobody.
func innocent(m Match) *paper.Explanation {
	doubt := 1 - m.Probability
	e := &paper.Explanation{
		Probability: &doubt,
		Basis:       "one minus the calibrated probability: the share of comparisons this sure that turned out to be of unrelated pictures",
	}
	switch m.Verdict {
	case Identical:
		e.Text = "The file is the registered one, so that nothing was copied in any other sense than that somebody has it: with leave (a licence, an agency, a shop of the owner's own), or from a source that both have in common and that is older than the registration."
		e.Probability, e.Basis = nil, ""
	case Part:
		e.Text = "What the two share is a part that both took from elsewhere by right, such as a stock picture, a logo or the furniture of a page, and that no other registered work shows; or two makers arrived at the same figure independently."
	default:
		e.Text = "Both pictures show the same third thing (the same product, photographed or drawn after the same model), or both derive by right from a source older than the registration."
	}
	return e
}
