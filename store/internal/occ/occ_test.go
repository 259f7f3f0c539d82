package occ

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"selvage/store"
)

// fake is an engine of one key, "k", that keeps nothing but what a test asks of it.
type fake struct {
	mu        sync.Mutex
	commits   [][]Write
	discarded uint64
	commit    func([]Write) error
}

type nothing struct{}

func (nothing) Get(key []byte) ([]byte, error) { return nil, store.ErrNotFound }
func (nothing) Scan(_, _ []byte, _ func(_, _ []byte) bool) error {
	return nil
}
func (nothing) Close() {}

func (*fake) CheckKey([]byte) error    { return nil }
func (*fake) Snapshot(uint64) Snapshot { return nothing{} }
func (f *fake) Discard(v uint64)       { f.discarded = v }
func (*fake) Close() error             { return nil }

func (f *fake) Commit(version uint64, w []Write) error {
	if f.commit != nil {
		if err := f.commit(w); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits = append(f.commits, w)
	if version != uint64(len(f.commits)) {
		return fmt.Errorf("version %d after %d commits", version, len(f.commits)-1)
	}
	return nil
}

func open(f *fake) *DB { return New(f, 0, Limits{Bytes: 1 << 20, Writes: 100}) }

func setKey(d *DB, key string) error {
	return d.Update(context.Background(), func(x store.Txn) error { return x.Set([]byte(key), nil) })
}

// TestGroup: updates that come while one is being flushed share the next flush.
func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flush := make(chan bool)
		f := &fake{commit: func([]Write) error { <-flush; return nil }}
		d := open(f)
		for i := range 21 {
			go func() {
				if err := setKey(d, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait() // the first is being flushed, the others wait
		}
		close(flush)
		synctest.Wait()
		if len(f.commits) != 2 || len(f.commits[0]) != 1 || len(f.commits[1]) != 20 {
			t.Errorf("%d flushes, want one of 1 write and one of 20", len(f.commits))
		}
		if f.discarded != 0 {
			t.Errorf("version %d was discarded under a running transaction", f.discarded)
		}
		if err := setKey(d, "last"); err != nil || f.discarded != 2 {
			t.Errorf("discarded up to %d, %v; want 2", f.discarded, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestGroupLimit: a group is no larger than the engine takes.
func TestGroupLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flush := make(chan bool)
		f := &fake{commit: func([]Write) error { <-flush; return nil }}
		d := open(f)
		for i := range 6 {
			go func() {
				err := d.Update(t.Context(), func(x store.Txn) error {
					for j := range 40 {
						if err := x.Set(fmt.Appendf(nil, "%d/%d", i, j), nil); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		close(flush)
		synctest.Wait()
		total := 0
		for _, c := range f.commits {
			if total += len(c); len(c) > 100 {
				t.Errorf("a flush of %d writes, limit 100", len(c))
			}
		}
		if total != 240 || len(f.commits) != 4 {
			t.Errorf("%d writes in %d flushes, want 240 in 4", total, len(f.commits))
		}
		_ = d.Close()
	})
}

// TestRefused: an error that wrote nothing leaves the store in use; any other ends it.
func TestRefused(t *testing.T) {
	var fail error
	f := &fake{commit: func([]Write) error { return fail }}
	d := open(f)
	defer d.Close()
	mine := errors.New("mine")
	fail = Refuse(mine)
	if err := setKey(d, "a"); !errors.Is(err, mine) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("have %v", err)
	}
	fail = nil
	if err := setKey(d, "a"); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
	fail = mine
	for range 2 {
		if err := setKey(d, "a"); !errors.Is(err, mine) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("have %v", err)
		}
		fail = nil // it could be written again, but what the disk holds is not known
	}
	if err := d.View(t.Context(), func(store.Txn) error { return nil }); err != nil {
		t.Errorf("reading after a failed commit: %v", err)
	}
	if len(f.commits) != 1 {
		t.Errorf("%d commits", len(f.commits))
	}
}

// TestPatience: an update that others always overtake is run alone in the end.
func TestPatience(t *testing.T) {
	d := open(&fake{})
	defer d.Close()
	runs := 0
	var others sync.WaitGroup
	err := d.Update(t.Context(), func(x store.Txn) error {
		runs++
		if _, err := x.Get([]byte("k")); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		overtaken := make(chan bool)
		others.Go(func() {
			if err := setKey(d, "k"); err != nil {
				t.Error(err)
			}
			close(overtaken)
		})
		if runs <= patience {
			<-overtaken
		} // else the other one must wait, and waiting for it would be for ever
		return x.Set([]byte("k"), nil)
	})
	others.Wait()
	if err != nil || runs != patience+1 {
		t.Errorf("%d runs, %v; want %d", runs, err, patience+1)
	}
}

// TestCancelledInQueue: a transaction whose context ends while it waits is not written.
func TestCancelledInQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flush := make(chan bool)
		f := &fake{commit: func([]Write) error { <-flush; return nil }}
		d := open(f)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = setKey(d, "first") }()
		synctest.Wait()
		var err error
		go func() {
			err = d.Update(ctx, func(x store.Txn) error { return x.Set([]byte("second"), nil) })
		}()
		synctest.Wait()
		cancel()
		close(flush)
		synctest.Wait()
		if !errors.Is(err, context.Canceled) || len(f.commits) != 1 {
			t.Errorf("have %v and %d commits, want the context's error and 1", err, len(f.commits))
		}
		_ = d.Close()
	})
}

// TestForget: what committed transactions wrote is kept only while an update may have
// read it.
func TestForget(t *testing.T) {
	d := open(&fake{})
	defer d.Close()
	err := d.Update(t.Context(), func(store.Txn) error {
		for i := range 10 {
			if err := setKeyBeside(d, fmt.Sprint(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(d.recent) != 10 {
		t.Errorf("beside a running update: %d kept, %v", len(d.recent), err)
	}
	for range 2 {
		if err := setKey(d, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.recent) != 1 {
		t.Errorf("alone: %d kept, want 1", len(d.recent))
	}
}

// setKeyBeside is setKey from another goroutine, as from another caller.
func setKeyBeside(d *DB, key string) error {
	result := make(chan error)
	go func() { result <- setKey(d, key) }()
	return <-result
}
