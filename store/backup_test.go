package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"selvage/store"
	"selvage/store/mem"
)

// A backup made by the first release must stay readable: the form is frozen.
func TestBackupFrozen(t *testing.T) {
	kv := mem.NewKV()
	defer kv.Close()
	err := kv.Update(t.Context(), func(x store.Txn) error {
		return errors.Join(x.Set([]byte("a"), nil), x.Set([]byte("bc"), []byte("xyz")))
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := store.Backup(t.Context(), kv, &b); err != nil {
		t.Fatal(err)
	}
	frozen, err := os.ReadFile("testdata/backup1")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), frozen) {
		t.Errorf("have %q, want %q", b.Bytes(), frozen)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestBackupErrors(t *testing.T) {
	kv := mem.NewKV()
	defer kv.Close()
	if err := store.Backup(t.Context(), kv, fullDisk{}); err == nil {
		t.Error("a failed write was not noticed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Restore(ctx, kv, bytes.NewReader(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("have %v, want the context's error", err)
	}
}

// FuzzRestore: whatever comes in, Restore ends with an error and an empty store, or
// with records that give the very same backup again.
func FuzzRestore(f *testing.F) {
	good, err := os.ReadFile("testdata/backup1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("selvage kv backup 1\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		kv := mem.NewKV()
		defer kv.Close()
		err := store.Restore(t.Context(), kv, bytes.NewReader(data))
		var again bytes.Buffer
		if berr := store.Backup(t.Context(), kv, &again); berr != nil {
			t.Fatal(berr)
		}
		switch {
		case err == nil && !bytes.Equal(again.Bytes(), data):
			t.Errorf("%q was restored as %q", data, again.Bytes())
		case err != nil && !errors.Is(err, store.ErrCorrupt):
			t.Errorf("have %v, want ErrCorrupt", err)
		case err != nil && again.Len() != len("selvage kv backup 1\n")+1+32:
			t.Errorf("a refused backup left records: %q", again.Bytes())
		}
	})
}
