package c2pa

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Limits of the box tree. The deepest box of a manifest store is the content of an
// assertion: store, manifest, assertion store, assertion, content.
const (
	maxDepth = 8
	maxBoxes = 20000
	maxLabel = 256 // bytes
)

// box is one box of ISO/IEC 14496-12 form.
type box struct {
	kind string
	data []byte // without the header
}

// superbox is a JUMBF superbox (ISO/IEC 19566-5): a description and contents.
type superbox struct {
	uuid  [16]byte
	label string
	// body is all that follows the header: what hashes in a claim are over.
	body        []byte
	description []byte // of body, the content of the description box
	content     []box  // what is no superbox
	children    []*superbox
}

// Content types of C2PA: four letters and the tail of the JUMBF types.
var (
	typeStore           = jumbfType("c2pa")
	typeManifest        = jumbfType("c2ma")
	typeUpdate          = jumbfType("c2um")
	typeCompressed      = jumbfType("c2cm")
	typeClaim           = jumbfType("c2cl")
	typeSignature       = jumbfType("c2cs")
	typeAssertions      = jumbfType("c2as")
	jumbfTail           = []byte{0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71}
	errTooManyBoxes     = fmt.Errorf("the manifest store has more than %d boxes", maxBoxes)
	errBoxOutsideParent = errors.New("a box does not fit into what holds it")
)

func jumbfType(letters string) (t [16]byte) {
	copy(t[:], letters)
	copy(t[4:], jumbfTail)
	return t
}

// cutBox reads the box at the beginning of b. The length 0, "to the end", is refused:
// JUMBF has no use for it.
func cutBox(b []byte) (first box, rest []byte, err error) {
	if len(b) < 8 {
		return box{}, nil, errBoxOutsideParent
	}
	size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
	if size == 1 {
		if len(b) < 16 {
			return box{}, nil, errBoxOutsideParent
		}
		size, head = binary.BigEndian.Uint64(b[8:]), 16
	}
	if size < head || size > uint64(len(b)) {
		return box{}, nil, errBoxOutsideParent
	}
	return box{kind: string(b[4:8]), data: b[head:size]}, b[size:], nil
}

func writeBox(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 8+len(data)), uint32(8+len(data)))
	return append(append(b, kind...), data...)
}

// parseStore reads a manifest store; nothing may follow it.
func parseStore(b []byte) (*superbox, error) {
	if len(b) > MaxStore {
		return nil, fmt.Errorf("the manifest store has %d bytes; at most %d are read", len(b), MaxStore)
	}
	outer, rest, err := cutBox(b)
	if err != nil {
		return nil, fmt.Errorf("manifest store: %w", err)
	}
	if outer.kind != "jumb" || len(rest) > 0 {
		return nil, errors.New("manifest store: it is not one JUMBF superbox")
	}
	left := maxBoxes
	root, err := parseSuperbox(outer.data, 0, &left)
	if err != nil {
		return nil, fmt.Errorf("manifest store: %w", err)
	}
	if root.uuid != typeStore || root.label != "c2pa" {
		return nil, errors.New("manifest store: the superbox is not one of C2PA")
	}
	return root, nil
}

// parseSuperbox reads the body of a superbox; left counts down over the whole tree.
func parseSuperbox(body []byte, depth int, left *int) (*superbox, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("boxes stand more than %d deep in each other", maxDepth)
	}
	first, rest, err := cutBox(body)
	if err != nil {
		return nil, err
	}
	if first.kind != "jumd" {
		return nil, errors.New("a superbox does not begin with its description")
	}
	s := &superbox{body: body, description: first.data}
	if err := s.describe(first.data); err != nil {
		return nil, err
	}
	for len(rest) > 0 {
		var b box
		if b, rest, err = cutBox(rest); err != nil {
			return nil, fmt.Errorf("%q: %w", clean(s.label), err)
		}
		if *left--; *left < 0 {
			return nil, errTooManyBoxes
		}
		if b.kind != "jumb" {
			s.content = append(s.content, b)
			continue
		}
		child, err := parseSuperbox(b.data, depth+1, left)
		if err != nil {
			return nil, err
		}
		s.children = append(s.children, child)
	}
	return s, nil
}

// describe reads a description box: type, toggles, label. What may follow the label
// (identifier, hash, private box) is of no use here.
func (s *superbox) describe(d []byte) error {
	if len(d) < 17 {
		return errors.New("a description box is too short")
	}
	s.uuid = [16]byte(d)
	const hasLabel = 2
	if d[16]&hasLabel == 0 {
		return nil
	}
	label, _, ok := bytes.Cut(d[17:], []byte{0})
	if !ok || len(label) > maxLabel {
		return errors.New("a label has no end, or is too long")
	}
	s.label = string(label)
	return nil
}

// child returns the only child of that name. Two of one name would let a reader see
// another one than the signer hashed.
func (s *superbox) child(label string) (*superbox, error) {
	var found *superbox
	for _, c := range s.children {
		if c.label != label {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%q is there twice", clean(label))
		}
		found = c
	}
	if found == nil {
		return nil, fmt.Errorf("%q is missing", clean(label))
	}
	return found, nil
}

// cbor returns the content of a superbox that holds one CBOR value.
func (s *superbox) cbor() ([]byte, error) {
	if len(s.content) == 0 || s.content[0].kind != "cbor" {
		return nil, fmt.Errorf("%q does not hold CBOR", clean(s.label))
	}
	return s.content[0].data, nil
}

// goodLabel reports whether a manifest's label can name it: visible ASCII without the
// characters that JUMBF addresses are made with (ISO/IEC 19566-5, annex C), or that would
// be read as something else in a URL.
func goodLabel(label string) bool {
	if label == "" || len(label) > maxLabel {
		return false
	}
	for _, c := range []byte(label) {
		if c <= ' ' || c > '~' || strings.IndexByte(`/;?#%\"<>@`, c) >= 0 {
			return false
		}
	}
	return true
}
