package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
	"selvage/fingerprint/photo"
	"selvage/store"
)

// A video or a manuscript is asked about by all its parts at once. What the parts find is
// gathered by registered asset; each asset is then compared once: a picture, or a file of
// another kind, by the parts that look alike, a file of the same kind as a whole.

// How many candidates one part of a query gives, how many assets are compared for one query,
// and by how many pairs of pictures a file of another kind is.
const (
	proofsPerPart = 12
	maxHolders    = 60
	maxPairs      = 8
)

// holder is a registered asset that may hold something of the query.
type holder struct {
	assetRef
	pairs    []fingerprint.PartPair // the likeliest first
	variants map[fingerprint.PartPair][]local.Variant
	weight   float64 // how much speaks for it
}

func (h *holder) add(p fingerprint.PartPair, v []local.Variant) {
	if _, ok := h.variants[p]; !ok {
		h.pairs = append(h.pairs, p)
	}
	h.variants[p] = append(h.variants[p], v...)
}

// holders is stage 1 for a query of parts: the assets whose pictures look like some of its
// own, those for which most speaks first.
func (s *Service) holders(tx store.Txn, d fingerprint.Digest, r *fingerprint.Result, sc scope) ([]*holder, error) {
	all := map[assetRef]*holder{}
	at := func(ref assetRef) *holder {
		h := all[ref]
		if h == nil {
			h = &holder{assetRef: ref, variants: map[fingerprint.PartPair][]local.Variant{}}
			all[ref] = h
		}
		return h
	}
	same, err := exact(tx, d, r, sc)
	if err != nil {
		return nil, err
	}
	for _, ref := range same {
		at(ref).weight += 1e6
	}
	s.moving.RLock()
	defer s.moving.RUnlock()
	known := &spans{tx: tx}
	for i, p := range r.Parts {
		byFeatures, err := s.byFeatures(p.Result, sc)
		if err != nil {
			return nil, err
		}
		byCode, err := s.byCode(p.Result, sc)
		if err != nil {
			return nil, err
		}
		byFeatures, byCode = fair(byFeatures, proofsPerPart), fair(byCode, proofsPerPart)
		for _, list := range [][]candidate{byFeatures, byCode} {
			for rank, c := range list {
				ref, n, err := known.of(c.assetRef)
				if err != nil {
					return nil, err
				}
				h := at(ref)
				h.add(fingerprint.PartPair{Query: i, Ref: n}, c.variants)
				h.weight += 1 / float64(1+rank)
			}
		}
	}
	out := make([]*holder, 0, len(all))
	for _, h := range all {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b *holder) int {
		switch {
		case a.weight != b.weight:
			if a.weight > b.weight {
				return -1
			}
			return 1
		case a.owner != b.owner:
			return int(a.owner) - int(b.owner)
		case a.seq < b.seq:
			return -1
		}
		return 1
	})
	return out, nil
}

// searchInside is search for a query that is no picture.
func (s *Service) searchInside(ctx context.Context, d fingerprint.Digest, r *fingerprint.Result, sc scope) ([]found, map[string]float64, error) {
	millis := map[string]float64{}
	stage := s.stage("search")
	var list []*holder
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		list, err = s.holders(tx, d, r, sc)
		return err
	})
	millis["search"] = ms(stage())
	if err != nil {
		return nil, nil, err
	}
	stage = s.stage("prove")
	best := map[WorkID]found{}
	queries := make([]*photo.Query, len(r.Parts))
	err = s.KV.View(ctx, func(tx store.Txn) error {
		for _, h := range fairHolders(list, maxHolders) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if sc.before != 0 && h.seq >= sc.before {
				continue
			}
			f, err := s.compareHolder(tx, r, queries, h)
			if errors.Is(err, store.ErrNotFound) {
				continue // erased since stage 1
			}
			if err != nil {
				return err
			}
			if f.same = f.record.Digest == d; f.cmp == nil && !f.same {
				continue
			}
			f.judge()
			if b, ok := best[f.record.Work]; ok && b.prob >= f.prob {
				continue
			}
			if f.work, err = load[Work](tx, workKey(f.record.Owner, f.record.Work)); err != nil {
				return err
			}
			if f.work.Withdrawn != nil || !sc.sees(h.owner, f.work.Visibility == Private) {
				continue
			}
			best[f.record.Work] = f
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
	return all, millis, s.proven(ctx, all, sc.alike)
}

// compareHolder is stage 2 for one asset.
func (s *Service) compareHolder(tx store.Txn, r *fingerprint.Result, queries []*photo.Query, h *holder) (found, error) {
	rec, err := loadPrinted[assetRecord](tx, assetKey(h.assetRef))
	if err != nil {
		return found{}, err
	}
	best := found{ref: h.assetRef, record: rec, alone: alone(r)}
	prob := -1.0
	for _, p := range h.pairs[:min(len(h.pairs), maxPairs)] {
		part := rec
		if p.Ref >= 0 {
			if part, err = loadPrinted[assetRecord](tx, assetKey(h.part(p.Ref))); err != nil {
				return found{}, err
			}
		}
		if queries[p.Query] == nil {
			queries[p.Query] = photo.NewQuery(r.Parts[p.Query].Result)
		}
		c := queries[p.Query].Compare(part.Result, h.variants[p]...)
		if c.Probability() > prob {
			prob = c.Probability()
			best.record, best.cmp, best.queryPart = part, c, &r.Parts[p.Query]
		}
	}
	return best, nil
}

// fairHolders takes up to limit assets, but one owner's after another's, as fair does.
func fairHolders(list []*holder, limit int) []*holder {
	if len(list) <= limit {
		return list
	}
	var owners []ownerNumber
	byOwner := map[ownerNumber][]*holder{}
	for _, h := range list {
		if byOwner[h.owner] == nil {
			owners = append(owners, h.owner)
		}
		byOwner[h.owner] = append(byOwner[h.owner], h)
	}
	out := make([]*holder, 0, limit)
	for round := 0; len(out) < limit; round++ {
		for _, o := range owners {
			if round < len(byOwner[o]) && len(out) < limit {
				out = append(out, byOwner[o][round])
			}
		}
	}
	return out
}
