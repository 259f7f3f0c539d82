// Package mem keeps records and objects in memory, under the same contracts as the
// durable back-ends: for tests, and for work that need not outlive the process.
//
// Use [NewKV] and [NewObjects]. "Durable" means here: as long as the value lives.
package mem

import (
	"fmt"
	"strings"
	"sync"

	"selvage/store"
	"selvage/store/internal/occ"
)

// KV is a store.KV in memory.
type KV struct{ *occ.DB }

// NewKV returns an empty KV.
func NewKV() *KV {
	return &KV{occ.New(&engine{roots: []root{{}}}, 0, occ.Limits{Bytes: 8 << 20, Writes: 50_000})}
}

// root is the map at one version.
type root struct {
	version uint64
	top     *node
}

// engine keeps the roots that may still be read.
type engine struct {
	mu    sync.Mutex
	roots []root // versions rise; never empty
}

func (e *engine) CheckKey([]byte) error { return nil }

func (e *engine) Snapshot(version uint64) occ.Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := len(e.roots) - 1
	for i > 0 && e.roots[i].version > version {
		i--
	}
	return snapshot{e.roots[i].top}
}

func (e *engine) Commit(version uint64, writes []occ.Write) error {
	e.mu.Lock()
	top := e.roots[len(e.roots)-1].top
	e.mu.Unlock()
	for _, w := range writes {
		if w.Delete {
			top = top.without(w.Key)
		} else {
			top = top.with(w.Key, w.Value)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.roots = append(e.roots, root{version, top})
	return nil
}

func (e *engine) Discard(version uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.roots) > 1 && e.roots[1].version <= version {
		e.roots[0] = root{}
		e.roots = e.roots[1:]
	}
}

func (e *engine) Close() error { return nil }

// snapshot is an immutable tree.
type snapshot struct{ top *node }

func (s snapshot) Get(key []byte) ([]byte, error) {
	for n := s.top; n != nil; {
		switch c := strings.Compare(string(key), n.key); {
		case c < 0:
			n = n.left
		case c > 0:
			n = n.right
		default:
			return append([]byte{}, n.value...), nil
		}
	}
	return nil, fmt.Errorf("key %q: %w", key, store.ErrNotFound)
}

func (s snapshot) Scan(prefix, from []byte, f func(key, value []byte) bool) error {
	s.top.ascend(string(from), string(prefix), func(k string, v []byte) bool { return f([]byte(k), v) })
	return nil
}

func (s snapshot) Close() {}
