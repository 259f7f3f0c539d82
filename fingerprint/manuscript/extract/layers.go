package extract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
)

// psdReader walks the sections of a Photoshop file (Adobe Photoshop File Formats
// Specification, "Layer and Mask Information"). After a failure all that it gives is zero.
type psdReader struct {
	b      []byte
	large  bool // PSB: some lengths have 8 bytes
	failed bool
}

func (r *psdReader) take(n uint64) []byte {
	if r.failed || n > uint64(len(r.b)) {
		r.failed = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *psdReader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *psdReader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// length is one of the lengths that are longer in a PSB.
func (r *psdReader) length() uint64 {
	if !r.large {
		return uint64(r.uint32())
	}
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// layer is one record of the layer section.
type layer struct {
	top, left, bottom, right int32
	channels                 []layerChannel
	hidden                   Hidden
	text                     string // of a type layer
}

type layerChannel struct {
	id     int16 // 0, 1, 2: the colours; -1: transparency; less: masks
	length uint64
	data   []byte // compression, and what it says
}

const (
	maxLayers      = 2000
	layerInvisible = 2 // bit of the flags
)

// readLayers adds the layers of a PSD to its one page: type layers as text, the others as
// pictures. What is damaged there leaves the merged picture as it is.
func (d *Document) readLayers(data []byte) {
	if len(data) < 26 {
		return
	}
	p := &d.Pages[0]
	r := &psdReader{b: data[26:], large: data[5] == 2}
	height, width := binary.BigEndian.Uint32(data[14:]), binary.BigEndian.Uint32(data[18:])
	depth, mode := binary.BigEndian.Uint16(data[22:]), binary.BigEndian.Uint16(data[24:])
	r.take(uint64(r.uint32())) // colour mode
	r.take(uint64(r.uint32())) // resources
	section := &psdReader{b: r.take(r.length()), large: r.large}
	layers := section.layers()
	if section.failed {
		d.note("the layers of the file could not all be read")
	}
	scale := float64(max(p.Width, p.Height)) / float64(max(width, height, 1))
	for i, l := range layers {
		box := fingerprint.Rect{X0: int(scale * float64(l.left)), Y0: int(scale * float64(l.top)), X1: int(scale * float64(l.right)), Y1: int(scale * float64(l.bottom))}
		if l.text != "" {
			if l.hidden != "" {
				d.note("the document has text that is not seen (%s)", l.hidden)
			}
			d.addRun(p, Run{Text: strings.TrimRight(l.text, "\n") + "\n", Box: box, Hidden: l.hidden})
			continue
		}
		if l.right <= l.left || l.bottom <= l.top {
			continue // a group, or an empty layer
		}
		pic := d.encoded(fmt.Sprintf("layer %d", i+1), func() ([]byte, error) {
			if file, ok := l.file(depth, mode, r.large); ok {
				return file, nil
			}
			return nil, bad(PSD, decode.UnsupportedVariant, "the layer is packed in a way that is not read")
		})
		pic.Box = box
		d.addPicture(p, pic)
	}
}

// layers reads the records and cuts out their channels.
func (r *psdReader) layers() []layer {
	if len(r.b) == 0 {
		return nil
	}
	r.b = r.take(r.length())
	n := int(int16(r.uint16()))
	if n < 0 {
		n = -n // the first alpha channel is the merged picture's transparency
	}
	if n > maxLayers {
		r.failed = true
	}
	var out []layer
	for i := 0; i < n && !r.failed; i++ {
		l := layer{top: int32(r.uint32()), left: int32(r.uint32()), bottom: int32(r.uint32()), right: int32(r.uint32())}
		for k := int(r.uint16()); k > 0 && !r.failed; k-- {
			l.channels = append(l.channels, layerChannel{id: int16(r.uint16()), length: r.length()})
		}
		r.take(8) // "8BIM" and the blend mode
		if look := r.take(4); look != nil {
			switch {
			case look[2]&layerInvisible != 0:
				l.hidden = HiddenMarked
			case look[0] == 0: // opacity
				l.hidden = HiddenColour
			}
		}
		l.text = typeText(r.take(uint64(r.uint32())))
		out = append(out, l)
	}
	for i := range out {
		for k := range out[i].channels {
			c := &out[i].channels[k]
			c.data = r.take(c.length)
		}
		if r.failed {
			return out[:i]
		}
	}
	return out
}

// typeText is the text of a type layer: the value "Txt " of the descriptor in its block TySh.
func typeText(extra []byte) string {
	_, block, ok := bytes.Cut(extra, []byte("TySh"))
	if !ok {
		return ""
	}
	_, value, ok := bytes.Cut(block, []byte("Txt TEXT"))
	if !ok || len(value) < 4 {
		return ""
	}
	n := uint64(binary.BigEndian.Uint32(value))
	if value = value[4:]; 2*n > uint64(len(value)) {
		return ""
	}
	s, _, _ := utf16Text(value[:2*n], binary.BigEndian, "")
	return strings.NewReplacer("\x00", "", "\r", "\n", "\x03", "\n").Replace(s)
}

// file is the layer as a PSD of its own, whose merged picture it is: for package decode, which
// is where pictures are read. ok is false for what has no such form: a mix of packings, or the
// deflated layers of 16-bit files.
func (l *layer) file(depth, mode uint16, large bool) (file []byte, ok bool) {
	colours := map[uint16]int{1: 1, 3: 3, 4: 4}[mode]
	if colours == 0 {
		return nil, false
	}
	var parts [][]byte
	for id := range colours {
		if c := l.channel(int16(id)); len(c) >= 2 {
			parts = append(parts, c)
		}
	}
	if len(parts) != colours {
		return nil, false
	}
	if c := l.channel(-1); len(c) >= 2 {
		parts = append(parts, c)
	}
	packing := parts[0][:2]
	if packing[0] != 0 || packing[1] > 1 {
		return nil, false
	}
	w, h := int64(l.right)-int64(l.left), int64(l.bottom)-int64(l.top)
	var counts, rows bytes.Buffer
	for _, c := range parts {
		if !bytes.Equal(c[:2], packing) {
			return nil, false
		}
		split := int64(0)
		if packing[1] == 1 { // the bytes of each packed row come first
			split = 2 * h
			if large {
				split = 4 * h
			}
		}
		if split > int64(len(c)-2) {
			return nil, false
		}
		counts.Write(c[2 : 2+split])
		rows.Write(c[2+split:])
	}
	be := binary.BigEndian
	out := append([]byte("8BPS\x00\x01"), make([]byte, 6)...)
	if large {
		out[5] = 2
	}
	out = be.AppendUint16(out, uint16(len(parts)))
	out = be.AppendUint32(out, uint32(h))
	out = be.AppendUint32(out, uint32(w))
	out = be.AppendUint16(out, depth)
	out = be.AppendUint16(out, mode)
	out = be.AppendUint32(out, 0)
	out = be.AppendUint32(out, 0) // no resources: a channel more than the colours is transparency
	out = append(out, make([]byte, 4)...)
	if large {
		out = append(out, make([]byte, 4)...)
	}
	out = append(out, packing...)
	out = append(out, counts.Bytes()...)
	return append(out, rows.Bytes()...), true
}

func (l *layer) channel(id int16) []byte {
	for _, c := range l.channels {
		if c.id == id {
			return c.data
		}
	}
	return nil
}
