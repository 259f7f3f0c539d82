package registry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"selvage/fingerprint"
	"selvage/index"
	"selvage/provenance/c2pa"
	"selvage/store"
)

// ManifestID names a manifest store: the label of its active manifest, and where that may
// not be enough, "@sha256:" and the digest of the store behind it. Labels are chosen by
// whoever signs, so that two stores may carry the same one, by accident or by fraud; with
// the digest nobody can be given another store than was meant.
type ManifestID string

const digestMark = "@sha256:"

// cut splits an identifier; the digest is zero where it has none.
func (id ManifestID) cut() (label string, d fingerprint.Digest, ok bool) {
	label, hex, has := strings.Cut(string(id), digestMark)
	if has {
		var err error
		if d, err = fingerprint.ParseDigest(hex); err != nil {
			return "", d, false
		}
	}
	return label, d, label != ""
}

// ErrAmbiguous is returned for a label that more than one manifest store has.
var ErrAmbiguous = errors.New("more than one manifest store has this label")

// bindingRadius is how many bits a code may differ from a registered one to stand for it.
// There is no second stage as for a file, so that only what is nearly the same counts; the
// codes of unrelated pictures differ by far more, see docs/accuracy.md.
const bindingRadius = 10

// bindingQuality is the least quality of a code that is answered for: PDQ's own advice.
const bindingQuality = 50

// ManifestMatch is one manifest store found for a file or a code.
type ManifestMatch struct {
	Manifest ManifestID
	Work     WorkID
	Score    int // 0 to 100
}

// Manifests says which manifest stores belong to the works that a report, which the asker
// was just given, accuses: at most limit, the surest first. Works that brought none are
// left out. A matchable work of somebody else is named too, as in the report; its store is
// not to be had, see Manifest.
func (s *Service) Manifests(ctx context.Context, asker OwnerID, rep *MatchReport, limit int) ([]ManifestMatch, error) {
	out := []ManifestMatch{}
	err := s.KV.View(ctx, func(tx store.Txn) error {
		for _, m := range rep.Matches {
			if len(out) == limit {
				break
			}
			if !m.Verdict.Accuses() {
				continue
			}
			if err := addManifest(tx, &out, asker, m.Owner, m.Work, m.Asset, int(math.Round(100*m.Probability))); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// ManifestsByCode is Manifests for a pdq256.v1 code alone: the works whose code differs by
// at most 10 bits, the nearest first, but one owner's after another's where very many are
// near. Only own and public works are answered for. A picture that everybody may
// see keeps no code secret; of any other work the code could be found out bit by bit from
// such answers, and fingerprints are as confidential as the work.
func (s *Service) ManifestsByCode(ctx context.Context, asker OwnerID, code []byte, limit int) ([]ManifestMatch, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	c, err := index.CodeOf(code)
	if err != nil {
		return nil, &InvalidError{"value", fmt.Sprintf("a %s value has 32 bytes; send them as base64", fingerprint.PDQ256)}
	}
	n, err := s.askerNumber(ctx, asker)
	if err != nil {
		return nil, err
	}
	hits, err := s.nearCode(c, n)
	if err != nil {
		return nil, fmt.Errorf("match code: %w", err)
	}
	var refs []candidate
	distance := map[assetRef]int{} // of the nearest of an asset's codes
	for _, h := range hits {
		ref := assetOf(h.ID)
		if _, again := distance[ref]; !again {
			distance[ref] = int(h.Distance)
			refs = append(refs, candidate{assetRef: ref})
		}
	}
	out := []ManifestMatch{}
	err = s.KV.View(ctx, func(tx store.Txn) error {
		for _, near := range fair(refs, maxLocal) {
			if len(out) == limit {
				break
			}
			rec, err := loadPrinted[assetRecord](tx, assetKey(near.assetRef))
			if errors.Is(err, store.ErrNotFound) {
				continue // erased since the index was asked
			}
			if err != nil {
				return err
			}
			p, ok := rec.Result.Print(fingerprint.PDQ256, fingerprint.Full)
			if !ok || p.Quality < bindingQuality || rec.Result.Insufficient != "" {
				continue
			}
			w, err := load[Work](tx, workKey(rec.Owner, rec.Work))
			if err != nil {
				return err
			}
			if w.Withdrawn != nil || w.Owner != asker && w.Visibility != Public {
				continue
			}
			score := 100 - int(math.Round(100*float64(distance[near.assetRef])/256))
			if err := addManifest(tx, &out, asker, rec.Owner, rec.Work, rec.Digest, score); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// nearCode asks the index of open works, and that of closed ones within the asker's own.
func (s *Service) nearCode(c index.Code, asker ownerNumber) ([]index.Hit, error) {
	s.moving.RLock()
	defer s.moving.RUnlock()
	hits, err := s.open.codes.Range([]index.Code{c}, bindingRadius)
	if err != nil {
		return nil, err
	}
	if asker != 0 {
		from, to := asker.ids()
		own, err := s.closed.codes.RangeWithin([]index.Code{c}, bindingRadius, from, to)
		if err != nil {
			return nil, err
		}
		hits = append(hits, own...)
	}
	slices.SortFunc(hits, index.Hit.Compare)
	return hits, nil
}

// addManifest names the store of one asset, unless it brought none or stands there already.
func addManifest(tx store.Txn, out *[]ManifestMatch, asker, owner OwnerID, id WorkID, asset fingerprint.Digest, score int) error {
	c, err := loadCredentials(tx, owner, id, asset)
	if err != nil || c == nil {
		return err
	}
	// The label alone, where it leads this asker to this store and to no other.
	m := ManifestMatch{Manifest: ManifestID(c.Claims.Manifest), Work: id, Score: score}
	found, err := findManifests(tx, asker, m.Manifest)
	if err != nil {
		return err
	}
	if len(found) == 0 || slices.ContainsFunc(found, func(f foundManifest) bool { return f.store != c.Store }) {
		m.Manifest += ManifestID(digestMark + c.Store.String())
	}
	if slices.ContainsFunc(*out, func(o ManifestMatch) bool { return o.Manifest == m.Manifest }) {
		return nil
	}
	*out = append(*out, m)
	return nil
}

// findManifests lists the works that the asker may read and that brought this manifest, the
// earliest first.
func findManifests(tx store.Txn, asker OwnerID, id ManifestID) ([]foundManifest, error) {
	label, want, ok := id.cut()
	if !ok {
		return nil, nil
	}
	var found []foundManifest
	for _, scope := range []string{string(asker), everybody} {
		prefix := labelPrefix(scope, label)
		var bad error
		err := tx.Scan([]byte(prefix), nil, func(k, v []byte) bool {
			var f foundManifest
			if f, bad = parseLabelRow(k[len(prefix):], v); bad != nil {
				return false
			}
			if (want.IsZero() || want == f.store) && !slices.Contains(found, f) {
				found = append(found, f)
			}
			return true
		})
		if err := errors.Join(err, bad); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b foundManifest) int { return strings.Compare(string(a.work), string(b.work)) })
	return found, nil
}

// manifest finds the one store of that name, in the earliest work that the asker may read.
func (s *Service) manifest(tx store.Txn, asker OwnerID, id ManifestID) (*Work, *Credentials, error) {
	found, err := findManifests(tx, asker, id)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range found {
		if f.store != found[0].store {
			return nil, nil, ErrAmbiguous
		}
	}
	for _, f := range found {
		w, err := s.visible(tx, asker, f.work)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		c, err := load[Credentials](tx, credentialsKey(w.Owner, w.ID, f.asset))
		return w, c, err
	}
	return nil, nil, ErrNotFound
}

// Manifest returns a manifest store, or with active the active manifest alone in a store of
// its own, of an own work or a public one. A manifest holds a title and often a small
// picture, which is more than a matchable work shows, so that it is ErrNotFound there, like
// a private one and one that does not exist. ErrAmbiguous where the label alone does not
// say which.
func (s *Service) Manifest(ctx context.Context, asker OwnerID, id ManifestID, active bool) ([]byte, error) {
	var w *Work
	var c *Credentials
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		w, c, err = s.manifest(tx, asker, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	data, err := s.Blobs.Read(ctx, string(w.Owner), c.Store, c.Size)
	if err != nil {
		return nil, fmt.Errorf("manifest store of work %s: %w", w.ID, err)
	}
	if active {
		return c2pa.ActiveManifest(data)
	}
	return data, nil
}
