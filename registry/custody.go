package registry

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"selvage/provenance"
	"selvage/store"
)

// The custody record says what was done with a work, in order: rows u/<owner>/<work>/<n>,
// each naming the SHA-256 of the one before. They are evidence only as part of a case,
// whose statement in the log names the record as it then was.

// The events of a custody record.
const (
	custodyRegistered = "registered"
	custodyVisibility = "visibility changed"
	custodyWithdrawn  = "withdrawn"
	custodyCase       = "case put together"
	custodyTaken      = "evidence taken" // of a case that was put together before, not by the owner
)

// Actor is who did something with a work: a key of the API, in the owner's name or in its
// own right. It goes into evidence, so it names nobody that only the key ring knows.
type Actor struct {
	Role string `json:"role"` // of the key, e.g. officer
	Key  string `json:"key"`  // its ID
	// Own says that the key is the owner's.
	Own bool `json:"own,omitempty"`
}

type actorKey struct{}

// WithActor says on whose behalf what is done with ctx is done. Without it the record says
// only in whose name.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// actorOf is nil where nobody said.
func actorOf(ctx context.Context) *Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return &a
	}
	return nil
}

// custodyEvent is one line of a custody record.
type custodyEvent struct {
	N        uint64 `json:"n"` // from 1
	Time     string `json:"time"`
	What     string `json:"what"`
	By       string `json:"by"`              // the owner in whose name it was done
	Actor    *Actor `json:"actor,omitempty"` // who did it; events of before 2026-12 do not say
	Detail   string `json:"detail,omitempty"`
	Previous string `json:"previous,omitempty"` // SHA-256 (hex) of the line before; the last field, as verifiers look for it there
}

// who did it, for people.
func (e custodyEvent) who() string {
	switch {
	case e.Actor == nil:
		return "for " + e.By
	case e.Actor.Own:
		return fmt.Sprintf("%s, %s key %s", e.By, e.Actor.Role, e.Actor.Key)
	default:
		return fmt.Sprintf("%s key %s, for %s", e.Actor.Role, e.Actor.Key, e.By)
	}
}

func custodyPrefix(o OwnerID, w WorkID) []byte {
	return []byte("u/" + string(o) + "/" + string(w) + "/")
}

// custody adds an event in the transaction that does what it tells of.
func (s *Service) custody(ctx context.Context, tx store.Txn, o OwnerID, w WorkID, what, detail string) error {
	e, err := s.nextCustody(ctx, tx, o, w, what, detail)
	if err != nil {
		return err
	}
	return e.save(tx, o, w)
}

// nextCustody is the event that custody would add.
func (s *Service) nextCustody(ctx context.Context, tx store.Txn, o OwnerID, w WorkID, what, detail string) (custodyEvent, error) {
	n, previous, err := lastCustody(tx, o, w)
	return custodyEvent{N: n + 1, Time: provenance.FormatTime(s.Clock()), What: what, By: string(o), Actor: actorOf(ctx), Detail: detail, Previous: previous}, err
}

// errCustodyMoved: another event was added since the one at hand was made.
var errCustodyMoved = errors.New("the custody record has moved on")

// save adds the event, if it is still the next one.
func (e custodyEvent) save(tx store.Txn, o OwnerID, w WorkID) error {
	n, previous, err := lastCustody(tx, o, w)
	if err != nil {
		return err
	}
	if e.N != n+1 || e.Previous != previous {
		return errCustodyMoved
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	// Descending, so that the last one is found first.
	return tx.Set(binary.BigEndian.AppendUint64(custodyPrefix(o, w), ^e.N), line)
}

// lastCustody is the number of the last event and the digest of its line; 0 and "" without one.
func lastCustody(tx store.Txn, o OwnerID, w WorkID) (n uint64, digest string, err error) {
	prefix := custodyPrefix(o, w)
	err = tx.Scan(prefix, prefix, func(k, v []byte) bool {
		n, digest = ^binary.BigEndian.Uint64(k[len(prefix):]), provenance.DigestOf(v)
		return false
	})
	return n, digest, err
}

// readCustody is the record as text, one event a line, and its events.
func readCustody(tx store.Txn, o OwnerID, w WorkID) (text []byte, events []custodyEvent, err error) {
	prefix := custodyPrefix(o, w)
	var lines [][]byte
	err = tx.Scan(prefix, prefix, func(_, v []byte) bool {
		lines = append(lines, bytes.Clone(v))
		return true
	})
	if err != nil {
		return nil, nil, err
	}
	slices.Reverse(lines)
	previous := ""
	for i, line := range lines {
		var e custodyEvent
		if err := decodeRow(tx, prefix, line, &e); err != nil {
			return nil, nil, err
		}
		if e.N != uint64(i+1) || e.Previous != previous {
			return nil, nil, fmt.Errorf("custody record of %s: event %d does not follow the one before: %w", w, e.N, store.ErrCorrupt)
		}
		previous = provenance.DigestOf(line)
		text, events = append(append(text, line...), '\n'), append(events, e)
	}
	return text, events, nil
}

// when is the event's time.
func (e custodyEvent) when() time.Time {
	t, err := provenance.ParseTime(e.Time)
	if err != nil {
		return time.Time{} // written by custody, which writes no other
	}
	return t
}
