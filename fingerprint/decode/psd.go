package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"io"

	"github.com/oov/psd"
)

// psdPlan cuts a Photoshop file into the parts that the merged picture needs.
type psdPlan struct {
	head   []byte // file header and colour mode section
	kept   []byte // the image resource blocks that say what the channels mean
	large  bool   // PSB: lengths of 8 bytes
	merged []byte // the image data section
	row    int    // bytes of a row of one channel
	rows   int    // rows of all channels together
}

// Image resource identifiers of the Photoshop file format specification.
const (
	psdICC          = 0x040f
	psdTransparent  = 0x0417
	psdAlphaIDs     = 0x041d
	psdVersionInfo  = 0x0421
	psdHeaderLength = 26
)

// inspectPSD walks the five sections (Adobe Photoshop File Formats Specification).
// Layers are skipped by their length and never parsed.
func inspectPSD(data []byte) (h header, err error) {
	if len(data) < psdHeaderLength {
		return h, truncated(nil)
	}
	be := binary.BigEndian
	plan := psdPlan{large: data[5] == 2}
	channels, depth, mode := int(be.Uint16(data[12:])), int(be.Uint16(data[22:])), int(be.Uint16(data[24:]))
	h.height, h.width = int(be.Uint32(data[14:])), int(be.Uint32(data[18:]))
	h.perPixel = int64(8 + channels*max(1, depth/8))
	switch {
	case channels < 1 || channels > 56:
		return h, bad(Corrupt, "the header claims %d channels", channels)
	case depth != 1 && depth != 8 && depth != 16:
		// 32 bits are floating-point light, which needs a tone curve.
		return h, bad(UnsupportedVariant, "a PSD with %d bits a channel is not read: flatten it to 8 or 16", depth)
	case mode != 0 && mode != 1 && mode != 2 && mode != 3 && mode != 4:
		return h, bad(UnsupportedVariant, "a PSD of colour mode %d (multichannel, duotone or Lab) is not read: save it in RGB", mode)
	}
	if depth == 16 {
		h.note(noteDeep)
	}
	if mode == 4 {
		h.note(noteCMYK)
	}

	rest := data[psdHeaderLength:]
	section := func(size int) ([]byte, error) {
		c := cursor{b: rest}
		n := c.uint(size)
		if c.bad || n > uint64(len(c.b)) {
			return nil, truncated(nil)
		}
		rest = c.b[n:]
		return c.b[:n], nil
	}
	colours, err := section(4)
	if err != nil {
		return h, err
	}
	if mode == 2 && len(colours) != 768 {
		return h, bad(Corrupt, "the palette has %d bytes, not 768", len(colours))
	}
	plan.head = data[:psdHeaderLength+4+len(colours)]
	resources, err := section(4)
	if err != nil {
		return h, err
	}
	if plan.kept, err = h.psdResources(resources); err != nil {
		return h, err
	}
	layerLength := 4
	if plan.large {
		layerLength = 8
	}
	layers, err := section(layerLength)
	if err != nil {
		return h, err
	}
	if len(layers) > 0 {
		h.note("merged picture of a file with layers")
	}
	plan.merged = rest
	plan.row = (h.width*depth + 7) / 8
	plan.rows = h.height * channels
	h.plan = plan
	return h, plan.complete()
}

// psdResources keeps the blocks that matter and leaves out the others.
func (h *header) psdResources(b []byte) (kept []byte, err error) {
	for len(b) > 0 {
		if len(b) < 7 {
			return nil, bad(Corrupt, "an image resource ends too early")
		}
		id := int(binary.BigEndian.Uint16(b[4:]))
		name := (int(b[6]) + 2) &^ 1
		if len(b) < 6+name+4 {
			return nil, bad(Corrupt, "an image resource ends too early")
		}
		n := uint64(binary.BigEndian.Uint32(b[6+name:]))
		total := 6 + uint64(name) + 4 + n
		if total > uint64(len(b)) {
			return nil, bad(Corrupt, "an image resource claims %d bytes", n)
		}
		total = min(total+n&1, uint64(len(b)))
		switch id {
		case psdTransparent, psdAlphaIDs:
			if n >= 2 && (id == psdTransparent || n%4 == 0) {
				kept = append(kept, b[:total]...)
			}
		case psdVersionInfo:
			if n >= 5 && b[6+name+4+4] == 0 {
				h.note("the file was saved without its merged picture: what is seen may be blank")
			}
		case psdICC:
			h.note(noteProfile)
		}
		b = b[total:]
	}
	return kept, nil
}

// complete checks that the image data section holds all rows of all channels.
func (p psdPlan) complete() error {
	if len(p.merged) < 2 {
		return truncated(nil)
	}
	need := uint64(0)
	switch method, b := binary.BigEndian.Uint16(p.merged), p.merged[2:]; method {
	case 0:
		need = uint64(p.row) * uint64(p.rows)
	case 1:
		need = uint64(p.rows) * uint64(p.countSize())
		if need > uint64(len(b)) {
			break
		}
		for c := (cursor{b: b[:need]}); len(c.b) > 0; {
			need += c.uint(p.countSize())
		}
	}
	if need > uint64(len(p.merged)-2) {
		return truncated(nil)
	}
	return nil
}

// countSize is the length of a row's byte count.
func (p psdPlan) countSize() int {
	if p.large {
		return 4
	}
	return 2
}

// unpacked returns the image data with PackBits undone: the decoder's own undoing knows
// no 16-bit rows. complete must have passed.
func (p psdPlan) unpacked() ([]byte, error) {
	if binary.BigEndian.Uint16(p.merged) != 1 {
		return p.merged, nil
	}
	counts := cursor{b: p.merged[2:]}
	packed := counts.b[p.rows*p.countSize():]
	out := make([]byte, 2, 2+p.row*p.rows)
	for range p.rows {
		n := int(counts.uint(p.countSize()))
		var err error
		if out, err = unpackBits(out, packed[:n], p.row); err != nil {
			return nil, err
		}
		packed = packed[n:]
	}
	return out, nil
}

// unpackBits appends one row of n bytes (TIFF 6.0, section 9).
func unpackBits(out, packed []byte, n int) ([]byte, error) {
	end := len(out) + n
	for len(out) < end && len(packed) > 0 {
		head := int(int8(packed[0]))
		packed = packed[1:]
		switch {
		case head == -128:
		case head < 0 && len(packed) >= 1 && len(out)+1-head <= end:
			for range 1 - head {
				out = append(out, packed[0])
			}
			packed = packed[1:]
		case head >= 0 && len(packed) > head && len(out)+1+head <= end:
			out = append(out, packed[:head+1]...)
			packed = packed[head+1:]
		default:
			return nil, bad(Corrupt, "a packed row does not have the length of a row")
		}
	}
	if len(out) != end {
		return nil, bad(Corrupt, "a packed row does not have the length of a row")
	}
	return out, nil
}

// openPSD hands the decoder a file without layers and without other resources: their
// lengths are claims of a stranger, and it would allocate by them.
func openPSD(ctx context.Context, _ []byte, h *header) (image.Image, error) {
	plan := h.plan.(psdPlan)
	merged, err := plan.unpacked()
	if err != nil {
		return nil, err
	}
	var middle []byte
	middle = binary.BigEndian.AppendUint32(middle, uint32(len(plan.kept)))
	middle = append(middle, plan.kept...)
	middle = append(middle, 0, 0, 0, 0)
	if plan.large {
		middle = append(middle, 0, 0, 0, 0)
	}
	file := io.MultiReader(bytes.NewReader(plan.head), bytes.NewReader(middle), stoppable(ctx, merged))
	p, _, err := psd.Decode(file, &psd.DecodeOptions{SkipLayerImage: true})
	if err != nil {
		return nil, err
	}
	if img := psdPlain(p); img != nil {
		return img, nil
	}
	return p.Picker, nil
}

// psdPlain interleaves the planes of the common case, 8-bit RGB without transparency,
// which the general way through single pixels would make slow.
func psdPlain(p *psd.PSD) image.Image {
	c := p.Config
	if c.Depth != 8 || c.ColorMode != psd.ColorModeRGB || c.Channels != 3 {
		return nil
	}
	img := image.NewNRGBA(c.Rect)
	r, g, b := p.Channel[0].Data, p.Channel[1].Data, p.Channel[2].Data
	for i := range r {
		d := img.Pix[4*i : 4*i+4 : 4*i+4]
		d[0], d[1], d[2], d[3] = r[i], g[i], b[i], 255
	}
	return img
}
