package registry

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"selvage/fingerprint"
	"selvage/provenance"
	"selvage/store"
)

// EvidenceRequest asks for the evidence bundle of an own work.
type EvidenceRequest struct {
	Owner OwnerID
	Work  WorkID
	// Match names a match or comparison with the work that the bundle is about; empty
	// for the work alone.
	Match MatchID
	// Accused is the compared file itself, put into the bundle if given: queries are not
	// kept, so only who has the file can add it. Its bytes must be those of the match.
	Accused *File
	// DigestsOnly leaves the originals out; whoever holds them can still check them. It is
	// the cut provenance.DigestsCut by another name.
	DigestsOnly bool
	// Cut says for whom the bundle is; empty: provenance.CourtCut, the whole case.
	Cut provenance.Cut
}

func (q *EvidenceRequest) cut() (provenance.Cut, error) {
	switch {
	case q.Cut == "" && q.DigestsOnly:
		return provenance.DigestsCut, nil
	case q.Cut == "":
		return provenance.CourtCut, nil
	case !slices.Contains(provenance.Cuts, q.Cut):
		return "", &InvalidError{"cut", fmt.Sprintf("use one of %v", provenance.Cuts)}
	case q.DigestsOnly && q.Cut != provenance.DigestsCut:
		return "", &InvalidError{"cut", "digests only is a cut of its own; ask for one of the two"}
	}
	return q.Cut, nil
}

// Evidence writes the bundle (a deterministic zip, see package provenance) to w: the
// same request gives the same bytes, until time tokens are renewed. Evidence about a match logs a signed statement of
// the match first, once. ErrPending while the work's own entry is not in the log yet.
func (s *Service) Evidence(ctx context.Context, q EvidenceRequest, w io.Writer) error {
	if s.shut.Load() {
		return ErrClosed
	}
	defer s.stage("evidence")()
	cut, err := q.cut()
	if err != nil {
		return err
	}
	var work *Work
	var proof *proofRecord
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		if work, err = s.visible(tx, q.Owner, q.Work); err != nil {
			return err
		}
		if work.Owner != q.Owner {
			return ErrNotFound
		}
		proof, err = load[proofRecord](tx, proofKey(q.Owner, q.Work))
		return err
	})
	if err != nil {
		return err
	}
	if proof.Receipt == nil {
		return ErrPending
	}
	b := provenance.Bundle{Originals: map[string]provenance.File{}}
	if b.Work, err = provenance.ParseReceipt(proof.Receipt); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	for _, a := range work.Assets {
		b.Originals[a.Digest.String()] = provenance.File{Open: func() (io.ReadCloser, error) {
			r, _, err := s.Blobs.Open(ctx, string(q.Owner), a.Digest)
			return r, err
		}}
	}
	if q.Match != "" {
		if b.Match, err = s.matchEvidence(ctx, q, proof); err != nil {
			return err
		}
	}
	if err := s.addCase(ctx, &q, work, &b, cut); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if err := s.renewals(ctx, &b); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if err := provenance.WriteBundle(w, b); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	return nil
}

// matchEvidence makes the part of a bundle that is about a match.
func (s *Service) matchEvidence(ctx context.Context, q EvidenceRequest, proof *proofRecord) (*provenance.MatchEvidence, error) {
	rep, err := s.MatchByID(ctx, q.Owner, q.Match)
	if err != nil {
		return nil, err
	}
	if !rep.about(q.Work) {
		return nil, &InvalidError{"match", fmt.Sprintf("match %s found nothing of work %s; compare the file with the work first, and name that comparison", q.Match, q.Work)}
	}
	record, err := json.Marshal(rep)
	if err != nil {
		return nil, err
	}
	mp, err := s.matchProof(ctx, q, rep, record, proof)
	if err != nil {
		return nil, err
	}
	// The record as it was sealed: a later version may write reports otherwise.
	ev := &provenance.MatchEvidence{Record: mp.Record}
	if ev.Receipt, err = provenance.ParseReceipt(mp.Receipt); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	if f := q.Accused; f != nil {
		if fingerprint.DigestOf(f.Data) != rep.Query.Digest {
			return nil, &InvalidError{"file", "it is not the file that the match is about"}
		}
		ev.Accused = &provenance.File{Open: opener(f.Data)}
	}
	return ev, nil
}

// about cuts a report down to one work, which is all that its evidence may show, and
// reports whether there is anything left.
func (rep *MatchReport) about(id WorkID) bool {
	for _, m := range rep.Matches {
		if m.Work == id {
			rep.Matches = []Match{m}
			if m.Verdict.Accuses() {
				rep.Verdict, rep.Reason = m.Verdict, m.Reason
			}
			// How long it took says nothing about the match, and what else the asker's
			// query found is not this owner's business.
			rep.Millis, rep.Asker, rep.Rejected, rep.Ignored = nil, "", 0, 0
			return true
		}
	}
	return false
}

// matchProof returns the logged statement of a match, making it at the first request.
func (s *Service) matchProof(ctx context.Context, q EvidenceRequest, rep *MatchReport, record []byte, work *proofRecord) (*proofRecord, error) {
	key := matchProofKey(q.Owner, q.Match, q.Work)
	var mp *proofRecord
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		mp, err = load[proofRecord](tx, key)
		return err
	})
	if err == nil && mp.Receipt != nil {
		return mp, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	again := err == nil
	if !again {
		if mp, err = s.sealMatch(q, rep, record, work); err != nil {
			return nil, err
		}
		// Durable before the log hears of it, as for works.
		if mp, err = s.keepFirst(ctx, key, mp, func(*proofRecord) bool { return true }); err != nil {
			return nil, err
		}
	}
	if mp.Receipt != nil {
		return mp, nil
	}
	if err := s.prove(ctx, mp, again); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return s.keepFirst(ctx, key, mp, func(old *proofRecord) bool { return old.Receipt != nil })
}

// keepFirst stores a proof, unless one is there already that is good: the first of two
// concurrent requests wins, so that both give the same bytes.
func (s *Service) keepFirst(ctx context.Context, key []byte, p *proofRecord, good func(*proofRecord) bool) (kept *proofRecord, err error) {
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		old, err := load[proofRecord](tx, key)
		if err == nil && good(old) {
			kept = old
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		kept = p
		return save(tx, key, p)
	})
	return kept, err
}

func (s *Service) sealMatch(q EvidenceRequest, rep *MatchReport, record []byte, work *proofRecord) (*proofRecord, error) {
	sealedWork, err := work.sealed()
	if err != nil {
		return nil, err
	}
	commitment := sealedWork.Commitment()
	recordDigest, err := provenance.RecordDigest(record)
	if err != nil {
		return nil, err
	}
	m := rep.Matches[0]
	transform, err := json.Marshal(m.Transform)
	if err != nil {
		return nil, err
	}
	kinds, byName := []string{}, map[string]Signal{}
	for _, x := range m.Signals {
		byName[x.Name] = x
		kinds = append(kinds, x.Name)
	}
	signals, err := json.Marshal(byName)
	if err != nil {
		return nil, err
	}
	st := &provenance.MatchStatement{
		Type: provenance.MatchType, Service: s.Name, Match: string(rep.ID), Time: provenance.FormatTime(rep.Time),
		Query:          provenance.QueryFile{Digest: rep.Query.Digest.String(), Size: rep.Query.Size, MediaType: mediaType(rep.Query.Format), Name: rep.Query.Name},
		Work:           string(q.Work),
		WorkCommitment: hex.EncodeToString(commitment[:]), Asset: m.Asset.String(),
		Verdict: string(m.Verdict), Probability: m.Probability, Transform: transform, Signals: signals,
		Kinds: kinds, Policy: rep.Policy, Record: recordDigest, Sentence: m.Reason,
	}
	for _, r := range m.Regions {
		st.Regions = append(st.Regions, provenance.MatchRegion{Query: r.Query, Work: r.Ref})
	}
	for _, g := range m.Segments {
		st.Segments = append(st.Segments, provenance.MatchSegment{Query: spanOf(g.Query), Work: spanOf(g.Ref)})
	}
	for _, p := range m.Passages {
		st.Passages = append(st.Passages, provenance.MatchPassage{
			Query: [2]int64{int64(p.Query.From), int64(p.Query.To)}, Work: [2]int64{int64(p.Ref.From), int64(p.Ref.To)},
		})
	}
	mp, err := s.seal(st)
	if err != nil {
		return nil, err
	}
	mp.Record = record
	return mp, nil
}

// spanOf is a stretch of a file as a statement has it: [0, 0] of a picture.
func spanOf(s *[2]float64) [2]float64 {
	if s == nil {
		return [2]float64{}
	}
	return *s
}

// opener gives the same bytes at every call.
func opener(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}
