package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"selvage/fingerprint"
	"selvage/store"
)

// maxAlike is how many merely similar works an answer shows at most.
const maxAlike = 20

// Match answers which registered works a file copies, in this order:
//
//  1. the file is fingerprinted with the same code as a registration;
//  2. the indexes and exact rows give candidates, among works that the asker may know
//     of: everybody's matchable and public ones and the asker's own;
//  3. every candidate is compared picture to picture and gets a probability;
//  4. Policy turns probabilities into verdicts;
//  5. the report is stored, in one transaction with the events for the owners of
//     matched works and the outbox row from which owners of private works are told;
//  6. the report is returned.
//
// Nothing in the answer, nor in the work done for it, depends on other owners' private
// works.
func (s *Service) Match(ctx context.Context, q MatchRequest) (*MatchReport, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	if _, err := ParseOwner(string(q.Asker)); err != nil {
		return nil, err
	}
	rep, r, err := s.newReport(ctx, q.Asker, q.File)
	if err != nil {
		return nil, err
	}
	asker, err := s.askerNumber(ctx, q.Asker)
	if err != nil {
		return nil, err
	}
	hits, millis, err := s.search(ctx, rep.Query.Digest, r, answerScope(asker, q.Alike))
	if err != nil {
		return nil, err
	}
	for k, v := range millis {
		rep.Millis[k] = v
	}
	alike := 0
	for _, f := range hits {
		if !s.policy.acts(f) {
			if alike++; !q.Alike || !s.policy.shows(f) || alike > maxAlike {
				continue
			}
		}
		rep.Matches = append(rep.Matches, s.describe(f, r, q.Asker))
	}
	rep.conclude(r)
	if err := s.keepReport(ctx, rep, r); err != nil {
		return nil, err
	}
	return rep, nil
}

// newReport fingerprints the file of a query and starts its report.
func (s *Service) newReport(ctx context.Context, asker OwnerID, f File) (*MatchReport, *fingerprint.Result, error) {
	stage := s.stage("hash")
	r, err := s.Hashers.Hash(ctx, "", f.Data)
	took := ms(stage())
	if err != nil {
		return nil, nil, err
	}
	now := s.Clock().UTC().Truncate(time.Millisecond)
	return &MatchReport{
		ID: MatchID(newID("m_", now)), Asker: asker, Time: now,
		Query: Query{
			Name: f.Name, Digest: fingerprint.DigestOf(f.Data), Size: int64(len(f.Data)), Kind: r.Work, Format: r.Format,
			Width: r.Width, Height: r.Height, Box: r.Box, Insufficient: r.Insufficient, Notes: r.Notes,
		},
		Matches: []Match{}, Policy: s.policy.Version, Millis: map[string]float64{"hash": took},
	}, r, nil
}

// conclude sets the verdict and sentence of the whole report.
func (rep *MatchReport) conclude(r *fingerprint.Result) {
	acting := 0
	for _, m := range rep.Matches {
		if m.Verdict.Accuses() {
			acting++
		}
	}
	switch {
	case acting == 1:
		rep.Verdict, rep.Reason = rep.Matches[0].Verdict, rep.Matches[0].Reason
	case acting > 1:
		rep.Verdict = rep.Matches[0].Verdict
		rep.Reason = fmt.Sprintf("%d registered works; the surest: %s", acting, rep.Matches[0].Reason)
	case r.Insufficient != "":
		rep.Verdict = Insufficient
		rep.Reason = "too little information to tell: " + r.Insufficient + "; only the same bytes or pixels would have been found, and were not"
	case len(rep.Matches) > 0:
		rep.Verdict, rep.Reason = Alike, "merely similar to registered works, which is no reason to act"
	default:
		rep.Verdict, rep.Reason = None, "nothing found"
	}
}

// keepReport stores a report with what follows from it.
func (s *Service) keepReport(ctx context.Context, rep *MatchReport, r *fingerprint.Result) error {
	defer s.stage("record")()
	seq, err := s.seq.take(ctx, 1)
	if err != nil {
		return err
	}
	defer s.seq.done(seq)
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		if err := save(tx, matchKey(rep.Asker, rep.ID), rep); err != nil {
			return err
		}
		for _, m := range rep.Matches {
			if m.Owner == rep.Asker || !m.Verdict.Accuses() {
				continue
			}
			// The owner of a matched work may fetch the report as evidence.
			if err := tx.Set(matchOwnerKey(m.Owner, rep.ID), []byte(rep.Asker)); err != nil {
				return err
			}
			if err := s.saveEvent(tx, m.Owner, Event{Kind: EventMatched, Work: m.Work, Match: rep.ID, Verdict: m.Verdict, Probability: m.Probability, Reason: m.Reason}); err != nil {
				return err
			}
		}
		return save(tx, watchKey(rep.Asker, seq), watchRow{
			Cause: EventMatched, Asker: rep.Asker, Time: rep.Time,
			Queries: []watchQuery{newWatchQuery(rep.Query.Digest, r)},
		})
	})
	if err != nil {
		return fmt.Errorf("keep match: %w", err)
	}
	s.watched.wake()
	return nil
}

// askerNumber is the asker's number, 0 for one who has registered nothing.
func (s *Service) askerNumber(ctx context.Context, o OwnerID) (n ownerNumber, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		n, err = s.numberOf(tx, o)
		return err
	})
	return n, err
}

// MatchByID returns a stored report: to its asker whole; to the owner of a matched work
// with the matches against that owner's works only, and without the query's file name.
func (s *Service) MatchByID(ctx context.Context, asker OwnerID, id MatchID) (*MatchReport, error) {
	if !validID("m_", string(id)) {
		return nil, ErrNotFound
	}
	var rep *MatchReport
	err := s.KV.View(ctx, func(tx store.Txn) error {
		var err error
		rep, err = load[MatchReport](tx, matchKey(asker, id))
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		by, err := tx.Get(matchOwnerKey(asker, id))
		if err != nil {
			return err
		}
		if rep, err = load[MatchReport](tx, matchKey(OwnerID(by), id)); err != nil {
			return err
		}
		rep.onlyFor(asker)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotFound
	}
	return rep, err
}

// onlyFor leaves what the owner of a matched work may see of somebody else's query.
func (rep *MatchReport) onlyFor(o OwnerID) {
	rep.Asker, rep.Query.Name = "", ""
	kept := []Match{}
	for _, m := range rep.Matches {
		if m.Owner == o {
			kept = append(kept, m)
		}
	}
	rep.Matches = kept
	if len(kept) > 0 {
		rep.Verdict, rep.Reason = kept[0].Verdict, kept[0].Reason
	}
}

// related finds the earlier works of other owners that a new work copies.
func (s *Service) related(ctx context.Context, w *Work, results []*fingerprint.Result) ([]Match, error) {
	asker, err := s.askerNumber(ctx, w.Owner)
	if err != nil {
		return nil, err
	}
	var out []Match
	for i, r := range results {
		hits, _, err := s.search(ctx, w.Assets[i].Digest, r, scope{asker: asker, open: true, notOwn: true, before: w.Assets[0].Seq})
		if err != nil {
			return nil, err
		}
		for _, f := range hits {
			if s.policy.acts(f) {
				out = append(out, s.describe(f, r, w.Owner))
			}
		}
	}
	return out, nil
}
