package storetest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"selvage/store"
)

// ErrFault is what a [Faulty] store answers. It is a store.ErrUnavailable.
var ErrFault = fmt.Errorf("fault of the test: %w", store.ErrUnavailable)

// Faulty makes stores fail where a test wants. One Faulty may stand before several
// stores: it counts the operations of all of them together, so that a test can fail
// each step of a job in turn:
//
//	for n := 0; ; n++ {
//		f := storetest.NewFaulty()
//		f.FailAfter(n)
//		err := job(f.KV(kv), f.Objects(objects))
//		f.Heal()
//		... // check what is stored
//		if f.Failed() == 0 {
//			break // n steps are all there are
//		}
//	}
//
// An operation is a View, an Update, a Put (locked or not), Open, Stat, Sync, Delete or
// the beginning of a List. One that fails has done nothing, unless LoseAnswers is set. It
// is safe for concurrent use.
type Faulty struct {
	mu      sync.Mutex
	ops     int
	failed  int
	left    int // operations until faults begin; negative: none
	once    bool
	killed  bool
	answers bool // do the work, then fail
	hook    func(op string) error
}

// NewFaulty returns a Faulty that does not fail yet.
func NewFaulty() *Faulty { return &Faulty{left: -1} }

// FailAfter lets n more operations succeed; every one after them fails until Heal.
func (f *Faulty) FailAfter(n int) { f.arm(n, false) }

// FailOnce lets n more operations succeed, fails the next, and then no more.
func (f *Faulty) FailOnce(n int) { f.arm(n, true) }

func (f *Faulty) arm(n int, once bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.once = n, once
}

// LoseAnswers chooses what failing means for an Update, Put or Delete: with true it is
// done, durably, and only its answer is lost, as when a connection breaks after the
// commit.
func (f *Faulty) LoseAnswers(lose bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = lose
}

// OnOp has hook called before every operation with its name, for example "kv.Update" or
// "objects.Put a/b". An error from it is the operation's. Nil: no hook.
func (f *Faulty) OnOp(hook func(op string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// Kill makes everything fail at once, reads and writes that are under way included: as
// if the store's machine had gone. An Update whose function is running commits nothing.
func (f *Faulty) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.killed = true
}

// Heal ends all faults. Counts and the hook stay.
func (f *Faulty) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.killed, f.left = false, -1
}

// Ops returns how many operations were begun.
func (f *Faulty) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Failed returns how many of them failed by a fault.
func (f *Faulty) Failed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// begin counts an operation. err is to be returned at once; lost after the work.
func (f *Faulty) begin(op string) (err, lost error) {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook != nil {
		if err := hook(op); err != nil {
			return err, nil
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops++
	switch {
	case f.killed:
	case f.left > 0:
		f.left--
		return nil, nil
	case f.left < 0:
		return nil, nil
	case f.once:
		f.left = -1
	}
	f.failed++
	err = fmt.Errorf("%s: %w", op, ErrFault)
	if f.answers && !f.killed {
		return nil, err
	}
	return err, nil
}

// alive returns ErrFault after Kill.
func (f *Faulty) alive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.killed {
		return ErrFault
	}
	return nil
}

// KV returns kv with faults. Its Close closes kv.
func (f *Faulty) KV(kv store.KV) store.KV { return &faultyKV{f, kv} }

type faultyKV struct {
	f  *Faulty
	kv store.KV
}

func (k *faultyKV) View(ctx context.Context, do func(store.Txn) error) error {
	err, lost := k.f.begin("kv.View")
	if err = cmp.Or(err, lost); err != nil {
		return err
	}
	return k.kv.View(ctx, func(t store.Txn) error { return do(faultyTxn{k.f, t}) })
}

func (k *faultyKV) Update(ctx context.Context, do func(store.Txn) error) error {
	err, lost := k.f.begin("kv.Update")
	if err != nil {
		return err
	}
	err = k.kv.Update(ctx, func(t store.Txn) error {
		if err := do(faultyTxn{k.f, t}); err != nil {
			return err
		}
		return k.f.alive()
	})
	if err != nil {
		return err
	}
	return lost
}

func (k *faultyKV) Close() error { return k.kv.Close() }

// faultyTxn is a transaction that ends at Kill.
type faultyTxn struct {
	f *Faulty
	t store.Txn
}

func (t faultyTxn) Get(key []byte) ([]byte, error) {
	if err := t.f.alive(); err != nil {
		return nil, err
	}
	return t.t.Get(key)
}

func (t faultyTxn) Set(key, value []byte) error {
	if err := t.f.alive(); err != nil {
		return err
	}
	return t.t.Set(key, value)
}

func (t faultyTxn) Delete(key []byte) error {
	if err := t.f.alive(); err != nil {
		return err
	}
	return t.t.Delete(key)
}

func (t faultyTxn) Scan(prefix, from []byte, do func(key, value []byte) bool) error {
	if err := t.f.alive(); err != nil {
		return err
	}
	return t.t.Scan(prefix, from, do)
}

// Objects returns o with faults. It implements store.Locker if o does.
func (f *Faulty) Objects(o store.Objects) store.Objects {
	plain := faultyObjects{f, o}
	if l, ok := o.(store.Locker); ok {
		return &faultyLocker{plain, l}
	}
	return &plain
}

type faultyObjects struct {
	f *Faulty
	o store.Objects
}

func (o *faultyObjects) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	err, lost := o.f.begin("objects.Put " + key)
	if err != nil {
		return err
	}
	if err := o.o.Put(ctx, key, &faultyReader{o.f, r}, size); err != nil {
		return err
	}
	return lost
}

func (o *faultyObjects) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	err, lost := o.f.begin("objects.Open " + key)
	if err = cmp.Or(err, lost); err != nil {
		return nil, err
	}
	r, err := o.o.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{&faultyReader{o.f, r}, r}, nil
}

func (o *faultyObjects) Stat(ctx context.Context, key string) (store.Object, error) {
	err, lost := o.f.begin("objects.Stat " + key)
	if err = cmp.Or(err, lost); err != nil {
		return store.Object{}, err
	}
	return o.o.Stat(ctx, key)
}

// Sync implements store.Syncer: nothing more where o needs none.
func (o *faultyObjects) Sync(ctx context.Context, key string) error {
	err, lost := o.f.begin("objects.Sync " + key)
	if err != nil {
		return err
	}
	if s, ok := o.o.(store.Syncer); ok {
		if err := s.Sync(ctx, key); err != nil {
			return err
		}
	}
	return lost
}

func (o *faultyObjects) Delete(ctx context.Context, key string) error {
	err, lost := o.f.begin("objects.Delete " + key)
	if err != nil {
		return err
	}
	if err := o.o.Delete(ctx, key); err != nil {
		return err
	}
	return lost
}

func (o *faultyObjects) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		err, lost := o.f.begin("objects.List " + prefix)
		if err = cmp.Or(err, lost); err != nil {
			yield(store.Object{}, err)
			return
		}
		for v, err := range o.o.List(ctx, prefix) {
			if dead := o.f.alive(); dead != nil {
				yield(store.Object{}, dead)
				return
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

type faultyLocker struct {
	faultyObjects
	l store.Locker
}

func (o *faultyLocker) PutLocked(ctx context.Context, key string, r io.Reader, size int64, until time.Time) error {
	err, lost := o.f.begin("objects.PutLocked " + key)
	if err != nil {
		return err
	}
	if err := o.l.PutLocked(ctx, key, &faultyReader{o.f, r}, size, until); err != nil {
		return err
	}
	return lost
}

// faultyReader ends at Kill.
type faultyReader struct {
	f *Faulty
	r io.Reader
}

func (r *faultyReader) Read(p []byte) (int, error) {
	if err := r.f.alive(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
