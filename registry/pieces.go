package registry

import (
	"encoding/binary"
	"fmt"

	"selvage/store"
)

// The store takes values of up to store.MaxValue. A longer row is cut into pieces, in the same
// transaction: the row itself is then
//
//	0xff, be32 number of pieces
//
// which no other row begins with, and its pieces stand under
//
//	+/<key of the row><be32 number of the piece, from 0>

const (
	pieceSize = store.MaxValue - 4096
	inPieces  = 0xff
)

func pieceKey(key []byte, i int) []byte {
	return binary.BigEndian.AppendUint32(append([]byte("+/"), key...), uint32(i))
}

// setRow writes a row of any length that one transaction takes.
func setRow(tx store.Txn, key, value []byte) error {
	if len(value) <= pieceSize {
		return tx.Set(key, value)
	}
	n := 0
	for ; len(value) > 0; n++ {
		k := min(len(value), pieceSize)
		if err := tx.Set(pieceKey(key, n), value[:k]); err != nil {
			return err
		}
		value = value[k:]
	}
	return tx.Set(key, binary.BigEndian.AppendUint32([]byte{inPieces}, uint32(n)))
}

// getRow reads what setRow wrote.
func getRow(tx store.Txn, key []byte) ([]byte, error) {
	b, err := tx.Get(key)
	if err != nil {
		return nil, err
	}
	return wholeRow(tx, key, b)
}

// wholeRow is the row whose value under its key is at hand.
func wholeRow(tx store.Txn, key, value []byte) ([]byte, error) {
	if len(value) == 0 || value[0] != inPieces {
		return value, nil
	}
	if len(value) != 5 {
		return nil, fmt.Errorf("row %q: %w: it does not say how many pieces it has", key, store.ErrCorrupt)
	}
	var out []byte
	for i := range int(binary.BigEndian.Uint32(value[1:])) {
		p, err := tx.Get(pieceKey(key, i))
		if err != nil {
			return nil, fmt.Errorf("row %q: piece %d: %w: %w", key, i, store.ErrCorrupt, err)
		}
		out = append(out, p...)
	}
	return out, nil
}

// deleteRow removes a row with its pieces.
func deleteRow(tx store.Txn, key []byte) error {
	var pieces [][]byte
	err := tx.Scan(append([]byte("+/"), key...), nil, func(k, _ []byte) bool {
		if len(k) == len("+/")+len(key)+4 {
			pieces = append(pieces, append([]byte(nil), k...))
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, k := range append(pieces, key) {
		if err := tx.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
