package photo

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"selvage/fingerprint"
)

// pairings is how many of the nearest view × view × form pairings are aligned.
const pairings = 4

// Comparison is what the aligned comparison of a query with one registered photo found,
// for the pairing of views and form that speaks most for a copy.
type Comparison struct {
	// Form was done to the registered picture to get the query.
	Form               fingerprint.Dihedral
	QueryView, RefView fingerprint.View
	// Negative: the query's tones are inverted.
	Negative bool
	// PDQ is the number of differing bits of the pdq256.v1 hashes, 0..256.
	PDQ int
	// PHash is the number of differing bits of the phash64.v1 hashes, 0..64; -1 where the
	// pairing turns, mirrors or inverts, which phash64.v1 cannot follow.
	PHash int
	// NCC is the mean local correlation of the aligned thumbnails, -1..1, each place
	// weighted by its texture: the standard deviation in grey levels inside a window, in
	// whichever picture has more of it.
	NCC float64
	// Share is the share of that texture, 0..1, where the local correlation exceeds 0.5.
	Share float64
	// Low is the correlation, -1..1, that nine tenths of that texture reach or exceed. It
	// tells a copy from two pages that share their furniture: those agree very well over
	// most of the picture and not at all over the rest.
	Low float64
	// Texture is the share of the area, 0..1, that has texture.
	Texture float64
	// SamePixels: the decoded pictures are equal to the last pixel.
	SamePixels bool
	// Found: at least one pairing could be compared. Without it, and without SamePixels,
	// the other fields say nothing.
	Found bool
}

type pairing struct {
	query, ref fingerprint.View
	form       fingerprint.Dihedral
	negative   bool
	distance   int
}

// Compare aligns the query with one registered photo under the best of all pairings of
// views, forms and tones, and measures how far they agree. Of the registered photo only
// Prints are read; of the query also Probes, without which only the upright form is tried,
// and Asides.
// The same inputs give the same result.
func Compare(query, ref *fingerprint.Result) Comparison {
	var best Comparison
	same := samePixels(query, ref)
	all := pairs(query, ref)
	for _, p := range all[:min(pairings, len(all))] {
		c, ok := align(query, ref, p)
		if in := inner(query, ref, p, all); in != p && !c.unmistakable() {
			c, ok = align(query, ref, in)
		}
		if ok && (!best.Found || c.Probability() > best.Probability()) {
			best = c
		}
	}
	best.SamePixels = same
	return best
}

// unmistakable reports whether a whole picture agrees so closely that a blank ground
// cannot be the reason. Of the development pictures no two of different works came
// nearer than 24 bits this way, while the content box of a drawing, whose edges move with
// the noise of a recompression, may be 60 bits from its original's.
func (c Comparison) unmistakable() bool { return c.Found && c.PDQ <= 12 && c.Low >= .8 }

func samePixels(a, b *fingerprint.Result) bool {
	p, ok := a.Print(fingerprint.Pixels256, fingerprint.Full)
	q, ok2 := b.Print(fingerprint.Pixels256, fingerprint.Full)
	return ok && ok2 && slices.Equal(p.Payload, q.Payload)
}

// pairs lists the pairings by PDQ distance, nearest first, ties in the order of views and
// forms.
func pairs(query, ref *fingerprint.Result) []pairing {
	var all []pairing
	add := func(q fingerprint.Fingerprint, form fingerprint.Dihedral) {
		if _, ok := find(query, fingerprint.Thumb, q.View); !ok {
			return
		}
		for _, r := range ref.Prints {
			if r.Kind != fingerprint.PDQ256 || q.Kind != fingerprint.PDQ256 {
				continue
			}
			d, err := fingerprint.Distance(q, r)
			if err != nil {
				continue
			}
			p := pairing{q.View, r.View, form, d > 128, min(d, 256-d)}
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	for _, q := range query.Prints {
		add(q, fingerprint.Identity)
	}
	for _, q := range query.Probes {
		add(q.Fingerprint, q.Form)
	}
	slices.SortStableFunc(all, func(a, b pairing) int { return a.distance - b.distance })
	return all
}

// find is Print among the asides too.
func find(r *fingerprint.Result, k fingerprint.Kind, v fingerprint.View) (fingerprint.Fingerprint, bool) {
	for _, p := range r.Asides {
		if p.Kind == k && p.View == v {
			return p, true
		}
	}
	return r.Print(k, v)
}

// inner replaces a pairing of a whole registered picture by that of the content boxes,
// where those lie at the same place. A drawing on a wide blank ground agrees with every
// other one on the ground; only inside the box does it show whether it is the same.
func inner(query, ref *fingerprint.Result, p pairing, all []pairing) pairing {
	if p.query == fingerprint.Box || p.ref != fingerprint.Full {
		return p
	}
	q, r := turnBox(relative(query, p.query), inverse(p.form)), relative(ref, p.ref)
	for i := range q {
		if math.Abs(q[i]-r[i]) > sameBox {
			return p
		}
	}
	for _, b := range all {
		if b.query == fingerprint.Box && b.ref == fingerprint.Box && b.form == p.form && b.negative == p.negative {
			return b
		}
	}
	return p
}

// sameBox is how far the edges of two boxes may lie apart, as a share of the side.
const sameBox = 0.02

// relative is the content box as shares of the sides of a view: left, top, right, bottom.
func relative(r *fingerprint.Result, v fingerprint.View) [4]float64 {
	view := viewRect(r, v)
	w, h := float64(max(view.W(), 1)), float64(max(view.H(), 1))
	return [4]float64{
		float64(r.Box.X0-view.X0) / w, float64(r.Box.Y0-view.Y0) / h,
		float64(r.Box.X1-view.X0) / w, float64(r.Box.Y1-view.Y0) / h,
	}
}

// turnBox applies form to a relative box.
func turnBox(b [4]float64, form fingerprint.Dihedral) [4]float64 {
	s := symmetries[form&7]
	if s.transpose {
		b = [4]float64{b[1], b[0], b[3], b[2]}
	}
	if s.flipRows {
		b[1], b[3] = 1-b[3], 1-b[1]
	}
	if s.flipCols {
		b[0], b[2] = 1-b[2], 1-b[0]
	}
	return b
}

// align compares the thumbnails of a pairing.
func align(query, ref *fingerprint.Result, p pairing) (Comparison, bool) {
	q, ok := find(query, fingerprint.Thumb, p.query)
	r, ok2 := ref.Print(fingerprint.Thumb, p.ref)
	if !ok || !ok2 || len(q.Payload) != thumbSide*thumbSide || len(r.Payload) != len(q.Payload) {
		return Comparison{}, false
	}
	turned := turnSquare(q.Payload, thumbSide, inverse(p.form))
	if p.negative {
		for i, v := range turned {
			turned[i] = 255 - v
		}
	}
	c := Comparison{
		Form: p.form, QueryView: p.query, RefView: p.ref, Negative: p.negative,
		PDQ: p.distance, PHash: -1, Found: true,
	}
	if p.form == fingerprint.Identity && !p.negative {
		a, ok := find(query, fingerprint.PHash64, p.query)
		b, ok2 := ref.Print(fingerprint.PHash64, p.ref)
		if ok && ok2 && len(a.Payload) == 8 && len(b.Payload) == 8 {
			c.PHash = bits.OnesCount64(binary.BigEndian.Uint64(a.Payload) ^ binary.BigEndian.Uint64(b.Payload))
		}
	}
	c.correlate(turned, r.Payload)
	return c, true
}

// window is how far a window of the local correlation reaches on each side of its middle.
const window = 3

// noise is the variance in squared grey levels that a window is thought to owe to noise;
// it keeps plain areas from correlating by chance.
const noise = 4

// Texture in grey levels: less is a plain area and not counted, more counts as this much.
const leastTexture, mostTexture = 1.5, 25

// levels is into how many steps the range of a correlation is divided to find Low.
const levels = 1024

// correlate fills in what the aligned grey squares q and r say.
func (c *Comparison) correlate(q, r []byte) {
	const n = thumbSide
	// Five summed-area tables; whole numbers, so the order of adding does not matter.
	var t [n + 1][n + 1][5]int64
	for y := range n {
		var row [5]int64
		for x := range n {
			a, b := int64(q[y*n+x]), int64(r[y*n+x])
			for k, v := range [5]int64{a, b, a * a, b * b, a * b} {
				row[k] += v
				t[y+1][x+1][k] = t[y][x+1][k] + row[k]
			}
		}
	}
	stats := func(y0, y1, x0, x1 int) (va, vb, cov float64) {
		var s [5]int64
		for k := range s {
			s[k] = t[y1][x1][k] - t[y0][x1][k] - t[y1][x0][k] + t[y0][x0][k]
		}
		m := int64(y1-y0) * int64(x1-x0)
		d := float64(m * m)
		return float64(m*s[2]-s[0]*s[0]) / d, float64(m*s[3]-s[1]*s[1]) / d, float64(m*s[4]-s[0]*s[1]) / d
	}
	var area, weight, sum, share float64
	var weights [levels]float64 // by correlation, from -1 to 1
	for y := range n {
		for x := range n {
			va, vb, cov := stats(max(y-window, 0), min(y+window+1, n), max(x-window, 0), min(x+window+1, n))
			w := math.Sqrt(max(va, vb))
			if w < leastTexture {
				continue
			}
			w = min(w, mostTexture)
			ncc := cov / math.Sqrt(float64(va+noise)*float64(vb+noise))
			area++
			weight += w
			sum += float64(w * ncc)
			if ncc > .5 {
				share += w
			}
			weights[min(max(int((ncc+1)*(levels/2)), 0), levels-1)] += w
		}
	}
	c.Texture = area / (n * n)
	if weight > 0 {
		c.NCC, c.Share = sum/weight, share/weight
		below := 0.0
		for i, w := range weights {
			if below += w; below >= weight/10 {
				c.Low = float64(i)/(levels/2) - 1
				break
			}
		}
	}
}
