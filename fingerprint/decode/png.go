package decode

import (
	"context"
	"encoding/binary"
	"image"
	"image/png"
)

// inspectPNG walks the chunks (W3C PNG, third edition, section 5) to IEND.
func inspectPNG(data []byte) (h header, err error) {
	h.perPixel = 12
	pos, first := 8, true
	for {
		if pos+12 > len(data) {
			return h, truncated(nil)
		}
		n := uint64(binary.BigEndian.Uint32(data[pos:]))
		kind := string(data[pos+4 : pos+8])
		if first && (kind != "IHDR" || n != 13) {
			return h, bad(Corrupt, "the first chunk is %q with %d bytes, not IHDR with 13", kind, n)
		}
		if n > uint64(len(data)-pos-12) {
			if first && len(data) >= pos+16 {
				h.width, h.height = pngSize(data[pos+8:])
			}
			return h, truncated(nil)
		}
		body := data[pos+8 : pos+8+int(n)]
		switch kind {
		case "IHDR":
			h.width, h.height = pngSize(body)
			if h.width <= 0 || h.height <= 0 {
				return h, bad(Corrupt, "the header claims %d x %d pixels", h.width, h.height)
			}
			if body[8] == 16 {
				h.note(noteDeep)
				h.perPixel = 16
			}
		case "iCCP":
			h.note(noteProfile)
		case "eXIf":
			h.orientation = exifOrientation(body)
		case "acTL":
			if len(body) >= 4 {
				h.noteFrames(int(binary.BigEndian.Uint32(body)))
			}
		case "IEND":
			return h, nil
		}
		pos += 12 + int(n)
		first = false
	}
}

func pngSize(body []byte) (w, h int) {
	return int(int32(binary.BigEndian.Uint32(body))), int(int32(binary.BigEndian.Uint32(body[4:])))
}

func (h *header) noteFrames(n int) {
	if n > 1 {
		h.note("first of %d frames", n)
	}
}

func openPNG(ctx context.Context, data []byte, _ *header) (image.Image, error) {
	return png.Decode(stoppable(ctx, data))
}
