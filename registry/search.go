package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/photo"
	"selvage/fingerprint/video"
	"selvage/index"
	localindex "selvage/index/local"
	"selvage/store"
)

// scope is the part of the registry that one search may look at.
type scope struct {
	asker ownerNumber // 0: somebody who has registered nothing
	// open: everybody's matchable and public works. own: the asker's private works.
	// strangers: everybody else's private works, for telling their owners; never for an answer.
	open, own, strangers bool
	notOwn               bool   // leave out the asker's works of any visibility
	want                 extent // of what may be shown, it is said since when it is proven
	before               uint64 // leave out assets with this number or later; 0: none
}

// answerScope is what the answer to an asker may draw on.
func answerScope(asker ownerNumber, want extent) scope {
	return scope{asker: asker, open: true, own: true, want: want}
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
	// What was compared: two pictures, two videos or two manuscripts; one of the three, or
	// none where only the bytes are the same.
	cmp  *photo.Comparison
	clip *video.Comparison
	doc  *manuscript.Comparison
	// query is the file that was asked about, where clip or doc is set.
	query *fingerprint.Result
	parts map[int]*fingerprint.Result // of the registered file, as far as they were read
	// queryPart is the part of the query that was compared, nil where that was the whole.
	queryPart *fingerprint.Part
	alone     bool // it is all that the query holds
	prob      float64
}

// judge sets the probability from the comparison.
func (f *found) judge() {
	switch {
	case f.same:
		f.prob = 1
	case f.cmp != nil:
		f.prob = f.cmp.Probability()
	case f.clip != nil:
		f.prob = f.clip.Probability()
	case f.doc != nil:
		f.prob = f.doc.Probability()
	}
}

// inside reports whether what was compared is only a part of one of the files.
func (f *found) inside() bool {
	return f.record != nil && f.record.Part != nil && !f.record.Part.Alone || f.queryPart != nil && !f.alone
}

// candidate is what stage 1 found, with the variants of the query's features that found it.
type candidate struct {
	assetRef
	variants []local.Variant
}

// How many candidates the local features of one query give, and how many of them, and of
// those by whole-picture codes, are looked at, one owner's after another's.
const (
	maxLocal    = 400
	proofsLocal = 40
	proofsCode  = 60
)

// Most of a full list of candidates by features are there by chance. The score of its last one
// says how much chance is worth in that index for that query, and behind the first
// proofsChance, a candidate is only looked at with a score so many times as large: half of
// them. Of 509 candidates for the hardest edits that comparing gives a probability above 0.02,
// among 101,050 registered pictures, the rule leaves out three, none above 0.11. An index that is
// too small to fill the list has no rule.
const (
	proofsChance = 16
	standsOut    = 2.25
)

// standing leaves out what no more than chance speaks for. The list is by falling score.
func standing(list []localindex.Candidate) []localindex.Candidate {
	if len(list) < maxLocal {
		return list
	}
	least := standsOut * list[len(list)-1].Score
	n := proofsChance
	for n < len(list) && list[n].Score >= least {
		n++
	}
	return list[:n]
}

// everyone leaves out nobody. Parts of a file are few by themselves and many together, and it is
// their number that tells.
func everyone(list []localindex.Candidate) []localindex.Candidate { return list }

// fair takes up to limit candidates, nearest first, but one owner's after another's: who
// registers the same picture five hundred times must not crowd out whose it is.
func fair(refs []candidate, limit int) []candidate {
	return fairly(refs, limit, func(c candidate) ownerNumber { return c.owner })
}

func fairly[T any](refs []T, limit int, owner func(T) ownerNumber) []T {
	if len(refs) <= limit {
		return refs
	}
	var owners []ownerNumber // by their nearest candidate
	byOwner := map[ownerNumber][]T{}
	for _, a := range refs {
		o := owner(a)
		if byOwner[o] == nil {
			owners = append(owners, o)
		}
		byOwner[o] = append(byOwner[o], a)
	}
	out := make([]T, 0, limit)
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
	if r.Work != fingerprint.Photo {
		stage := s.stage("inside")
		all, err := s.searchInside(ctx, d, r, sc, nil)
		millis["inside"] = ms(stage())
		if err != nil {
			return nil, nil, err
		}
		return all, millis, s.proven(ctx, all, sc.want)
	}
	stage := s.stage("search")
	refs, err := s.candidates(ctx, d, r, sc)
	millis["search"] = ms(stage())
	if err != nil {
		return nil, nil, err
	}
	stage = s.stage("prove")
	best := map[WorkID]found{}
	query := photo.NewQuery(r)
	var inside []candidate // pages and pictures of manuscripts
	err = s.KV.View(ctx, func(tx store.Txn) error {
		for _, ref := range refs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if sc.before != 0 && ref.seq >= sc.before {
				continue
			}
			rec, err := loadPrinted[assetRecord](tx, assetKey(ref.assetRef))
			if errors.Is(err, store.ErrNotFound) {
				continue // erased since stage 1
			}
			if err != nil {
				return err
			}
			if rec.Part != nil && rec.Part.Kind.Drawn() {
				continue
			}
			if rec.Part != nil && rec.Part.Kind != fingerprint.FramePart {
				inside = append(inside, ref)
				continue
			}
			c := query.Compare(rec.Result, ref.variants...)
			f := found{ref: ref.assetRef, record: rec, same: rec.Digest == d, cmp: c}
			f.judge()
			if b, ok := best[rec.Work]; ok && b.prob >= f.prob {
				continue
			}
			if f.work, err = load[Work](tx, workKey(rec.Owner, rec.Work)); err != nil {
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
	comparisons := make([]*photo.Comparison, len(all))
	for i, f := range all {
		comparisons[i] = f.cmp
	}
	if len(all) > 0 && all[0].prob >= photo.DiscountFrom {
		query.Discount(comparisons)
		for i := range all {
			all[i].judge()
		}
		slices.SortFunc(all, bySureness)
	}
	if text, _ := r.Print(fingerprint.Text, fingerprint.Full); len(inside)+len(r.Parts)+len(text.Payload) > 0 {
		stage = s.stage("inside")
		more, err := s.searchInside(ctx, d, r, sc, inside)
		millis["inside"] = ms(stage())
		if err != nil {
			return nil, nil, err
		}
		all = surest(all, more)
	}
	return all, millis, s.proven(ctx, all, sc.want)
}

// surest joins what was found in two ways: a work once, as it was found more surely.
func surest(lists ...[]found) (out []found) {
	at := map[WorkID]int{}
	for _, f := range slices.Concat(lists...) {
		switch i, ok := at[f.work.ID]; {
		case !ok:
			at[f.work.ID] = len(out)
			out = append(out, f)
		case f.prob > out[i].prob:
			out[i] = f
		}
	}
	slices.SortFunc(out, bySureness)
	return out
}

// proven fills in since when the works that an answer may show are proven.
func (s *Service) proven(ctx context.Context, all []found, want extent) error {
	return s.KV.View(ctx, func(tx store.Txn) error {
		merely := 0
		for _, f := range all {
			if !s.policy.acts(f) {
				if !s.mayShow(f, want) {
					continue
				}
				if merely++; merely > maxAlike {
					break
				}
			}
			p, err := load[proofRecord](tx, proofKey(f.work.Owner, f.work.ID))
			if err != nil {
				return err
			}
			f.work.Proven = p.Proven
		}
		return nil
	})
}

// bySureness orders by falling probability, and the earlier registered first.
func bySureness(a, b found) int {
	return cmp.Or(cmp.Compare(b.prob, a.prob), cmp.Compare(a.ref.seq, b.ref.seq))
}

// candidates is stage 1: the same bytes or pixels, then what shares local features, then
// what is near as a whole.
func (s *Service) candidates(ctx context.Context, d fingerprint.Digest, r *fingerprint.Result, sc scope) ([]candidate, error) {
	var refs []candidate
	err := s.KV.View(ctx, func(tx store.Txn) error {
		same, err := exact(tx, d, r, sc)
		for _, a := range same {
			refs = append(refs, candidate{assetRef: a})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.moving.RLock()
	defer s.moving.RUnlock()
	byFeatures, err := s.byFeatures(r, sc, standing)
	if err != nil {
		return nil, err
	}
	byCode, err := s.byCode(r, sc)
	if err != nil {
		return nil, err
	}
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		known := &spans{tx: tx}
		if byFeatures, err = known.thin(byFeatures, proofsLocal, false); err != nil {
			return err
		}
		byCode, err = known.thin(byCode, proofsCode, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	refs = append(append(refs, fair(byFeatures, proofsLocal)...), fair(byCode, proofsCode)...)
	at := map[assetRef]int{}
	kept := refs[:0]
	for _, c := range refs {
		if i, ok := at[c.assetRef]; ok {
			kept[i].variants = append(kept[i].variants, c.variants...)
			continue
		}
		at[c.assetRef] = len(kept)
		kept = append(kept, c)
	}
	return kept, nil
}

// byCode finds what is near as a whole, nearest first.
func (s *Service) byCode(r *fingerprint.Result, sc scope) ([]candidate, error) {
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
	if len(probes) == 0 {
		return nil, nil
	}
	var hits []index.Hit
	var err error
	radius := photo.CandidateRadius
	if sc.open {
		if hits, err = s.open.codes.Range(probes, radius); err != nil {
			return nil, err
		}
	}
	var private []index.Hit
	switch {
	case sc.strangers:
		private, err = s.closed.codes.Range(probes, radius)
	case sc.own && !sc.notOwn && sc.asker != 0:
		from, to := sc.asker.ids()
		private, err = s.closed.codes.RangeWithin(probes, radius, from, to)
	}
	if err != nil {
		return nil, err
	}
	for _, h := range private {
		if sc.sees(assetOf(h.ID).owner, true) {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, index.Hit.Compare)
	var out []candidate
	for _, h := range hits {
		if a := assetOf(h.ID); !sc.notOwn || a.owner != sc.asker {
			out = append(out, candidate{assetRef: a})
		}
	}
	return out, nil
}

// byFeatures finds what shares local features with the query, the most first. The asker's
// own private works are one run of identifiers, asked for without touching anybody else's;
// only the watcher, whose work nobody waits for, looks at those of strangers. Keep is what is left
// of the list of each index: standing or everyone.
func (s *Service) byFeatures(r *fingerprint.Result, sc scope, keep func([]localindex.Candidate) []localindex.Candidate) ([]candidate, error) {
	query := photo.LocalQuery(r)
	if query == nil {
		return nil, nil
	}
	sets := probeSets(query)
	var found []index.ID
	var variant []local.Variant
	take := func(list []localindex.Candidate, err error) error {
		for _, c := range keep(list) {
			found = append(found, c.ID)
			variant = append(variant, local.Variant(c.Set))
		}
		return err
	}
	if sc.open {
		if err := take(s.open.local.Search(sets, maxLocal)); err != nil {
			return nil, err
		}
	}
	switch {
	case sc.strangers:
		if err := take(s.closed.local.Search(sets, maxLocal)); err != nil {
			return nil, err
		}
	case sc.own && !sc.notOwn && sc.asker != 0:
		from, to := sc.asker.ids()
		if err := take(s.closed.local.SearchWithin(sets, maxLocal, from, to)); err != nil {
			return nil, err
		}
	}
	var out []candidate
	for i, id := range found {
		if a := assetOf(id); !sc.notOwn || a.owner != sc.asker {
			out = append(out, candidate{a, variant[i : i+1]})
		}
	}
	return out, nil
}

// probesPerFeature is under how many words a feature of each variant of a query is looked up. More
// find what is there only a little better, and chance a lot better: mirrored and inverted copies
// stand out most under the nearest word or two.
var probesPerFeature = [...]int{local.Plain: 3, local.Mirrored: 2, local.Negative: 2, local.Mirrored | local.Negative: 1}

// probeSets are the features of a query as the index wants them, one set a variant.
func probeSets(q *local.Query) [][]localindex.Probe {
	sets := make([][]localindex.Probe, len(q.Sets))
	for v, set := range q.Sets {
		sets[v] = make([]localindex.Probe, len(set))
		for i := range set {
			f := &set[i]
			angle := f.Angle
			if local.Variant(v)&local.Mirrored != 0 {
				angle = 128 - angle // as it would be in the mirror
			}
			sets[v][i] = localindex.Probe{Words: f.Near[:probesPerFeature[v]], Sig: f.Sig[0], Size: f.Size, Angle: angle}
		}
	}
	return sets
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
