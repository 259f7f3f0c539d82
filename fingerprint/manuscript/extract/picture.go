package extract

import (
	"context"
	"encoding/binary"
	"image"
	"maps"
	"slices"

	"github.com/disintegration/imaging"

	"selvage/fingerprint/decode"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// readPicture takes a picture that was registered as a manuscript: each picture of a TIFF is a
// page, any other is one page.
func (d *Document) readPicture(ctx context.Context, data []byte) error {
	offsets := []uint32{0}
	if d.Format == TIFF {
		var err error
		if offsets, err = tiffPages(data, d.lim.MaxPages+1); err != nil {
			return err
		}
	}
	d.PageCount = len(offsets)
	if len(offsets) > d.lim.MaxPages {
		d.note("only the first %d pages were read", d.lim.MaxPages)
		offsets = offsets[:d.lim.MaxPages]
	}
	for i, at := range offsets {
		d.pictured(i+1, d.encoded("page", func() ([]byte, error) { return tiffFrom(data, at), nil }))
	}
	// That the first can be read tells a picture from a file with its first bytes.
	first, err := d.Pages[0].raster(ctx)
	if err != nil {
		return err
	}
	d.Pages[0].Width, d.Pages[0].Height = first.Rect.Dx(), first.Rect.Dy()
	if d.Format == PSD {
		d.readLayers(data)
	}
	return nil
}

// pictured adds a page that is a picture and nothing else.
func (d *Document) pictured(number int, pic Picture) {
	side := d.lim.RasterSide
	d.Pages = append(d.Pages, Page{Number: number, raster: func(ctx context.Context) (*image.NRGBA, error) {
		full, err := pic.Decode(ctx)
		if err != nil {
			return nil, err
		}
		return shrink(full.RGB, side), nil
	}})
}

// shrink makes a picture smaller so that no side is longer than side.
func shrink(img *image.NRGBA, side int) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	long := max(w, h)
	if long <= side {
		return img
	}
	return imaging.Resize(img, max(1, w*side/long), max(1, h*side/long), imaging.Box)
}

// tiffPages are the offsets of the image file directories of a classic TIFF (TIFF 6.0, section
// 2), at most limit; those of reduced copies of a page (bit 0 of NewSubfileType) are left out.
func tiffPages(data []byte, limit int) ([]uint32, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if len(data) < 8 {
		return nil, bad(TIFF, decode.Truncated, "the file ends too early: it was cut, upload it again")
	}
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	if order.Uint16(data[2:]) != 42 {
		return []uint32{0}, nil // BigTIFF: decode says what is wrong with it
	}
	var out []uint32
	seen := map[uint32]bool{}
	for at := order.Uint32(data[4:]); at != 0 && len(out) < limit; {
		if seen[at] || uint64(at)+2 > uint64(len(data)) {
			break // a circle, or a cut file whose first pages are there
		}
		seen[at] = true
		n := uint64(order.Uint16(data[at:]))
		end := uint64(at) + 2 + 12*n
		if end+4 > uint64(len(data)) {
			break
		}
		reduced := false
		for e := uint64(at) + 2; e < end; e += 12 {
			if order.Uint16(data[e:]) == 254 && order.Uint32(data[e+8:])&1 != 0 {
				reduced = true
			}
		}
		if !reduced {
			out = append(out, at)
		}
		at = order.Uint32(data[end:])
	}
	if len(out) == 0 {
		return []uint32{0}, nil
	}
	return out, nil
}

// tiffFrom is the file with the directory at an offset as its first.
func tiffFrom(data []byte, at uint32) []byte {
	if at == 0 {
		return data
	}
	out := append([]byte(nil), data...)
	if data[0] == 'M' {
		binary.BigEndian.PutUint32(out[4:], at)
	} else {
		binary.LittleEndian.PutUint32(out[4:], at)
	}
	return out
}
