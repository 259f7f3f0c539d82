package decode

import "bytes"

// bitReader reads bits from the most significant down, as HEVC does. Past the end it
// returns zeros and remembers.
type bitReader struct {
	b    []byte
	pos  int
	over bool
}

func (r *bitReader) bits(n int) (v uint32) {
	for range n {
		v <<= 1
		if at := r.pos >> 3; at < len(r.b) {
			v |= uint32(r.b[at]>>(7-r.pos&7)) & 1
		} else {
			r.over = true
		}
		r.pos++
	}
	return v
}

// golomb reads an unsigned Exp-Golomb code, ITU-T H.265 §9.2.
func (r *bitReader) golomb() uint32 {
	zeros := 0
	for r.bits(1) == 0 {
		if zeros++; zeros > 31 || r.over {
			r.over = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

// hevcSize returns the coded size in the sequence parameter sets of an hvcC box
// (ISO/IEC 14496-15 §8.3.3): the decoder allocates by these, not by the container.
func hevcSize(hvcC []byte) (w, h int, ok bool) {
	if len(hvcC) < 23 {
		return 0, 0, false
	}
	c := cursor{b: hvcC[22:]}
	for range c.uint(1) {
		kind := c.uint(1) & 0x3f
		for range c.uint(2) {
			n := c.uint(2)
			if c.bad || n > uint64(len(c.b)) {
				return w, h, ok
			}
			if kind == 33 {
				if sw, sh, good := spsSize(c.b[:n]); good {
					w, h, ok = max(w, sw), max(h, sh), true
				}
			}
			c.b = c.b[n:]
		}
	}
	return w, h, ok
}

// spsSize reads the size of a sequence parameter set, ITU-T H.265 §7.3.2.2.
func spsSize(nal []byte) (w, h int, ok bool) {
	// Emulation prevention bytes are taken out first.
	r := &bitReader{b: bytes.ReplaceAll(nal, []byte{0, 0, 3}, []byte{0, 0})}
	r.bits(16 + 4)
	subLayers := int(r.bits(3))
	r.bits(1)
	// profile_tier_level, §7.3.3
	r.bits(32)
	r.bits(32)
	r.bits(32)
	var present []uint32
	for range subLayers {
		present = append(present, r.bits(2))
	}
	if subLayers > 0 {
		r.bits(2 * (8 - subLayers))
	}
	for _, p := range present {
		if p&2 != 0 {
			r.bits(88)
		}
		if p&1 != 0 {
			r.bits(8)
		}
	}
	r.golomb()
	if r.golomb() == 3 {
		r.bits(1)
	}
	w, h = int(r.golomb()), int(r.golomb())
	return w, h, !r.over && w > 0 && h > 0
}
