package badgerkv

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"selvage/store"
	"selvage/store/internal/occ"
)

// engine is occ.Engine over Badger in managed mode.
type engine struct {
	db   *badger.DB
	room room
}

func (e *engine) Snapshot(version uint64) occ.Snapshot {
	return snapshot{e.db.NewTransactionAt(version, false)}
}

// badgerPrefix begins the keys that Badger keeps for itself.
var badgerPrefix = []byte("!badger!")

func (e *engine) Commit(version uint64, writes []occ.Write) (err error) {
	if err := e.room.check(); err != nil {
		return occ.Refuse(err)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("badger: %v", r)
		}
	}()
	txn := e.db.NewTransactionAt(version-1, true)
	defer txn.Discard()
	for _, w := range writes {
		if w.Delete {
			err = txn.Delete([]byte(w.Key))
		} else {
			err = txn.Set([]byte(w.Key), w.Value)
		}
		switch {
		case errors.Is(err, badger.ErrTxnTooBig):
			return occ.Refuse(fmt.Errorf("%w: %d keys: split it", store.ErrTooBig, len(writes)))
		case err != nil:
			return occ.Refuse(fmt.Errorf("key %q: %w", w.Key, mapError(err)))
		}
	}
	return mapError(txn.CommitAt(version, nil))
}

func (e *engine) CheckKey(key []byte) error {
	if bytes.HasPrefix(key, badgerPrefix) {
		return fmt.Errorf("key %q: %w: keys that begin with %s are Badger's own", key, store.ErrBadKey, badgerPrefix)
	}
	return nil
}

func (e *engine) Discard(version uint64) { e.db.SetDiscardTs(version) }

func (e *engine) Close() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("close store: badger: %v", r)
		}
	}()
	return mapError(e.db.Close())
}

// snapshot is a read-only Badger transaction.
type snapshot struct{ txn *badger.Txn }

func (s snapshot) Get(key []byte) (value []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("key %q: %w: badger: %v", key, store.ErrCorrupt, r)
		}
	}()
	item, err := s.txn.Get(key)
	if err == nil {
		value, err = item.ValueCopy([]byte{})
	}
	switch {
	case errors.Is(err, badger.ErrKeyNotFound):
		return nil, fmt.Errorf("key %q: %w", key, store.ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("key %q: %w", key, mapError(err))
	}
	return value, nil
}

func (s snapshot) Scan(prefix, from []byte, f func(key, value []byte) bool) error {
	o := badger.DefaultIteratorOptions
	o.Prefix = prefix
	o.PrefetchValues = false // they lie beside the keys
	it := s.txn.NewIterator(o)
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		item := it.Item()
		more := false
		err := item.Value(func(v []byte) error {
			more = f(item.Key(), v)
			return nil
		})
		if err != nil {
			return fmt.Errorf("key %q: %w", item.Key(), mapError(err))
		}
		if !more {
			return nil
		}
	}
	return nil
}

func (s snapshot) Close() { s.txn.Discard() }
