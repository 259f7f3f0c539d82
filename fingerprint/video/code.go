package video

import (
	"encoding/binary"
	"math/bits"

	"selvage/fingerprint"
)

// Code is a PDQ hash of 256 bits, most significant word first, as the index reads it.
type Code [4]uint64

// codeOf reads the 32 bytes of a pdq256.v1 payload.
func codeOf(b []byte) (c Code) {
	for i := range c {
		c[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return c
}

// appendTo writes what codeOf reads.
func (c Code) appendTo(b []byte) []byte {
	for _, w := range c {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	return b
}

// Distance is the number of differing bits.
func (c Code) Distance(o Code) int {
	return bits.OnesCount64(c[0]^o[0]) + bits.OnesCount64(c[1]^o[1]) +
		bits.OnesCount64(c[2]^o[2]) + bits.OnesCount64(c[3]^o[3])
}

// Turned is the code of the picture after form has been applied to it, but for the few bits
// of coefficients that are nearly the median: mirroring changes the sign of the odd
// frequencies, transposing swaps rows and columns.
func (c Code) Turned(form fingerprint.Dihedral) Code {
	t := turns[form&7]
	if t.transpose {
		c = c.transposed()
	}
	for i := range c {
		c[i] ^= t.mask[i]
	}
	return c
}

// A code is 16 rows of 16 bits: row 15, the highest vertical frequency, comes first, and in
// each row the bit of horizontal frequency v+1 is bit v. Row u is in word 3-u/4, from bit
// 16*(u%4) on.
func (c Code) row(u int) uint16 { return uint16(c[3-u/4] >> (16 * (u % 4))) }

func (c Code) transposed() (t Code) {
	for u := range 16 {
		for r := uint32(c.row(u)); r != 0; r &= r - 1 {
			v := bits.TrailingZeros32(r)
			t[3-v/4] |= 1 << (16*(v%4) + u)
		}
	}
	return t
}

type turn struct {
	transpose bool
	mask      Code
}

// Rows and columns of even number hold odd frequencies.
const (
	oddColumns = 0x5555_5555_5555_5555
	oddRows    = 0x0000_FFFF_0000_FFFF
)

// turns writes each form as: transpose first, then reverse the order of the rows, then of
// the columns.
var turns = func() (t [8]turn) {
	rows := Code{oddRows, oddRows, oddRows, oddRows}
	columns := Code{oddColumns, oddColumns, oddColumns, oddColumns}
	both := rows
	for i := range both {
		both[i] ^= columns[i]
	}
	return [8]turn{
		fingerprint.Identity:   {},
		fingerprint.Rotate90:   {true, rows},
		fingerprint.Rotate180:  {false, both},
		fingerprint.Rotate270:  {true, columns},
		fingerprint.FlipX:      {false, rows},
		fingerprint.FlipY:      {false, columns},
		fingerprint.FlipPlus1:  {true, Code{}},
		fingerprint.FlipMinus1: {true, both},
	}
}()

// undone is the form that undoes d.
func undone(d fingerprint.Dihedral) fingerprint.Dihedral {
	switch d {
	case fingerprint.Rotate90:
		return fingerprint.Rotate270
	case fingerprint.Rotate270:
		return fingerprint.Rotate90
	}
	return d
}
