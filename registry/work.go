package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"selvage/fingerprint"
	"selvage/store"
)

// cutPending reads the owner and work of an outbox row l/<owner>/<work>.
func cutPending(k []byte) (OwnerID, WorkID, bool) {
	owner, work, ok := bytes.Cut(bytes.TrimPrefix(k, []byte("l/")), []byte("/"))
	return OwnerID(owner), WorkID(work), ok && validID("w_", string(work))
}

// workWithProof loads a work with the proven time filled in.
func (s *Service) workWithProof(tx store.Txn, o OwnerID, id WorkID) (*Work, error) {
	w, err := load[Work](tx, workKey(o, id))
	if err != nil {
		return nil, err
	}
	p, err := load[proofRecord](tx, proofKey(o, id))
	if err != nil {
		return nil, err
	}
	w.Proven = p.Proven
	return w, nil
}

// visible loads a work that the asker may read: an own one, or a public one of somebody
// else that is not withdrawn. Everything else is ErrNotFound, existing or not.
func (s *Service) visible(tx store.Txn, asker OwnerID, id WorkID) (*Work, error) {
	if !validID("w_", string(id)) {
		return nil, ErrNotFound
	}
	owner, err := tx.Get(workOwnerKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	w, err := s.workWithProof(tx, OwnerID(owner), id)
	if err != nil {
		return nil, err
	}
	if w.Owner != asker && (w.Visibility != Public || w.Withdrawn != nil) {
		return nil, ErrNotFound
	}
	return w, nil
}

// Work returns a work: whole, with its fingerprints and content credentials, to its owner;
// a public work without them and without file names to everybody else. Anything else is
// ErrNotFound.
func (s *Service) Work(ctx context.Context, asker OwnerID, id WorkID) (*Work, error) {
	var w *Work
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		if w, err = s.visible(tx, asker, id); err != nil {
			return err
		}
		if w.Owner != asker {
			for i := range w.Assets {
				w.Assets[i].Name = ""
			}
			return nil
		}
		n, err := s.numberOf(tx, w.Owner)
		if err != nil {
			return err
		}
		for i, a := range w.Assets {
			rec, err := loadPrinted[assetRecord](tx, assetKey(assetRef{n, a.Seq}))
			if err != nil {
				return err
			}
			w.Assets[i].Result = rec.Result
			if w.Assets[i].Credentials, err = loadCredentials(tx, w.Owner, w.ID, a.Digest); err != nil {
				return err
			}
		}
		return nil
	})
	return w, err
}

// OwnerOf returns who owns a work, for officers and administrators, who act in the
// owner's place. The caller must have checked that right.
func (s *Service) OwnerOf(ctx context.Context, id WorkID) (OwnerID, error) {
	var o OwnerID
	err := s.KV.View(ctx, func(tx store.Txn) error {
		b, err := tx.Get(workOwnerKey(id))
		if errors.Is(err, store.ErrNotFound) {
			return ErrNotFound
		}
		o = OwnerID(b)
		return err
	})
	return o, err
}

// Works lists an owner's works, newest first, without fingerprints. Cursor is a Next of
// an earlier page, or empty; limit runs from 1 to 200.
func (s *Service) Works(ctx context.Context, o OwnerID, cursor string, limit int) (Page[Work], error) {
	page, err := list[Work](ctx, s.KV, "w/"+string(o)+"/", "w_", cursor, limit)
	if err != nil {
		return page, err
	}
	err = s.KV.View(ctx, func(tx store.Txn) error {
		for i := range page.Items {
			p, err := load[proofRecord](tx, proofKey(o, page.Items[i].ID))
			if err != nil {
				return err
			}
			page.Items[i].Proven = p.Proven
		}
		return nil
	})
	return page, err
}

// Events lists an owner's events, newest first.
func (s *Service) Events(ctx context.Context, o OwnerID, cursor string, limit int) (Page[Event], error) {
	return list[Event](ctx, s.KV, "e/"+string(o)+"/", "e_", cursor, limit)
}

// list pages through the rows under prefix. A cursor is the last part of the key of the
// first row of the page.
func list[T any](ctx context.Context, kv store.KV, prefix, kind, cursor string, limit int) (Page[T], error) {
	page := Page[T]{Items: []T{}}
	if limit < 1 || limit > 200 {
		return page, &InvalidError{"limit", "use 1 to 200"}
	}
	if cursor != "" && !validID(kind, cursor) {
		return page, &InvalidError{"cursor", "use the \"next\" of an earlier page as it was given, or leave it out"}
	}
	err := kv.View(ctx, func(tx store.Txn) error {
		var bad error
		err := tx.Scan([]byte(prefix), []byte(prefix+cursor), func(k, v []byte) bool {
			if len(page.Items) == limit {
				page.Next = string(k[len(prefix):])
				return false
			}
			var item T
			if bad = decodeRow(tx, k, v, &item); bad != nil {
				return false
			}
			page.Items = append(page.Items, item)
			return true
		})
		return errors.Join(err, bad)
	})
	return page, err
}

// Withdraw silences a work: on return nothing matches it any more. Its record and proof
// stay. Withdrawing twice is no error.
func (s *Service) Withdraw(ctx context.Context, o OwnerID, id WorkID) error {
	return s.alter(ctx, o, id, func(tx store.Txn, w *Work, _ uint64) error {
		if w.Withdrawn != nil {
			return nil
		}
		now := s.Clock().UTC()
		w.Withdrawn = &now
		if err := s.custody(ctx, tx, o, id, custodyWithdrawn, ""); err != nil {
			return err
		}
		// The same files may be registered again, as a new work with a new date.
		return tx.Delete(sameFilesKey(o, sameFiles(w.Assets)))
	})
}

// SetVisibility changes who may learn of a work; it takes effect at once.
func (s *Service) SetVisibility(ctx context.Context, o OwnerID, id WorkID, v Visibility) error {
	if v != Private && v != Matchable && v != Public {
		return &InvalidError{"visibility", `use "private", "matchable" or "public"`}
	}
	err := s.alter(ctx, o, id, func(tx store.Txn, w *Work, seq uint64) error {
		if w.Withdrawn != nil {
			return &InvalidError{"visibility", "the work is withdrawn; register the files again to have them matched"}
		}
		if w.Visibility == v {
			return nil
		}
		if w.Visibility == Private && v != Private {
			// From here on others may learn of it; owners of earlier works are told now.
			row := watchRow{Cause: EventRegistered, Asker: o, Work: id, Before: w.Assets[0].Seq, Time: s.Clock().UTC().Truncate(time.Millisecond)}
			if err := save(tx, watchKey(o, seq), row); err != nil {
				return err
			}
		}
		w.Visibility = v
		if err := notePages(tx, w); err != nil {
			return err
		}
		return s.custody(ctx, tx, o, id, custodyVisibility, string(v))
	})
	s.watched.wake()
	return err
}

// alter changes an own work in one transaction and brings the indexes along.
func (s *Service) alter(ctx context.Context, o OwnerID, id WorkID, f func(tx store.Txn, w *Work, seq uint64) error) error {
	if !validID("w_", string(id)) {
		return ErrNotFound
	}
	seq, err := s.seq.take(ctx, 1)
	if err != nil {
		return err
	}
	for last := s.altered.Load(); last < seq && !s.altered.CompareAndSwap(last, seq); last = s.altered.Load() {
	}
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		w, err := load[Work](tx, workKey(o, id))
		if errors.Is(err, store.ErrNotFound) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := f(tx, w, seq); err != nil {
			return err
		}
		n, err := s.numberOf(tx, o)
		if err != nil {
			return err
		}
		for _, a := range w.Assets {
			ref := assetRef{n, a.Seq}
			rec, err := loadPrinted[assetRecord](tx, assetKey(ref))
			if err != nil {
				return err
			}
			if err := s.saveExact(tx, w, ref, a.Digest, rec.Result); err != nil {
				return err
			}
			c, err := loadCredentials(tx, o, id, a.Digest)
			if err != nil {
				return err
			}
			if c != nil {
				if err := showCredentials(tx, w, a.Digest, c); err != nil {
					return err
				}
			}
		}
		return errors.Join(save(tx, workKey(o, id), w), save(tx, changeKey(seq), change{Owner: o, Work: id}))
	})
	// As in commit: the indexes follow what is really in the store.
	if err := errors.Join(err, s.follow(ctx, change{Owner: o, Work: id}, seq)); err != nil {
		return fmt.Errorf("work %s: %w", id, err)
	}
	return nil
}

// Fingerprints returns what the hashers say of a file that the caller owns. Nothing is
// stored.
func (s *Service) Fingerprints(ctx context.Context, kind fingerprint.WorkKind, data []byte) (*fingerprint.Result, error) {
	defer s.stage("hash")()
	return s.Hashers.Hash(ctx, kind, data)
}
