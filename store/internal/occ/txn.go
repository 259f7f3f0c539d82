package occ

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"selvage/store"
)

// txn is one attempt at a transaction.
type txn struct {
	ctx      context.Context
	db       *DB
	running  map[uint64]int // where db counts it
	start    uint64
	snap     Snapshot
	readOnly bool
	scanning bool
	over     bool

	reads  map[string]struct{}
	ranges []span
	writes map[string]Write
	bytes  int64 // what writes come to, by Limits
}

// span is a range of keys that was read: from first to last, or, when whole, to the
// end of prefix.
type span struct {
	prefix, first, last string
	whole               bool
}

func (s span) contains(key string) bool {
	return key >= s.first && strings.HasPrefix(key, s.prefix) && (s.whole || key <= s.last)
}

var (
	errOver     = errors.New("transaction was used after its function returned")
	errReadOnly = errors.New("write inside a View: use Update")
	errScanning = errors.New("write inside a Scan: collect the keys first")
)

// end releases the snapshot.
func (t *txn) end() {
	t.over = true
	t.snap.Close()
	t.db.mu.Lock()
	defer t.db.mu.Unlock()
	if t.running[t.start]--; t.running[t.start] == 0 {
		delete(t.running, t.start)
	}
}

func (t *txn) check(key []byte) error {
	if t.over {
		return errOver
	}
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if len(key) == 0 || len(key) > store.MaxKey {
		return fmt.Errorf("key of %d bytes: %w: want 1 to %d", len(key), store.ErrBadKey, store.MaxKey)
	}
	return t.db.engine.CheckKey(key)
}

// Get implements store.Txn.
func (t *txn) Get(key []byte) ([]byte, error) {
	if err := t.check(key); err != nil {
		return nil, err
	}
	if w, ok := t.writes[string(key)]; ok {
		if w.Delete {
			return nil, fmt.Errorf("key %q: %w", key, store.ErrNotFound)
		}
		return bytes.Clone(w.Value), nil
	}
	if !t.readOnly {
		if t.reads == nil {
			t.reads = make(map[string]struct{})
		}
		t.reads[string(key)] = struct{}{}
	}
	return t.snap.Get(key)
}

// Set implements store.Txn.
func (t *txn) Set(key, value []byte) error {
	if len(value) > store.MaxValue {
		return fmt.Errorf("key %q: %w: value has %d bytes, limit %d", key, store.ErrTooBig, len(value), store.MaxValue)
	}
	// Not bytes.Clone: an empty value stays apart from none.
	return t.write(key, Write{Value: append([]byte{}, value...)})
}

// Delete implements store.Txn.
func (t *txn) Delete(key []byte) error { return t.write(key, Write{Delete: true}) }

func (t *txn) write(key []byte, w Write) error {
	if err := t.check(key); err != nil {
		return err
	}
	if t.readOnly {
		return errReadOnly
	}
	if t.scanning {
		return errScanning
	}
	w.Key = string(key)
	size := t.bytes + int64(len(w.Key)+len(w.Value)+overhead)
	count := len(t.writes) + 1
	if old, ok := t.writes[w.Key]; ok {
		size -= int64(len(old.Key) + len(old.Value) + overhead)
		count--
	}
	if size > t.db.limits.Bytes || count > t.db.limits.Writes {
		return fmt.Errorf("%w: it would write %d keys of %d bytes in all, limits %d and %d: split it",
			store.ErrTooBig, count, size, t.db.limits.Writes, t.db.limits.Bytes)
	}
	if t.writes == nil {
		t.writes = make(map[string]Write)
	}
	t.bytes = size
	t.writes[w.Key] = w
	return nil
}

// Scan implements store.Txn: the snapshot and the transaction's own writes, merged.
func (t *txn) Scan(prefix, from []byte, f func(key, value []byte) bool) error {
	if t.over {
		return errOver
	}
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	outer := t.scanning
	t.scanning = true
	defer func() { t.scanning = outer }()

	seen := span{prefix: string(prefix), first: string(from), whole: true}
	var failed error
	emit := func(key, value []byte) bool {
		if failed = t.ctx.Err(); failed != nil {
			return false
		}
		if f(key, value) {
			return true
		}
		seen.last, seen.whole = string(key), false
		return false
	}
	own := t.ownKeys(seen)
	// emitOwn gives out own writes below limit (all, when limit is nil).
	emitOwn := func(limit []byte) bool {
		for len(own) > 0 && (limit == nil || own[0] < string(limit)) {
			w := t.writes[own[0]]
			own = own[1:]
			if !w.Delete && !emit([]byte(w.Key), w.Value) {
				return false
			}
		}
		return true
	}
	more := true
	err := t.snap.Scan(prefix, from, func(key, value []byte) bool {
		if more = emitOwn(key); !more {
			return false
		}
		if len(own) > 0 && own[0] == string(key) {
			w := t.writes[own[0]]
			own = own[1:]
			more = w.Delete || emit(key, w.Value)
		} else {
			more = emit(key, value)
		}
		return more
	})
	if err == nil && more {
		emitOwn(nil)
	}
	if !t.readOnly {
		t.ranges = append(t.ranges, seen)
	}
	if err == nil {
		err = failed
	}
	return err
}

// ownKeys returns the keys this transaction wrote inside s, rising.
func (t *txn) ownKeys(s span) []string {
	var keys []string
	for k := range t.writes {
		if s.contains(k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
