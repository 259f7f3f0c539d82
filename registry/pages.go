package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/manuscript"
	"selvage/store"
)

// A picture that is asked about may be a page: then its text is read and the lines of its
// drawings are drawn anew, which takes longer than all else. It is done only where that may lead
// anywhere: once a manuscript that is not private was registered, or one of the asker's own. The
// lines of a picture that is plainly a drawing are drawn in any case: photos that are drawings
// have lines too.

var pagesKey = []byte("s/pages") // empty: there was an open manuscript

// asPage adds to what was found for a picture what it holds as a page, if nothing that was found
// is to act upon.
func (s *Service) asPage(ctx context.Context, q MatchRequest, rep *MatchReport, r *fingerprint.Result, hits []found, sc scope) ([]found, error) {
	if r.Work != fingerprint.Photo || slices.ContainsFunc(hits, s.policy.acts) {
		return hits, nil
	}
	stage := s.stage("page")
	defer func() { rep.Millis["page"] = ms(stage()) }()
	if err := s.readPage(ctx, q.Asker, r, q.File.Data); err != nil {
		return nil, err
	}
	rep.Query.Notes = r.Notes
	if _, text := r.Print(fingerprint.Text, fingerprint.Full); !text && len(r.Parts) == 0 {
		return hits, nil
	}
	more, err := s.searchInside(ctx, rep.Query.Digest, r, sc, nil)
	if err != nil {
		return nil, err
	}
	hits = surest(hits, more)
	return hits, s.proven(ctx, hits, sc.want)
}

// readPage reads a picture as a page, or as a drawing, where that may lead anywhere.
func (s *Service) readPage(ctx context.Context, asker OwnerID, r *fingerprint.Result, data []byte) error {
	if r.Work != fingerprint.Photo {
		return nil
	}
	reads, err := s.readsPages(ctx, asker)
	switch {
	case err != nil:
		return err
	case reads:
		return manuscript.AddToQuery(ctx, r, data, manuscript.Options{})
	case r.Lines != nil:
		r.Parts, err = r.Lines()
	}
	return err
}

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
