package c2pa

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// bind checks the hard binding: the hash of the file without what it excludes. Only one
// binding counts; signed says whether the assertion is what the claim refers to.
func (r *reader) bind(kind string, signed Check, box *superbox) {
	b := Binding{Assertion: clean(kind), Check: NotChecked}
	defer func() { r.out.Binding = b }()
	switch {
	case r.out.Binding.Assertion != "":
		b.Check, b.Note = Mismatch, "the claim has more than one hard binding"
		return
	case signed != Match:
		b.Check, b.Note = signed, "the assertion is not what the claim refers to"
		return
	case r.file == nil:
		b.Note = "there is no file to check it against"
		return
	}
	text, err := box.cbor()
	if err != nil {
		b.Note = clean(err.Error())
		return
	}
	var same bool
	var excluded []span
	switch kind {
	case "c2pa.hash.data":
		same, excluded, err = r.hashData(text)
	case "c2pa.hash.bmff", "c2pa.hash.bmff.v2", "c2pa.hash.bmff.v3":
		same, excluded, err = r.hashBMFF(text, kind != "c2pa.hash.bmff")
	default:
		err = errors.New("this form of hard binding is not checked here")
	}
	if err != nil {
		b.Note = clean(err.Error())
		return
	}
	b.Check, b.Uncovered = Mismatch, uncovered(excluded, r.in.spans)
	if same {
		b.Check = Match
	}
}

// uncovered counts the bytes of the excluded runs that lie outside of the store's.
func uncovered(excluded, store []span) int64 {
	n := 0
	for _, e := range excluded {
		n += e.to - e.from
		for _, s := range store {
			n -= max(0, min(e.to, s.to)-max(e.from, s.from))
		}
	}
	return int64(n)
}

// hashData is c2pa.hash.data: one hash, runs of bytes left out.
func (r *reader) hashData(text []byte) (same bool, excluded []span, err error) {
	var v struct {
		Exclusions []struct {
			Start  uint64 `cbor:"start"`
			Length uint64 `cbor:"length"`
		} `cbor:"exclusions"`
		Alg  string `cbor:"alg"`
		Hash []byte `cbor:"hash"`
	}
	if err := decoder.Unmarshal(text, &v); err != nil {
		return false, nil, fmt.Errorf("the hard binding cannot be read: %w", err)
	}
	h := newHash(r.alg(v.Alg))
	if h == nil {
		return false, nil, fmt.Errorf("the hash algorithm %q is not known here", v.Alg)
	}
	if len(v.Exclusions) > maxList {
		return false, nil, errTooManyExclusions
	}
	size := uint64(len(r.file))
	for _, e := range v.Exclusions {
		if e.Start > size || e.Length > size-e.Start {
			return false, nil, nil // the signed file was longer
		}
		excluded = append(excluded, span{int(e.Start), int(e.Start + e.Length)})
	}
	if excluded, err = sorted(excluded); err != nil {
		return false, nil, err
	}
	at := 0
	for _, e := range excluded {
		h.Write(r.file[at:e.from])
		at = e.to
	}
	h.Write(r.file[at:])
	return bytes.Equal(h.Sum(nil), v.Hash), excluded, nil
}

// sorted orders runs of bytes. Overlapping ones are refused: they would be counted twice.
func sorted(s []span) ([]span, error) {
	slices.SortFunc(s, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for i := 1; i < len(s); i++ {
		if s[i].from < s[i-1].to {
			return nil, errors.New("the hard binding excludes the same bytes twice")
		}
	}
	return s, nil
}

// maxNarrow is how many conditions or parts one exclusion may have. Genuine ones have one.
const maxNarrow = 16

var errTooManyExclusions = errors.New("the hard binding excludes more than is looked at here")

// exclusion is one entry of a BMFF binding: boxes by their path, narrowed down.
type exclusion struct {
	Path    string  `cbor:"xpath"`
	Length  *uint64 `cbor:"length"`
	Version *uint8  `cbor:"version"`
	Flags   []byte  `cbor:"flags"`
	Exact   *bool   `cbor:"exact"`
	Data    []struct {
		Offset uint64 `cbor:"offset"`
		Value  []byte `cbor:"value"`
	} `cbor:"data"`
	Subset []struct {
		Offset uint64 `cbor:"offset"`
		Length uint64 `cbor:"length"`
	} `cbor:"subset"`
}

// fits reports whether a box is meant.
func (e *exclusion) fits(file []byte, b place) bool {
	if e.Length != nil && *e.Length != uint64(b.to-b.from) {
		return false
	}
	if b.full && b.to-b.data >= 4 {
		if e.Version != nil && *e.Version != file[b.data] {
			return false
		}
		if len(e.Flags) == 3 {
			want := binary.BigEndian.Uint32(append([]byte{0}, e.Flags...))
			have := binary.BigEndian.Uint32(file[b.data:]) & 0xffffff
			if exact := e.Exact == nil || *e.Exact; exact && want != have || !exact && want|have != want {
				return false
			}
		}
	}
	whole := file[b.from:b.to]
	for _, d := range e.Data {
		if d.Offset > uint64(len(whole)) || !bytes.HasPrefix(whole[d.Offset:], d.Value) {
			return false
		}
	}
	return true
}

// hashBMFF is c2pa.hash.bmff and its later versions (specification, 18.6): one hash, boxes
// left out. Since version 2 the offset of every top-level box that is not left out whole
// is hashed before it, as be64.
func (r *reader) hashBMFF(text []byte, offsets bool) (same bool, excluded []span, err error) {
	var v struct {
		Exclusions []exclusion     `cbor:"exclusions"`
		Alg        string          `cbor:"alg"`
		Hash       []byte          `cbor:"hash"`
		Merkle     cbor.RawMessage `cbor:"merkle"`
	}
	if err := decoder.Unmarshal(text, &v); err != nil {
		return false, nil, fmt.Errorf("the hard binding cannot be read: %w", err)
	}
	if len(v.Merkle) > 0 && v.Merkle[0] != 0xf6 { // null
		return false, nil, errors.New("a binding with a Merkle tree is not checked here")
	}
	h := newHash(r.alg(v.Alg))
	if h == nil {
		return false, nil, fmt.Errorf("the hash algorithm %q is not known here", v.Alg)
	}
	if len(v.Exclusions) > maxList {
		return false, nil, errTooManyExclusions
	}
	gone := map[int]bool{} // top-level boxes left out whole, by offset
	for i := range v.Exclusions {
		e := &v.Exclusions[i]
		if len(e.Data) > maxNarrow || len(e.Subset) > maxNarrow {
			return false, nil, errTooManyExclusions
		}
		boxes, err := at(r.file, e.Path)
		if err != nil {
			return false, nil, err
		}
		for _, b := range boxes {
			if !e.fits(r.file, b) {
				continue
			}
			if len(excluded) > maxBoxes {
				return false, nil, errTooManyExclusions
			}
			if len(e.Subset) == 0 {
				excluded, gone[b.from] = append(excluded, span{b.from, b.to}), true
			}
			for _, s := range e.Subset {
				size := uint64(b.to - b.from)
				if s.Offset > size {
					continue
				}
				n := size - s.Offset
				if s.Length != 0 {
					n = min(n, s.Length)
				}
				excluded = append(excluded, span{b.from + int(s.Offset), b.from + int(s.Offset+n)})
			}
		}
	}
	if excluded, err = sorted(excluded); err != nil {
		return false, nil, err
	}
	top, err := topBoxes(r.file)
	if err != nil {
		return false, nil, err
	}
	left := excluded
	for _, b := range top {
		if gone[b.from] {
			left = left[1:]
			continue
		}
		if offsets {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(b.from)))
		}
		from := b.from
		for ; len(left) > 0 && left[0].from < b.to; left = left[1:] {
			h.Write(r.file[from:left[0].from])
			from = left[0].to
		}
		h.Write(r.file[from:b.to])
	}
	return bytes.Equal(h.Sum(nil), v.Hash), excluded, nil
}
