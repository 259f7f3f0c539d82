package local

import "golang.org/x/sys/cpu"

//go:generate go -C ../../tools/avo/words run . -out ../../../fingerprint/local/quantise_amd64.s

// assembly says whether this processor has the instructions of the code in assembly.
var assembly = cpu.X86.HasAVX2

//go:noescape
func multiplyAVX2(out *int32, x, table *int16, pairs, blocks uint64)

//go:noescape
func distancesAVX2(dist, least, norms, dots *int32, base int32, blocks uint64)

//go:noescape
func nearestAVX2(low, high *uint64, fours, a, b uint64, least *[8]uint64)

func multiply(out []int32, x, table []int16) {
	if !vectors {
		plainMultiply(out, x, table)
		return
	}
	_ = table[len(out)*len(x)-1]
	multiplyAVX2(&out[0], &x[0], &table[0], uint64(len(x)/2), uint64(len(out)/blockSums))
}

func distances(dist, least, norms, dots []int32, base int32) {
	if !vectors {
		plainDistances(dist, least, norms, dots, base)
		return
	}
	_, _, _ = norms[len(dist)-1], dots[len(dist)-1], least[len(dist)/strand-1]
	distancesAVX2(&dist[0], &least[0], &norms[0], &dots[0], base, uint64(len(dist)/blockSums))
}

func nearestTwo(low, high []uint64, sig [2]uint64) (first, second uint64) {
	first, second = nowhere, nowhere
	fours := len(low) / 4
	if !vectors || fours == 0 {
		return plainNearestTwo(low, high, 0, sig, first, second)
	}
	_ = high[len(low)-1]
	var least [8]uint64
	nearestAVX2(&low[0], &high[0], uint64(fours), sig[0], sig[1], &least)
	for _, at := range least {
		second = min(second, max(first, at))
		first = min(first, at)
	}
	return plainNearestTwo(low, high, 4*fours, sig, first, second)
}
