package extract

import (
	"context"
	"encoding/binary"
	"image"

	"selvage/fingerprint/decode"
)

// renderFlags: annotations as they are printed, and red before green and blue (fpdfview.h: FPDF_ANNOT,
// FPDF_REVERSE_BYTE_ORDER).
const renderFlags = 0x01 | 0x10

// draw renders the loaded page; nil where the instance failed.
func (f *pdfFile) draw(in *instance, page uint64, v view) *image.NRGBA {
	bm := in.call("FPDFBitmap_CreateEx", uint64(v.w), uint64(v.h), bitmapBGRx, 0, 0)
	if bm == 0 {
		return nil
	}
	defer in.call("FPDFBitmap_Destroy", bm)
	in.call("FPDFBitmap_FillRect", bm, 0, 0, uint64(v.w), uint64(v.h), 0xffffffff)
	in.call("FPDF_RenderPageBitmap", bm, page, 0, 0, uint64(v.w), uint64(v.h), 0, renderFlags)
	stride := int(int32(in.call("FPDFBitmap_GetStride", bm)))
	src := in.bytes(in.call("FPDFBitmap_GetBuffer", bm), stride*v.h)
	if src == nil || stride < 4*v.w {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, v.w, v.h))
	for y := range v.h {
		s, d := src[y*stride:][:4*v.w], img.Pix[y*img.Stride:][:4*v.w]
		for x := 0; x+4 <= len(d) && x+4 <= len(s); x += 4 {
			binary.LittleEndian.PutUint32(d[x:], binary.LittleEndian.Uint32(s[x:])|0xff000000) // the fourth byte may be anything
		}
	}
	return img
}

// The formats of bitmaps (fpdfview.h).
const (
	bitmapGray = 1
	bitmapBGR  = 2
	bitmapBGRx = 3
	bitmapBGRA = 4
)

// pixels copies an embedded picture's bitmap out of the instance, laid on white.
func (f *pdfFile) pixels(in *instance, bm uint64) *image.NRGBA {
	get := func(name string) int { return int(int32(in.call(name, bm))) }
	w, h, stride, format := get("FPDFBitmap_GetWidth"), get("FPDFBitmap_GetHeight"), get("FPDFBitmap_GetStride"), get("FPDFBitmap_GetFormat")
	src := in.bytes(in.call("FPDFBitmap_GetBuffer", bm), stride*h)
	if src == nil || w <= 0 || h <= 0 {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		s, d := src[y*stride:][:stride], img.Pix[y*img.Stride:][:4*w]
		switch format {
		case bitmapGray:
			for x := range w {
				d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = s[x], s[x], s[x], 255
			}
		case bitmapBGR:
			for x := range w {
				d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = s[3*x+2], s[3*x+1], s[3*x], 255
			}
		case bitmapBGRx, bitmapBGRA:
			for x := range w {
				d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = s[4*x+2], s[4*x+1], s[4*x], 255
			}
			if format == bitmapBGRA {
				for x := range w {
					a := int(s[4*x+3])
					for k := range 3 {
						d[4*x+k] = uint8((int(d[4*x+k])*a + 255*(255-a) + 127) / 255)
					}
				}
			}
		default:
			return nil
		}
	}
	return img
}

// raster draws a page for Page.Raster.
func (f *pdfFile) raster(ctx context.Context, index int) (img *image.NRGBA, err error) {
	err = f.with(ctx, func(in *instance) error {
		return f.onPage(in, index, func(page uint64, v view) error {
			if img = f.draw(in, page, v); img == nil && in.err == nil {
				return bad(PDF, decode.Panicked, "the page could not be drawn")
			}
			return in.err
		})
	})
	return img, err
}

// picture makes the way to one picture of a page.
func (f *pdfFile) picture(index int, path []int) func(context.Context) (*decode.Picture, error) {
	return func(ctx context.Context) (pic *decode.Picture, err error) {
		var encoded []byte
		err = f.with(ctx, func(in *instance) error {
			return f.onPage(in, index, func(page uint64, _ view) error {
				h := in.call("FPDFPage_GetObject", page, uint64(path[0]))
				for _, i := range path[1:] {
					h = in.call("FPDFFormObj_GetObject", h, uint64(i))
				}
				if h == 0 {
					return bad(PDF, decode.Corrupt, "the picture is damaged")
				}
				if encoded = f.jpeg(in, h); encoded != nil {
					return in.err
				}
				pic, err = f.unpack(in, h)
				return err
			})
		})
		if err != nil || encoded == nil {
			return pic, err
		}
		return decode.Decode(ctx, encoded, f.lim.Pictures)
	}
}

// jpeg is the picture's data where that is a JPEG file, nil where it is not.
func (f *pdfFile) jpeg(in *instance, h uint64) []byte {
	n := int(in.call("FPDFImageObj_GetImageDataRaw", h, 0, 0) & 0xffffffff)
	if n <= 4 || n > len(f.data) {
		return nil
	}
	buf := in.alloc(n)
	defer in.free(buf)
	in.call("FPDFImageObj_GetImageDataRaw", h, buf, uint64(n))
	b := in.bytes(buf, n)
	if len(b) < 3 || string(b[:3]) != "\xff\xd8\xff" {
		return nil
	}
	return append([]byte(nil), b...)
}

// unpack makes pixels of a picture in PDF's own codings.
func (f *pdfFile) unpack(in *instance, h uint64) (*decode.Picture, error) {
	lim := f.lim.Pictures
	if lim.MaxPixels <= 0 {
		lim.MaxPixels = maxUnpacked
	}
	buf := in.alloc(8)
	in.call("FPDFImageObj_GetImagePixelSize", h, buf, buf+4)
	w, hh := in.uint32(buf), in.uint32(buf+4)
	in.free(buf)
	if int64(w)*int64(hh) > min(lim.MaxPixels, maxUnpacked) {
		return nil, bad(PDF, decode.TooManyPixels, "the picture is %d x %d pixels", w, hh)
	}
	bm := in.call("FPDFImageObj_GetBitmap", h)
	if bm == 0 {
		if in.err != nil {
			return nil, in.err
		}
		return nil, bad(PDF, decode.UnsupportedVariant, "the picture is in a coding that is not read")
	}
	defer in.call("FPDFBitmap_Destroy", bm)
	img := f.pixels(in, bm)
	if img == nil {
		return nil, bad(PDF, decode.UnsupportedVariant, "the picture is in a coding that is not read")
	}
	return &decode.Picture{RGB: img, Format: string(PDF), Orientation: 1}, nil
}

// maxUnpacked is the pixels that an instance has memory for.
const maxUnpacked = 40_000_000
