package decode

import (
	"encoding/binary"
	"errors"
)

// errStop ends a walk early without being an error.
var errStop = errors.New("stop")

// boxes walks the boxes of ISO/IEC 14496-12 §4.2 in b until visit returns an error;
// errStop ends the walk with nil. A box that runs over the end of b is a truncation.
func boxes(b []byte, visit func(kind string, body []byte) error) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return truncated(nil)
		}
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		switch size {
		case 0:
			size = uint64(len(b))
		case 1:
			if len(b) < 16 {
				return truncated(nil)
			}
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size < head {
			return bad(Corrupt, "a box claims a length of %d bytes", size)
		}
		if size > uint64(len(b)) {
			return truncated(nil)
		}
		if err := visit(string(b[4:8]), b[head:size]); err != nil {
			if errors.Is(err, errStop) {
				return nil
			}
			return err
		}
		b = b[size:]
	}
	return nil
}

// cursor reads big-endian numbers; past the end it returns zeros and remembers.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) uint(bytes int) (v uint64) {
	if bytes > len(c.b) {
		c.bad, c.b = true, nil
		return 0
	}
	for _, x := range c.b[:bytes] {
		v = v<<8 | uint64(x)
	}
	c.b = c.b[bytes:]
	return v
}

// extent is a piece of an item's data (ISO/IEC 14496-12 §8.11.3).
type extent struct{ offset, length uint64 }

// item is what the boxes of a meta box say about one item.
type item struct {
	kind    string   // "av01", "hvc1", "grid", "Exif", ...
	method  uint64   // 0: extents in the file, 1: in the idat box
	extents []extent // empty length: to the end
	props   []int    // indexes into ipco, from 1
	alphaOf bool     // an auxiliary picture of another item
}

// property is one box of ipco.
type property struct {
	kind string
	body []byte
}

// metaBox is a parsed meta box of a HEIF file (ISO/IEC 23008-12).
type metaBox struct {
	primary uint64
	items   map[uint64]*item
	props   []property
	idat    []byte
	extents int // of all items together
}

// maxItems bounds the items and the extents of a file; a large grid has a few thousand
// tiles.
const maxItems = 1 << 16

func parseMeta(body []byte) (*metaBox, error) {
	if len(body) < 4 {
		return nil, bad(Corrupt, "the meta box has no content")
	}
	m := &metaBox{items: map[uint64]*item{}}
	err := boxes(body[4:], func(kind string, b []byte) error {
		switch kind {
		case "pitm":
			c := cursor{b: b}
			m.primary = c.uint(2 + 2*min(int(c.uint(4)>>24), 1))
		case "iinf":
			return m.itemInfos(b)
		case "iloc":
			return m.locations(b)
		case "iref":
			return m.references(b)
		case "iprp":
			return boxes(b, func(kind string, b []byte) error {
				switch kind {
				case "ipco":
					return boxes(b, func(kind string, b []byte) error {
						m.props = append(m.props, property{kind, b})
						return nil
					})
				case "ipma":
					return m.associations(b)
				}
				return nil
			})
		case "idat":
			m.idat = b
		}
		return nil
	})
	return m, err
}

func (m *metaBox) item(id uint64) *item {
	it := m.items[id]
	if it == nil {
		it = &item{}
		if len(m.items) < maxItems {
			m.items[id] = it
		}
	}
	return it
}

func (m *metaBox) itemInfos(b []byte) error {
	c := cursor{b: b}
	c.uint(2 + 2*min(int(c.uint(4)>>24), 1))
	return boxes(c.b, func(kind string, b []byte) error {
		c := cursor{b: b}
		version := c.uint(4) >> 24
		if kind != "infe" || version < 2 {
			return nil
		}
		id := c.uint(2 * int(version-1))
		c.uint(2)
		if len(c.b) >= 4 {
			m.item(id).kind = string(c.b[:4])
		}
		return nil
	})
}

// locations reads an iloc box, §8.11.3.
func (m *metaBox) locations(b []byte) error {
	c := cursor{b: b}
	version := c.uint(4) >> 24
	sizes := c.uint(2)
	offsetSize, lengthSize, baseSize := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15)
	indexSize, idSize := int(sizes&15), 2
	if version == 2 {
		idSize = 4
	}
	if version == 0 {
		indexSize = 0
	}
	if version > 2 || max(offsetSize, lengthSize, baseSize, indexSize) > 8 {
		return bad(Corrupt, "the item locations are of an unknown form")
	}
	for range c.uint(idSize) {
		it := m.item(c.uint(idSize))
		if version > 0 {
			it.method = c.uint(2) & 15
		}
		c.uint(2)
		base := c.uint(baseSize)
		for range c.uint(2) {
			c.uint(indexSize)
			e := extent{base + c.uint(offsetSize), c.uint(lengthSize)}
			if m.extents++; c.bad || m.extents > maxItems {
				return bad(Corrupt, "the item locations end too early, or are too many")
			}
			it.extents = append(it.extents, e)
		}
		if c.bad {
			return bad(Corrupt, "the item locations end too early")
		}
	}
	return nil
}

// references marks the items that are auxiliary to another (alpha, depth).
func (m *metaBox) references(b []byte) error {
	c := cursor{b: b}
	idSize := 2 + 2*min(int(c.uint(4)>>24), 1)
	return boxes(c.b, func(kind string, b []byte) error {
		c := cursor{b: b}
		from := c.uint(idSize)
		for range c.uint(2) {
			to := c.uint(idSize)
			if c.bad {
				return bad(Corrupt, "the item references end too early")
			}
			if kind == "auxl" && to == m.primary {
				m.item(from).alphaOf = true
			}
		}
		return nil
	})
}

// associations reads an ipma box, ISO/IEC 23008-12 §9.3.
func (m *metaBox) associations(b []byte) error {
	c := cursor{b: b}
	head := c.uint(4)
	idSize, indexSize := 2, 1
	if head>>24 > 0 {
		idSize = 4
	}
	if head&1 != 0 {
		indexSize = 2
	}
	for range c.uint(4) {
		it := m.item(c.uint(idSize))
		for range c.uint(1) {
			it.props = append(it.props, int(c.uint(indexSize)&(1<<(8*indexSize-1)-1)))
		}
		if c.bad {
			return bad(Corrupt, "the property associations end too early")
		}
	}
	return nil
}

// properties returns the properties of an item, in the order in which they apply.
func (m *metaBox) properties(it *item) (out []property) {
	for _, i := range it.props {
		if i >= 1 && i <= len(m.props) {
			out = append(out, m.props[i-1])
		}
	}
	return out
}

// inside checks that the data of every item lies in the file or in idat.
func (m *metaBox) inside(fileLen uint64) error {
	for _, it := range m.items {
		space := fileLen
		switch it.method {
		case 0:
		case 1:
			space = uint64(len(m.idat))
		default:
			continue
		}
		for _, e := range it.extents {
			if e.offset > space || e.length > space-e.offset {
				return truncated(nil)
			}
		}
	}
	return nil
}

// data returns the first extent of an item whose data lies inside.
func (m *metaBox) data(it *item, file []byte) []byte {
	if len(it.extents) == 0 {
		return nil
	}
	space := file
	if it.method == 1 {
		space = m.idat
	}
	e := it.extents[0]
	if e.offset > uint64(len(space)) || e.length > uint64(len(space))-e.offset {
		return nil
	}
	if e.length == 0 {
		return space[e.offset:]
	}
	return space[e.offset : e.offset+e.length]
}
