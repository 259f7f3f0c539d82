package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"sync"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
)

// heifPlan is what a HEIF container says and the decoders do not report.
type heifPlan struct {
	alpha  bool      // the primary item has an auxiliary picture: alpha, or depth
	matrix yuvMatrix // of the coded planes, for HEIC
}

// inspectHEIF reads the container that AVIF and HEIC share (ISO/IEC 23008-12). The size
// that counts against the limits is the largest that any item claims, because all items
// may be decoded: tiles of a grid, alpha planes.
func inspectHEIF(data []byte) (h header, err error) {
	h.perPixel, h.atLeast = 24, sandboxMemory
	plan := heifPlan{matrix: jfif}
	h.plan = &plan
	var m *metaBox
	sequence := false
	cut := boxes(data, func(kind string, body []byte) error {
		switch kind {
		case "meta":
			if m == nil {
				m, err = parseMeta(body)
			}
			return err
		case "moov":
			sequence = true
			h.trackSizes(body, 0)
		}
		return nil
	})
	if m != nil {
		h.heifItems(m, data, &plan)
	}
	if cut != nil {
		return h, cut
	}
	if sequence {
		h.note("first picture of a sequence")
	}
	if m == nil {
		if h.width == 0 {
			return h, bad(Corrupt, "the file holds no picture")
		}
		return h, nil
	}
	if m.items[m.primary] == nil && !sequence {
		return h, bad(Corrupt, "the file does not say which picture is the main one")
	}
	return h, m.inside(uint64(len(data)))
}

// heifItems takes size, orientation and notes from the items.
func (h *header) heifItems(m *metaBox, data []byte, plan *heifPlan) {
	for id, it := range m.items {
		for _, p := range m.properties(it) {
			h.claim(p)
		}
		if it.kind == "grid" {
			h.claimGrid(m.data(it, data))
		}
		plan.alpha = plan.alpha || it.alphaOf && id != m.primary
	}
	main := m.items[m.primary]
	if main == nil {
		return
	}
	angle, mirror := 0, -1
	for _, p := range m.properties(main) {
		switch {
		case p.kind == "irot" && len(p.body) >= 1:
			angle = int(p.body[0] & 3)
		case p.kind == "imir" && len(p.body) >= 1:
			mirror = int(p.body[0] & 1)
		case p.kind == "clap":
			h.note("the file asks for a crop (clean aperture)")
		case p.kind == "pixi" && len(p.body) >= 6 && p.body[5] > 8:
			h.note("%d bits a channel reduced to 8", p.body[5])
		case p.kind == "colr" && len(p.body) >= 4:
			h.heifColour(p.body, plan)
		}
	}
	h.orientation = fromTurnAndMirror(angle, mirror)
}

// claim raises the header's size to what a property claims.
func (h *header) claim(p property) {
	switch p.kind {
	case "ispe":
		if len(p.body) >= 12 {
			h.width = max(h.width, int(binary.BigEndian.Uint32(p.body[4:])))
			h.height = max(h.height, int(binary.BigEndian.Uint32(p.body[8:])))
		}
	case "hvcC":
		if w, ht, ok := hevcSize(p.body); ok {
			h.width, h.height = max(h.width, w), max(h.height, ht)
		}
	}
}

// claimGrid reads the output size of a grid item, ISO/IEC 23008-12 §6.6.2.3.
func (h *header) claimGrid(b []byte) {
	if len(b) < 8 {
		return
	}
	size := 2 + 2*int(b[1]&1)
	c := cursor{b: b[4:]}
	w, ht := c.uint(size), c.uint(size)
	if !c.bad {
		h.width, h.height = max(h.width, int(w)), max(h.height, int(ht))
	}
}

// trackSizes raises the header's size to those of the tracks of a sequence.
func (h *header) trackSizes(b []byte, depth int) {
	// Damage inside a track is the decoder's to find: only the sizes matter here.
	_ = boxes(b, func(kind string, body []byte) error {
		if kind == "trak" && depth == 0 {
			h.trackSizes(body, 1)
		}
		if kind == "tkhd" && len(body) >= 8 {
			end := body[len(body)-8:]
			h.width = max(h.width, int(binary.BigEndian.Uint32(end)>>16))
			h.height = max(h.height, int(binary.BigEndian.Uint32(end[4:])>>16))
		}
		return nil
	})
}

// heifColour reads a colr box: a profile, or the code points of ITU-T H.273.
func (h *header) heifColour(b []byte, plan *heifPlan) {
	switch kind := string(b[:4]); {
	case kind == "prof" || kind == "rICC":
		h.note(noteProfile)
	case kind == "nclx" && len(b) >= 11:
		transfer, matrix := binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint16(b[8:])
		if transfer == 16 || transfer == 18 {
			h.note("brightness curve of a high-dynamic-range picture ignored")
		}
		full := b[10]&0x80 != 0
		plan.matrix = matrixFor(matrix, full)
	}
}

// matrixFor picks the matrix of a H.273 matrix coefficient code.
func matrixFor(code uint16, full bool) yuvMatrix {
	switch {
	case code == 1 && full:
		return full709
	case code == 1:
		return studio709
	case code == 9 && full:
		return full2020
	case code == 9:
		return studio20
	case full || code == 0:
		return jfif
	}
	return studio601
}

// openAVIF decodes the stored planes; turning is left to upright.
func openAVIF(_ context.Context, data []byte, h *header) (image.Image, error) {
	if avif.Dynamic() == nil {
		h.note("decoded by a shared library of this machine: build with -tags nodynamic for results that are the same everywhere")
	}
	img, err := avif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := avifReallyDecoded(img, h.plan.(*heifPlan).alpha); err != nil {
		return nil, err
	}
	return img, nil
}

// avifReallyDecoded finds out whether the decoder filled its buffer. It reports success
// for damaged data and then hands out memory as it was: zeros, or leftovers. A real
// picture is opaque, or else premultiplied.
func avifReallyDecoded(img image.Image, alpha bool) error {
	damaged := bad(Corrupt, "the picture data is damaged or the picture is wholly transparent")
	var pix []byte
	step := 4
	switch m := img.(type) {
	case *image.RGBA:
		pix = m.Pix
	case *image.RGBA64:
		pix, step = m.Pix, 8
	default:
		return bad(Corrupt, "the decoder returned an unexpected picture of type %T", img)
	}
	var any byte
	for i := 0; i+step <= len(pix); i += step {
		p := pix[i : i+step]
		if step == 4 {
			if !alpha && p[3] != 255 || max(p[0], p[1], p[2]) > p[3] {
				return damaged
			}
			any |= p[3]
			continue
		}
		a := binary.BigEndian.Uint16(p[6:])
		if !alpha && a != 0xffff || max(binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint16(p[4:])) > a {
			return damaged
		}
		any |= p[6] | p[7]
	}
	if any == 0 {
		return damaged
	}
	return nil
}

// forceWasm makes the HEIC decoder the built-in one, whatever libraries the machine has.
var forceWasm = sync.OnceFunc(func() { heic.ForceWasmMode = true })

// openHEIC decodes; the decoder turns and mirrors by itself.
func openHEIC(_ context.Context, data []byte, h *header) (image.Image, error) {
	forceWasm()
	h.applied, h.orientation = h.orientation, 0
	plan := h.plan.(*heifPlan)
	if plan.alpha {
		h.note("auxiliary picture (alpha or depth) ignored")
	}
	img, err := heic.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if !heicStrideRight(img) {
		return nil, bad(UnsupportedVariant, "a HEIC picture of %d pixels in width is too narrow to be read: save it again as PNG", img.Bounds().Dx())
	}
	if m, ok := img.(*image.YCbCr); ok {
		return &limitedYCbCr{YCbCr: m, matrix: plan.matrix}, nil
	}
	return img, nil
}

// heicStrideRight reports whether the decoder's planes can be trusted. The library
// inside it makes every plane at least 64 samples wide and its wrapper does not know, so
// the rows of narrow pictures come out sheared.
func heicStrideRight(img image.Image) bool {
	w := img.Bounds().Dx()
	switch m := img.(type) {
	case *image.YCbCr:
		return m.YStride >= 64 && m.CStride >= 64
	case *image.Gray:
		return m.Stride >= 64
	}
	return w > 60
}
