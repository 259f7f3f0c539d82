package segments

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A manifest says which segment files make up the index; the format is in the package documentation.
type manifest struct {
	cursor   uint64
	next     uint64 // number of the next file
	segments []manifestSegment
}

type manifestSegment struct {
	file  uint64
	items uint64
	sum   uint32
	dead  []uint32 // positions, strictly rising
}

func addTo[B any](m *manifest, s *Segment[B], dead *Bitset) {
	e := manifestSegment{file: s.file, items: uint64(len(s.IDs)), sum: s.sum()}
	for at := range dead.Since(nil) {
		e.dead = append(e.dead, at)
	}
	m.segments = append(m.segments, e)
}

func (m *manifest) encode(magic string) []byte {
	b := []byte(magic)
	b = binary.LittleEndian.AppendUint64(b, m.cursor)
	b = binary.AppendUvarint(b, m.next)
	b = binary.AppendUvarint(b, uint64(len(m.segments)))
	for _, s := range m.segments {
		b = binary.AppendUvarint(b, s.file)
		b = binary.AppendUvarint(b, s.items)
		b = binary.LittleEndian.AppendUint32(b, s.sum)
		b = binary.AppendUvarint(b, uint64(len(s.dead)))
		next := uint32(0)
		for _, at := range s.dead {
			b = binary.AppendUvarint(b, uint64(at-next))
			next = at + 1
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// parseManifest reads what encode wrote, and accepts nothing else.
func parseManifest(b []byte, magic string) (*manifest, error) {
	if len(b) < len(magic)+8+4 || string(b[:len(magic)]) != magic {
		return nil, errors.New("not a manifest of this version")
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if got := crc32.Checksum(body, castagnoli); got != sum {
		return nil, fmt.Errorf("manifest checksum is %08x, want %08x", got, sum)
	}
	r := reader{rest: body[len(magic):]}
	m := &manifest{cursor: binary.LittleEndian.Uint64(r.take(8))}
	m.next = r.uvarint()
	seen := make(map[uint64]bool)
	for range r.count() {
		s := manifestSegment{file: r.uvarint(), items: r.uvarint()}
		s.sum = binary.LittleEndian.Uint32(r.take(4))
		at := uint64(0)
		for range r.count() {
			gap := r.uvarint()
			if at > s.items || gap >= s.items-at {
				r.bad = true
				break
			}
			s.dead = append(s.dead, uint32(at+gap))
			at += gap + 1
		}
		if r.bad || s.items > maxItems || s.file == 0 || s.file >= m.next || seen[s.file] {
			return nil, errors.New("manifest has an impossible segment")
		}
		seen[s.file] = true
		m.segments = append(m.segments, s)
	}
	if r.bad || len(r.rest) > 0 {
		return nil, errors.New("manifest has the wrong length")
	}
	return m, nil
}

// maxItems is what the parser accepts in a segment; building stops far below.
const maxItems = 1 << 28

// A reader takes values off the front of its bytes. After bad is set, all are zero.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || len(r.rest) < n {
		r.bad = true
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count reads a number of things, each of which takes at least a byte.
func (r *reader) count() uint64 {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return 0
	}
	return n
}
