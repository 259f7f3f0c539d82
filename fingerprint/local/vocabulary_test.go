package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"
)

func TestVocabulary(t *testing.T) {
	v, err := ParseVocabulary(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(v.Marshal(), embedded) {
		t.Error("the vocabulary does not come back byte by byte")
	}
}

// resealed changes some bytes of the vocabulary and makes its checksum right again.
func resealed(change func(b []byte)) []byte {
	b := slices.Clone(embedded)
	change(b)
	body := b[:len(b)-4]
	binary.LittleEndian.PutUint32(b[len(body):], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func TestVocabularyDamaged(t *testing.T) {
	flipped := slices.Clone(embedded)
	flipped[1000] ^= 1
	for name, b := range map[string][]byte{
		"empty":     nil,
		"short":     embedded[:len(embedded)-1],
		"long":      append(slices.Clone(embedded), 0),
		"one bit":   flipped,
		"magic":     resealed(func(b []byte) { b[0]++ }),
		"version":   resealed(func(b []byte) { b[8]++ }),
		"shift":     resealed(func(b []byte) { b[12] = 200 }),
		"offset":    resealed(func(b []byte) { binary.LittleEndian.PutUint32(b[16+WordDims*DescSize:], 1<<30) }),
		"threshold": resealed(func(b []byte) { binary.LittleEndian.PutUint32(b[16+WordDims*(DescSize+4)+SigBits*DescSize:], 1<<31) }),
	} {
		if _, err := ParseVocabulary(b); !errors.Is(err, ErrVocabulary) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzVocabulary loads any table that has a right checksum, and quantises with it.
func FuzzVocabulary(f *testing.F) {
	f.Add([]byte{}, uint16(0))
	f.Add([]byte{1, 2, 3}, uint16(7))
	f.Add(bytes.Repeat([]byte{0x80}, 64), uint16(16))
	raw := madeUp(2, 1)
	f.Fuzz(func(t *testing.T, change []byte, at uint16) {
		b := resealed(func(b []byte) { copy(b[int(at)%len(b):], change) })
		v, err := ParseVocabulary(b)
		if err != nil {
			if !errors.Is(err, ErrVocabulary) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if !bytes.Equal(v.Marshal(), b) {
			t.Fatal("the vocabulary does not come back")
		}
		for _, feature := range NewQuantiser(v).QuantiseQuery(raw, 100, 100, Negative) {
			for _, w := range feature.Near {
				if w >= Words {
					t.Fatalf("word %d", w)
				}
			}
		}
	})
}
