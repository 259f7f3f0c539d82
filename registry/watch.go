package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/store"
)

// watchRow is the outbox row q/<seq>/<asker>: a query or a registration that owners of
// other works, private ones among them, have yet to be told of. It is worked off after
// the answer, so that no answer waits for, or differs by, what strangers keep private.
type watchRow struct {
	Cause   EventKind    `json:"cause"`
	Asker   OwnerID      `json:"asker"`
	Work    WorkID       `json:"work,omitempty"`   // the new work, for EventRegistered
	Before  uint64       `json:"before,omitempty"` // assets registered from here on are no earlier works
	Time    time.Time    `json:"time"`
	Queries []watchQuery `json:"queries"` // null: fingerprint the originals again
	// Match is the report that a query led to, and Open what it found of works that are
	// not private: their owners may fetch it.
	Match MatchID     `json:"match,omitempty"`
	Open  []toldMatch `json:"open,omitempty"`
	// Seen: Open is what there was when every change below this number was in the indexes.
	Seen uint64 `json:"seen,omitempty"`
}

// toldMatch is what the owner of a matched work is told.
type toldMatch struct {
	Owner       OwnerID `json:"owner"`
	Work        WorkID  `json:"work"`
	Verdict     Verdict `json:"verdict"`
	Probability float64 `json:"probability"`
	Reason      string  `json:"reason"`
}

// watchQuery is one fingerprinted file with what only a query needs, which Result does
// not store.
type watchQuery struct {
	Digest fingerprint.Digest        `json:"digest"`
	Result *fingerprint.Result       `json:"result"`
	Probes []fingerprint.Probe       `json:"probes"`
	Asides []fingerprint.Fingerprint `json:"asides,omitempty"`
	Frame  fingerprint.Rect          `json:"frame"`
	Insets []fingerprint.Rect        `json:"insets,omitempty"`
	Local  []byte                    `json:"local,omitempty"` // photo.PackQuery
	// Part says what a query of Parts is, which are those of the file: see fingerprint.Part.
	Part  *fingerprint.Part `json:"part,omitempty"`
	Parts []watchQuery      `json:"parts,omitempty"`
}

// packedParts is how many parts of a query are kept for the watcher: a row must fit into one
// transaction.
const packedParts = 60

// newWatchQuery packs a query even where nobody keeps anything private: the work done for a
// query must not show whether somebody does.
func newWatchQuery(d fingerprint.Digest, r *fingerprint.Result) watchQuery {
	q := watchQuery{Digest: d, Result: r, Probes: r.Probes, Asides: r.Asides, Frame: r.Frame, Insets: r.Insets, Local: photo.PackQuery(r)}
	for i := range min(len(r.Parts), packedParts) {
		p := r.Parts[i*len(r.Parts)/min(len(r.Parts), packedParts)]
		part := newWatchQuery(fingerprint.Digest{}, p.Result)
		part.Part = &p
		q.Parts = append(q.Parts, part)
	}
	return q
}

// result is the whole result of the query again, with what is packed of its features.
func (q *watchQuery) result() (*fingerprint.Result, error) {
	if q.Result.Query != nil || q.Result.Parts != nil {
		return q.Result, nil // unpacked before
	}
	q.Result.Probes, q.Result.Asides, q.Result.Frame, q.Result.Insets = q.Probes, q.Asides, q.Frame, q.Insets
	q.Result.Parts = nil
	for i := range q.Parts {
		r, err := q.Parts[i].result()
		if err != nil {
			return nil, err
		}
		part := *q.Parts[i].Part
		part.Result = r
		q.Result.Parts = append(q.Result.Parts, part)
	}
	return q.Result, photo.UnpackQuery(q.Result, q.Local)
}

// watcher works off the rows, oldest first. A row that fails stays and is tried again;
// the others do not wait for it.
type watcher struct {
	s    *Service
	bell chan struct{}

	// findings are those of registrations of this process, by the key of the row; nil while
	// the registration is still searching. A row without one, which is what a crash leaves,
	// is searched for in full.
	mu       sync.Mutex
	findings map[string]*finding

	// low is the sequence number below which no row is left. Without it every pass would
	// wade through what the passes before have deleted. Of the goroutine of run only.
	low uint64
}

func newWatcher(s *Service) *watcher {
	return &watcher{s: s, bell: make(chan struct{}, 1), findings: map[string]*finding{}}
}

func (w *watcher) wake() {
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

func (w *watcher) run(ctx context.Context) {
	w.wake() // what the last run left
	for {
		var again <-chan time.Time
		left, err := w.pass(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.s.Log.Error("telling owners failed; it is tried again", "err", err)
		}
		if left || err != nil {
			again = time.After(2 * time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.bell:
		case <-again:
		}
	}
}

// pass walks once over all rows and reports whether it left any.
func (w *watcher) pass(ctx context.Context) (left bool, err error) {
	low := w.s.seq.settled() // rows of later numbers may still be on their way
	leave := func(key []byte) { low = min(low, watchNumber(key)) }
	from := binary.BigEndian.AppendUint64([]byte("q/"), w.low)
	for ctx.Err() == nil {
		var key []byte
		var row watchRow
		err := w.s.KV.View(ctx, func(tx store.Txn) error {
			var value []byte
			err := tx.Scan([]byte("q/"), from, func(k, v []byte) bool {
				key, value = bytes.Clone(k), bytes.Clone(v)
				return false
			})
			if err != nil || key == nil {
				return err
			}
			return decodeRow(tx, key, value, &row)
		})
		if key == nil {
			if err == nil {
				w.low = low
			}
			return left, err
		}
		from = append(key, 0)
		if _, wait := w.finding(key); wait {
			leave(key)
			continue // handOver rings the bell
		}
		if err == nil && row.Before > w.s.seq.settled() {
			// A registration with a lower number is still on its way to the indexes, and may be
			// of the very picture.
			left = true
			leave(key)
			continue
		}
		if err == nil {
			err = w.tell(ctx, key[:len(key):len(key)], row)
		}
		if err != nil && ctx.Err() == nil {
			left = true
			leave(key)
			w.s.Log.Error("telling owners of one query failed; it is tried again", "err", err)
		}
	}
	return left, ctx.Err()
}

// news is an event for an owner.
type news struct {
	owner OwnerID
	event Event
}

// tell writes the events that follow from one row, and then deletes the row. An event's
// identifier follows from row and work, so that writing it again changes nothing.
func (w *watcher) tell(ctx context.Context, key []byte, row watchRow) error {
	all, err := w.news(ctx, key, row)
	if err != nil {
		return err
	}
	const portion = 200 // events in one transaction
	for len(all) > portion {
		if err := w.write(ctx, all[:portion], nil); err != nil {
			return err
		}
		all = all[portion:]
	}
	if err := w.write(ctx, all, key); err != nil {
		return err
	}
	w.forget(key)
	return nil
}

func (w *watcher) write(ctx context.Context, all []news, done []byte) error {
	err := w.s.KV.Update(ctx, func(tx store.Txn) error {
		for _, n := range all {
			if err := save(tx, eventKey(n.owner, n.event.ID), n.event); err != nil {
				return err
			}
		}
		if done == nil {
			return nil
		}
		return deleteRow(tx, done)
	})
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	return nil
}

// news finds whom a row concerns: one event a work.
func (w *watcher) news(ctx context.Context, key []byte, row watchRow) ([]news, error) {
	s := w.s
	asker, err := s.askerNumber(ctx, row.Asker)
	if err != nil {
		return nil, err
	}
	if row.Cause == EventRegistered {
		// Who registers privately tells nobody: not even that there is something new.
		work, err := s.workNow(ctx, row.Asker, row.Work)
		if err != nil || work == nil || work.Visibility == Private || work.Withdrawn != nil {
			return nil, err
		}
		if row.Queries == nil {
			if row.Queries, err = s.hashAgain(ctx, work); err != nil {
				return nil, err
			}
		}
	}
	all, err := s.openNews(ctx, key, row)
	if err != nil {
		return nil, err
	}
	told := map[WorkID]bool{}
	for _, n := range all {
		told[n.event.Work] = true
	}
	// The answer has searched the open works, so that here the private ones are left.
	known, _ := w.finding(key)
	sc := scope{asker: asker, strangers: true, notOwn: true, before: row.Before}
	seen := row.Seen
	switch {
	case known != nil:
		seen = known.seen
	case row.Cause == EventMatched:
		sc.before = watchNumber(key) // what came after the query is not meant
	}
	best := map[WorkID]toldMatch{}
	for i := range row.Queries {
		q := &row.Queries[i]
		list, err := s.watchSearch(ctx, q, sc, seen)
		if err != nil {
			return nil, err
		}
		if known != nil {
			open, err := s.stillThere(ctx, known.open[i])
			if err != nil {
				return nil, err
			}
			list = append(list, open...)
		}
		for _, m := range list {
			if b, ok := best[m.Work]; told[m.Work] || ok && b.Probability >= m.Probability {
				continue
			}
			no, err := s.unwanted(ctx, m.Owner, q, m.Work)
			if err != nil {
				return nil, err
			}
			if !no {
				best[m.Work] = m
			}
		}
	}
	for _, m := range best {
		all = append(all, news{m.Owner, Event{
			ID: eventID(row.Time, key, m.Work), Kind: row.Cause, Time: row.Time, Work: m.Work,
			Verdict: m.Verdict, Probability: m.Probability, Reason: m.Reason,
		}})
	}
	return all, nil
}

// openNews are the events that follow from what a report found of open works.
func (s *Service) openNews(ctx context.Context, key []byte, row watchRow) (all []news, err error) {
	for _, m := range row.Open {
		if len(row.Queries) > 0 {
			if no, err := s.unwanted(ctx, m.Owner, &row.Queries[0], m.Work); err != nil {
				return nil, err
			} else if no {
				continue
			}
		}
		all = append(all, news{m.Owner, Event{
			ID: eventID(row.Time, key, m.Work), Kind: EventMatched, Time: row.Time, Work: m.Work, Match: row.Match,
			Verdict: m.Verdict, Probability: m.Probability, Reason: m.Reason,
		}})
	}
	return all, nil
}

// workNow is the work as it is now; nil where there is none (any more).
func (s *Service) workNow(ctx context.Context, o OwnerID, id WorkID) (w *Work, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		w, err = load[Work](tx, workKey(o, id))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return w, err
}

// hashAgain fingerprints the originals of a work anew: for a work that has become open,
// since the probes of a query are not kept with it.
func (s *Service) hashAgain(ctx context.Context, w *Work) (out []watchQuery, err error) {
	for _, a := range w.Assets {
		data, err := s.Blobs.Read(ctx, string(w.Owner), a.Digest, a.Size)
		if err != nil {
			return nil, err
		}
		r, err := s.Hashers.Hash(ctx, w.Kind, data)
		if err != nil {
			return nil, err
		}
		out = append(out, newWatchQuery(a.Digest, r))
	}
	return out, nil
}

// eventID is the identifier of the event about a work that follows from a row.
func eventID(t time.Time, row []byte, w WorkID) string {
	h := sha256.Sum256(append(append([]byte(nil), row...), w...))
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(t.UnixMilli())<<16)
	copy(b[6:], h[:])
	return "e_" + idEncoding.EncodeToString(b[:])
}
