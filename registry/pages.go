package registry

import (
	"context"
	"errors"
	"fmt"

	"selvage/fingerprint"
	"selvage/store"
)

// A picture that is asked about may be a page: then its text is read and the lines of its
// drawings are drawn anew, which takes longer than all else. It is done only where that may lead
// anywhere: once a manuscript that is not private was registered, or one of the asker's own.

var pagesKey = []byte("s/pages") // empty: there was an open manuscript

// readsPages reports whether a picture of the asker's is to be read as a page.
func (s *Service) readsPages(ctx context.Context, asker OwnerID) (reads bool, err error) {
	if s.pages.Load() {
		return true, nil
	}
	err = s.KV.View(ctx, func(tx store.Txn) error {
		r, err := load[ownerRecord](tx, ownerKey(asker))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			reads = r.Manuscripts
		}
		return err
	})
	return reads, err
}

// openPages reads whether there was an open manuscript.
func (s *Service) openPages(ctx context.Context) error {
	err := s.KV.View(ctx, func(tx store.Txn) error {
		_, err := tx.Get(pagesKey)
		return err
	})
	switch {
	case err == nil:
		s.pages.Store(true)
	case !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("pages: %w", err)
	}
	return nil
}

// notePages notes an open manuscript, in the transaction that makes it open.
func notePages(tx store.Txn, w *Work) error {
	if w.Kind != fingerprint.Manuscript || w.Visibility == Private {
		return nil
	}
	return tx.Set(pagesKey, nil)
}

// hasManuscript notes that an owner has one.
func hasManuscript(tx store.Txn, o OwnerID) error {
	r, err := load[ownerRecord](tx, ownerKey(o))
	if err != nil || r.Manuscripts {
		return err
	}
	r.Manuscripts = true
	return save(tx, ownerKey(o), r)
}
