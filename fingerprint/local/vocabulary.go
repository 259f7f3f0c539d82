package local

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
)

// The shape of the vocabulary. A word is a coarse centroid and a residual added to it
// ("residual quantisation": Chen, Guan and Wang, "Approximate Nearest Neighbor Search by
// Residual Vector Quantization", 2010), so that many words need a small table. For the
// same share of features found again it reads a fifth of the postings that an inverted
// multi-index of as large a table does.
const (
	Coarse    = 512                // coarse centroids
	Residuals = 512                // residuals, common to all coarse centroids
	Words     = Coarse * Residuals // number of words
	WordDims  = 32                 // numbers of a descriptor that make its word
	SigBits   = 128                // bits of a signature
	DescSize  = 128                // numbers of a descriptor
)

// Version is the version of the words and signatures that [Quantise] gives: those of
// different versions do not compare.
const Version = 1

// ErrVocabulary says that bytes are no vocabulary. Errors of [ParseVocabulary] wrap it.
var ErrVocabulary = errors.New("local: no vocabulary")

// Fraction is by how much a number that makes the word is finer than the numbers of
// centroids: as much is kept of it as 1/Fraction.
const Fraction = 8

// Vocabulary is what [Quantise] knows of descriptors in general: package train learns it.
// It is statistics of many pictures, and holds nothing of any one.
//
// For a descriptor d the numbers that make its word are
// (Project·d + Offset) / 2^Shift, rounded down, in units of 1/Fraction, and bit j of its
// signature is 1 where (Sign·d)[j] > Threshold[j].
type Vocabulary struct {
	Shift     uint8
	Project   [WordDims][DescSize]int8
	Offset    [WordDims]int32
	Sign      [SigBits][DescSize]int8
	Threshold [SigBits]int32
	Coarse    [Coarse][WordDims]int8
	Residual  [Residuals][WordDims]int8
}

const (
	vocabularyMagic = "SELVOC\x00\x01"
	vocabularySize  = len(vocabularyMagic) + 8 + WordDims*(DescSize+4) + SigBits*(DescSize+4) + (Coarse+Residuals)*WordDims + 4
	mostShift       = 24
	mostOffset      = 1 << 24 // of offsets and thresholds, to either side
)

// Marshal writes a vocabulary, about 54 KB:
//
//	8 bytes     "SELVOC", 0, 1
//	u32         [Version]
//	u32         Shift
//	i8 × 32·128 Project, row by row
//	i32 × 32    Offset
//	i8 × 128·128 Sign, row by row
//	i32 × 128   Threshold
//	i8 × 512·32 Coarse
//	i8 × 512·32 Residual
//	u32         CRC-32C of all bytes before
//
// Integers are little-endian.
func (v *Vocabulary) Marshal() []byte {
	var b bytes.Buffer
	b.Grow(vocabularySize)
	b.WriteString(vocabularyMagic)
	for _, part := range []any{uint32(Version), uint32(v.Shift), &v.Project, &v.Offset, &v.Sign, &v.Threshold, &v.Coarse, &v.Residual} {
		// A buffer takes everything, and the parts have a fixed size.
		_ = binary.Write(&b, binary.LittleEndian, part)
	}
	return binary.LittleEndian.AppendUint32(b.Bytes(), crc32.Checksum(b.Bytes(), crc32.MakeTable(crc32.Castagnoli)))
}

// ParseVocabulary reads what [Vocabulary.Marshal] wrote. Its errors wrap [ErrVocabulary].
func ParseVocabulary(b []byte) (*Vocabulary, error) {
	if len(b) != vocabularySize {
		return nil, fmt.Errorf("%w: %d bytes, want %d", ErrVocabulary, len(b), vocabularySize)
	}
	if string(b[:len(vocabularyMagic)]) != vocabularyMagic {
		return nil, fmt.Errorf("%w: wrong first bytes %x", ErrVocabulary, b[:len(vocabularyMagic)])
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if got := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)); got != sum {
		return nil, fmt.Errorf("%w: checksum %08x, want %08x", ErrVocabulary, got, sum)
	}
	v := new(Vocabulary)
	var version, shift uint32
	r := bytes.NewReader(body[len(vocabularyMagic):])
	for _, part := range []any{&version, &shift, &v.Project, &v.Offset, &v.Sign, &v.Threshold, &v.Coarse, &v.Residual} {
		if err := binary.Read(r, binary.LittleEndian, part); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrVocabulary, err)
		}
	}
	if version != Version {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrVocabulary, version, Version)
	}
	if shift > mostShift {
		return nil, fmt.Errorf("%w: shift %d is more than %d", ErrVocabulary, shift, mostShift)
	}
	v.Shift = uint8(shift)
	for _, n := range v.Offset {
		if n < -mostOffset || n > mostOffset {
			return nil, fmt.Errorf("%w: offset %d is more than %d", ErrVocabulary, n, mostOffset)
		}
	}
	for _, n := range v.Threshold {
		if n < -mostOffset || n > mostOffset {
			return nil, fmt.Errorf("%w: threshold %d is more than %d", ErrVocabulary, n, mostOffset)
		}
	}
	return v, nil
}

//go:embed vocabulary.bin
var embedded []byte

// standard is the vocabulary that everybody shares. A damaged one cannot come out of a
// build that passed its tests.
var standard = sync.OnceValue(func() *Quantiser {
	v, err := ParseVocabulary(embedded)
	if err != nil {
		panic(err)
	}
	return NewQuantiser(v)
})
