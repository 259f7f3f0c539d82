package local

// permutations says, for each variant, where each byte of a descriptor comes from.
//
// A mirror image turns the frame's second axis over: rows change places and directions
// change sign. In a negative all gradients turn by half a turn and the frame with them:
// rows and columns change places and the directions, which count from the feature's own,
// stay.
var permutations = func() (t [4][cellsAside * cellsAside * bins]uint8) {
	for v := range t {
		for row := range cellsAside {
			for column := range cellsAside {
				for bin := range bins {
					r, c, b := row, column, bin
					if Variant(v)&Mirrored != 0 {
						r, b = cellsAside-1-r, (bins-b)%bins
					}
					if Variant(v)&Negative != 0 {
						r, c = cellsAside-1-r, cellsAside-1-c
					}
					t[v][(row*cellsAside+column)*bins+bin] = uint8((r*cellsAside+c)*bins + b)
				}
			}
		}
	}
	return t
}()

// permute returns what the descriptor would be, up to rounding, had the picture been
// mirrored or inverted as v says. Doing it twice gives d back. The feature's direction a
// becomes π-a where left and right change places, and turns by π in a negative.
func (v Variant) permute(d *[cellsAside * cellsAside * bins]uint8) (p [cellsAside * cellsAside * bins]uint8) {
	for i, from := range &permutations[v&(Mirrored|Negative)] {
		p[i] = d[from]
	}
	return p
}
