// Package storetest holds what every store must do, as test suites: [RunKV],
// [RunObjects] and [RunBlobs]. A back-end's own test calls them with a way to open it.
//
// For the tests of other packages there are [Faulty], which makes a store fail where
// one wants, and [S3Server], a real S3 server on loopback that can be stopped and
// started again.
package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"selvage/store"
)

// RunKV tests a KV. open opens the store in dir, where it may have been before; durable
// says that what was written is then still there.
func RunKV(t *testing.T, durable bool, open func(dir string) (store.KV, error)) {
	start := func(t *testing.T, dir string) store.KV {
		kv, err := open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = kv.Close() })
		return kv
	}
	for _, c := range []struct {
		name string
		run  func(*testing.T, store.KV)
	}{
		{"GetSetDelete", kvGetSetDelete},
		{"AllOrNothing", kvAllOrNothing},
		{"Scan", kvScan},
		{"ScanOwnWrites", kvScanOwnWrites},
		{"Snapshot", kvSnapshot},
		{"LostUpdate", kvLostUpdate},
		{"Phantom", kvPhantom},
		{"WriteSkew", kvWriteSkew},
		{"Cancelled", kvCancelled},
		{"Limits", kvLimits},
		{"Misuse", kvMisuse},
		{"Panic", kvPanic},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, start(t, t.TempDir())) })
	}
	t.Run("Closed", func(t *testing.T) {
		kv := start(t, t.TempDir())
		for range 2 {
			if err := kv.Close(); err != nil {
				t.Fatal(err)
			}
		}
		nothing := func(store.Txn) error { return nil }
		wantErr(t, kv.View(t.Context(), nothing), store.ErrClosed)
		wantErr(t, kv.Update(t.Context(), nothing), store.ErrClosed)
	})
	t.Run("Backup", func(t *testing.T) { kvBackup(t, start(t, t.TempDir()), start(t, t.TempDir())) })
	if durable {
		t.Run("Reopen", func(t *testing.T) {
			dir := t.TempDir()
			kv := start(t, dir)
			for i := range 5 {
				set(t, kv, fmt.Sprintf("round%d", i), strings.Repeat("x", i*1000))
				must(t, kv.Update(t.Context(), func(x store.Txn) error { return x.Delete(fmt.Appendf(nil, "round%d", i-1)) }))
				must(t, kv.Close())
				kv = start(t, dir)
				if got, want := all(t, kv, "", ""), fmt.Sprintf("round%d", i); !slices.Equal(got, []string{want}) {
					t.Fatalf("after reopening %d times: keys %q, want %q", i+1, got, want)
				}
			}
		})
	}
}

func kvGetSetDelete(t *testing.T, kv store.KV) {
	long := bytes.Repeat([]byte{0xff}, store.MaxKey)
	values := map[string][]byte{"a": {}, "b": []byte("value"), "\x00": {0}, string(long): bytes.Repeat([]byte("v"), store.MaxValue)}
	must(t, kv.Update(t.Context(), func(x store.Txn) error {
		for k, v := range values {
			key, value := []byte(k), bytes.Clone(v)
			if err := x.Set(key, value); err != nil {
				return err
			}
			clear(key) // the store must have its own copies
			clear(value)
		}
		return nil
	}))
	must(t, kv.View(t.Context(), func(x store.Txn) error {
		for k, want := range values {
			got, err := x.Get([]byte(k))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("key of %d bytes: have %d bytes, %v; want %d bytes", len(k), len(got), err, len(want))
			}
			if len(got) > 0 {
				got[0] ^= 1 // a copy
			}
			if got, _ = x.Get([]byte(k)); !bytes.Equal(got, want) {
				t.Errorf("Get of a key of %d bytes gave out the store's own bytes", len(k))
			}
		}
		_, err := x.Get([]byte("none"))
		wantErr(t, err, store.ErrNotFound)
		return nil
	}))
	must(t, kv.Update(t.Context(), func(x store.Txn) error {
		must(t, x.Delete([]byte("b")))
		must(t, x.Delete([]byte("never there")))
		_, err := x.Get([]byte("b"))
		wantErr(t, err, store.ErrNotFound)
		return nil
	}))
	if got, ok := get(t, kv, "b"); ok {
		t.Errorf("deleted key still has %q", got)
	}
}

func kvAllOrNothing(t *testing.T, kv store.KV) {
	set(t, kv, "a", "before")
	mine := errors.New("mine")
	err := kv.Update(t.Context(), func(x store.Txn) error {
		must(t, x.Set([]byte("a"), []byte("after")))
		must(t, x.Set([]byte("b"), []byte("after")))
		return mine
	})
	wantErr(t, err, mine)
	if a, _ := get(t, kv, "a"); a != "before" {
		t.Errorf("a = %q after a failed update", a)
	}
	if _, ok := get(t, kv, "b"); ok {
		t.Error("b is there after a failed update")
	}
}

func kvScan(t *testing.T, kv store.KV) {
	keys := []string{"a", "a\x00", "aa", "ab", "ab1", "ab2", "ac", "b", "\xff", "\xff\xff"}
	must(t, kv.Update(t.Context(), func(x store.Txn) error {
		for _, k := range slices.Backward(keys) {
			must(t, x.Set([]byte(k), []byte("v"+k)))
		}
		return nil
	}))
	slices.Sort(keys)
	for _, prefix := range []string{"", "a", "ab", "ab1", "b", "c", "\xff", "\xff\xff\xff"} {
		for _, from := range []string{"", "a", "aa", "ab1x", "b", "\xff\xff", "\xff\xff\xff"} {
			var want []string
			for _, k := range keys {
				if strings.HasPrefix(k, prefix) && k >= from {
					want = append(want, k)
				}
			}
			if got := all(t, kv, prefix, from); !slices.Equal(got, want) {
				t.Errorf("scan %q from %q: have %q, want %q", prefix, from, got, want)
			}
		}
	}
	must(t, kv.View(t.Context(), func(x store.Txn) error {
		n := 0
		must(t, x.Scan(nil, nil, func(k, v []byte) bool {
			if string(v) != "v"+string(k) {
				t.Errorf("key %q has value %q", k, v)
			}
			n++
			return n < 3
		}))
		if n != 3 {
			t.Errorf("scan went on after false: %d calls", n)
		}
		return nil
	}))
}

func kvScanOwnWrites(t *testing.T, kv store.KV) {
	for _, k := range []string{"k2", "k4", "k6", "z"} {
		set(t, kv, k, "old")
	}
	must(t, kv.Update(t.Context(), func(x store.Txn) error {
		for _, k := range []string{"k1", "k4", "k5", "k9"} {
			must(t, x.Set([]byte(k), []byte("new")))
		}
		must(t, x.Delete([]byte("k6")))
		must(t, x.Delete([]byte("k9")))
		for from, want := range map[string]string{
			"":   "k1=new k2=old k4=new k5=new ",
			"k2": "k2=old k4=new k5=new ",
			"k5": "k5=new ",
			"k6": "",
		} {
			var got string
			must(t, x.Scan([]byte("k"), []byte(from), func(k, v []byte) bool {
				got += string(k) + "=" + string(v) + " "
				return true
			}))
			if got != want {
				t.Errorf("scan from %q: have %q, want %q", from, got, want)
			}
		}
		first := ""
		must(t, x.Scan([]byte("k"), nil, func(k, _ []byte) bool { first = string(k); return false }))
		if first != "k1" {
			t.Errorf("first key %q", first)
		}
		return nil
	}))
}

func kvSnapshot(t *testing.T, kv store.KV) {
	set(t, kv, "k", "1")
	must(t, kv.View(t.Context(), func(x store.Txn) error {
		set(t, kv, "k", "2")
		set(t, kv, "l", "2")
		if v, err := x.Get([]byte("k")); string(v) != "1" {
			t.Errorf("snapshot moved: k = %q, %v", v, err)
		}
		_, err := x.Get([]byte("l"))
		wantErr(t, err, store.ErrNotFound)
		return nil
	}))
	if v, _ := get(t, kv, "k"); v != "2" {
		t.Errorf("k = %q, want 2", v)
	}
}

func kvLostUpdate(t *testing.T, kv store.KV) {
	const callers, rounds = 16, 8
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range rounds {
				err := kv.Update(context.Background(), func(x store.Txn) error {
					v, err := x.Get([]byte("count"))
					if errors.Is(err, store.ErrNotFound) {
						v = make([]byte, 8)
					} else if err != nil {
						return err
					}
					binary.BigEndian.PutUint64(v, binary.BigEndian.Uint64(v)+1)
					return x.Set([]byte("count"), v)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	v, _ := get(t, kv, "count")
	if n := binary.BigEndian.Uint64([]byte(v)); n != callers*rounds {
		t.Errorf("%d of %d increments are left", n, callers*rounds)
	}
}

// kvPhantom: many want to be the only one with the prefix.
func kvPhantom(t *testing.T, kv store.KV) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := kv.Update(context.Background(), func(x store.Txn) error {
				free := true
				if err := x.Scan([]byte("seat/"), nil, func(_, _ []byte) bool { free = false; return false }); err != nil || !free {
					return err
				}
				return x.Set(fmt.Appendf(nil, "seat/%d", i), nil)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := all(t, kv, "seat/", ""); len(got) != 1 {
		t.Errorf("%d hold the one seat: %q", len(got), got)
	}
}

// kvWriteSkew: each of two may go only while the other stays.
func kvWriteSkew(t *testing.T, kv store.KV) {
	set(t, kv, "on/0", "")
	set(t, kv, "on/1", "")
	var both, wg sync.WaitGroup
	both.Add(2)
	for i := range 2 {
		first := true
		wg.Go(func() {
			err := kv.Update(context.Background(), func(x store.Txn) error {
				_, err := x.Get(fmt.Appendf(nil, "on/%d", 1-i))
				if first {
					first = false
					both.Done()
					both.Wait() // both have read before either writes
				}
				if errors.Is(err, store.ErrNotFound) {
					return nil
				}
				return errors.Join(err, x.Delete(fmt.Appendf(nil, "on/%d", i)))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := all(t, kv, "on/", ""); len(got) != 1 {
		t.Errorf("%q stayed, want exactly one", got)
	}
}

func kvCancelled(t *testing.T, kv store.KV) {
	ctx, cancel := context.WithCancel(t.Context())
	set(t, kv, "k", "1")
	err := kv.Update(ctx, func(x store.Txn) error {
		must(t, x.Set([]byte("k"), []byte("2")))
		cancel()
		_, err := x.Get([]byte("k"))
		wantErr(t, err, context.Canceled)
		wantErr(t, x.Set([]byte("k"), []byte("3")), context.Canceled)
		return nil
	})
	wantErr(t, err, context.Canceled)
	ran := false
	wantErr(t, kv.View(ctx, func(store.Txn) error { ran = true; return nil }), context.Canceled)
	wantErr(t, kv.Update(ctx, func(store.Txn) error { ran = true; return nil }), context.Canceled)
	if ran {
		t.Error("the function ran under a context that had ended")
	}
	if v, _ := get(t, kv, "k"); v != "1" {
		t.Errorf("k = %q after a cancelled update", v)
	}
}

func kvLimits(t *testing.T, kv store.KV) {
	must(t, kv.Update(t.Context(), func(x store.Txn) error {
		wantErr(t, x.Set(nil, nil), store.ErrBadKey)
		wantErr(t, x.Set(make([]byte, store.MaxKey+1), nil), store.ErrBadKey)
		wantErr(t, x.Delete(nil), store.ErrBadKey)
		_, err := x.Get(nil)
		wantErr(t, err, store.ErrBadKey)
		wantErr(t, x.Set([]byte("k"), make([]byte, store.MaxValue+1)), store.ErrTooBig)
		return nil
	}))
	value := make([]byte, store.MaxValue)
	err := kv.Update(t.Context(), func(x store.Txn) error {
		for i := range 1000 {
			if err := x.Set(fmt.Appendf(nil, "big%d", i), value); err != nil {
				return err
			}
		}
		return nil
	})
	wantErr(t, err, store.ErrTooBig)
	if got := all(t, kv, "", ""); len(got) != 0 {
		t.Errorf("%d keys are there after refused writes", len(got))
	}
	must(t, kv.Update(t.Context(), func(x store.Txn) error {
		for range 1000 { // replacing does not add up
			if err := x.Set([]byte("same"), value); err != nil {
				return err
			}
		}
		return nil
	}))
}

func kvMisuse(t *testing.T, kv store.KV) {
	set(t, kv, "k", "1")
	var kept store.Txn
	must(t, kv.View(t.Context(), func(x store.Txn) error {
		kept = x
		if x.Set([]byte("k"), nil) == nil || x.Delete([]byte("k")) == nil {
			t.Error("a View took a write")
		}
		return nil
	}))
	if _, err := kept.Get([]byte("k")); err == nil {
		t.Error("a transaction works after its function returned")
	}
	if kept.Scan(nil, nil, func(_, _ []byte) bool { return true }) == nil {
		t.Error("a transaction scans after its function returned")
	}
	must(t, kv.Update(t.Context(), func(x store.Txn) error {
		return x.Scan(nil, nil, func(_, _ []byte) bool {
			if x.Set([]byte("l"), nil) == nil {
				t.Error("a write inside a Scan was taken")
			}
			return true
		})
	}))
}

// kvPanic: a panic of the function goes on to its caller and leaves nothing locked.
func kvPanic(t *testing.T, kv store.KV) {
	for _, run := range []func(context.Context, func(store.Txn) error) error{kv.View, kv.Update} {
		func() {
			defer func() {
				if recover() != "mine" {
					t.Error("the panic did not come through")
				}
			}()
			_ = run(t.Context(), func(x store.Txn) error {
				_ = x.Scan(nil, nil, func(_, _ []byte) bool { return true })
				panic("mine")
			})
		}()
	}
	set(t, kv, "k", "1")
}

func kvBackup(t *testing.T, from, to store.KV) {
	for i := range 40 {
		must(t, from.Update(t.Context(), func(x store.Txn) error {
			return x.Set(fmt.Appendf(nil, "key%02d", i), bytes.Repeat([]byte{byte(i)}, i*2000))
		}))
	}
	var b bytes.Buffer
	must(t, store.Backup(t.Context(), from, &b))

	bad := bytes.Clone(b.Bytes())
	bad[len(bad)/2] ^= 1
	for name, data := range map[string][]byte{"flipped": bad, "cut": b.Bytes()[:b.Len()-1], "longer": append(bytes.Clone(b.Bytes()), 0), "empty": nil} {
		if err := store.Restore(t.Context(), to, bytes.NewReader(data)); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: have %v, want ErrCorrupt", name, err)
		}
		if got := all(t, to, "", ""); len(got) != 0 {
			t.Fatalf("%s: %d records were left", name, len(got))
		}
	}
	must(t, store.Restore(t.Context(), to, bytes.NewReader(b.Bytes())))
	var again bytes.Buffer
	must(t, store.Backup(t.Context(), to, &again))
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("a restored store gives another backup")
	}
	wantErr(t, store.Restore(t.Context(), to, bytes.NewReader(b.Bytes())), store.ErrNotEmpty)
}
