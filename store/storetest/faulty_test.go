package storetest_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"selvage/store"
	"selvage/store/mem"
	"selvage/store/storetest"
)

// A Faulty that does not fail must be no different from what it wraps.
func TestFaultyTransparent(t *testing.T) {
	storetest.RunKV(t, false, func(string) (store.KV, error) { return storetest.NewFaulty().KV(mem.NewKV()), nil })
	storetest.RunObjects(t, false, func(string) (store.Objects, error) {
		return storetest.NewFaulty().Objects(mem.NewObjects()), nil
	})
}

// job does four operations.
func job(t *testing.T, kv store.KV, o store.Objects) error {
	set := func(key string) error {
		return kv.Update(t.Context(), func(x store.Txn) error { return x.Set([]byte(key), nil) })
	}
	return first(
		func() error { return o.Put(t.Context(), "blob", strings.NewReader("x"), 1) },
		func() error { return set("a") },
		func() error { return kv.View(t.Context(), func(store.Txn) error { return nil }) },
		func() error { return set("b") },
	)
}

func first(steps ...func() error) error {
	for _, s := range steps {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

func records(t *testing.T, kv store.KV) (all string) {
	t.Helper()
	err := kv.View(t.Context(), func(x store.Txn) error {
		return x.Scan(nil, nil, func(k, _ []byte) bool { all += string(k); return true })
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFaultySteps(t *testing.T) {
	for _, lose := range []bool{false, true} {
		want := []string{"", "", "a", "a", "ab"} // records when step n fails
		if lose {
			want = []string{"", "a", "a", "ab", "ab"}
		}
		for n, want := range want {
			f, kv, o := storetest.NewFaulty(), mem.NewKV(), mem.NewObjects()
			f.LoseAnswers(lose)
			f.FailAfter(n)
			err := job(t, f.KV(kv), f.Objects(o))
			if (n < 4) != errors.Is(err, storetest.ErrFault) || (n < 4) != errors.Is(err, store.ErrUnavailable) {
				t.Errorf("lose %v, step %d: %v", lose, n, err)
			}
			if got := records(t, kv); got != want {
				t.Errorf("lose %v, step %d: records %q, want %q", lose, n, got, want)
			}
			if f.Failed() != min(1, 4-n) || f.Ops() != min(n+1, 4) {
				t.Errorf("lose %v, step %d: %d of %d failed", lose, n, f.Failed(), f.Ops())
			}
			f.Heal()
			if err := job(t, f.KV(kv), f.Objects(o)); err != nil || records(t, kv) != "ab" {
				t.Errorf("healed: %v, records %q", err, records(t, kv))
			}
		}
	}
}

func TestFaultyOnceAndHook(t *testing.T) {
	f, kv, o := storetest.NewFaulty(), mem.NewKV(), mem.NewObjects()
	f.FailOnce(1)
	if err := job(t, f.KV(kv), f.Objects(o)); !errors.Is(err, storetest.ErrFault) {
		t.Errorf("have %v", err)
	}
	if err := job(t, f.KV(kv), f.Objects(o)); err != nil {
		t.Errorf("the second time: %v", err)
	}
	var ops []string
	mine := errors.New("mine")
	f.OnOp(func(op string) error {
		ops = append(ops, op)
		if op == "kv.View" {
			return mine
		}
		return nil
	})
	if err := job(t, f.KV(kv), f.Objects(o)); !errors.Is(err, mine) {
		t.Errorf("have %v, want the hook's error", err)
	}
	if got := strings.Join(ops, ", "); got != "objects.Put blob, kv.Update, kv.View" {
		t.Errorf("hook saw %s", got)
	}
}

func TestFaultyKill(t *testing.T) {
	f, kv, o := storetest.NewFaulty(), mem.NewKV(), mem.NewObjects()
	err := f.KV(kv).Update(t.Context(), func(x store.Txn) error {
		err := x.Set([]byte("a"), nil)
		f.Kill() // in mid-transaction
		return err
	})
	if !errors.Is(err, storetest.ErrFault) || records(t, kv) != "" {
		t.Errorf("update: %v, records %q", err, records(t, kv))
	}
	f.Heal()
	dying := io.MultiReader(strings.NewReader("abc"), readFunc(func([]byte) (int, error) { f.Kill(); return 0, nil }), strings.NewReader("def"))
	if err := f.Objects(o).Put(t.Context(), "k", dying, 6); !errors.Is(err, storetest.ErrFault) {
		t.Errorf("put: %v", err)
	}
	for what, err := range map[string]error{
		"view": f.KV(kv).View(t.Context(), func(store.Txn) error { return nil }),
		"lock": f.Objects(o).(store.Locker).PutLocked(t.Context(), "k", strings.NewReader(""), 0, time.Now()),
	} {
		if !errors.Is(err, storetest.ErrFault) {
			t.Errorf("%s: %v", what, err)
		}
	}
	f.Heal()
	if _, err := f.Objects(o).Stat(t.Context(), "k"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after the kill: %v", err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
