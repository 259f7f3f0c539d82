package decode

import (
	"bytes"
	"encoding/binary"
)

// ifdReader reads image file directories, the skeleton that TIFF files and EXIF blocks
// share (TIFF 6.0, section 2). All offsets count from the start of b.
type ifdReader struct {
	b     []byte
	order binary.ByteOrder
}

// ifdField is one entry of a directory.
type ifdField struct {
	tag, typ uint16
	count    uint32
	value    []byte // the four bytes that hold the value or its offset
}

// newIFDReader reads the eight bytes of header and returns the first directory's offset.
func newIFDReader(b []byte) (r ifdReader, first uint32, ok bool) {
	if len(b) < 8 {
		return r, 0, false
	}
	switch string(b[:4]) {
	case "II*\x00":
		r = ifdReader{b, binary.LittleEndian}
	case "MM\x00*":
		r = ifdReader{b, binary.BigEndian}
	default:
		return r, 0, false
	}
	return r, r.order.Uint32(b[4:]), true
}

// directory returns the fields of the directory at off and the offset of the next one.
// ok is false if it does not lie inside the block.
func (r ifdReader) directory(off uint32) (fields []ifdField, next uint32, ok bool) {
	n := uint64(len(r.b))
	at := uint64(off)
	if at+2 > n {
		return nil, 0, false
	}
	count := uint64(r.order.Uint16(r.b[at:]))
	at += 2
	if at+12*count > n {
		return nil, 0, false
	}
	fields = make([]ifdField, count)
	for i := range fields {
		f := r.b[at : at+12]
		fields[i] = ifdField{r.order.Uint16(f), r.order.Uint16(f[2:]), r.order.Uint32(f[4:]), f[8:12]}
		at += 12
	}
	return fields, r.next(off), true
}

// next returns the offset of the directory after the one at off, or 0.
func (r ifdReader) next(off uint32) uint32 {
	n, at := uint64(len(r.b)), uint64(off)
	if at+2 > n {
		return 0
	}
	at += 2 + 12*uint64(r.order.Uint16(r.b[at:]))
	if at+4 > n {
		return 0
	}
	return r.order.Uint32(r.b[at:])
}

// uints returns at most limit values of a field of type BYTE, SHORT or LONG. ok is false
// for other types and for values outside the block.
func (r ifdReader) uints(f ifdField, limit int) (v []uint32, ok bool) {
	size := map[uint16]uint64{1: 1, 3: 2, 4: 4}[f.typ]
	if size == 0 || f.count == 0 {
		return nil, false
	}
	raw := f.value
	if total := size * uint64(f.count); total > 4 {
		off := uint64(r.order.Uint32(f.value))
		if off+total > uint64(len(r.b)) {
			return nil, false
		}
		raw = r.b[off : off+total]
	}
	v = make([]uint32, min(int(f.count), limit))
	for i := range v {
		switch size {
		case 1:
			v[i] = uint32(raw[i])
		case 2:
			v[i] = uint32(r.order.Uint16(raw[2*i:]))
		case 4:
			v[i] = r.order.Uint32(raw[4*i:])
		}
	}
	return v, true
}

// exifOrientation returns the orientation 1..8 that an EXIF block claims for the main
// picture, and 1 where it claims none or nonsense. The block may start with the
// "Exif\0\0" of JPEG.
func exifOrientation(block []byte) int {
	block = bytes.TrimPrefix(block, []byte("Exif\x00\x00"))
	r, first, ok := newIFDReader(block)
	if !ok {
		return 1
	}
	fields, _, ok := r.directory(first)
	if !ok {
		return 1
	}
	for _, f := range fields {
		if f.tag == tagOrientation {
			return r.orientation(f)
		}
	}
	return 1
}

func (r ifdReader) orientation(f ifdField) int {
	if v, ok := r.uints(f, 1); ok && v[0] >= 1 && v[0] <= 8 {
		return int(v[0])
	}
	return 1
}
