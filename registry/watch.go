package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"selvage/fingerprint"
	"selvage/store"
)

// watchRow is the outbox row q/<asker>/<seq>: a query or a registration that owners of
// other works, private ones among them, have yet to be told of. It is worked off after
// the answer, so that no answer waits for, or differs by, what strangers keep private.
type watchRow struct {
	Cause   EventKind    `json:"cause"`
	Asker   OwnerID      `json:"asker"`
	Work    WorkID       `json:"work,omitempty"`   // the new work, for EventRegistered
	Before  uint64       `json:"before,omitempty"` // assets registered from here on are no earlier works
	Time    time.Time    `json:"time"`
	Queries []watchQuery `json:"queries"`
}

// watchQuery is one fingerprinted file with what only a query needs, which Result does
// not store.
type watchQuery struct {
	Digest fingerprint.Digest        `json:"digest"`
	Result *fingerprint.Result       `json:"result"`
	Probes []fingerprint.Probe       `json:"probes"`
	Asides []fingerprint.Fingerprint `json:"asides,omitempty"`
	Frame  fingerprint.Rect          `json:"frame"`
}

func newWatchQuery(d fingerprint.Digest, r *fingerprint.Result) watchQuery {
	return watchQuery{d, r, r.Probes, r.Asides, r.Frame}
}

// result is the whole result of the query again.
func (q watchQuery) result() *fingerprint.Result {
	q.Result.Probes, q.Result.Asides, q.Result.Frame = q.Probes, q.Asides, q.Frame
	return q.Result
}

// watcher works off the rows.
type watcher struct {
	s    *Service
	bell chan struct{}
}

func newWatcher(s *Service) *watcher { return &watcher{s: s, bell: make(chan struct{}, 1)} }

func (w *watcher) wake() {
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

func (w *watcher) run(ctx context.Context) {
	w.wake() // what the last run left
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.bell:
		}
		for {
			n, err := w.drain(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				w.s.Log.Error("telling owners failed; it is tried again", "err", err)
				select {
				case <-ctx.Done():
					return
				case <-time.After(2 * time.Second):
				}
				continue
			}
			if n == 0 {
				break
			}
		}
	}
}

// drain works off up to 64 rows and returns how many there were.
func (w *watcher) drain(ctx context.Context) (int, error) {
	type entry struct {
		key []byte
		row watchRow
	}
	var rows []entry
	err := w.s.KV.View(ctx, func(tx store.Txn) error {
		var bad error
		err := tx.Scan([]byte("q/"), nil, func(k, v []byte) bool {
			e := entry{key: append([]byte(nil), k...)}
			if bad = decodeRow(k, v, &e.row); bad != nil {
				return false
			}
			rows = append(rows, e)
			return len(rows) < 64
		})
		return errors.Join(err, bad)
	})
	if err != nil {
		return 0, err
	}
	for _, e := range rows {
		if err := w.tell(ctx, e.key, e.row); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// tell writes the events that follow from one row and deletes the row, in one transaction.
func (w *watcher) tell(ctx context.Context, key []byte, row watchRow) error {
	s := w.s
	asker, err := s.askerNumber(ctx, row.Asker)
	if err != nil {
		return err
	}
	type news struct {
		owner OwnerID
		event Event
	}
	var all []news
	// Owners of matched open works were told with the report itself.
	sc := scope{asker: asker, strangers: true, notOwn: true, open: row.Cause == EventRegistered, before: row.Before}
	for _, q := range row.Queries {
		hits, _, err := s.search(ctx, q.Digest, q.result(), sc)
		if err != nil {
			return err
		}
		for _, f := range hits {
			if !s.policy.acts(f) {
				continue
			}
			all = append(all, news{f.work.Owner, Event{
				Kind: row.Cause, Time: row.Time, Work: f.work.ID, Verdict: s.policy.verdict(f), Probability: f.prob,
				Reason: f.reason(),
			}})
		}
	}
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		for _, n := range all {
			if err := s.saveEvent(tx, n.owner, n.event); err != nil {
				return err
			}
		}
		return tx.Delete(key)
	})
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	return nil
}

// saveEvent gives the event an identifier and a time and writes its row.
func (s *Service) saveEvent(tx store.Txn, o OwnerID, e Event) error {
	now := s.Clock().UTC().Truncate(time.Millisecond)
	if e.Time.IsZero() {
		e.Time = now
	}
	e.ID = newID("e_", now)
	return save(tx, eventKey(o, e.ID), e)
}
