package decode

import (
	"context"
	"encoding/binary"
	"image"

	"golang.org/x/image/bmp"
)

// inspectBMP reads the file header and the information header and checks that all rows
// are there.
func inspectBMP(data []byte) (h header, err error) {
	h.perPixel = 9
	if len(data) < 34 {
		return h, truncated(nil)
	}
	offset := uint64(binary.LittleEndian.Uint32(data[10:]))
	size := binary.LittleEndian.Uint32(data[14:])
	if size < 40 {
		return h, bad(UnsupportedVariant, "an OS/2 bitmap is not read: save it again as PNG")
	}
	w := int64(int32(binary.LittleEndian.Uint32(data[18:])))
	ht := int64(int32(binary.LittleEndian.Uint32(data[22:])))
	if ht < 0 {
		ht = -ht
	}
	if w <= 0 || ht == 0 {
		return h, bad(Corrupt, "the header claims %d x %d pixels", w, ht)
	}
	h.width, h.height = int(w), int(ht)
	bits := uint64(binary.LittleEndian.Uint16(data[28:]))
	compression := binary.LittleEndian.Uint32(data[30:])
	switch {
	case compression != 0 && compression != 3, bits == 16:
		return h, bad(UnsupportedVariant, "a bitmap with compression %d and %d bits a pixel is not read: save it again as PNG", compression, bits)
	}
	stride := (uint64(w)*bits + 31) / 32 * 4
	if offset+stride*uint64(ht) > uint64(len(data)) {
		return h, truncated(nil)
	}
	return h, nil
}

func openBMP(ctx context.Context, data []byte, _ *header) (image.Image, error) {
	return bmp.Decode(stoppable(ctx, data))
}
