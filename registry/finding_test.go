package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"selvage/registry"
	"selvage/store"
)

// deafKV does not read keys with a prefix while there is one.
type deafKV struct {
	store.KV
	prefix atomic.Pointer[string]
}

func (d *deafKV) to(prefix string) { d.prefix.Store(&prefix) }
func (d *deafKV) heal()            { d.prefix.Store(nil) }

func (d *deafKV) err(key []byte) error {
	if p := d.prefix.Load(); p != nil && bytes.HasPrefix(key, []byte(*p)) {
		return store.ErrUnavailable
	}
	return nil
}

func (d *deafKV) View(ctx context.Context, f func(store.Txn) error) error {
	return d.KV.View(ctx, func(tx store.Txn) error { return f(deafTxn{tx, d}) })
}

type deafTxn struct {
	store.Txn
	d *deafKV
}

func (t deafTxn) Get(key []byte) ([]byte, error) {
	if err := t.d.err(key); err != nil {
		return nil, err
	}
	return t.Txn.Get(key)
}

func (t deafTxn) Scan(prefix, from []byte, f func(k, v []byte) bool) error {
	if err := t.d.err(prefix); err != nil {
		return err
	}
	return t.Txn.Scan(prefix, from, f)
}

func newDeafRig(t *testing.T) (*rig, *deafKV) {
	r := newRig(t)
	r.stop()
	d := &deafKV{KV: r.kv}
	r.kv = d
	r.start()
	return r, d
}

// told demands that the owner has got n events, all of the kind.
func (r *rig) told(owner registry.OwnerID, kind registry.EventKind, n int) {
	r.t.Helper()
	r.settle()
	got := r.events(owner, 0)
	if len(got) != n {
		r.t.Errorf("%s was told %d times of something %s, want %d", owner, len(got), kind, n)
	}
	for _, e := range got {
		if e.Kind != kind {
			r.t.Errorf("%s got a %s event, want %s", owner, e.Kind, kind)
		}
	}
}

// TestToldWhateverBecomesOfTheWork: the owner of an earlier work is told once, even if the
// work becomes open or private between the answer and the watcher.
func TestToldWhateverBecomesOfTheWork(t *testing.T) {
	states := []registry.Visibility{registry.Private, registry.Matchable}
	for _, kind := range []registry.EventKind{registry.EventMatched, registry.EventRegistered} {
		for i := range 4 {
			from, to := states[i%2], states[i/2]
			t.Run(fmt.Sprintf("%s %s %s", kind, from, to), func(t *testing.T) {
				r, deaf := newDeafRig(t)
				work := r.register("ann", from, asPNG(picture(1))).Work.ID
				r.match("shop", asPNG(picture(2))) // numbers go on
				r.settle()
				deaf.to("q/")
				var m registry.MatchID
				if copied := asJPEG(picture(1), 80); kind == registry.EventMatched {
					m = r.match("shop", copied).ID
				} else {
					r.register("shop", registry.Matchable, copied)
				}
				if from != to {
					if err := r.SetVisibility(context.Background(), "ann", work, to); err != nil {
						t.Fatal(err)
					}
				}
				deaf.heal()
				r.match("shop", asPNG(picture(3))) // rings the watcher's bell
				r.told("ann", kind, 1)
				if e := r.events("ann", 1)[0]; e.Work != work || from == registry.Matchable && e.Match != m {
					t.Errorf("event %+v, want one of %s with report %q", e, work, m)
				}
			})
		}
	}
}

// TestWithdrawnIsNotTold: what a registration found is left out if it was withdrawn before
// the watcher came to it.
func TestWithdrawnIsNotTold(t *testing.T) {
	for _, v := range []registry.Visibility{registry.Private, registry.Matchable} {
		r, deaf := newDeafRig(t)
		work := r.register("ann", v, asPNG(picture(1))).Work.ID
		r.settle()
		deaf.to("q/")
		r.register("bob", registry.Matchable, asJPEG(picture(1), 80))
		if err := r.Withdraw(context.Background(), "ann", work); err != nil {
			t.Fatal(err)
		}
		deaf.heal()
		r.match("shop", asPNG(picture(3)))
		r.told("ann", registry.EventRegistered, 0)
	}
}

// TestToldOfWhatWasOnItsWay: a registration cannot find an earlier one that has yet to reach
// the indexes; its owner is told all the same, when it has.
func TestToldOfWhatWasOnItsWay(t *testing.T) {
	for _, v := range []registry.Visibility{registry.Private, registry.Matchable} {
		r, deaf := newDeafRig(t)
		r.match("shop", asPNG(picture(2))) // numbers go on
		deaf.to("w/ann/")
		_, err := r.Register(context.Background(), registry.RegisterRequest{Owner: "ann", Visibility: v, NoWait: true,
			Files: []registry.File{{Name: "a.png", Data: asPNG(picture(1))}}})
		if !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("%v, want ErrUnavailable", err)
		}
		if reg := r.register("bob", registry.Matchable, asJPEG(picture(1), 80)); len(reg.Related) != 0 {
			t.Fatalf("found what is in no index: %+v", reg.Related)
		}
		deaf.heal()
		r.events("ann", 1)
		r.told("ann", registry.EventRegistered, 1)
	}
}

// TestPrivateRegistrationLeavesNoRow: there is nothing to tell until it becomes open.
func TestPrivateRegistrationLeavesNoRow(t *testing.T) {
	r, deaf := newDeafRig(t)
	deaf.to("q/")
	r.register("ann", registry.Private, asPNG(picture(1)))
	r.register("bob", registry.Matchable, asPNG(picture(2)))
	rows := 0
	err := deaf.KV.View(context.Background(), func(tx store.Txn) error {
		return tx.Scan([]byte("q/"), nil, func([]byte, []byte) bool { rows++; return true })
	})
	if err != nil || rows != 1 {
		t.Errorf("%d rows for the watcher, want bob's alone (%v)", rows, err)
	}
}
