package audio

import (
	"encoding/binary"
	"errors"
)

// maxCodes bounds a payload: more than six days.
const maxCodes = 1 << 22

// Encode is the payload of audio.v1:
//
//	u32  number of codes n, little-endian
//	     for each code a bit that says whether it is heard, the first one lowest, in whole
//	     bytes; the bits that are left over are 0
//	u32  each code that is heard, little-endian
func (p Print) Encode() []byte {
	n := len(p.Codes)
	mask := make([]byte, (n+7)/8)
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(mask)+4*n), uint32(n))
	for i, h := range p.Heard {
		if h {
			mask[i/8] |= 1 << (i % 8)
		}
	}
	b = append(b, mask...)
	for i, h := range p.Heard {
		if h {
			b = binary.LittleEndian.AppendUint32(b, p.Codes[i])
		}
	}
	return b
}

var errPayload = errors.New("audio.v1: the payload is damaged")

// Decode reads a payload. One that Encode does not make is an error.
func Decode(b []byte) (Print, error) {
	if len(b) < 4 {
		return Print{}, errPayload
	}
	n := int(binary.LittleEndian.Uint32(b))
	b = b[4:]
	if n > maxCodes || (n+7)/8 > len(b) {
		return Print{}, errPayload
	}
	mask, codes := b[:(n+7)/8], b[(n+7)/8:]
	p := Print{Codes: make([]uint32, n), Heard: make([]bool, n)}
	for i := range n {
		if mask[i/8]>>(i%8)&1 == 0 {
			continue
		}
		if len(codes) < 4 {
			return Print{}, errPayload
		}
		p.Codes[i], p.Heard[i] = binary.LittleEndian.Uint32(codes), true
		codes = codes[4:]
	}
	if len(codes) > 0 || n%8 != 0 && mask[n/8]>>(n%8) != 0 {
		return Print{}, errPayload
	}
	return p, nil
}
