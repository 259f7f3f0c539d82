package photo

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
)

// Compare compares a query with one registered photo in every way there is. Who compares
// a query with many makes a [Query] once.
func Compare(query, ref *fingerprint.Result) *Comparison {
	return NewQuery(query).Compare(ref, Variants[:]...)
}

// Variants are all that may have been done to a registered picture beside moving it about.
var Variants = [4]local.Variant{local.Plain, local.Mirrored, local.Negative, local.Mirrored | local.Negative}

// pairing is a view of the query in one form and a view of the registered picture.
type pairing struct {
	query, ref fingerprint.View
	inset      int // which, of view Inset
	form       fingerprint.Dihedral
	negative   bool
	distance   int
}

func samePixels(a, b *fingerprint.Result) bool {
	p, ok := a.Print(fingerprint.Pixels256, fingerprint.Full)
	q, ok2 := b.Print(fingerprint.Pixels256, fingerprint.Full)
	return ok && ok2 && slices.Equal(p.Payload, q.Payload)
}

// pairs lists the pairings by PDQ distance, nearest first, ties in the order of views and
// forms.
func pairs(query, ref *fingerprint.Result) []pairing {
	var all []pairing
	add := func(q fingerprint.Fingerprint, form fingerprint.Dihedral, inset int) {
		for _, r := range ref.Prints {
			if r.Kind != fingerprint.PDQ256 || q.Kind != fingerprint.PDQ256 {
				continue
			}
			d, err := fingerprint.Distance(q, r)
			if err != nil {
				continue
			}
			p := pairing{q.View, r.View, inset, form, d > 128, min(d, 256-d)}
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	for _, q := range query.Prints {
		add(q, fingerprint.Identity, 0)
	}
	for _, q := range query.Probes {
		add(q.Fingerprint, q.Form, q.Inset)
	}
	slices.SortStableFunc(all, func(a, b pairing) int { return a.distance - b.distance })
	return all
}

// phashDistance is the number of differing bits of the phash64.v1 hashes of the whole
// pictures; -1 where one has none.
func phashDistance(query, ref *fingerprint.Result) int {
	a, ok := query.Print(fingerprint.PHash64, fingerprint.Full)
	b, ok2 := ref.Print(fingerprint.PHash64, fingerprint.Full)
	if !ok || !ok2 || len(a.Payload) != 8 || len(b.Payload) != 8 {
		return -1
	}
	return bits.OnesCount64(binary.BigEndian.Uint64(a.Payload) ^ binary.BigEndian.Uint64(b.Payload))
}

// corners returns the two views of a pairing as corner points x, y in pixels of the
// oriented pictures: the view of the query clockwise from its upper left corner, and the
// corner of the registered picture's view that each of them shows.
func corners(query, ref *fingerprint.Result, p pairing) (q, r [4][2]float64) {
	a, b := viewRect(query, p.query, p.inset), viewRect(ref, p.ref, 0)
	s := symmetries[p.form&7]
	for i, c := range [4][2]int{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
		q[i] = corner(a, c[0], c[1])
		y, x := s.at(c[1], c[0], 2)
		r[i] = corner(b, x, y)
	}
	return q, r
}

func viewRect(r *fingerprint.Result, v fingerprint.View, inset int) fingerprint.Rect {
	switch v {
	case fingerprint.Inset:
		if inset < len(r.Insets) {
			return r.Insets[inset]
		}
	case fingerprint.Box:
		return r.Box
	case fingerprint.Frame:
		return r.Frame
	}
	return fingerprint.Rect{X1: r.Width, Y1: r.Height}
}

// corner of r on the left (x 0) or right, at the top (y 0) or bottom.
func corner(r fingerprint.Rect, x, y int) [2]float64 {
	return [2]float64{float64(r.X0 + x*r.W()), float64(r.Y0 + y*r.H())}
}
