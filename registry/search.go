package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/index"
	"selvage/store"
)

// scope is the part of the registry that one search may look at.
type scope struct {
	asker ownerNumber // 0: somebody who has registered nothing
	// open: everybody's matchable and public works. own: the asker's private works.
	// strangers: everybody else's private works, for telling their owners; never for an answer.
	open, own, strangers bool
	notOwn               bool   // leave out the asker's works of any visibility
	alike                bool   // merely similar works are wanted too, which takes a wider search
	before               uint64 // leave out assets with this number or later; 0: none
}

// answerScope is what the answer to an asker may draw on.
func answerScope(asker ownerNumber, alike bool) scope {
	return scope{asker: asker, open: true, own: true, alike: alike}
}

// sees reports whether the scope holds works of that owner, private (closed) or not.
func (sc scope) sees(owner ownerNumber, closed bool) bool {
	mine := owner == sc.asker
	switch {
	case mine && sc.notOwn:
		return false
	case !closed:
		return sc.open
	case mine:
		return sc.own
	}
	return sc.strangers
}

// found is one candidate that stage 2 has looked at.
type found struct {
	ref    assetRef
	record *assetRecord
	work   *Work
	same   bool // the same bytes
	cmp    photo.Comparison
	prob   float64
}

// maxProofs bounds how many candidates of one query stage 2 looks at.
const maxProofs = 500

// fair takes up to limit candidates, nearest first, but one owner's after another's: who
// registers the same picture five hundred times must not crowd out whose it is.
func fair(refs []assetRef, limit int) []assetRef {
	if len(refs) <= limit {
		return refs
	}
	var owners []ownerNumber // by their nearest candidate
	byOwner := map[ownerNumber][]assetRef{}
	for _, a := range refs {
		if byOwner[a.owner] == nil {
			owners = append(owners, a.owner)
		}
		byOwner[a.owner] = append(byOwner[a.owner], a)
	}
	out := make([]assetRef, 0, limit)
	for round := 0; len(out) < limit; round++ {
		for _, o := range owners {
			if round < len(byOwner[o]) && len(out) < limit {
				out = append(out, byOwner[o][round])
			}
		}
	}
	return out
}

// search finds what resembles one fingerprinted file: candidates from the exact rows
// and the indexes (stage 1), each then compared picture to picture (stage 2). It
// returns the best asset of every work, by falling probability.
func (s *Service) search(ctx context.Context, d fingerprint.Digest, r *fingerprint.Result, sc scope) ([]found, map[string]float64, error) {
	millis := map[string]float64{}
	stage := s.stage("search")
	refs, err := s.candidates(ctx, d, r, sc)
	millis["search"] = ms(stage())
	if err != nil {
		return nil, nil, err
	}
	stage = s.stage("prove")
	best := map[WorkID]found{}
	err = s.KV.View(ctx, func(tx store.Txn) error {
		for _, ref := range refs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if sc.before != 0 && ref.seq >= sc.before {
				continue
			}
			rec, err := load[assetRecord](tx, assetKey(ref))
			if errors.Is(err, store.ErrNotFound) {
				continue // erased since stage 1
			}
			if err != nil {
				return err
			}
			f := found{ref: ref, record: rec, same: rec.Digest == d, cmp: photo.Compare(r, rec.Result)}
			f.prob = f.cmp.Probability()
			if f.same {
				f.prob = 1
			}
			if b, ok := best[rec.Work]; ok && b.prob >= f.prob {
				continue
			}
			if f.work, err = s.workWithProof(tx, rec.Owner, rec.Work); err != nil {
				return err
			}
			// The indexes follow the store by a moment; the store decides.
			if f.work.Withdrawn != nil || !sc.sees(ref.owner, f.work.Visibility == Private) {
				continue
			}
			best[rec.Work] = f
		}
		return nil
	})
	millis["prove"] = ms(stage())
	if err != nil {
		return nil, nil, fmt.Errorf("match: %w", err)
	}
	all := make([]found, 0, len(best))
	for _, f := range best {
		all = append(all, f)
	}
	slices.SortFunc(all, bySureness)
	return all, millis, nil
}

// bySureness orders by falling probability, and the earlier registered first.
func bySureness(a, b found) int {
	return cmp.Or(cmp.Compare(b.prob, a.prob), cmp.Compare(a.ref.seq, b.ref.seq))
}

// candidates is stage 1.
func (s *Service) candidates(ctx context.Context, d fingerprint.Digest, r *fingerprint.Result, sc scope) ([]assetRef, error) {
	var refs []assetRef
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		refs, err = exact(tx, d, r, sc)
		return err
	})
	if err != nil {
		return nil, err
	}
	var probes []index.Code
	for _, p := range r.Probes {
		if p.Kind != fingerprint.PDQ256 {
			continue
		}
		c, err := index.CodeOf(p.Payload)
		if err != nil {
			return nil, err
		}
		probes = append(probes, c)
	}
	radius := photo.ActRadius
	if sc.alike {
		radius = photo.CandidateRadius
	}
	if len(probes) > 0 {
		var hits []index.Hit
		s.moving.RLock()
		defer s.moving.RUnlock()
		if sc.open {
			if hits, err = s.open.Range(probes, radius); err != nil {
				return nil, err
			}
		}
		private, err := s.private(probes, radius, sc)
		if err != nil {
			return nil, err
		}
		hits = append(hits, private...)
		slices.SortFunc(hits, func(a, b index.Hit) int {
			return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
		})
		for _, h := range hits {
			if a := assetOf(h.ID); !sc.notOwn || a.owner != sc.asker {
				refs = append(refs, a)
			}
		}
	}
	seen := map[assetRef]bool{}
	refs = slices.DeleteFunc(refs, func(a assetRef) bool {
		old := seen[a]
		seen[a] = true
		return old
	})
	return fair(refs, maxProofs), nil
}

// private searches the private works that the scope holds. The asker's own are one run of
// identifiers, asked for without touching anybody else's; only the watcher, whose work
// nobody waits for, looks at those of strangers.
func (s *Service) private(probes []index.Code, radius int, sc scope) ([]index.Hit, error) {
	switch {
	case sc.strangers:
		hits, err := s.closed.Range(probes, radius)
		return slices.DeleteFunc(hits, func(h index.Hit) bool { return !sc.sees(assetOf(h.ID).owner, true) }), err
	case sc.own && !sc.notOwn && sc.asker != 0:
		from := assetRef{owner: sc.asker}.codeID(fingerprint.Full)
		return s.closed.RangeWithin(probes, radius, from, assetRef{owner: sc.asker + 1}.codeID(fingerprint.Full))
	}
	return nil, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
