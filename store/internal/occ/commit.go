package occ

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// commit is a transaction that waits to be written.
type commit struct {
	txn    *txn
	result chan error
}

// committed is what one version wrote, kept while a running update may have read it.
type committed struct {
	version uint64
	writes  map[string]Write
}

// run is the committer: it writes everything that waits as one version, again and again.
func (d *DB) run() {
	defer close(d.done)
	var next *commit
	for {
		if next == nil {
			c, ok := <-d.queue
			if !ok {
				return
			}
			next = c
		}
		var group []*commit
		group, next = d.gather(next)
		d.commit(group)
	}
}

// gather returns first and what else waits, as far as one version can hold it, and the
// commit that found no room.
func (d *DB) gather(first *commit) (group []*commit, rest *commit) {
	group = append(group, first)
	bytes, writes := first.txn.bytes, len(first.txn.writes)
	for {
		select {
		case c, ok := <-d.queue:
			if !ok {
				return group, nil
			}
			bytes += c.txn.bytes
			writes += len(c.txn.writes)
			if bytes > d.limits.Bytes || writes > d.limits.Writes {
				return group, c
			}
			group = append(group, c)
		default:
			return group, nil
		}
	}
}

// commit writes those of the group that still hold, and answers all.
func (d *DB) commit(group []*commit) {
	d.mu.Lock()
	version, failed := d.last+1, d.failed
	d.forget()
	d.mu.Unlock()
	if failed != nil {
		answer(group, errFailed(failed))
		return
	}

	merged := make(map[string]Write)
	kept := group[:0:0]
	for _, c := range group {
		switch err := c.txn.ctx.Err(); {
		case err != nil:
			c.result <- err
		case d.conflicts(c.txn, merged):
			c.result <- errConflict
		default:
			for k, w := range c.txn.writes {
				merged[k] = w
			}
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return
	}
	writes := make([]Write, 0, len(merged))
	for _, w := range merged {
		writes = append(writes, w)
	}
	slices.SortFunc(writes, func(a, b Write) int { return strings.Compare(a.Key, b.Key) })

	err := d.engine.Commit(version, writes)
	var no *refused
	switch {
	case err == nil:
		d.recent = append(d.recent, committed{version, merged})
		d.publish(version)
	case errors.As(err, &no):
		err = fmt.Errorf("commit: %w", no.err)
	default:
		d.mu.Lock()
		d.failed = err
		d.mu.Unlock()
		err = errFailed(err)
	}
	answer(kept, err)
}

func answer(group []*commit, err error) {
	for _, c := range group {
		c.result <- err
	}
}

// conflicts reports whether t read anything that was written since its snapshot, or
// that merged is about to write.
func (d *DB) conflicts(t *txn, merged map[string]Write) bool {
	if t.readsAny(merged) {
		return true
	}
	for _, c := range slices.Backward(d.recent) {
		if c.version <= t.start {
			return false
		}
		if t.readsAny(c.writes) {
			return true
		}
	}
	return false
}

func (t *txn) readsAny(writes map[string]Write) bool {
	if len(t.reads) < len(writes) {
		for k := range t.reads {
			if _, ok := writes[k]; ok {
				return true
			}
		}
	} else {
		for k := range writes {
			if _, ok := t.reads[k]; ok {
				return true
			}
		}
	}
	if len(t.ranges) == 0 {
		return false
	}
	for k := range writes {
		if slices.ContainsFunc(t.ranges, func(s span) bool { return s.contains(k) }) {
			return true
		}
	}
	return false
}

// publish makes version the newest one for readers.
func (d *DB) publish(version uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = version
	d.engine.Discard(min(oldest(d.views, version), oldest(d.updates, version)))
}

// forget drops the versions that every running update has in its snapshot. The caller
// holds mu.
func (d *DB) forget() {
	low := oldest(d.updates, d.last)
	n, _ := slices.BinarySearchFunc(d.recent, low+1, func(c committed, v uint64) int {
		return int(int64(c.version) - int64(v))
	})
	d.recent = slices.Delete(d.recent, 0, n)
}

func oldest(running map[uint64]int, none uint64) uint64 {
	low := none
	for v := range running {
		low = min(low, v)
	}
	return low
}
