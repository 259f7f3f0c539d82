package segments

import (
	"fmt"
	"hash/crc32"
	"slices"
	"sync/atomic"
	"unsafe"

	"selvage/index"
)

// HeaderWords and TrailerWords are the ends of a segment's words. What the header says is up to
// the format, but that its first word is a magic number; the trailer is a checksum and zeros.
const (
	HeaderWords  = 8
	TrailerWords = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Segment is an immutable set of items. It lies in one block of words, on the heap or mapped
// from a file.
type Segment[B any] struct {
	Words []uint64
	IDs   []index.ID // strictly rising; the place of an ID is the position of its item
	Body  B          // the items, as the format has them

	file  uint64 // number of the file, 0 for a segment that is only in memory
	unmap func() // releases Words
	refs  atomic.Int64
}

// NewSegment returns a segment over words. The IDs and what the body refers to lie in them.
func NewSegment[B any](words []uint64, ids []index.ID, body B) *Segment[B] {
	s := &Segment[B]{Words: words, IDs: ids, Body: body, unmap: func() {}}
	s.refs.Store(1)
	return s
}

// Find returns the position of an ID.
func (s *Segment[B]) Find(id index.ID) (uint32, bool) {
	if len(s.IDs) == 0 || id < s.IDs[0] || id > s.IDs[len(s.IDs)-1] {
		return 0, false
	}
	i, ok := slices.BinarySearch(s.IDs, id)
	return uint32(i), ok
}

// OnDisk reports whether the segment is mapped from a file.
func (s *Segment[B]) OnDisk() bool { return s.file != 0 }

func (s *Segment[B]) acquire() { s.refs.Add(1) }

func (s *Segment[B]) release() {
	if s.refs.Add(-1) == 0 {
		s.unmap()
	}
}

func (s *Segment[B]) sum() uint32 { return uint32(s.Words[len(s.Words)-TrailerWords]) }

// Seal fills in the trailer of a segment that was built: the CRC-32C of all bytes before.
func Seal(words []uint64) {
	body := len(words) - TrailerWords
	words[body] = uint64(crc32.Checksum(Bytes(words[:body]), castagnoli))
}

// Check says whether words can be a segment with that magic number: long enough, and with the
// right checksum.
func Check(words []uint64, magic uint64) error {
	if len(words) < HeaderWords+TrailerWords {
		return fmt.Errorf("%d bytes are too few for a segment", 8*len(words))
	}
	if words[0] != magic {
		return fmt.Errorf("not a segment of this version and byte order")
	}
	body := len(words) - TrailerWords
	if sum := crc32.Checksum(Bytes(words[:body]), castagnoli); words[body] != uint64(sum) {
		return fmt.Errorf("checksum is %08x, want %08x", sum, words[body])
	}
	return nil
}

// Rising says whether IDs are in the order that a segment needs.
func Rising(ids []index.ID) error {
	for i := range ids {
		if i > 0 && ids[i] <= ids[i-1] {
			return fmt.Errorf("IDs do not rise at position %d", i)
		}
	}
	return nil
}

// Pad rounds a number of words up to the 8 that parts of a segment begin at.
func Pad(words int) int { return (words + 7) &^ 7 }

// View reads words as n values of a type without pointers, in the machine's byte order.
func View[T any](words []uint64, n int) []T {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(words))), n)
}

// Bytes are the bytes of words.
func Bytes(words []uint64) []byte { return View[byte](words, 8*len(words)) }

// wordsOf is the other way round, for bytes that are aligned like words.
func wordsOf(b []byte) []uint64 {
	if len(b) < 8 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}
