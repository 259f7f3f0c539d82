//go:build !amd64

package local

const assembly = false

func multiply(out []int32, x, table []int16) { plainMultiply(out, x, table) }

func distances(dist, least, norms, dots []int32, base int32) {
	plainDistances(dist, least, norms, dots, base)
}

func nearestTwo(low, high []uint64, sig [2]uint64) (first, second uint64) {
	return plainNearestTwo(low, high, 0, sig, nowhere, nowhere)
}
