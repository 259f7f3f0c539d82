// Package blocks adds up the colours of blocks of pixels: the first step of making a large
// picture small. The sums are exact, and the same with and without vector code.
package blocks

import (
	"encoding/binary"
	"image"
)

// Summer adds up the blocks of one picture, k pixels wide. It is not safe for concurrent
// use.
type Summer struct {
	pix       []byte
	stride, w int
	k         int
	lanes     []uint64 // of each column of pixels: red, green, blue and alpha, 16 bits each
	sums      [][3]uint32
}

// maxRows is how many values of 255 a sum of 16 bits holds.
const maxRows = 65535 / 255

// New returns the summer of a picture with blocks of k ≥ 1 pixels in width. The last block
// of a row may be narrower.
func New(m *image.NRGBA, k int) *Summer {
	w := m.Rect.Dx()
	return &Summer{pix: m.Pix, stride: m.Stride, w: w, k: k, lanes: make([]uint64, w), sums: make([][3]uint32, (w+k-1)/k)}
}

// Sums adds up red, green and blue of each block between the rows y0 and y1, counted from
// the first row of the picture. The result is valid until the next call.
func (s *Summer) Sums(y0, y1 int) [][3]uint32 {
	clear(s.sums)
	for y := y0; y < y1; {
		n := min(y1-y, maxRows)
		s.columns(s.pix[y*s.stride:], n)
		s.across(n)
		y += n
	}
	return s.sums
}

// columns adds up n rows into the lanes.
func (s *Summer) columns(pix []byte, n int) {
	x := columns(s.lanes, pix[:(n-1)*s.stride+4*s.w], s.stride, n)
	rest := s.lanes[x:]
	clear(rest)
	for i := range n {
		row := pix[i*s.stride+4*x:][:4*len(rest)]
		for j := range rest {
			v := uint64(binary.LittleEndian.Uint32(row[4*j:]))
			v = (v | v<<16) & 0x0000ffff0000ffff
			rest[j] += (v | v<<8) & 0x00ff00ff00ff00ff
		}
	}
}

// across adds the lanes of each block, which are sums of n rows, to its sums.
func (s *Summer) across(n int) {
	run := maxRows / n // lanes that can be added before one overflows
	for i := range s.sums {
		lanes := s.lanes[i*s.k : min((i+1)*s.k, s.w)]
		t := &s.sums[i]
		for len(lanes) > 0 {
			m := min(run, len(lanes))
			var v uint64
			for _, l := range lanes[:m] {
				v += l
			}
			t[0] += uint32(v & 0xffff)
			t[1] += uint32(v >> 16 & 0xffff)
			t[2] += uint32(v >> 32 & 0xffff)
			lanes = lanes[m:]
		}
	}
}
