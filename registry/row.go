package registry

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"selvage/fingerprint"
	"selvage/store"
)

// Rows with fingerprints (a/ and i/) are read by the hundred for one query, and nearly all
// of them is payload. Written as JSON, reading them would cost more than some comparisons,
// so that the payloads stand behind the JSON as they are:
//
//	be32 length of the head; the head: JSON, the payload of every print null
//	for every print, in order: be32 length of the payload, the payload
//	be32 CRC-32C of all that comes before

// assetRecord is the row a/<owner number><seq>: what the matcher needs of one asset.
type assetRecord struct {
	Owner  OwnerID             `json:"owner"`
	Work   WorkID              `json:"work"`
	Digest fingerprint.Digest  `json:"digest"`
	Result *fingerprint.Result `json:"result"`
	// Track is the number of a video among its owner's, from 1: see assetRef.trackID.
	Track uint64 `json:"track,omitempty"`
	// Parts are the places of the asset's parts in it.
	Parts []fingerprint.Part `json:"parts,omitempty"`
	// Part is set where the row is no asset's but that of a picture inside one.
	Part *partRecord `json:"part,omitempty"`
}

// ignoredRecord is the row i/.
type ignoredRecord struct {
	Ignored
	Result *fingerprint.Result `json:"result"`
}

func (r *assetRecord) prints() **fingerprint.Result   { return &r.Result }
func (r *ignoredRecord) prints() **fingerprint.Result { return &r.Result }

// printed is a pointer to a record with fingerprints.
type printed[T any] interface {
	*T
	prints() **fingerprint.Result
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// savePrinted writes a row with fingerprints.
func savePrinted[T any, P printed[T]](tx store.Txn, key []byte, rec T) error {
	b, err := encodePrinted[T, P](rec)
	if err != nil {
		return fmt.Errorf("row %q: %w", key, err)
	}
	return setRow(tx, key, b)
}

// loadPrinted reads a row with fingerprints. One that is not, byte for byte, what
// savePrinted wrote is store.ErrCorrupt.
func loadPrinted[T any, P printed[T]](tx store.Txn, key []byte) (*T, error) {
	b, err := getRow(tx, key)
	if err != nil {
		return nil, err
	}
	return parsePrinted[T, P](key, b)
}

// parsePrinted is loadPrinted for a value that is at hand. The payloads of the record are
// parts of it.
func parsePrinted[T any, P printed[T]](key, value []byte) (*T, error) {
	rec, err := decodePrinted[T, P](value)
	if err != nil {
		return nil, fmt.Errorf("row %q: %w: %w", key, store.ErrCorrupt, err)
	}
	return rec, nil
}

func encodePrinted[T any, P printed[T]](rec T) ([]byte, error) {
	at := P(&rec).prints()
	if *at == nil {
		return nil, errors.New("no fingerprints to write")
	}
	bare := **at // the caller's own result stays as it is
	full := bare.Prints
	bare.Prints = slices.Clone(full)
	size := 0
	for i := range bare.Prints {
		size += 4 + len(full[i].Payload)
		bare.Prints[i].Payload = nil
	}
	*at = &bare
	head, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 4+len(head)+size+4)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(head))), head...)
	for _, p := range full {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p.Payload))), p.Payload...)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

func decodePrinted[T any, P printed[T]](b []byte) (*T, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("%d bytes are too few for a row with fingerprints", len(b))
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(b, castagnoli) != sum {
		return nil, errors.New("the checksum is wrong")
	}
	return decodeSummed[T, P](b)
}

// decodeSummed is decodePrinted behind the checksum.
func decodeSummed[T any, P printed[T]](b []byte) (*T, error) {
	head, b, ok := cut32(b)
	if !ok {
		return nil, errors.New("the head is cut off")
	}
	rec := new(T)
	if err := json.Unmarshal(head, rec); err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	r := *P(rec).prints()
	if r == nil {
		return nil, errors.New("no fingerprints")
	}
	for i := range r.Prints {
		p := &r.Prints[i]
		if p.Payload != nil {
			return nil, fmt.Errorf("print %d has its payload in the head", i)
		}
		if p.Payload, b, ok = cut32(b); !ok {
			return nil, fmt.Errorf("payload %d is cut off", i)
		}
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes too many behind %d payloads", len(b), len(r.Prints))
	}
	return rec, nil
}

// cut32 cuts off a piece that has its length before it. The piece has no room to grow into
// what follows.
func cut32(b []byte) (piece, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if b = b[4:]; n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}
