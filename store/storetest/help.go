package storetest

import (
	"errors"
	"testing"

	"selvage/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("have error %v, want %v", err, want)
	}
}

func set(t testing.TB, kv store.KV, key, value string) {
	t.Helper()
	must(t, kv.Update(t.Context(), func(x store.Txn) error { return x.Set([]byte(key), []byte(value)) }))
}

func get(t testing.TB, kv store.KV, key string) (value string, ok bool) {
	t.Helper()
	must(t, kv.View(t.Context(), func(x store.Txn) error {
		v, err := x.Get([]byte(key))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		value, ok = string(v), err == nil
		return err
	}))
	return value, ok
}

func all(t testing.TB, kv store.KV, prefix, from string) (keys []string) {
	t.Helper()
	must(t, kv.View(t.Context(), func(x store.Txn) error {
		return x.Scan([]byte(prefix), []byte(from), func(k, _ []byte) bool {
			keys = append(keys, string(k))
			return true
		})
	}))
	return keys
}
