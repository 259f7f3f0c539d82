package local

import "math"

// The descriptor: gradients of the patch around a feature, in 4 × 4 cells and 8
// directions each, relative to the feature's direction.
//
// Byte (4·row + column)·8 + bin. Columns go along the feature's direction, from behind
// it to before it; rows a quarter turn on, x towards y; cells are cellSigma × sigma wide
// and the feature lies where the middle four meet. Bin b is centred on the direction b/8
// of a turn from the feature's own. Each gradient is shared among the neighbouring cells
// and bins by distance. The values are square roots of shares of the sum of all, after
// shares were held below a limit: Arandjelović and Zisserman, "Three Things Everyone
// Should Know to Improve Object Retrieval" (2012), section 3.
const (
	cellsAside = 4
	bins       = 8
	cellSigma  = 3.0
	perCell    = 4                          // gradients along the side of a cell
	descSide   = (cellsAside + 1) * perCell // half a cell more on each side, whose gradients are shared inwards
	descStep   = cellSigma / perCell        // distance of gradients in sigma
	descLimit  = 0.2                        // most that one value counts, of the norm of all
	descScale  = 512
)

// share says which cells along one side the gradient at a place counts for, and how much.
type share struct {
	cell   [2]int8 // -1: outside
	weight [2]float32
}

var shares = func() (t [descSide]share) {
	for i := range t {
		// In units of 1/(2·perCell) cell: the gradient's place, from the middle of cell -1.
		at := 2*i + 1
		cell := at/(2*perCell) - 1
		f := float32(float32(at%(2*perCell)) / (2 * perCell))
		t[i] = share{cell: [2]int8{int8(cell), int8(cell + 1)}, weight: [2]float32{1 - f, f}}
		if cell+1 >= cellsAside {
			t[i].cell[1] = -1
		}
	}
	return t
}()

// descWeight is the weight of a gradient by its distance: a Gaussian of half the width.
var descWeight = func() (t [descSide * descSide]float32) {
	const sigma = cellsAside / 2 * perCell
	for j := range descSide {
		for i := range descSide {
			u, v := float64(2*i-descSide+1)/2, float64(2*j-descSide+1)/2
			t[j*descSide+i] = float32(exp(-(float64(u*u) + float64(v*v)) / (2 * sigma * sigma)))
		}
	}
	return t
}()

// describe computes the descriptor at a place of a level, in its own pixels, dir in
// eighths of a turn. It says false where there is no gradient at all.
func describe(desc *[cellsAside * cellsAside * bins]uint8, p *plane, x, y, sigma, dir float32) bool {
	const side = descSide + 2
	var pix [side * side]float32
	sin, cos := sincos(dir)
	sample(pix[:], p, side, x, y, float32(descStep*sigma), sin, cos)

	var hist [len(desc)]float32
	for j := range descSide {
		sj := &shares[j]
		for i := range descSide {
			at := (j+1)*side + i + 1
			gx, gy := pix[at+1]-pix[at-1], pix[at+side]-pix[at-side]
			m := float32(gx*gx) + float32(gy*gy)
			if m == 0 {
				continue
			}
			m = float32(float32(math.Sqrt(float64(m))) * descWeight[j*descSide+i])
			d := direction(gx, gy)
			b := int(d)
			f := d - float32(b)
			hi := float32(m * f)
			lo := m - hi
			next := (b + 1) & (bins - 1)
			si := &shares[i]
			for r := range 2 {
				for c := range 2 {
					if sj.cell[r] < 0 || si.cell[c] < 0 {
						continue
					}
					cell := hist[(int(sj.cell[r])*cellsAside+int(si.cell[c]))*bins:][:bins]
					w := float32(sj.weight[r] * si.weight[c])
					cell[b] += float32(w * lo)
					cell[next] += float32(w * hi)
				}
			}
		}
	}
	return quantiseRoot(desc, hist[:])
}

// quantiseRoot limits, scales and rounds the sums of a descriptor.
func quantiseRoot(desc *[cellsAside * cellsAside * bins]uint8, hist []float32) bool {
	var norm float32
	for _, v := range hist {
		norm += float32(v * v)
	}
	if norm == 0 {
		return false
	}
	limit := float32(descLimit * float32(math.Sqrt(float64(norm))))
	var sum float32
	for i, v := range hist {
		hist[i] = min(v, limit)
		sum += hist[i]
	}
	for i, v := range hist {
		desc[i] = uint8(min(float32(descScale*float32(math.Sqrt(float64(v/sum))))+0.5, 255))
	}
	return true
}
