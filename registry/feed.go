package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"selvage/fingerprint"
	"selvage/store"
)

// The change feed: every transaction that changes what a work may match writes one row
// c/<seq> that names the work. Applying a row brings the indexes to the work's present
// state, so it may be repeated and may come late. The indexes remember, with their
// files, up to which number they have seen the feed; rows below are deleted.

// change is one row of the feed.
type change struct {
	Owner OwnerID `json:"owner"`
	Work  WorkID  `json:"work"`
	fresh bool    // the work was committed just now: no index has seen it
}

// follow applies a change whose transaction has ended, even when the caller has gone away,
// and closes its number. If that fails the number stays open, which keeps the feed from
// being cut, and flushLoop tries again.
func (s *Service) follow(ctx context.Context, c change, seq uint64) error {
	err := s.apply(context.WithoutCancel(ctx), c)
	if err != nil {
		s.late.Lock()
		c.fresh = false // some of it may have got there, and the work may change meanwhile
		s.late.changes = append(s.late.changes, lateChange{c, seq})
		s.late.Unlock()
		return err
	}
	s.seq.done(seq)
	return nil
}

// lateChange is a change that could not be applied when it was made.
type lateChange struct {
	change
	seq uint64
}

// catchUp applies the late changes.
func (s *Service) catchUp(ctx context.Context) {
	s.late.Lock()
	todo := s.late.changes
	s.late.changes = nil
	s.late.Unlock()
	for _, c := range todo {
		if err := s.follow(ctx, c.change, c.seq); err != nil {
			s.Log.Error("a change has not reached the indexes; it is tried again", "work", c.Work, "err", err)
		}
	}
}

// apply brings the indexes to the present state of a work.
func (s *Service) apply(ctx context.Context, c change) error {
	// One at a time for a work: a registration that was read before a withdrawal must
	// not be written after it.
	mu := &s.applying[maphash.String(s.seed, string(c.Work))%uint64(len(s.applying))]
	mu.Lock()
	defer mu.Unlock()

	var work *Work
	var owner *ownerRecord
	var rows []*assetRecord // of all assets and their parts
	var refs []assetRef
	err := s.KV.View(ctx, func(tx store.Txn) error {
		var err error
		if work, err = load[Work](tx, workKey(c.Owner, c.Work)); err != nil {
			return err
		}
		if owner, err = load[ownerRecord](tx, ownerKey(c.Owner)); err != nil {
			return err
		}
		rows, refs = nil, nil
		for _, a := range work.Assets {
			ref := assetRef{owner.Number, a.Seq}
			r, err := loadPrinted[assetRecord](tx, assetKey(ref))
			if err != nil {
				return err
			}
			parts, err := loadParts(tx, ref, a)
			if err != nil {
				return err
			}
			rows, refs = append(append(rows, r), parts...), append(refs, ref)
			for i := range parts {
				refs = append(refs, ref.part(i))
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // the transaction that wrote the row was never committed, or the tenant was erased
	}
	if err != nil {
		return fmt.Errorf("index %s: %w", c.Work, err)
	}
	if work.Kind == fingerprint.Manuscript && work.Visibility != Private {
		s.pages.Store(true)
	}
	for i, ref := range refs {
		e, err := newEntries(ref, rows[i])
		if err == nil {
			err = s.place(&e, work, c.fresh)
		}
		if err != nil {
			return fmt.Errorf("index %s: %w", c.Work, err)
		}
	}
	s.unflushed.Add(1)
	return nil
}

// place puts one asset where the work's state wants it and nowhere else. Fresh: it is in
// neither index yet.
func (s *Service) place(e *entries, w *Work, fresh bool) error {
	in, out := s.open, s.closed
	if w.Visibility == Private {
		in, out = out, in
	}
	if w.Withdrawn != nil {
		return errors.Join(in.remove(e), out.remove(e))
	}
	// In before out: a search that comes between finds the work twice, not nowhere. One
	// that has looked at the first index before and looks at the second after would find it
	// nowhere, so the removal waits for searches under way. What was never in the other
	// index, which is what a registration brings, need not wait for anybody.
	if err := in.add(e); err != nil || fresh {
		return err
	}
	s.moving.Lock()
	defer s.moving.Unlock()
	return out.remove(e)
}

// replay applies what the indexes have not seen.
func (s *Service) replay(ctx context.Context) error {
	from := min(s.open.cursor(), s.closed.cursor())
	lost, err := s.forgotten(ctx)
	if err != nil {
		return err
	}
	if from < lost {
		s.Log.Warn("the index files are missing or older than the store; rebuilding them", "have", from, "need", lost)
		_, err := s.Reindex(ctx)
		return err
	}
	var todo []change
	err = s.KV.View(ctx, func(tx store.Txn) error {
		var bad error
		err := tx.Scan([]byte("c/"), changeKey(from), func(k, v []byte) bool {
			var c change
			if bad = decodeRow(tx, k, v, &c); bad != nil {
				return false
			}
			todo = append(todo, c)
			return true
		})
		return errors.Join(err, bad)
	})
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	for _, c := range todo {
		if err := s.apply(ctx, c); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
	}
	if len(todo) > 0 {
		s.Log.Info("replayed the change feed", "changes", len(todo))
	}
	return nil
}

// flushLoop writes the indexes to files when enough has changed, and every few minutes
// when anything has.
func (s *Service) flushLoop(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return // Close flushes
		case <-tick.C:
		}
		s.catchUp(ctx)
		n := s.unflushed.Load()
		if n == 0 || n < int64(s.FlushEvery) && time.Since(last) < 5*time.Minute {
			continue
		}
		if err := s.flush(ctx); err != nil {
			s.Log.Error("index flush failed; the change feed keeps what is missing", "err", err)
		}
		last = time.Now()
	}
}

// flush makes the indexes durable and forgets the rows of the feed that they hold.
func (s *Service) flush(ctx context.Context) error {
	n := s.unflushed.Load()
	cursor := s.seq.settled()
	if err := errors.Join(s.open.flush(cursor), s.closed.flush(cursor)); err != nil {
		return fmt.Errorf("index flush: %w", err)
	}
	s.unflushed.Add(-n)
	return s.forget(ctx, cursor)
}

// forgottenKey holds the number below which rows of the feed have been deleted: index
// files that have not seen the feed so far cannot catch up from it.
var forgottenKey = []byte("s/forgotten")

func (s *Service) forgotten(ctx context.Context) (cursor uint64, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) error {
		b, err := tx.Get(forgottenKey)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		case len(b) != 8:
			return fmt.Errorf("row %q: %w", forgottenKey, store.ErrCorrupt)
		}
		cursor = binary.BigEndian.Uint64(b)
		return nil
	})
	return cursor, err
}

// forget deletes the rows of the feed below cursor, a bounded number a transaction.
func (s *Service) forget(ctx context.Context, cursor uint64) error {
	// What was deleted before is not walked over again.
	from, err := s.forgotten(ctx)
	if err != nil {
		return err
	}
	for {
		n := 0
		err := s.KV.Update(ctx, func(tx store.Txn) error {
			n = 0
			var dead [][]byte
			err := tx.Scan([]byte("c/"), changeKey(from), func(k, _ []byte) bool {
				if len(k) != 10 || binary.BigEndian.Uint64(k[2:]) >= cursor {
					return false
				}
				dead = append(dead, append([]byte(nil), k...))
				return len(dead) < 5000
			})
			if err != nil {
				return err
			}
			for _, k := range dead {
				if err := tx.Delete(k); err != nil {
					return err
				}
			}
			n = len(dead)
			return tx.Set(forgottenKey, binary.BigEndian.AppendUint64(nil, cursor))
		})
		if err != nil {
			return fmt.Errorf("change feed: %w", err)
		}
		if n < 5000 {
			return nil
		}
	}
}
