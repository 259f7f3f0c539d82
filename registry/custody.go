package registry

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
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
)

// custodyEvent is one line of a custody record.
type custodyEvent struct {
	N        uint64 `json:"n"` // from 1
	Time     string `json:"time"`
	What     string `json:"what"`
	By       string `json:"by"` // the owner in whose name it was done
	Detail   string `json:"detail,omitempty"`
	Previous string `json:"previous,omitempty"` // SHA-256 (hex) of the line before
}

func custodyPrefix(o OwnerID, w WorkID) []byte {
	return []byte("u/" + string(o) + "/" + string(w) + "/")
}

// custody adds an event in the transaction that does what it tells of.
func (s *Service) custody(tx store.Txn, o OwnerID, w WorkID, what, detail string) error {
	prefix := custodyPrefix(o, w)
	var last []byte
	n := uint64(0)
	err := tx.Scan(prefix, prefix, func(k, v []byte) bool {
		n, last = binary.BigEndian.Uint64(k[len(prefix):]), bytes.Clone(v)
		return true
	})
	if err != nil {
		return err
	}
	e := custodyEvent{N: n + 1, Time: provenance.FormatTime(s.Clock()), What: what, By: string(o), Detail: detail}
	if n > 0 {
		e.Previous = provenance.DigestOf(last)
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return tx.Set(binary.BigEndian.AppendUint64(prefix, e.N), line)
}

// readCustody is the record as text, one event a line, and its events.
func readCustody(tx store.Txn, o OwnerID, w WorkID) (text []byte, events []custodyEvent, err error) {
	prefix := custodyPrefix(o, w)
	previous := ""
	var bad error
	err = tx.Scan(prefix, prefix, func(k, v []byte) bool {
		var e custodyEvent
		if bad = decodeRow(k, v, &e); bad == nil && (e.N != uint64(len(events)+1) || e.Previous != previous) {
			bad = fmt.Errorf("custody record of %s: event %d does not follow the one before: %w", w, e.N, store.ErrCorrupt)
		}
		if bad != nil {
			return false
		}
		previous = provenance.DigestOf(v)
		text, events = append(append(text, v...), '\n'), append(events, e)
		return true
	})
	return text, events, errors.Join(err, bad)
}

// when is the event's time.
func (e custodyEvent) when() time.Time {
	t, err := provenance.ParseTime(e.Time)
	if err != nil {
		return time.Time{} // written by custody, which writes no other
	}
	return t
}
