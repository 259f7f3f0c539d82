package registry

import (
	"context"

	"selvage/store"
)

// An answer has searched the open works before its row comes to the watcher: a match report
// keeps what it found in the row, a registration hands it over in memory. What is left for
// the watcher are strangers' private works.

// finding is what a registration has found of open works by itself.
type finding struct {
	seen uint64        // as in watchRow
	open [][]toldMatch // by file of the new work
}

// expect makes a row wait for handOver.
func (w *watcher) expect(row []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.findings[string(row)] = nil
}

// handOver gives what a registration has found; nil if its search did not end well. No row
// is no registration to tell of.
func (w *watcher) handOver(row []byte, f *finding) {
	if row == nil {
		return
	}
	if f == nil {
		w.forget(row)
	} else {
		w.mu.Lock()
		w.findings[string(row)] = f
		w.mu.Unlock()
	}
	w.wake()
}

func (w *watcher) forget(row []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.findings, string(row))
}

// finding is what was handed over for a row; wait says that it is still to come.
func (w *watcher) finding(row []byte) (f *finding, wait bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, ok := w.findings[string(row)]
	return f, ok && f == nil
}

// watchSearch finds what resembles a query among strangers' private works, and among the
// open ones too if a work may have become open, or private, since every change below seen
// was in the indexes and an answer was made from the open works. Otherwise a work that
// changes from one to the other meanwhile would be in neither search.
func (s *Service) watchSearch(ctx context.Context, q *watchQuery, sc scope, seen uint64) ([]toldMatch, error) {
	for {
		sc.open = s.altered.Load() >= seen
		hits, err := s.searchPacked(ctx, q, sc)
		if err != nil {
			return nil, err
		}
		// Altered is raised before the change is made: what the private works did not hold just
		// now because it had left them shows here.
		if sc.open || s.altered.Load() < seen {
			return s.toldOf(hits), nil
		}
	}
}

// searchPacked searches for the query of a row. It is not even unpacked if nothing but equal
// bytes or pixels could lead anywhere, and they do not.
func (s *Service) searchPacked(ctx context.Context, q *watchQuery, sc scope) ([]found, error) {
	if !sc.open && s.closed.empty() {
		var same []assetRef
		err := s.KV.View(ctx, func(tx store.Txn) (err error) {
			same, err = exact(tx, q.Digest, q.Result, sc)
			return err
		})
		if len(same) == 0 || err != nil {
			return nil, err
		}
	}
	r, err := q.result()
	if err != nil {
		return nil, err
	}
	hits, _, err := s.search(ctx, q.Digest, r, sc)
	return hits, err
}

// toldOf is what the owners of the hits to act upon are told.
func (s *Service) toldOf(hits []found) (out []toldMatch) {
	for _, f := range hits {
		if s.policy.acts(f) {
			out = append(out, toldMatch{f.work.Owner, f.work.ID, s.policy.verdict(f), f.prob, f.reason(s.policy)})
		}
	}
	return out
}

// stillThere leaves out works that were withdrawn since.
func (s *Service) stillThere(ctx context.Context, list []toldMatch) (out []toldMatch, err error) {
	for _, m := range list {
		w, err := s.workNow(ctx, m.Owner, m.Work)
		if err != nil {
			return nil, err
		}
		if w != nil && w.Withdrawn == nil {
			out = append(out, m)
		}
	}
	return out, nil
}
