// Package index is similarity search over fingerprints.
//
// The contract is [Hamming]. Package flat is the exact oracle that looks at every code;
// package mih is exact too and fast. Both pass package indextest, and mih is tested
// against flat. Index files are derived data: they can always be rebuilt from the store.
package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// ErrCorrupt says that index files are damaged, missing, or written by something else.
// They are derived data: the cure is to build them again with "selvage reindex".
var ErrCorrupt = errors.New("index files are corrupt; rebuild them with selvage reindex")

// ID names one code in an index. The caller chooses it; it is unique per code.
type ID uint64

// Code is a 256-bit code, most significant word first: the big-endian reading of a
// pdq256 payload.
type Code [4]uint64

// CodeOf reads a 32-byte payload.
func CodeOf(payload []byte) (Code, error) {
	if len(payload) != 32 {
		return Code{}, fmt.Errorf("code: payload of %d bytes, want 32", len(payload))
	}
	var c Code
	for i := range c {
		c[i] = binary.BigEndian.Uint64(payload[8*i:])
	}
	return c, nil
}

// Distance is the number of differing bits.
func (c Code) Distance(o Code) int {
	return bits.OnesCount64(c[0]^o[0]) + bits.OnesCount64(c[1]^o[1]) +
		bits.OnesCount64(c[2]^o[2]) + bits.OnesCount64(c[3]^o[3])
}

// Hit is one code found.
type Hit struct {
	ID       ID
	Distance int // smallest Hamming distance to any of the probes
	Probe    int // position of the probe that had it; the first of several
}

// Hamming is exact search for codes near a set of probes in Hamming distance.
//
// All methods are safe for concurrent use. A code is found by every search that
// starts after Add returned, and by none that starts after Remove returned.
type Hamming interface {
	// Add stores a code under an ID. Adding the same ID with the same code again
	// changes nothing; with another code it replaces the old one.
	Add(id ID, c Code) error
	// Remove forgets the ID. Removing an unknown ID is no error.
	Remove(id ID) error
	// Range returns every stored code within radius of at least one probe, one hit an
	// ID, by rising distance and then ID. Radius runs from 0 to 256.
	Range(probes []Code, radius int) ([]Hit, error)
	// Nearest returns the k stored codes that are nearest to the probes, by rising
	// distance and then ID; fewer if fewer are stored. Ties at the end are broken by ID.
	Nearest(probes []Code, k int) ([]Hit, error)
	// Len is the number of stored codes.
	Len() int
}

// Persistent is a Hamming index that keeps itself in files.
type Persistent interface {
	Hamming
	// RangeWithin is Range among the codes with from <= ID < to. It touches no other codes of
	// the files, and none at all in a way that depends on what they are, so that a part of
	// an index that belongs to somebody can be asked without a trace of the rest.
	RangeWithin(probes []Code, radius int, from, to ID) ([]Hit, error)
	// Flush makes everything added and removed so far durable, together with cursor,
	// an opaque number of the caller's. After a crash the index is as it was at the
	// last Flush that returned; the caller repeats what came after Cursor.
	Flush(cursor uint64) error
	// Cursor is the number given to the last durable Flush; 0 if there was none.
	Cursor() uint64
	// Close releases files without flushing.
	Close() error
}

// CheckRadius says whether a radius is one that [Hamming.Range] accepts.
func CheckRadius(radius int) error {
	if radius < 0 || radius > 256 {
		return fmt.Errorf("radius of %d bits, want 0 to 256", radius)
	}
	return nil
}

// Compare orders hits by rising distance and then ID.
func (h Hit) Compare(o Hit) int {
	return cmp.Or(cmp.Compare(h.Distance, o.Distance), cmp.Compare(h.ID, o.ID))
}
