package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/photo"
	"selvage/fingerprint/video"
	"selvage/index"
	textindex "selvage/index/text"
	"selvage/index/timeline"
	"selvage/store"
)

// A video or a manuscript is asked about by all that it holds at once: its pictures, the codes
// of its frames, its text. What these find is gathered by registered asset, and each asset is
// then compared once: with a file of the same kind as a whole, with any other by the pictures
// that look alike.

// How many candidates one part of a query and its text give, how many assets are compared for
// one query, and by how many pairs of pictures. All parts together give proofsParts candidates, and
// each of many at least leastProofs: what many pages are copied from is found by many of them.
const (
	proofsPerPart = 24
	proofsParts   = 96
	leastProofs   = 6
	proofsText    = 40
	maxHolders    = 60
	maxPairs      = 24
)

// proofs is how many candidates each of so many parts gives.
func proofs(parts int) int {
	return max(leastProofs, min(proofsPerPart, proofsParts/max(1, parts)))
}

// holder is a registered asset that may hold something of the query.
type holder struct {
	assetRef
	pairs  []holderPair // the likeliest first, once they are ranked
	weight float64      // how much speaks for it
	text   bool         // their texts have something in common
}

// holderPair is two pictures that may show the same, each variant once.
type holderPair struct {
	manuscript.Pair
	weight float64
}

func (h *holder) add(p fingerprint.PartPair, v []local.Variant, weight float64) {
	h.weight += weight
	i := slices.IndexFunc(h.pairs, func(o holderPair) bool { return o.PartPair == p })
	if i < 0 {
		i = len(h.pairs)
		h.pairs = append(h.pairs, holderPair{Pair: manuscript.Pair{PartPair: p}})
	}
	pair := &h.pairs[i]
	for _, one := range v {
		if !slices.Contains(pair.Variants, one) {
			pair.Variants = append(pair.Variants, one)
		}
	}
	pair.weight += weight
}

// holders gathers candidates by asset.
type holders struct {
	at   map[assetRef]*holder
	tx   store.Txn
	know spans
}

func newHolders(tx store.Txn) *holders {
	return &holders{at: map[assetRef]*holder{}, tx: tx, know: spans{tx: tx}}
}

func (h *holders) of(ref assetRef) *holder {
	if h.at[ref] == nil {
		h.at[ref] = &holder{assetRef: ref}
	}
	return h.at[ref]
}

// add takes the candidates of one part of the query, or of the query itself (-1); drawn says
// whether it is lines drawn anew, which are compared with their like only.
func (h *holders) add(part int, list []candidate, drawn bool) error {
	for rank, c := range list {
		r, err := h.know.of(c.assetRef)
		if err != nil {
			return err
		}
		if n := r.part(c.seq); !r.other(n, drawn) {
			h.of(r.assetRef).add(fingerprint.PartPair{Query: part, Ref: n}, c.variants, 1/float64(1+rank))
		}
	}
	return nil
}

// ranked is up to maxHolders assets, those for which most speaks first, but one owner's after
// another's.
func (h *holders) ranked() []*holder {
	var all []*holder
	for _, one := range h.at {
		slices.SortStableFunc(one.pairs, func(a, b holderPair) int { return cmp.Compare(b.weight, a.weight) })
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *holder) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.owner, b.owner), cmp.Compare(a.seq, b.seq))
	})
	return fairly(all, maxHolders, func(x *holder) ownerNumber { return x.owner })
}

// gather is stage 1 for all that a query holds beside being a picture.
func (s *Service) gather(h *holders, d fingerprint.Digest, r *fingerprint.Result, sc scope) error {
	const surely = 1e6
	same, err := exact(h.tx, d, r, sc)
	if err != nil {
		return err
	}
	for _, ref := range same {
		h.of(ref).weight += surely
	}
	s.moving.RLock()
	defer s.moving.RUnlock()
	read := manuscript.ReadPages(r)
	limit := proofs(len(r.Parts))
	for i, p := range r.Parts {
		part, text := p.Result, false
		if p.Kind == fingerprint.PagePart && read[p.Page] {
			part, text = ofText(p.Result)
		}
		byFeatures, err := s.byFeatures(part, sc, everyone)
		if err != nil {
			return err
		}
		var byCode []candidate
		if !text { // as a whole, all pages of text look alike
			if byCode, err = s.byCode(part, sc); err != nil {
				return err
			}
		}
		for _, list := range [][]candidate{byFeatures, byCode} {
			if list, err = h.know.thin(list, limit, p.Kind.Drawn()); err != nil {
				return err
			}
			if err := h.add(i, fair(list, limit), p.Kind.Drawn()); err != nil {
				return err
			}
		}
	}
	if err := s.gatherFrames(h, r, sc); err != nil {
		return err
	}
	return s.gatherTexts(h, r, sc)
}

// ofText is the picture of a page whose text could be read, as far as it is worth looking for: it is
// not mirrored, and its text is looked for too, so that its strongest features are enough. It is false
// where there are not so many.
func ofText(r *fingerprint.Result) (*fingerprint.Result, bool) {
	q := photo.LocalQuery(r)
	if q == nil || len(q.Sets[local.Plain]) < textFeatures {
		return r, false
	}
	one, some := *r, *q
	for v, set := range q.Sets {
		if local.Variant(v)&local.Mirrored != 0 {
			set = nil
		}
		some.Sets[v] = set[:min(len(set), textFeatures)]
	}
	one.Query = &some
	return &one, true
}

const textFeatures = 200

// leastShared is how many winnowed hashes two texts share that have enough in common to be told;
// shortText is the number of hashes of a query from which on it holds. The guarantee of winnowing
// gives each 27 letters one, and chance gives one to many pairs of texts.
const (
	leastShared = 2
	shortText   = 10
)

// gatherFrames finds videos whose frames run as those of the query do.
func (s *Service) gatherFrames(h *holders, r *fingerprint.Result, sc scope) error {
	var moments []timeline.Moment
	for _, m := range video.Moments(r) {
		one := timeline.Moment{Time: m.Time, Weight: m.Weight}
		for _, p := range m.Probes {
			one.Probes = append(one.Probes, index.Code(p))
		}
		moments = append(moments, one)
	}
	if len(moments) == 0 {
		return nil
	}
	list, err := both(s, sc, func(x *shelf) ([]timeline.Candidate, error) { return x.frames.Search(moments, timeline.Options{}) },
		func(x *shelf, from, to index.ID) ([]timeline.Candidate, error) {
			return x.frames.SearchWithin(moments, from, to, timeline.Options{})
		})
	if err != nil {
		return err
	}
	for _, c := range list {
		ref, err := trackOwner(h.tx, c.Track)
		if errors.Is(err, store.ErrNotFound) {
			continue // of a registration that is not committed, or erased
		}
		if err != nil {
			return err
		}
		if !sc.notOwn || ref.owner != sc.asker {
			h.of(ref).weight += c.Score
		}
	}
	return nil
}

// gatherTexts finds manuscripts that share text with the query.
func (s *Service) gatherTexts(h *holders, r *fingerprint.Result, sc scope) error {
	t, err := manuscript.TextOf(r)
	if t == nil || err != nil {
		return err
	}
	hashes := t.Hashes()
	list, err := both(s, sc, func(x *shelf) ([]textindex.Candidate, error) { return x.texts.Search(hashes, 10*proofsText) },
		func(x *shelf, from, to index.ID) ([]textindex.Candidate, error) {
			return x.texts.SearchWithin(hashes, 10*proofsText, from, to)
		})
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(c textindex.Candidate) bool {
		return sc.notOwn && assetOf(c.ID).owner == sc.asker || c.Shared < leastShared && len(hashes) >= shortText
	})
	for _, c := range list {
		if one := h.at[assetOf(c.ID)]; one != nil {
			one.text = true
		}
	}
	for rank, c := range fairly(list, proofsText, func(c textindex.Candidate) ownerNumber { return assetOf(c.ID).owner }) {
		one := h.of(assetOf(c.ID))
		one.text = true
		one.weight += 10 / float64(1+rank)
	}
	return nil
}

// both asks the index of the open works and, as far as the scope holds them, that of the
// private ones: of an asker's own without touching anybody else's.
func both[T any](s *Service, sc scope, all func(*shelf) ([]T, error), within func(x *shelf, from, to index.ID) ([]T, error)) (out []T, err error) {
	if sc.open {
		if out, err = all(s.open); err != nil {
			return nil, err
		}
	}
	var more []T
	switch {
	case sc.strangers:
		more, err = all(s.closed)
	case sc.own && !sc.notOwn && sc.asker != 0:
		from, to := sc.asker.ids()
		more, err = within(s.closed, from, to)
	}
	return append(out, more...), err
}

// comparer is stage 2 for all that a query holds.
type comparer struct {
	tx     store.Txn
	r      *fingerprint.Result
	photos []*photo.Query // by part, the query itself first
	clip   *video.Query
	doc    *manuscript.Query
}

func newComparer(tx store.Txn, r *fingerprint.Result) (*comparer, error) {
	c := &comparer{tx: tx, r: r, photos: make([]*photo.Query, len(r.Parts)+1)}
	var err error
	switch r.Work {
	case fingerprint.Video:
		c.clip = video.NewQuery(r)
	default:
		c.doc, err = manuscript.NewQuery(r)
	}
	return c, err
}

// compare compares the query with one asset.
func (c *comparer) compare(h *holder) (found, error) {
	rec, err := loadPrinted[assetRecord](c.tx, assetKey(h.assetRef))
	if err != nil {
		return found{}, err
	}
	f := found{ref: h.assetRef, record: rec, alone: alone(c.r), query: c.r, parts: map[int]*fingerprint.Result{}}
	likely := h.pairs[:min(len(h.pairs), maxPairs)]
	ref := *rec.Result
	ref.Parts = rec.Parts
	load := func(part int) (*fingerprint.Result, error) {
		if part < 0 {
			return rec.Result, nil
		}
		if p, ok := f.parts[part]; ok {
			return p, nil
		}
		p, err := loadPrinted[assetRecord](c.tx, assetKey(h.part(part)))
		if err != nil {
			return nil, err
		}
		f.parts[part] = p.Result
		return p.Result, nil
	}
	switch kind := rec.Result.Work; {
	case c.clip != nil && kind != fingerprint.Manuscript:
		var pairs []fingerprint.PartPair
		for _, p := range likely {
			pairs = append(pairs, p.PartPair)
		}
		f.clip, err = c.clip.Compare(&ref, pairs, load)
	case c.doc != nil && kind != fingerprint.Video:
		var pairs []manuscript.Pair
		for _, p := range likely {
			pairs = append(pairs, p.Pair)
		}
		f.doc, err = c.doc.Compare(&ref, h.text, pairs, load)
	default:
		err = c.pictures(h, rec, &f)
	}
	return f, err
}

// photo is a part of the query as a picture; -1 is the query.
func (c *comparer) photo(part int) *photo.Query {
	if c.photos[part+1] == nil {
		r := c.r
		if part >= 0 {
			r = r.Parts[part].Result
		}
		c.photos[part+1] = photo.NewQuery(r)
	}
	return c.photos[part+1]
}

// pictures compares files of two kinds by the pictures that look alike.
func (c *comparer) pictures(h *holder, rec *assetRecord, f *found) error {
	prob := -1.0
	for _, p := range h.pairs[:min(len(h.pairs), maxPairs)] {
		part, err := loadPrinted[assetRecord](c.tx, assetKey(h.part(p.Ref)))
		if err != nil {
			return err
		}
		if p.Query >= 0 && c.r.Parts[p.Query].Kind.Drawn() || part.Part != nil && part.Part.Kind.Drawn() {
			continue // drawn anew: no picture that anybody has seen
		}
		x := c.photo(p.Query).Compare(part.Result, p.Variants...)
		if v := x.Probability(); v > prob {
			prob = v
			f.record, f.cmp, f.queryPart = part, x, nil
			if p.Query >= 0 {
				f.queryPart = &c.r.Parts[p.Query]
			}
		}
	}
	return nil
}

// discount judges what was found again without what several works have in common.
func (c *comparer) discount(all []found) {
	var clips []*video.Comparison
	var docs []*manuscript.Comparison
	for i := range all {
		if all[i].clip != nil {
			clips = append(clips, all[i].clip)
		}
		if all[i].doc != nil {
			docs = append(docs, all[i].doc)
		}
	}
	if len(clips) > 0 {
		c.clip.Discount(clips)
	}
	if len(docs) > 0 {
		c.doc.Discount(docs)
	}
	for i := range all {
		all[i].judge()
	}
}

// searchInside is search for what a query holds beside being a picture, and for the manuscripts
// that stage 1 of a picture found; more gives the candidates of the latter.
func (s *Service) searchInside(ctx context.Context, d fingerprint.Digest, r *fingerprint.Result, sc scope, more []candidate) ([]found, error) {
	var all []found
	err := s.KV.View(ctx, func(tx store.Txn) error {
		h := newHolders(tx)
		if err := errors.Join(s.gather(h, d, r, sc), h.add(-1, more, false)); err != nil {
			return err
		}
		c, err := newComparer(tx, r)
		if err != nil {
			return err
		}
		best := map[WorkID]found{}
		for _, one := range h.ranked() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if sc.before != 0 && one.seq >= sc.before {
				continue
			}
			f, err := c.compare(one)
			if errors.Is(err, store.ErrNotFound) {
				continue // erased since stage 1
			}
			if err != nil {
				return err
			}
			f.same = f.record.Digest == d
			f.judge()
			if b, ok := best[f.record.Work]; ok && b.prob >= f.prob || f.prob == 0 {
				continue
			}
			if f.work, err = load[Work](tx, workKey(f.record.Owner, f.record.Work)); err != nil {
				return err
			}
			// The indexes follow the store by a moment; the store decides.
			if f.work.Withdrawn != nil || !sc.sees(one.owner, f.work.Visibility == Private) {
				continue
			}
			best[f.record.Work] = f
		}
		for _, f := range best {
			all = append(all, f)
		}
		slices.SortFunc(all, bySureness)
		c.discount(all)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	slices.SortFunc(all, bySureness)
	return all, nil
}
