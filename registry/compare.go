package registry

import (
	"context"
	"errors"

	"selvage/fingerprint/photo"
	"selvage/store"
)

// Compare answers "why" and "why not" for one file and one own work: the file is
// compared with every asset of the work, whether or not a search would have found it,
// and the nearest asset is reported with its signals. The report is stored like a
// match; its verdict is none where nothing is to act upon.
func (s *Service) Compare(ctx context.Context, owner OwnerID, id WorkID, f File) (*MatchReport, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	rep, r, err := s.newReport(ctx, owner, f)
	if err != nil {
		return nil, err
	}
	var best *found
	query := photo.NewQuery(r)
	err = s.KV.View(ctx, func(tx store.Txn) error {
		w, err := s.visible(tx, owner, id)
		if err != nil {
			return err
		}
		if w.Owner != owner {
			return ErrNotFound // comparing draws on fingerprints, which are the owner's own
		}
		n, err := s.numberOf(tx, owner)
		if err != nil {
			return err
		}
		for _, a := range w.Assets {
			ref := assetRef{n, a.Seq}
			rec, err := loadPrinted[assetRecord](tx, assetKey(ref))
			if err != nil {
				return err
			}
			c := found{ref: ref, record: rec, work: w, same: rec.Digest == rep.Query.Digest, cmp: query.Compare(rec.Result, photo.Variants[:]...)}
			c.judge()
			if best == nil || c.prob > best.prob {
				best = &c
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	m := s.describe(*best, r, owner)
	rep.Matches = append(rep.Matches, m)
	rep.Verdict, rep.Reason = m.Verdict, m.Reason
	if !m.Verdict.Accuses() {
		rep.Verdict = None
		if r.Insufficient != "" {
			rep.Verdict = Insufficient
		}
	}
	return rep, s.keepReport(ctx, rep, r, 0)
}
