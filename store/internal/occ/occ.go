// Package occ gives a versioned ordered map (an [Engine]) the transactions of
// [store.KV]: snapshots, optimistic conflict detection and group commit.
//
// An update runs on a snapshot and notes the keys and ranges it read. Its writes then
// queue for one committer, which takes all that wait, checks each against what was
// committed since that transaction's snapshot, and gives the engine one merged write.
// So many callers share one disk flush, readers never see what is not yet durable, and
// never wait for it. Kung and Robinson, "On Optimistic Methods for Concurrency
// Control", 1981, is the method (backward validation); checking ranges as well as keys
// is what makes it serializable.
package occ

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"selvage/store"
)

// Engine is an ordered map that keeps versions.
type Engine interface {
	// CheckKey refuses keys that the engine cannot take beside those that no KV takes.
	CheckKey(key []byte) error
	// Snapshot returns the map as of a version: what Commit wrote up to it.
	Snapshot(version uint64) Snapshot
	// Commit makes writes durable as one version, all or nothing. Versions rise, and
	// there is one call at a time. An error made by Refuse promises that nothing was
	// written; after any other one no further Commit follows.
	Commit(version uint64, writes []Write) error
	// Discard says that no snapshot older than version will be read again.
	Discard(version uint64)
	// Close releases the engine. No call is in flight, and none follows.
	Close() error
}

// Snapshot is the map at one version.
type Snapshot interface {
	// Get returns a copy of the value, or store.ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls f for the keys with prefix that are >= from, rising, until it says false.
	Scan(prefix, from []byte, f func(key, value []byte) bool) error
	// Close releases the snapshot.
	Close()
}

// Write is one key set or deleted.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
}

// Limits bound what one Engine.Commit gets.
type Limits struct {
	Bytes  int64 // keys and values, with overhead bytes for each write
	Writes int
}

// overhead is what a write counts beside its key and value.
const overhead = 64

// patience is how often an update is tried beside others before it runs alone.
const patience = 16

// DB is a store.KV over an engine. Use New.
type DB struct {
	engine Engine
	limits Limits
	queue  chan *commit
	done   chan struct{}  // closed when the committer has ended
	calls  sync.WaitGroup // View and Update calls in flight
	gate   sync.RWMutex   // held alone by an update that lost too often

	mu      sync.Mutex // guards what follows
	last    uint64     // newest durable version
	views   map[uint64]int
	updates map[uint64]int // running transactions by snapshot
	failed  error          // why no update is possible any more
	closed  bool

	recent []committed // the committer's alone
}

var _ store.KV = (*DB)(nil)

// New returns a DB whose engine holds what was committed up to version last.
func New(e Engine, last uint64, l Limits) *DB {
	d := &DB{
		engine:  e,
		limits:  l,
		queue:   make(chan *commit),
		done:    make(chan struct{}),
		last:    last,
		views:   make(map[uint64]int),
		updates: make(map[uint64]int),
	}
	go d.run()
	return d
}

// View implements store.KV.
func (d *DB) View(ctx context.Context, f func(store.Txn) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.calls.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	t := d.begin(ctx, d.views)
	defer t.end()
	t.readOnly = true
	return f(t)
}

// Update implements store.KV.
func (d *DB) Update(ctx context.Context, f func(store.Txn) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.calls.Done()
	for lost := 0; ; lost++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.attempt(ctx, f, lost >= patience); !errors.Is(err, errConflict) {
			return err
		}
	}
}

// attempt runs f once and commits; errConflict asks for another attempt.
func (d *DB) attempt(ctx context.Context, f func(store.Txn) error, alone bool) error {
	if alone {
		d.gate.Lock()
		defer d.gate.Unlock()
	} else {
		d.gate.RLock()
		defer d.gate.RUnlock()
	}
	t := d.begin(ctx, d.updates)
	defer t.end()
	if err := f(t); err != nil {
		return err
	}
	t.over = true
	if len(t.writes) == 0 {
		return nil
	}
	c := &commit{txn: t, result: make(chan error, 1)}
	d.queue <- c
	return <-c.result
}

// Close implements store.KV. A second Close does nothing.
func (d *DB) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.mu.Unlock()
	d.calls.Wait()
	close(d.queue)
	<-d.done
	return d.engine.Close()
}

// enter counts a call in, so that Close waits for it.
func (d *DB) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return store.ErrClosed
	}
	d.calls.Add(1)
	return nil
}

// begin opens a transaction on the newest version and notes it in running.
func (d *DB) begin(ctx context.Context, running map[uint64]int) *txn {
	d.mu.Lock()
	defer d.mu.Unlock()
	running[d.last]++
	return &txn{ctx: ctx, db: d, running: running, start: d.last, snap: d.engine.Snapshot(d.last)}
}

// Refuse marks an error of Engine.Commit as having written nothing.
func Refuse(err error) error { return &refused{err} }

type refused struct{ err error }

func (r *refused) Error() string { return r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

// errConflict: another transaction changed what this one had read.
var errConflict = errors.New("transaction conflict")

// errFailed is what updates get after the engine failed in mid-commit.
func errFailed(cause error) error {
	return fmt.Errorf("%w: an earlier commit failed, reopen the store: %w", store.ErrUnavailable, cause)
}
