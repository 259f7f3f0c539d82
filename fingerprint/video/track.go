package video

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Step is the time between two samples of a video in seconds: sample number n is the frame
// that is shown at n*Step.
const Step = 0.5

// Frame is one sampled frame of a video.
type Frame struct {
	Slot    int  // number of the sample
	Blank   bool // too little to be told from others: black, flat, a fade; no codes
	Full    Code // of the whole frame
	Box     Code // of its content box, where HasBox
	HasBox  bool
	Quality int // of the view that holds more, 0..100
}

// Time is when the frame is shown, in seconds.
func (f *Frame) Time() float64 { return float64(f.Slot) * Step }

// Track is the sampled frames of one video, by rising time: the fingerprint vframe.v1.
type Track []Frame

const (
	maxFrames = 1 << 16 // of a track
	maxSlot   = 1 << 20
	// sameCode is how many bits a code may differ from that of the frame before to be stored as
	// the same: a still scene costs next to nothing.
	sameCode = 3
)

// The kinds of frames in a payload, in the low two bits of a frame's head.
const (
	blankFrame = iota
	sameFrame  // as the one before, but for the time
	fullFrame
	boxedFrame
)

var errTrack = errors.New("vframe.v1 payload is damaged")

// Encode writes a track as the payload of vframe.v1: the number of frames as uvarint, and
// for each frame, by rising time,
//
//	uvarint  4*(slots since the frame before, less 1; the first counts from -1) + kind
//	kind 0   the frame is blank
//	kind 1   the codes and the quality of the last frame that was not blank
//	kind 2   quality (a byte), code of the whole (32 bytes)
//	kind 3   quality, code of the whole, code of the content box
//
// A code that differs from the last one by at most 3 bits is written as the same.
func (t Track) Encode() []byte {
	b := binary.AppendUvarint(nil, uint64(len(t)))
	slot, last := -1, -1
	for i := range t {
		f := &t[i]
		kind := fullFrame
		switch {
		case f.Blank:
			kind = blankFrame
		case last >= 0 && f.same(&t[last]):
			kind = sameFrame
		case f.HasBox:
			kind = boxedFrame
		}
		b = binary.AppendUvarint(b, uint64(f.Slot-slot-1)<<2|uint64(kind))
		slot = f.Slot
		if kind == fullFrame || kind == boxedFrame {
			b = append(b, byte(f.Quality))
			b = f.Full.appendTo(b)
			if kind == boxedFrame {
				b = f.Box.appendTo(b)
			}
			last = i
		}
	}
	return b
}

func (f *Frame) same(o *Frame) bool {
	return f.HasBox == o.HasBox && f.Full.Distance(o.Full) <= sameCode && f.Box.Distance(o.Box) <= sameCode
}

// DecodeTrack reads what [Track.Encode] wrote.
func DecodeTrack(b []byte) (Track, error) {
	uvarint := func(limit uint64) (uint64, error) {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > limit {
			return 0, errTrack
		}
		b = b[n:]
		return v, nil
	}
	n, err := uvarint(maxFrames)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(b)) {
		return nil, errTrack
	}
	t := make(Track, 0, n)
	slot, last := -1, -1
	for range n {
		head, err := uvarint(4 * maxSlot)
		if err != nil {
			return nil, err
		}
		slot += int(head>>2) + 1
		f := Frame{Slot: slot}
		kind := head & 3
		switch kind {
		case blankFrame:
			f.Blank = true
		case sameFrame:
			if last < 0 {
				return nil, errTrack
			}
			f = t[last]
			f.Slot = slot
		default:
			need := 33
			if kind == boxedFrame {
				need += 32
			}
			if len(b) < need {
				return nil, errTrack
			}
			f.Quality, f.Full = int(b[0]), codeOf(b[1:])
			if kind == boxedFrame {
				f.HasBox, f.Box = true, codeOf(b[33:])
			}
			b = b[need:]
			last = len(t)
		}
		if slot > maxSlot || f.Quality > 100 {
			return nil, errTrack
		}
		t = append(t, f)
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", errTrack, len(b))
	}
	return t, nil
}
