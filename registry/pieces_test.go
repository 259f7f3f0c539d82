package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"selvage/store"
	"selvage/store/mem"
)

// TestLongRows: what is longer than a value comes back whole, is gone whole, and is corrupt
// where a piece is missing.
func TestLongRows(t *testing.T) {
	ctx := context.Background()
	kv := mem.NewKV()
	for _, n := range []int{0, 1, pieceSize, pieceSize + 1, 3 * pieceSize, 4_000_001} {
		key := fmt.Appendf(nil, "q/%d", n)
		value := bytes.Repeat([]byte("{17 bytes a time}"), n/17+1)[:n]
		err := kv.Update(ctx, func(tx store.Txn) error { return setRow(tx, key, value) })
		if err != nil {
			t.Fatal(err)
		}
		err = kv.View(ctx, func(tx store.Txn) error {
			got, err := getRow(tx, key)
			if err == nil && !bytes.Equal(got, value) {
				t.Errorf("%d bytes came back as %d", n, len(got))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n > pieceSize {
			err = kv.Update(ctx, func(tx store.Txn) error {
				piece, err := tx.Get(pieceKey(key, 1))
				if err != nil {
					return err
				}
				if err := tx.Delete(pieceKey(key, 1)); err != nil {
					return err
				}
				if _, err := getRow(tx, key); !errors.Is(err, store.ErrCorrupt) {
					t.Errorf("a row without its second piece: %v", err)
				}
				return tx.Set(pieceKey(key, 1), piece)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := kv.Update(ctx, func(tx store.Txn) error { return deleteRow(tx, key) }); err != nil {
			t.Fatal(err)
		}
	}
	err := kv.View(ctx, func(tx store.Txn) error {
		return tx.Scan(nil, nil, func(k, _ []byte) bool {
			t.Errorf("row %q is left", k)
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
