package decode

import (
	"bytes"
	"context"
	"image"

	"github.com/gen2brain/jpegxl"
)

// inspectJXL finds the codestream, bare or in boxes (ISO/IEC 18181-2), and reads its
// size and orientation.
func inspectJXL(data []byte) (h header, err error) {
	h.perPixel, h.atLeast = 24, sandboxMemory
	stream := data
	if data[0] == 0 {
		stream = nil
		err = boxes(data, func(kind string, body []byte) error {
			switch {
			case stream != nil:
			case kind == "jxlc":
				stream = body
			case kind == "jxlp" && len(body) > 4:
				stream = body[4:]
			}
			return nil
		})
		if stream == nil {
			// A box that is cut still tells the size of the picture.
			if at := bytes.Index(data, []byte("jxlc\xff\x0a")); at >= 0 {
				stream = data[at+4:]
			}
		}
	}
	if stream != nil {
		if e := h.jxlHeader(stream); e != nil && err == nil {
			err = e
		}
	}
	if err == nil && stream == nil {
		err = bad(Corrupt, "the file holds no picture")
	}
	return h, err
}

// lsbReader reads bits from the least significant up, as JPEG XL does.
type lsbReader struct {
	b    []byte
	pos  int
	over bool
}

func (r *lsbReader) bits(n int) (v int) {
	for i := range n {
		if at := r.pos >> 3; at < len(r.b) {
			v |= int(r.b[at]>>(r.pos&7)&1) << i
		} else {
			r.over = true
		}
		r.pos++
	}
	return v
}

// side reads one side of a SizeHeader, ISO/IEC 18181-1 §D.2.
func (r *lsbReader) side(small bool) int {
	if small {
		return (r.bits(5) + 1) * 8
	}
	return r.bits([4]int{9, 13, 18, 30}[r.bits(2)]) + 1
}

// jxlHeader reads SizeHeader and the start of ImageMetadata, ISO/IEC 18181-1 annex D.
func (h *header) jxlHeader(stream []byte) error {
	if len(stream) < 2 || stream[0] != 0xff || stream[1] != 0x0a {
		return bad(Corrupt, "the codestream does not start with its signature")
	}
	r := &lsbReader{b: stream, pos: 16}
	small := r.bits(1) == 1
	h.height = r.side(small)
	switch ratio := r.bits(3); ratio {
	case 0:
		h.width = r.side(small)
	default:
		num := [8]int{0, 1, 12, 4, 3, 16, 5, 2}[ratio]
		den := [8]int{0, 1, 10, 3, 2, 9, 4, 1}[ratio]
		h.width = h.height * num / den
	}
	h.applied = 1
	if allDefault := r.bits(1) == 1; !allDefault && r.bits(1) == 1 {
		h.applied = 1 + r.bits(3)
	}
	if r.over {
		return truncated(nil)
	}
	return nil
}

// openJXL decodes; the decoder undoes the orientation by itself.
func openJXL(_ context.Context, data []byte, h *header) (image.Image, error) {
	if jpegxl.Dynamic() == nil {
		h.note("decoded by a shared library of this machine: build with -tags nodynamic for results that are the same everywhere")
	}
	img, err := jpegxl.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if _, deep := img.(*image.NRGBA64); deep {
		h.note(noteDeep)
	}
	return img, nil
}
