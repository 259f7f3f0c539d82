package c2pa

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// embedded is a manifest store in its file.
type embedded struct {
	store []byte
	// spans are the runs of bytes of the file that carry it, with what the format puts
	// around it, in order.
	spans []span
}

// span is a run of bytes: from inclusive, to exclusive.
type span struct{ from, to int }

var errTwoStores = errors.New("the file has more than one manifest store; which one counts cannot be told")

// find takes the manifest store out of a file; nil where there is none. A file in a format
// that is not read here has none; one that is cut short has what stands before the cut.
func find(file []byte) (*embedded, error) {
	switch {
	case bytes.HasPrefix(file, []byte{0xff, 0xd8, 0xff}):
		return findJPEG(file)
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return findChunk(file, 8, len(file), pngChunk, "caBX")
	case len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		return findChunk(file, 12, riffEnd(file), riffChunk, "C2PA")
	case len(file) >= 12 && string(file[4:8]) == "ftyp":
		return findBMFF(file)
	}
	return nil, nil
}

func tooLarge(n uint64) error {
	return fmt.Errorf("the manifest store has %d bytes; at most %d are read", n, MaxStore)
}

// maxSegments is eight times what the largest store needs.
const maxSegments = 2048

// jpegBox is one JUMBF box that is spread over APP11 segments.
type jpegBox struct {
	instance uint16
	next     uint32 // sequence number of the next piece
	head     []byte // box header, which every piece repeats
	data     []byte
	spans    []span
}

// findJPEG joins the APP11 segments before the first scan (ISO/IEC 19566-5, annex D: "JP",
// box instance, sequence number from 1, box header, piece of the box).
func findJPEG(file []byte) (*embedded, error) {
	var boxes []*jpegBox
	for at := 2; at+4 <= len(file) && file[at] == 0xff; {
		marker := file[at+1]
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd8 { // without a length
			at += 2
			continue
		}
		end := at + 2 + int(binary.BigEndian.Uint16(file[at+2:]))
		if marker == 0xda || marker == 0xd9 || end < at+4 || end > len(file) {
			break
		}
		if s := file[at+4 : end]; marker == 0xeb && len(s) >= 16 && string(s[:2]) == "JP" {
			var err error
			if boxes, err = joinJPEG(boxes, s, span{at, end}); err != nil {
				return nil, err
			}
		}
		at = end
	}
	var found *embedded
	for _, b := range boxes {
		if !isStore(b.data) {
			continue // JUMBF of somebody else
		}
		if found != nil {
			return nil, errTwoStores
		}
		found = &embedded{store: b.data, spans: b.spans}
	}
	return found, nil
}

// joinJPEG adds the content of one segment to the box it belongs to.
func joinJPEG(boxes []*jpegBox, s []byte, at span) ([]*jpegBox, error) {
	instance, seq, piece := binary.BigEndian.Uint16(s[2:]), binary.BigEndian.Uint32(s[4:]), s[8:]
	head := 8
	if binary.BigEndian.Uint32(piece) == 1 {
		head = 16
	}
	if len(piece) < head {
		return boxes, nil
	}
	for _, b := range boxes {
		if b.instance != instance || !bytes.Equal(b.head, piece[:head]) {
			continue
		}
		if seq != b.next {
			return nil, errors.New("the segments of the manifest store are out of order, or one is missing")
		}
		if len(b.data)+len(piece) > MaxStore {
			return nil, tooLarge(uint64(len(b.data) + len(piece)))
		}
		if len(b.spans) == maxSegments {
			return nil, fmt.Errorf("the manifest store is in more than %d segments", maxSegments)
		}
		b.data, b.next, b.spans = append(b.data, piece[head:]...), seq+1, append(b.spans, at)
		return boxes, nil
	}
	if seq != 1 || len(boxes) == 64 {
		return boxes, nil
	}
	return append(boxes, &jpegBox{
		instance: instance, next: 2, head: piece[:head], data: bytes.Clone(piece), spans: []span{at},
	}), nil
}

// isStore reports whether a box says that it is a manifest store.
func isStore(b []byte) bool {
	head := 8
	if len(b) >= 8 && binary.BigEndian.Uint32(b) == 1 {
		head = 16
	}
	d := head + 8 // past the header of the description box
	return len(b) >= d+16 && string(b[4:8]) == "jumb" && [16]byte(b[d:]) == typeStore
}

// chunk reads the header of the chunk at an offset: its name, where its content stands and
// where the next chunk begins; ok is false where there is no whole chunk.
type chunk func(file []byte, at, end int) (name string, data span, next int, ok bool)

// pngChunk: be32 length, name, content, be32 CRC (which the hard binding makes needless).
func pngChunk(file []byte, at, end int) (name string, data span, next int, ok bool) {
	if end-at < 12 {
		return "", span{}, 0, false
	}
	n := uint64(binary.BigEndian.Uint32(file[at:]))
	if n > uint64(end-at-12) {
		return "", span{}, 0, false
	}
	from := at + 8
	return string(file[at+4 : at+8]), span{from, from + int(n)}, from + int(n) + 4, true
}

// riffChunk: name, le32 length, content, a byte of padding to an even length.
func riffChunk(file []byte, at, end int) (name string, data span, next int, ok bool) {
	if end-at < 8 {
		return "", span{}, 0, false
	}
	n := uint64(binary.LittleEndian.Uint32(file[at+4:]))
	if n > uint64(end-at-8) {
		return "", span{}, 0, false
	}
	from := at + 8
	to := from + int(n)
	return string(file[at : at+4]), span{from, to}, min(to+int(n&1), end), true
}

// riffEnd is where the RIFF form ends by its own length.
func riffEnd(file []byte) int {
	return int(min(uint64(len(file)), 8+uint64(binary.LittleEndian.Uint32(file[4:]))))
}

func findChunk(file []byte, at, end int, read chunk, want string) (*embedded, error) {
	var found *embedded
	for {
		name, data, next, ok := read(file, at, end)
		if !ok {
			return found, nil
		}
		if name == want {
			if found != nil {
				return nil, errTwoStores
			}
			if n := data.to - data.from; n > MaxStore {
				return nil, tooLarge(uint64(n))
			}
			found = &embedded{store: bytes.Clone(trimBox(file[data.from:data.to])), spans: []span{{at, next}}}
		}
		at = next
	}
}

// trimBox leaves the box without what stands behind it, by which writers fill reserved room.
func trimBox(b []byte) []byte {
	if _, rest, err := cutBox(b); err == nil {
		return b[:len(b)-len(rest)]
	}
	return b
}

// c2paUUID marks the uuid boxes of C2PA (specification, A.5.1).
var c2paUUID = []byte{0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81}

// findBMFF looks through the top-level boxes: uuid, version and flags, purpose (text with a
// zero behind), for "manifest" the be64 offset of the first Merkle box, then the store.
func findBMFF(file []byte) (*embedded, error) {
	top, err := topBoxes(file)
	if err != nil {
		return nil, nil // damaged beyond the point where a store would be trusted
	}
	var found *embedded
	for _, b := range top {
		d, ok := bytes.CutPrefix(file[b.data:b.to], c2paUUID)
		if b.kind != "uuid" || !ok || len(d) < 4 {
			continue
		}
		purpose, d, ok := bytes.Cut(d[4:], []byte{0})
		if !ok || string(purpose) != "manifest" && string(purpose) != "original" && string(purpose) != "update" {
			continue
		}
		if string(purpose) != "manifest" {
			return nil, errors.New("the manifest store is split into an original and an update, which is not read")
		}
		if found != nil {
			return nil, errTwoStores
		}
		if len(d) < 8 {
			return nil, errors.New("the box of the manifest store is cut short")
		}
		if n := len(d) - 8; n > MaxStore {
			return nil, tooLarge(uint64(n))
		}
		found = &embedded{store: bytes.Clone(trimBox(d[8:])), spans: []span{{b.from, b.to}}}
	}
	return found, nil
}
