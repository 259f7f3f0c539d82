package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The elements of Matroska (RFC 9559) that matter here.
const (
	idSegment     = 0x18538067
	idCluster     = 0x1f43b675
	idTimestamp   = 0xe7
	idBlockGroup  = 0xa0
	idBlock       = 0xa1
	idSimpleBlock = 0xa3
	idTracks      = 0x1654ae6b
	idTrackEntry  = 0xae
	idTrackNumber = 0xd7
	idTrackType   = 0x83
	idVideo       = 0xe0
	idPixelWidth  = 0xb0
	idPixelHeight = 0xba
)

const (
	videoTrack = 1 // values of TrackType
	audioTrack = 2
)

// unknownSize is the size of an element that lasts as long as its parent.
const unknownSize = 1<<56 - 1

// track is one stream of what ffmpeg writes.
type track struct {
	kind int // videoTrack or audioTrack
	w, h int
}

// packet is the contents of one block: a frame or some samples.
type packet struct {
	*track
	time float64 // seconds
	data []byte  // valid until the next packet
}

// reader reads the Matroska stream that ffmpeg writes: raw frames and raw samples, one per
// block, with times in milliseconds. It is no general reader of Matroska.
type reader struct {
	in      *bufio.Reader
	limit   int // most bytes of an element that is read whole
	tracks  map[uint64]*track
	cluster int64 // milliseconds
	buf     []byte
}

func newReader(r io.Reader, limit int) *reader {
	return &reader{in: bufio.NewReaderSize(r, 1<<16), limit: limit, tracks: map[uint64]*track{}}
}

var errMatroska = errors.New("ffmpeg's answer cannot be read")

// next returns the next packet, and io.EOF at the end; an end within an element is
// io.ErrUnexpectedEOF.
func (r *reader) next() (packet, error) {
	for {
		id, size, err := r.element()
		if err != nil {
			return packet{}, err
		}
		switch id {
		case idSegment, idCluster, idBlockGroup:
			continue // what is in it comes next
		case idTracks, idTimestamp, idSimpleBlock, idBlock:
		default:
			if size == unknownSize {
				return packet{}, fmt.Errorf("%w: element %x has no size", errMatroska, id)
			}
			if _, err := io.CopyN(io.Discard, r.in, int64(size)); err != nil {
				return packet{}, unexpected(err)
			}
			continue
		}
		body, err := r.body(size)
		if err != nil {
			return packet{}, err
		}
		switch id {
		case idTimestamp:
			r.cluster = int64(number(body))
		case idTracks:
			r.readTracks(body)
		default:
			p, err := r.block(body)
			if err != nil || p.track != nil {
				return p, err
			}
		}
	}
}

// element reads the head of an element.
func (r *reader) element() (id, size uint64, err error) {
	head, err := r.in.Peek(12)
	if len(head) == 0 {
		return 0, 0, err
	}
	id, size, rest, ok := element(head)
	if !ok {
		if err != nil {
			return 0, 0, unexpected(err)
		}
		return 0, 0, fmt.Errorf("%w: no element", errMatroska)
	}
	_, err = r.in.Discard(len(head) - len(rest))
	return id, size, err
}

func (r *reader) body(size uint64) ([]byte, error) {
	if size > uint64(r.limit) {
		return nil, fmt.Errorf("%w: an element of %d bytes", errMatroska, size)
	}
	if uint64(cap(r.buf)) < size {
		r.buf = make([]byte, size)
	}
	b := r.buf[:size]
	_, err := io.ReadFull(r.in, b)
	return b, unexpected(err)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// block splits a block into track, time and contents.
func (r *reader) block(b []byte) (packet, error) {
	n, b, ok := varint(b, false)
	if !ok || len(b) < 3 {
		return packet{}, fmt.Errorf("%w: a short block", errMatroska)
	}
	if b[2]&6 != 0 {
		return packet{}, fmt.Errorf("%w: a laced block", errMatroska)
	}
	ms := r.cluster + int64(int16(binary.BigEndian.Uint16(b)))
	return packet{track: r.tracks[n], time: float64(ms) / 1000, data: b[3:]}, nil
}

func (r *reader) readTracks(b []byte) {
	each(b, func(id uint64, entry []byte) {
		if id != idTrackEntry {
			return
		}
		var n uint64
		t := &track{}
		each(entry, func(id uint64, v []byte) {
			switch id {
			case idTrackNumber:
				n = number(v)
			case idTrackType:
				t.kind = int(number(v))
			case idVideo:
				each(v, func(id uint64, v []byte) {
					switch id {
					case idPixelWidth:
						t.w = int(number(v))
					case idPixelHeight:
						t.h = int(number(v))
					}
				})
			}
		})
		r.tracks[n] = t
	})
}

// each visits the elements in a master element, as far as they can be read.
func each(b []byte, visit func(id uint64, body []byte)) {
	for {
		id, size, rest, ok := element(b)
		if !ok || size > uint64(len(rest)) {
			return
		}
		visit(id, rest[:size])
		b = rest[size:]
	}
}

// element reads the identifier and the size of an EBML element (RFC 8794, section 6).
func element(b []byte) (id, size uint64, rest []byte, ok bool) {
	if id, b, ok = varint(b, true); !ok || id>>32 != 0 {
		return 0, 0, b, false
	}
	size, rest, ok = varint(b, false)
	return id, size, rest, ok
}

// varint reads a number of variable length (RFC 8794, section 4), with its marker bit if
// asked to keep it. A number without it whose bits are all set is unknownSize.
func varint(b []byte, marked bool) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] == 0 {
		return 0, b, false
	}
	n := 1
	for mark := byte(0x80); b[0]&mark == 0; mark >>= 1 {
		n++
	}
	if len(b) < n {
		return 0, b, false
	}
	for _, x := range b[:n] {
		v = v<<8 | uint64(x)
	}
	if !marked {
		if v &= 1<<(7*n) - 1; v == 1<<(7*n)-1 {
			v = unknownSize
		}
	}
	return v, b[n:], true
}

// number is an unsigned integer element.
func number(b []byte) (v uint64) {
	for _, x := range b[:min(len(b), 8)] {
		v = v<<8 | uint64(x)
	}
	return v
}
