package segments

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
)

// FuzzManifest demands that what is accepted is written again in the same bytes.
func FuzzManifest(f *testing.F) {
	const magic = "TESTMANI"
	f.Add([]byte{})
	f.Add((&manifest{}).encode(magic))
	m := &manifest{cursor: 1 << 40, next: 9, segments: []manifestSegment{
		{file: 1, items: 10, sum: 7}, {file: 8, items: 300, sum: 1 << 31, dead: []uint32{0, 1, 5, 299}},
	}}
	f.Add(m.encode(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 4 {
			b = slices.Clone(b)
			binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
		}
		m, err := parseManifest(b, magic)
		if err != nil {
			return
		}
		again, err := parseManifest(m.encode(magic), magic)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(again.encode(magic), m.encode(magic)) || again.cursor != m.cursor {
			t.Fatal("a manifest changes when it is written again")
		}
	})
}
