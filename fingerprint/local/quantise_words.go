package local

import (
	"math"
	"os"
)

// A table is multiplied with a vector block by block. A block gives 64 sums and holds,
// for each pair of numbers of the vector, the pair of factors of each sum.
const blockSums = 64

// Minima are taken of so many sums, each strand numbers apart.
const (
	strand  = 8
	strands = blockSums / strand
)

// How many coarse centroids are looked at for the words of a feature.
const tried = 4

// rows of the table that a descriptor is multiplied with: those of the word, then those of
// the signature, and zeros up to whole blocks.
const tableRows = (WordDims + SigBits + blockSums - 1) / blockSums * blockSums

// vectors says whether the code in assembly is used. SELVAGE_SIMD=off in the environment
// turns it off; the results are the same.
var vectors = assembly && os.Getenv("SELVAGE_SIMD") != "off"

// Quantiser is a vocabulary made ready for use. It is never changed: safe for concurrent
// use.
type Quantiser struct {
	voc       *Vocabulary
	table     []int16 // of tableRows
	centroids []int16 // coarse ones, then residuals
	norms     [Coarse]int32
	both      *[Coarse][Residuals]int32 // what a residual adds to the distance beside its own product
}

// NewQuantiser makes a vocabulary ready. It takes some milliseconds, and 1.2 MB.
func NewQuantiser(v *Vocabulary) *Quantiser {
	q := &Quantiser{voc: v, both: new([Coarse][Residuals]int32)}
	q.table = make([]int16, tableRows*DescSize)
	for i := range v.Project {
		setRow(q.table, i, v.Project[i][:])
	}
	for i := range v.Sign {
		setRow(q.table, WordDims+i, v.Sign[i][:])
	}
	q.centroids = make([]int16, (Coarse+Residuals)*WordDims)
	for i := range v.Coarse {
		setRow(q.centroids, i, v.Coarse[i][:])
		q.norms[i] = Fraction * product(&v.Coarse[i], &v.Coarse[i])
	}
	for j := range v.Residual {
		setRow(q.centroids, Coarse+j, v.Residual[j][:])
		own := Fraction * product(&v.Residual[j], &v.Residual[j])
		for i := range v.Coarse {
			q.both[i][j] = own + 2*Fraction*product(&v.Coarse[i], &v.Residual[j])
		}
	}
	return q
}

func product(a, b *[WordDims]int8) (sum int32) {
	for i, v := range a {
		sum += int32(v) * int32(b[i])
	}
	return sum
}

// setRow writes row i of a table of blocks.
func setRow(table []int16, i int, row []int8) {
	block := table[i/blockSums*blockSums*len(row):]
	for k, v := range row {
		block[k/2*2*blockSums+i%blockSums*2+k%2] = int16(v)
	}
}

// scratch is the memory of one feature's quantisation.
type scratch struct {
	desc   [DescSize]int16
	sums   [tableRows]int32
	point  [WordDims]int16
	dots   [Coarse + Residuals]int32
	dist   [tried * Residuals]int32
	least  [tried * Residuals / strand]int32
	coarse [tried]uint32
}

// word finds the words nearest to a descriptor, nearest first, and its signature.
func (q *Quantiser) word(s *scratch, desc [DescSize]uint8, near []uint32) (sig [2]uint64) {
	for i, v := range desc {
		s.desc[i] = int16(v)
	}
	multiply(s.sums[:], s.desc[:], q.table)
	for j, v := range s.sums[WordDims : WordDims+SigBits] {
		if v > q.voc.Threshold[j] {
			sig[j/64] |= 1 << (j % 64)
		}
	}
	for i := range s.point {
		n := (s.sums[i] + q.voc.Offset[i]) >> q.voc.Shift
		s.point[i] = int16(min(max(n, math.MinInt16/16), math.MaxInt16/16))
	}
	multiply(s.dots[:], s.point[:], q.centroids)

	// All distances are less the square of the point, which is common to them, and
	// Fraction times what they are in the units of centroids.
	dist, least := s.dist[:Coarse], s.least[:Coarse/strand]
	distances(dist, least, q.norms[:], s.dots[:Coarse], 0)
	nearest(dist, least, s.coarse[:])
	for t, c := range s.coarse {
		base := q.norms[c] - 2*s.dots[c]
		distances(s.dist[t*Residuals:][:Residuals], s.least[t*Residuals/strand:][:Residuals/strand],
			q.both[c][:], s.dots[Coarse:], base)
	}
	nearest(s.dist[:], s.least[:], near)
	for i, at := range near {
		near[i] = s.coarse[at/Residuals]*Residuals + at%Residuals
	}
	return sig
}

// nearest finds the places of the smallest numbers of dist, smallest first. It spoils
// dist and least, which holds the minima of its strands. Of equal numbers any fixed one
// comes first.
func nearest(dist, least []int32, places []uint32) {
	for i := range places {
		at := 0
		for j, v := range least {
			if v < least[at] {
				at = j
			}
		}
		first := at/strands*blockSums + at%strands
		best := first
		for k := first; k < first+blockSums; k += strands {
			if dist[k] == least[at] {
				best = k
				break
			}
		}
		places[i] = uint32(best)
		dist[best] = math.MaxInt32
		least[at] = math.MaxInt32
		for k := first; k < first+blockSums; k += strands {
			least[at] = min(least[at], dist[k])
		}
	}
}

// plainMultiply fills in the products of a table and a vector of an even number of
// elements.
func plainMultiply(out []int32, x, table []int16) {
	for b := 0; b < len(out); b += blockSums {
		sums := out[b:][:blockSums]
		clear(sums)
		for p := 0; p < len(x); p += 2 {
			x0, x1 := int32(x[p]), int32(x[p+1])
			row := table[b*len(x)+p*blockSums:][:2*blockSums]
			for j := range sums {
				sums[j] += x0*int32(row[2*j]) + x1*int32(row[2*j+1])
			}
		}
	}
}

// plainDistances fills in dist[i] = base + norms[i] - 2·dots[i], and in least the minima
// of the strands: least[8g+l] is that of dist[64g+l], dist[64g+l+8] and so on.
func plainDistances(dist, least, norms, dots []int32, base int32) {
	for i := range dist {
		dist[i] = base + norms[i] - 2*dots[i]
	}
	for i := range least {
		first := i/strands*blockSums + i%strands
		m := dist[first]
		for k := first + strands; k < first+blockSums; k += strands {
			m = min(m, dist[k])
		}
		least[i] = m
	}
}
