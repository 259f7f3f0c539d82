package photo

import (
	"math"

	"selvage/fingerprint/geometry"
)

// lost says where the features of a registered picture are not found again although the query
// should show them: the block of it that stands out most from the rest.
//
// A copy that was compressed, redrawn or written over loses features all over. Another work on the
// same template, in the same frame, loses those of one block, and keeps the others.
type lost struct {
	// odds is by how much likelier, as a natural logarithm, the features are lost and found as
	// they are if the block loses them at a rate of its own: the spatial scan statistic for
	// Bernoulli trials (Kulldorff, A spatial scan statistic, 1997).
	odds float64
	seen int     // features in the block that the query should show
	held int     // of these, those that hold the place
	area float64 // of the block, as a share of the registered picture's
}

// scanCells are the cells along each side that blocks are made of; scanLeast and scanMost are the
// sides of the smallest and the largest.
const scanCells, scanLeast, scanMost = 16, 2, 12

// scanLost finds the block that stands out most. Places are shares of the sides.
func scanLost(seen []geometry.Point, held []bool) (worst lost) {
	const n = scanCells + 1
	var all, kept [n * n]int
	for i, p := range seen {
		x, y := min(max(int(p.X*scanCells), 0), scanCells-1), min(max(int(p.Y*scanCells), 0), scanCells-1)
		at := (y+1)*n + x + 1
		all[at]++
		if held[i] {
			kept[at]++
		}
	}
	for y := 1; y < n; y++ {
		for x := 1; x < n; x++ {
			at := y*n + x
			all[at] += all[at-1] + all[at-n] - all[at-n-1]
			kept[at] += kept[at-1] + kept[at-n] - kept[at-n-1]
		}
	}
	total, found := all[n*n-1], kept[n*n-1]
	even := likelihood(found, total)
	for side := scanLeast; side <= scanMost; side++ {
		for y := 0; y+side < n; y++ {
			for x := 0; x+side < n; x++ {
				a, b := y*n+x, (y+side)*n+x
				in, k := all[b+side]-all[b]-all[a+side]+all[a], kept[b+side]-kept[b]-kept[a+side]+kept[a]
				if in == 0 || in == total || k*(total-in) >= (found-k)*in {
					continue
				}
				if odds := likelihood(k, in) + likelihood(found-k, total-in) - even; odds > worst.odds {
					worst = lost{odds, in, k, float64(side*side) / (scanCells * scanCells)}
				}
			}
		}
	}
	return worst
}

// likelihood is the logarithm of the greatest likelihood of k hits among n.
func likelihood(k, n int) float64 { return entropy(k) + entropy(n-k) - entropy(n) }

// entropy is n times its natural logarithm.
func entropy(n int) float64 {
	if n < len(entropies) {
		return entropies[n]
	}
	return float64(float64(n) * math.Log(float64(n)))
}

// entropies are those of as many features as a picture has.
var entropies = func() (t [512]float64) {
	for n := 2; n < len(t); n++ {
		t[n] = float64(float64(n) * math.Log(float64(n)))
	}
	return t
}()
