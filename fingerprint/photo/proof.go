package photo

import (
	"errors"
	"fmt"

	"selvage/fingerprint/local"
)

// proofSide is the longer side of a proof128.v1 picture.
const proofSide = 128

// A proof128.v1 payload is a small grey picture of the whole registered picture, its
// longer side proofSide pixels, levels rounded to steps of 4: enough to lay a query over
// it and see, place by place, whether they agree. It is packed without further loss:
//
//	byte 0     width, byte 1 height, 1..128
//	then       for each pixel, row by row, the difference of its level (0..63) from the
//	           median predictor of LOCO-I (Weinberger, Seroussi, Sapiro, 2000), folded to
//	           0, -1, 1, -2 … → 0, 1, 2, 3 …, as an adaptive Golomb-Rice code, bits from
//	           the highest of each byte down; the last byte is filled up with zeros.

// encodeProof packs a picture whose sides are 1..128 pixels.
func encodeProof(g *local.Gray) []byte {
	return packLevels([]byte{byte(g.W), byte(g.H)}, g)
}

// packLevels appends the levels of g in steps of 4.
func packLevels(to []byte, g *local.Gray) []byte {
	out := bitWriter{buf: to}
	var a adaptive
	for y := range g.H {
		for x := range g.W {
			v := int(g.Pix[y*g.W+x] >> 2)
			d := v - predict(g, x, y)
			fold := uint(2 * d)
			if d < 0 {
				fold = uint(-2*d - 1)
			}
			a.put(&out, fold)
		}
	}
	return out.flush()
}

var errProof = errors.New("proof picture is damaged")

// decodeProof unpacks the levels, which are spread over 0..255 again.
func decodeProof(b []byte) (*local.Gray, error) {
	if len(b) < 2 || b[0] == 0 || b[1] == 0 || b[0] > proofSide || b[1] > proofSide {
		return nil, fmt.Errorf("%w: bad size", errProof)
	}
	g := &local.Gray{W: int(b[0]), H: int(b[1])}
	if err := unpackLevels(g, b[2:]); err != nil {
		return nil, err
	}
	return g, nil
}

// unpackLevels reads what packLevels wrote for a picture of that size.
func unpackLevels(g *local.Gray, b []byte) error {
	g.Pix = make([]uint8, g.W*g.H)
	in := bitReader{buf: b}
	var a adaptive
	for y := range g.H {
		for x := range g.W {
			fold := int(a.take(&in))
			d := fold >> 1
			if fold&1 != 0 {
				d = -d - 1
			}
			v := predict(g, x, y) + d
			if v < 0 || v > 63 || in.over {
				return fmt.Errorf("%w: at pixel %d, %d", errProof, x, y)
			}
			g.Pix[y*g.W+x] = uint8(v<<2 | v>>4)
		}
	}
	return nil
}

// predict guesses the level 0..63 of a pixel from those above and to the left.
func predict(g *local.Gray, x, y int) int {
	at := func(x, y int) int { return int(g.Pix[y*g.W+x] >> 2) }
	switch {
	case x == 0 && y == 0:
		return 32
	case y == 0:
		return at(x-1, 0)
	case x == 0:
		return at(0, y-1)
	}
	left, up, corner := at(x-1, y), at(x, y-1), at(x-1, y-1)
	switch {
	case corner >= max(left, up):
		return min(left, up)
	case corner <= min(left, up):
		return max(left, up)
	}
	return left + up - corner
}

// adaptive is the state of the Golomb-Rice code: the parameter follows the mean of what
// was coded lately.
type adaptive struct{ sum, n uint }

// longest run of ones; a larger number follows in 8 bits after it.
const escape = 15

func (a *adaptive) bits() uint {
	k := uint(0)
	for a.n<<k < a.sum {
		k++
	}
	return k
}

func (a *adaptive) learn(v uint) {
	if a.n == 0 {
		a.sum, a.n = 8, 4
	}
	a.sum, a.n = a.sum+v, a.n+1
	if a.n >= 32 {
		a.sum, a.n = a.sum/2, a.n/2
	}
}

func (a *adaptive) put(w *bitWriter, v uint) {
	k := a.bits()
	if q := v >> k; q < escape {
		w.put(1<<(q+1)-2, q+1)
		w.put(v&(1<<k-1), k)
	} else {
		w.put(1<<escape-1, escape)
		w.put(v, 8)
	}
	a.learn(v)
}

func (a *adaptive) take(r *bitReader) uint {
	k := a.bits()
	q := uint(0)
	for q < escape && r.take(1) == 1 {
		q++
	}
	var v uint
	if q == escape {
		v = r.take(8)
	} else {
		v = q<<k | r.take(k)
	}
	a.learn(v)
	return v
}

type bitWriter struct {
	buf []byte
	acc uint64
	n   uint
}

func (w *bitWriter) put(v, n uint) {
	w.acc = w.acc<<n | uint64(v)
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.buf = append(w.buf, byte(w.acc>>(w.n-8)))
	}
}

func (w *bitWriter) flush() []byte {
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
	return w.buf
}

type bitReader struct {
	buf  []byte
	pos  uint
	over bool // more was asked for than is there
}

func (r *bitReader) take(n uint) (v uint) {
	for range n {
		if r.pos>>3 >= uint(len(r.buf)) {
			r.over = true
			return 0
		}
		v = v<<1 | uint(r.buf[r.pos>>3]>>(7-r.pos&7)&1)
		r.pos++
	}
	return v
}

// shrink averages g down so that its longer side is side pixels; a smaller picture stays
// as it is. Areas are weighted exactly, in whole numbers.
func shrink(g *local.Gray, side int) *local.Gray {
	long := max(g.W, g.H)
	if long <= side {
		return g
	}
	w, h := max(1, (g.W*side+long/2)/long), max(1, (g.H*side+long/2)/long)
	rows := make([]uint32, w*g.H) // sums of levels times overlap, in units of 1/w pixel
	for y := range g.H {
		line, out := g.Pix[y*g.W:][:g.W], rows[y*w:][:w]
		spread(g.W, w, func(cell, x, weight int) { out[cell] += uint32(line[x]) * uint32(weight) })
	}
	sums := make([]uint64, w*h)
	spread(g.H, h, func(cell, y, weight int) {
		dst, src := sums[cell*w:][:w], rows[y*w:][:w]
		for i := range dst {
			dst[i] += uint64(src[i]) * uint64(weight)
		}
	})
	out := &local.Gray{W: w, H: h, Pix: make([]uint8, w*h)}
	area := uint64(g.W) * uint64(g.H)
	for i, s := range sums {
		out.Pix[i] = uint8((s + area/2) / area)
	}
	return out
}
