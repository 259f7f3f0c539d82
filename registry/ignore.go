package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/photo"
	"selvage/fingerprint/video"
	"selvage/store"
)

// MaxIgnored is how many pictures an owner's ignore bank may hold.
const MaxIgnored = 200

// Ignored is one picture of an owner's ignore bank: content that many works share by
// right (a logo, a stock background, a text banner, the title card of a video) and that is no
// evidence of copying.
// The file itself is not kept, only its fingerprints.
type Ignored struct {
	ID     string             `json:"id"` // "i_" and 26 characters that sort by time
	Label  string             `json:"label"`
	Digest fingerprint.Digest `json:"digest"`
	Size   int64              `json:"size"`
	Format string             `json:"format"`
	Width  int                `json:"width"`
	Height int                `json:"height"`
	Time   time.Time          `json:"time"` // when it was added
}

func ignoredKey(o OwnerID, id string) []byte { return []byte("i/" + string(o) + "/" + descending(id)) }

// Ignore puts a picture into the owner's ignore bank. The same picture again, by bytes or
// by pixels, is the same entry with the new label. From its return on, what a query of this
// owner shares with the picture is no evidence: see sift.go for whom that concerns, which
// is this owner alone.
func (s *Service) Ignore(ctx context.Context, o OwnerID, label string, f File) (entry *Ignored, added bool, err error) {
	if s.shut.Load() {
		return nil, false, ErrClosed
	}
	if _, err := ParseOwner(string(o)); err != nil {
		return nil, false, err
	}
	if label == "" {
		return nil, false, &InvalidError{"label", "say what it is, for example \"our logo\""}
	}
	if err := checkNote("label", label, 200); err != nil {
		return nil, false, err
	}
	r, err := s.Hashers.Hash(ctx, fingerprint.Photo, f.Data)
	if err != nil {
		return nil, false, err
	}
	if r.Insufficient != "" {
		return nil, false, &InvalidError{"file", "it holds too little to be recognised again (" + r.Insufficient + "); send a picture with more in it"}
	}
	now := s.Clock().UTC().Truncate(time.Millisecond)
	fresh := ignoredRecord{Ignored{
		ID: newID("i_", now), Label: label, Digest: fingerprint.DigestOf(f.Data), Size: int64(len(f.Data)),
		Format: r.Format, Width: r.Width, Height: r.Height, Time: now,
	}, r}
	known, err := s.ignored(ctx, o)
	if err != nil {
		return nil, false, err
	}
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		rec := fresh
		added = true
		all, err := loadIgnored(tx, o, known)
		if err != nil {
			return err
		}
		for _, old := range all {
			if old.Digest == rec.Digest || pixelsOf(old.Result) == pixelsOf(r) && !pixelsOf(r).IsZero() {
				rec, added = *old, false
				rec.Label = label
			}
		}
		if added && len(all) >= MaxIgnored {
			return &InvalidError{"file", fmt.Sprintf("the ignore bank is full: it holds %d pictures; remove one first", MaxIgnored)}
		}
		entry = &rec.Ignored
		return savePrinted(tx, ignoredKey(o, rec.ID), rec)
	})
	s.banks.forget(o) // also after an error: the store may have committed all the same
	if err != nil {
		return nil, false, err
	}
	return entry, added, nil
}

// IgnoredList is the owner's ignore bank, newest first.
func (s *Service) IgnoredList(ctx context.Context, o OwnerID) ([]Ignored, error) {
	out := []Ignored{}
	all, err := s.ignored(ctx, o)
	for _, e := range all {
		out = append(out, e.Ignored)
	}
	return out, err
}

// Unignore takes a picture out of the owner's ignore bank; ErrNotFound if it is not there.
func (s *Service) Unignore(ctx context.Context, o OwnerID, id string) error {
	if s.shut.Load() {
		return ErrClosed
	}
	if !validID("i_", id) {
		return ErrNotFound
	}
	err := s.KV.Update(ctx, func(tx store.Txn) error {
		if _, err := tx.Get(ignoredKey(o, id)); err != nil {
			return err
		}
		return tx.Delete(ignoredKey(o, id))
	})
	s.banks.forget(o)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// ignored returns the owner's ignore bank with its fingerprints. The entries are shared:
// nobody may change them.
func (s *Service) ignored(ctx context.Context, o OwnerID) ([]*ignoredRecord, error) {
	all, mark, ok := s.banks.load(o)
	if ok {
		return all, nil
	}
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		all, err = loadIgnored(tx, o, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ignore bank: %w", err)
	}
	s.banks.store(o, all, mark)
	return all, nil
}

// loadIgnored reads a bank. Rows that are known already are not decoded again, as only
// their label can have changed.
func loadIgnored(tx store.Txn, o OwnerID, known []*ignoredRecord) (all []*ignoredRecord, err error) {
	at := map[string]*ignoredRecord{}
	for _, e := range known {
		at[string(ignoredKey(o, e.ID))] = e
	}
	var bad error
	err = tx.Scan([]byte("i/"+string(o)+"/"), nil, func(k, v []byte) bool {
		if e := at[string(k)]; e != nil {
			all = append(all, e)
			return true
		}
		rec, err := parsePrinted[ignoredRecord](k, bytes.Clone(v))
		if err != nil {
			bad = err
			return false
		}
		all = append(all, rec)
		return true
	})
	return all, errors.Join(err, bad)
}

// bank is what an owner's ignore bank shows of one query.
type bank struct {
	// whole: one of its pictures is the query, edited or not. Then nothing that the query
	// shares with a work is evidence.
	whole bool
	// Of a photo: pictures of the bank that stand inside it.
	query *photo.Query
	parts []*photo.Comparison
	// Of a video: the frames that are pictures of the bank, by their places in its track.
	clip *video.Query
	rows []bool
}

// explained compares a photo or video that is asked about with an owner's ignore bank.
func (s *Service) explained(ctx context.Context, o OwnerID, d fingerprint.Digest, r *fingerprint.Result) (bank, error) {
	all, err := s.ignored(ctx, o)
	if err != nil || len(all) == 0 {
		return bank{}, err
	}
	switch r.Work {
	case fingerprint.Video:
		return explainedFrames(ctx, all, r)
	case fingerprint.Manuscript:
		return bank{}, nil
	}
	b := bank{query: photo.NewQuery(r)}
	for _, e := range all {
		if err := ctx.Err(); err != nil {
			return b, err
		}
		c := b.query.Compare(e.Result, photo.Variants[:]...)
		switch f := (found{same: e.Digest == d, cmp: c, prob: c.Probability()}); {
		case f.same || c.SamePixels:
			b.whole = true
		case s.policy.acts(f) && c.Places[0].OfContent >= wholeShare:
			b.whole = true
		case s.policy.acts(f):
			b.parts = append(b.parts, c)
		}
	}
	return b, nil
}

// explainedFrames compares the frames of a video with an owner's ignore bank.
func explainedFrames(ctx context.Context, all []*ignoredRecord, r *fingerprint.Result) (bank, error) {
	b := bank{clip: video.NewQuery(r)}
	for _, e := range all {
		if err := ctx.Err(); err != nil {
			return b, err
		}
		for i, yes := range b.clip.Shows(e.Result) {
			if yes && b.rows == nil {
				b.rows = make([]bool, b.clip.Len())
			}
			if yes {
				b.rows[i] = true
			}
		}
	}
	b.whole = b.rows != nil && b.clip.Explained(b.rows)
	return b, nil
}

// wholeShare is the share of a query that a picture of the bank must show to explain it.
const wholeShare = .9

// without judges a finding again without what the bank shows.
func (b *bank) without(f found) found {
	switch {
	case f.same:
		return f
	case f.clip != nil && b.rows != nil:
		f.clip = b.clip.Without(f.clip, b.rows)
		f.judge()
		return f
	case f.doc != nil && f.doc.Relation == manuscript.Pages && b.shows(f.doc.Pairs[0].InQuery):
		f.prob = 0
		return f
	case len(b.parts) == 0 || f.cmp == nil || f.cmp.SamePixels:
		return f
	}
	if f.cmp = b.query.Ignore(f.cmp, b.parts); len(f.cmp.Places) > 0 {
		f.judge()
	}
	return f
}

// shows reports whether the bank's pictures show most of an area of the query.
func (b *bank) shows(area geometry.Polygon) bool {
	for _, c := range b.parts {
		for i := range c.Places {
			if p := &c.Places[i]; p.Probability >= photo.ActThreshold && 2*area.Intersect(p.InQuery).Area() > area.Area() {
				return true
			}
		}
	}
	return false
}

// bankCache remembers the ignore banks of the owners asked for last. The process has its
// store to itself, so what was not changed here was not changed.
type bankCache struct {
	mu    sync.Mutex
	banks map[OwnerID][]*ignoredRecord
	// changes counts forget: a bank that was read before a change must not be remembered
	// after it.
	changes uint64
}

// maxBanks is how many banks are remembered; most are empty.
const maxBanks = 1024

func (c *bankCache) load(o OwnerID) (all []*ignoredRecord, mark uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, ok = c.banks[o]
	return all, c.changes, ok
}

func (c *bankCache) store(o OwnerID, all []*ignoredRecord, mark uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if mark != c.changes {
		return
	}
	if c.banks == nil {
		c.banks = map[OwnerID][]*ignoredRecord{}
	}
	if len(c.banks) >= maxBanks {
		clear(c.banks) // rare, and cheap to read again
	}
	c.banks[o] = all
}

func (c *bankCache) forget(o OwnerID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	delete(c.banks, o)
}
