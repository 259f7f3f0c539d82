package photo

import (
	"encoding/binary"
	"fmt"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
)

// What is packed of a query that is to be searched for later: fewer features and a smaller
// picture than a search at once has.
const (
	packedFeatures = 256
	packedSide     = 256
)

// PackQuery makes the part of a result that Prints, Probes and Asides do not hold into
// bytes, for a search that comes later; nil where there is none. Layout, little-endian:
//
//	u16 width, u16 height of the base picture
//	4 × u32 length of a set of features, then a local.v1 payload and, for each feature,
//	        the words near it behind the first, 3 bytes each
//	        the levels of the base picture, as in proof128.v1
func PackQuery(r *fingerprint.Result) []byte {
	q := LocalQuery(r)
	if q == nil {
		return nil
	}
	base := shrink(q.Base, packedSide)
	b := binary.LittleEndian.AppendUint16(nil, uint16(base.W))
	b = binary.LittleEndian.AppendUint16(b, uint16(base.H))
	for _, set := range q.Sets {
		set = set[:min(len(set), packedFeatures)]
		plain := make([]local.Feature, len(set))
		for i := range set {
			plain[i] = set[i].Feature
		}
		p := local.Encode(plain)
		for i := range set {
			for _, w := range set[i].Near[1:] {
				p = append(p, byte(w), byte(w>>8), byte(w>>16))
			}
		}
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return packLevels(b, base)
}

// UnpackQuery puts what PackQuery made back into a result. No bytes are no query.
func UnpackQuery(r *fingerprint.Result, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	bad := func(what string) error { return fmt.Errorf("packed query: %s", what) }
	if len(b) < 4 {
		return bad("no size")
	}
	base := &local.Gray{W: int(binary.LittleEndian.Uint16(b)), H: int(binary.LittleEndian.Uint16(b[2:]))}
	if min(base.W, base.H) < 1 || max(base.W, base.H) > packedSide {
		return bad("size of the picture")
	}
	b = b[4:]
	q := &local.Query{Base: base}
	for v := range q.Sets {
		if len(b) < 4 {
			return bad("set is missing")
		}
		n := int(binary.LittleEndian.Uint32(b))
		if b = b[4:]; n > len(b) {
			return bad("set is cut off")
		}
		set, rest := b[:n], b[n:]
		b = rest
		const each, more = 25, 3 * (local.Probes - 1)
		if (n-3)%(each+more) != 0 || n < 3 {
			return bad("length of a set")
		}
		count := (n - 3) / (each + more)
		plain, err := local.Decode(set[:3+each*count])
		if err != nil {
			return fmt.Errorf("packed query: %w", err)
		}
		near := set[3+each*count:]
		q.Sets[v] = make([]local.QueryFeature, count)
		for i := range plain {
			f := &q.Sets[v][i]
			f.Feature, f.Near[0] = plain[i], plain[i].Word
			for k := range f.Near[1:] {
				w := uint32(near[0]) | uint32(near[1])<<8 | uint32(near[2])<<16
				if w >= local.Words {
					return bad("a word that does not exist")
				}
				f.Near[k+1], near = w, near[3:]
			}
		}
	}
	if err := unpackLevels(base, b); err != nil {
		return fmt.Errorf("packed query: %w", err)
	}
	r.Query = q
	return nil
}
