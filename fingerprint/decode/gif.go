package decode

import (
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
)

// inspectGIF walks the blocks (GIF89a, sections 18 to 27) to the trailer.
func inspectGIF(data []byte) (h header, err error) {
	h.perPixel = 9
	if len(data) < 13 {
		return h, truncated(nil)
	}
	h.width = int(binary.LittleEndian.Uint16(data[6:]))
	h.height = int(binary.LittleEndian.Uint16(data[8:]))
	pos := 13 + gifTable(data[10])
	frames := 0
	for {
		if pos >= len(data) {
			return h, truncated(nil)
		}
		switch data[pos] {
		case 0x3b:
			if frames == 0 {
				return h, bad(Corrupt, "the file holds no picture")
			}
			h.noteFrames(frames)
			return h, nil
		case 0x21:
			pos += 2
		case 0x2c:
			if pos+10 >= len(data) {
				return h, truncated(nil)
			}
			frames++
			pos += 11 + gifTable(data[pos+9])
		default:
			return h, bad(Corrupt, "byte %d is %#02x, not the start of a block", pos, data[pos])
		}
		for {
			if pos >= len(data) {
				return h, truncated(nil)
			}
			n := int(data[pos])
			pos += 1 + n
			if n == 0 {
				break
			}
		}
	}
}

// gifTable is the length of the colour table that packed flags announce.
func gifTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// openGIF composes the first frame on its canvas. What the frame leaves out stays
// transparent, as browsers show it, whatever the background colour says.
func openGIF(ctx context.Context, data []byte, h *header) (image.Image, error) {
	img, err := gif.Decode(stoppable(ctx, data))
	if err != nil {
		return nil, err
	}
	canvas := image.Rect(0, 0, h.width, h.height)
	if img.Bounds() == canvas {
		return img, nil
	}
	frame, _, err := opaque(img)
	if err != nil {
		return nil, err
	}
	return compose(canvas, img.Bounds().Min, frame, h), nil
}

// compose draws an opaque frame on a white canvas.
func compose(canvas image.Rectangle, at image.Point, frame *image.NRGBA, h *header) *image.NRGBA {
	dst := image.NewNRGBA(canvas)
	draw.Draw(dst, canvas, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(dst, frame.Rect.Add(at), frame, image.Point{}, draw.Src)
	h.note(noteAlpha)
	return dst
}
