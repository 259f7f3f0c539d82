package decode

import (
	"context"
	"image"

	"golang.org/x/image/tiff"
)

// The TIFF 6.0 tags that are read here, and those of the ICC profile and of DNG.
const (
	tagSubfileType     = 254
	tagImageWidth      = 256
	tagImageLength     = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagStripBytes      = 279
	tagPlanar          = 284
	tagTileWidth       = 322
	tagTileLength      = 323
	tagTileOffsets     = 324
	tagTileBytes       = 325
	tagExtraSamples    = 338
	tagICC             = 34675
	tagDNGVersion      = 50706
)

// maxBlocks bounds the strips or tiles of a page that are looked at.
const maxBlocks = 1 << 20

// inspectTIFF reads the first directory and checks that its strips or tiles lie inside
// the file.
func inspectTIFF(data []byte) (h header, err error) {
	h.perPixel = 16
	if len(data) >= 4 && (data[2] == '+' || data[3] == '+') {
		return h, bad(UnsupportedVariant, "BigTIFF is not read: save it again as plain TIFF or PNG")
	}
	r, first, ok := newIFDReader(data)
	if !ok {
		return h, truncated(nil)
	}
	if len(data) >= 10 && string(data[8:10]) == "CR" {
		return h, bad(UnsupportedVariant, "camera raw (CR2) is not read: develop it to JPEG or TIFF")
	}
	fields, next, ok := r.directory(first)
	if !ok {
		return h, truncated(nil)
	}
	tags := map[uint16]ifdField{}
	for _, f := range fields {
		tags[f.tag] = f
	}
	number := func(tag uint16, otherwise uint32) uint32 {
		if f, ok := tags[tag]; ok {
			if v, ok := r.uints(f, 1); ok {
				return v[0]
			}
		}
		return otherwise
	}
	h.width, h.height = int(number(tagImageWidth, 0)), int(number(tagImageLength, 0))
	if f, ok := tags[tagOrientation]; ok {
		h.orientation = r.orientation(f)
	}
	if _, ok := tags[tagICC]; ok {
		h.note(noteProfile)
	}
	if number(tagBitsPerSample, 1) == 16 {
		h.note(noteDeep)
	}
	if number(tagSubfileType, 0)&1 != 0 {
		h.note("the first page is a preview of another one")
	}
	h.noteTIFFPages(r, first, next)
	if _, ok := tags[tagDNGVersion]; ok {
		return h, bad(UnsupportedVariant, "camera raw (DNG) is not read: develop it to JPEG or TIFF")
	}
	if err := tiffVariant(number); err != nil {
		return h, err
	}
	if tw, tl := number(tagTileWidth, 0), number(tagTileLength, 0); uint64(tw) > uint64(h.width)+1024 || uint64(tl) > uint64(h.height)+1024 {
		return h, bad(Corrupt, "tiles of %d x %d pixels for a picture of %d x %d", tw, tl, h.width, h.height)
	}
	return h, blocksInside(r, tags)
}

// tiffVariant names the variants that the decoder refuses or, worse, misreads.
func tiffVariant(number func(uint16, uint32) uint32) error {
	samples := number(tagSamplesPerPixel, 1)
	photometric := number(tagPhotometric, 0)
	switch number(tagCompression, 1) {
	case 6, 7:
		return bad(UnsupportedVariant, "JPEG inside TIFF is not read: save it again as JPEG or as TIFF with LZW")
	}
	switch {
	case photometric == 5:
		return bad(UnsupportedVariant, "CMYK in TIFF is not read: save it again in RGB")
	case photometric > 3:
		return bad(UnsupportedVariant, "TIFF with colour model %d is not read: save it again in RGB", photometric)
	case samples > 1 && number(tagPlanar, 1) == 2:
		return bad(UnsupportedVariant, "TIFF with a plane for each colour is not read: save it again with interleaved colours")
	case samples > 4, photometric == 2 && samples == 4 && number(tagExtraSamples, 0) == 0, photometric != 2 && samples > 1:
		return bad(UnsupportedVariant, "TIFF with extra channels is not read: save it again without them")
	}
	return nil
}

// noteTIFFPages counts the directories; a chain that loops or leaves the file ends the
// count.
func (h *header) noteTIFFPages(r ifdReader, first, next uint32) {
	seen := map[uint32]bool{first: true}
	for next != 0 && !seen[next] && len(seen) < 10_000 && uint64(next)+2 <= uint64(len(r.b)) {
		seen[next] = true
		next = r.next(next)
	}
	if len(seen) > 1 {
		h.note("first of %d pages", len(seen))
	}
}

// blocksInside checks the offsets and lengths of all strips or tiles.
func blocksInside(r ifdReader, tags map[uint16]ifdField) error {
	offsets, counts := tagStripOffsets, tagStripBytes
	if _, ok := tags[tagTileOffsets]; ok {
		offsets, counts = tagTileOffsets, tagTileBytes
	}
	at, ok1 := r.uints(tags[uint16(offsets)], maxBlocks)
	size, ok2 := r.uints(tags[uint16(counts)], maxBlocks)
	if !ok1 || !ok2 {
		return bad(Corrupt, "the strips or tiles are not listed, or their list lies outside the file: it may have been cut")
	}
	for i := range min(len(at), len(size)) {
		if uint64(at[i])+uint64(size[i]) > uint64(len(r.b)) {
			return truncated(nil)
		}
	}
	return nil
}

func openTIFF(ctx context.Context, data []byte, _ *header) (image.Image, error) {
	return tiff.Decode(stoppable(ctx, data))
}
