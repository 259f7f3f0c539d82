package registry_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"selvage/registry"
	"selvage/store"
	"selvage/store/storetest"
)

// TestFaults fails each storage operation of a registration in turn, with and without
// the answer being lost, then restarts on healthy stores: an acknowledged work must be
// there, match and be provable; one that was refused must be whole or not there at all.
func TestFaults(t *testing.T) {
	data := asPNG(picture(1))
	for _, lose := range []bool{false, true} {
		for n := 0; ; n++ {
			r := newRig(t)
			r.register("bob", registry.Matchable, asPNG(picture(2)))
			kv, objects := r.kv, r.objects
			r.stop()
			faulty := storetest.NewFaulty()
			faulty.LoseAnswers(lose)
			r.kv, r.objects = faulty.KV(kv), faulty.Objects(objects)
			r.start()
			faulty.FailAfter(n)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			reg, err := r.Register(ctx, registry.RegisterRequest{Owner: "ann", Visibility: registry.Matchable, NoWait: true, Files: []registry.File{{Name: "a.png", Data: data}}})
			cancel()
			if err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("step %d: %v, want ErrUnavailable", n, err)
			}
			failed := faulty.Failed()
			// The process dies here: the indexes are not flushed, and the outboxes not worked off.
			faulty.Kill()
			_ = r.Close(context.Background()) // cannot flush: the stores are gone
			if err := r.notary.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			r.kv, r.objects = kv, objects
			r.start()

			rep := r.match("shop", asJPEG(picture(1), 80))
			if err == nil && (len(rep.Matches) != 1 || rep.Matches[0].Work != reg.Work.ID) {
				t.Fatalf("step %d, answers lost %v: the acknowledged work is not matched: %+v", n, lose, rep)
			}
			// A second try must succeed and give one work, whichever way the first went.
			again := r.register("ann", registry.Matchable, data)
			if again.Receipt == nil || err == nil && (!again.Duplicate || again.Work.ID != reg.Work.ID) {
				t.Fatalf("step %d: trying again: %+v", n, again)
			}
			if rep := r.match("shop", asJPEG(picture(1), 80)); len(rep.Matches) != 1 || rep.Matches[0].Work != again.Work.ID {
				t.Fatalf("step %d: after trying again: %+v", n, rep)
			}
			if got := r.clean(); got.Works != 2 {
				t.Fatalf("step %d: %d works, want 2", n, got.Works)
			}
			r.stop()
			if failed == 0 {
				if n < 4 {
					t.Fatalf("only %d operations: the test does not reach the steps", n)
				}
				break
			}
		}
	}
}

// TestOutboxAfterCrash kills the service between commit and log: the receipt must come
// after the restart, and the watcher's events too.
func TestOutboxAfterCrash(t *testing.T) {
	r := newRig(t)
	open := r.register("zoe", registry.Matchable, asJPEG(picture(1), 95))
	first := r.register("ann", registry.Private, asPNG(picture(1)))
	faulty := storetest.NewFaulty()
	kv := r.kv
	r.stop()
	r.kv = faulty.KV(kv)
	r.start()
	reg, err := r.Register(context.Background(), registry.RegisterRequest{
		Owner: "bob", Visibility: registry.Matchable, NoWait: true, Files: []registry.File{{Name: "b.jpg", Data: asJPEG(picture(1), 85)}},
	})
	faulty.Kill() // whatever the background was at
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close(context.Background())
	if err := r.notary.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.kv = kv
	r.start()
	var receipt []byte
	for range 200 {
		if receipt, err = r.Receipt(context.Background(), "bob", reg.Work.ID); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil || !bytes.Contains(receipt, []byte("envelope")) {
		t.Fatalf("no receipt after the restart: %v", err)
	}
	if e := r.events("ann", 1)[0]; e.Work != first.Work.ID || e.Kind != registry.EventRegistered {
		t.Errorf("event %+v", e)
	}
	if e := r.events("zoe", 1); len(e) != 1 || e[0].Work != open.Work.ID || e[0].Kind != registry.EventRegistered {
		t.Errorf("events %+v", e)
	}
	if got := r.clean(); got.Proved != 3 || got.LogSize != 3 {
		t.Errorf("fsck: %+v, want 3 receipts and no entry twice", got)
	}
}
