package registry

import (
	"context"
	"errors"

	"selvage/fingerprint"
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
	if err := s.readPage(ctx, owner, r, f.Data); err != nil {
		return nil, err
	}
	var best *found
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
		compare, err := s.compareOne(tx, rep.Query.Digest, r, w, n)
		if err != nil {
			return err
		}
		for _, a := range w.Assets {
			f, err := compare(assetRef{n, a.Seq})
			if err != nil {
				return err
			}
			f.work, f.same = w, f.record.Digest == rep.Query.Digest
			f.judge()
			if best == nil || f.prob > best.prob {
				best = &f
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
	if err := s.showBest(ctx, rep, r, f.Data); err != nil {
		return nil, err
	}
	return rep, s.keepReport(ctx, rep, r, 0)
}

// compareOne is how a query is compared with an asset of one work: two pictures as they are and
// by their lines, anything else by the parts that a search finds to be alike.
func (s *Service) compareOne(tx store.Txn, d fingerprint.Digest, r *fingerprint.Result, w *Work, n ownerNumber) (func(assetRef) (found, error), error) {
	if r.Work == fingerprint.Photo && w.Kind == fingerprint.Photo {
		return comparePhotos(tx, r)
	}
	h := newHolders(tx)
	sc := scope{asker: n, open: true, own: true}
	if err := s.gather(h, d, r, sc); err != nil {
		return nil, err
	}
	if r.Work == fingerprint.Photo {
		list, err := s.byFeatures(r, sc, everyone)
		if err != nil {
			return nil, err
		}
		if err := h.add(-1, list, false); err != nil {
			return nil, err
		}
	}
	c, err := newComparer(tx, r)
	if err != nil {
		return nil, err
	}
	return func(ref assetRef) (found, error) {
		one := h.of(ref)
		one.text = true // whatever the index says
		f, err := c.compare(one)
		f.ref = ref
		return f, err
	}, nil
}

// comparePhotos compares a photo with others as they are and, where both are drawings, by their
// lines: what is surer counts.
func comparePhotos(tx store.Txn, r *fingerprint.Result) (func(assetRef) (found, error), error) {
	query := photo.NewQuery(r)
	c, err := newComparer(tx, r)
	if err != nil {
		return nil, err
	}
	return func(ref assetRef) (found, error) {
		rec, err := loadPrinted[assetRecord](tx, assetKey(ref))
		if err != nil {
			return found{}, err
		}
		whole := found{ref: ref, record: rec, cmp: query.Compare(rec.Result, photo.Variants[:]...)}
		h := &holder{assetRef: ref}
		for i := range r.Parts {
			for j := range rec.Parts {
				h.add(fingerprint.PartPair{Query: i, Ref: j}, photo.Variants[:], 1)
			}
		}
		if len(h.pairs) == 0 {
			return whole, nil
		}
		lines, err := c.compare(h)
		if err != nil {
			return found{}, err
		}
		whole.judge()
		lines.judge()
		if lines.prob > whole.prob {
			return lines, nil
		}
		return whole, nil
	}, nil
}
