package decode

import (
	"context"
	"encoding/binary"
	"image"
	"slices"

	"golang.org/x/image/webp"
)

// webpFrame is one picture inside a WebP file.
type webpFrame struct {
	alph   []byte // body of the ALPH chunk; nil where there is none
	kind   string // "VP8 " or "VP8L"
	body   []byte
	at     image.Point
	canvas image.Rectangle
}

// chunks walks the chunks of a RIFF list (RFC 9649 §2.3) until visit returns an error. A
// chunk that runs over the end makes the file truncated.
func chunks(list []byte, visit func(kind string, body []byte) error) error {
	for len(list) > 0 {
		if len(list) < 8 {
			return truncated(nil)
		}
		n := uint64(binary.LittleEndian.Uint32(list[4:]))
		if n > uint64(len(list)-8) {
			return truncated(nil)
		}
		if err := visit(string(list[:4]), list[8:8+n]); err != nil {
			return err
		}
		// The pad byte of an odd chunk may be missing at the very end.
		list = list[min(uint64(len(list)), 8+n+n&1):]
	}
	return nil
}

// inspectWebP reads the chunks of a WebP file (RFC 9649 §2) and finds its first frame.
func inspectWebP(data []byte) (h header, err error) {
	h.perPixel = 13
	if len(data) < 12 {
		return h, truncated(nil)
	}
	riff := uint64(binary.LittleEndian.Uint32(data[4:])) + 8
	if riff < 12 {
		return h, bad(Corrupt, "the RIFF header claims %d bytes", riff)
	}
	list := data[12:min(riff, uint64(len(data)))]
	var frame webpFrame
	animated, frames := false, 0
	err = chunks(list, func(kind string, body []byte) error {
		switch kind {
		case "VP8X":
			if len(body) < 10 {
				return bad(Corrupt, "the VP8X chunk has %d bytes, 10 are needed", len(body))
			}
			h.width, h.height = 1+le24(body[4:]), 1+le24(body[7:])
			animated = body[0]&2 != 0
		case "ICCP":
			h.note(noteProfile)
		case "EXIF":
			h.orientation = exifOrientation(body)
		case "ALPH", "VP8 ", "VP8L":
			if !animated {
				return frame.add(kind, body)
			}
		case "ANMF":
			frames++
			if animated && frames == 1 {
				return frame.addAnimated(body)
			}
		}
		return nil
	})
	w, ht := frame.size()
	if h.width == 0 {
		h.width, h.height = w, ht
	}
	frame.canvas = image.Rect(0, 0, h.width, h.height)
	switch {
	case riff > uint64(len(data)):
		return h, truncated(nil)
	case err != nil:
		return h, err
	case frame.body == nil:
		return h, bad(Corrupt, "the file holds no picture")
	case w == 0 || ht == 0:
		return h, bad(Corrupt, "the picture chunk has a damaged header")
	case !image.Rect(0, 0, w, ht).Add(frame.at).In(frame.canvas):
		return h, bad(Corrupt, "a frame of %d x %d pixels reaches over the canvas of %d x %d", w, ht, h.width, h.height)
	case !animated && (w != h.width || ht != h.height):
		return h, bad(Corrupt, "the picture has %d x %d pixels, the file header says %d x %d", w, ht, h.width, h.height)
	}
	h.noteFrames(frames)
	h.plan = frame
	return h, nil
}

func le24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func (f *webpFrame) add(kind string, body []byte) error {
	if f.body != nil {
		return nil
	}
	if kind == "ALPH" {
		f.alph = body
		return nil
	}
	f.kind, f.body = kind, body
	return nil
}

// addAnimated reads an ANMF chunk: 16 bytes of header, then chunks.
func (f *webpFrame) addAnimated(body []byte) error {
	if len(body) < 16 {
		return bad(Corrupt, "a frame header has %d bytes, 16 are needed", len(body))
	}
	f.at = image.Pt(2*le24(body), 2*le24(body[3:]))
	return chunks(body[16:], f.add)
}

// size reads the size in the header of the coded picture itself.
func (f *webpFrame) size() (w, h int) {
	b := f.body
	switch {
	case f.kind == "VP8 " && len(b) >= 10 && b[0]&1 == 0 && string(b[3:6]) == "\x9d\x01\x2a":
		return int(binary.LittleEndian.Uint16(b[6:])) & 0x3fff, int(binary.LittleEndian.Uint16(b[8:])) & 0x3fff
	case f.kind == "VP8L" && len(b) >= 5 && b[0] == 0x2f:
		v := binary.LittleEndian.Uint32(b[1:])
		return int(v&0x3fff) + 1, int(v>>14&0x3fff) + 1
	}
	return 0, 0
}

// openWebP composes the one frame on its canvas.
func openWebP(ctx context.Context, _ []byte, h *header) (image.Image, error) {
	f := h.plan.(webpFrame)
	img, err := f.decode(ctx)
	if err != nil || img.Bounds() == f.canvas {
		return img, err
	}
	frame, _, err := opaque(img)
	if err != nil {
		return nil, err
	}
	return compose(f.canvas, f.at, frame, h), nil
}

// decode hands the decoder a file made of the one frame, and nothing that could disagree
// with it.
func (f *webpFrame) decode(ctx context.Context) (image.Image, error) {
	w, ht := f.size()
	var list []byte
	if f.alph != nil && f.kind == "VP8 " {
		x := []byte{0x10, 0, 0, 0, byte(w - 1), byte((w - 1) >> 8), byte((w - 1) >> 16), byte(ht - 1), byte((ht - 1) >> 8), byte((ht - 1) >> 16)}
		list = appendChunk(list, "VP8X", x)
		list = appendChunk(list, "ALPH", f.alph)
	}
	list = appendChunk(list, f.kind, f.body)
	file := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(list)+4))...)
	img, err := webp.Decode(stoppable(ctx, slices.Concat(file, []byte("WEBP"), list)))
	if err != nil {
		return nil, err
	}
	// The decoder labels the studio range of VP8 as the full range of JPEG.
	switch m := img.(type) {
	case *image.YCbCr:
		return &limitedYCbCr{YCbCr: m, matrix: studio601}, nil
	case *image.NYCbCrA:
		return &limitedYCbCr{YCbCr: &m.YCbCr, matrix: studio601, alpha: m.A, alphaStride: m.AStride}, nil
	}
	return img, nil
}

func appendChunk(list []byte, kind string, body []byte) []byte {
	list = append(list, kind...)
	list = binary.LittleEndian.AppendUint32(list, uint32(len(body)))
	list = append(list, body...)
	if len(body)%2 == 1 {
		list = append(list, 0)
	}
	return list
}
