package local

import "unsafe"

// plainWeigh sets out[x] to k[0]·rows[0][x] + Σ k[i]·(rows[2i-1][x] + rows[2i][x]).
func plainWeigh(out []float32, rows *[2*maxRadius + 1]*float32, k kernel) {
	mid := unsafe.Slice(rows[0], len(out))
	for x, v := range mid {
		out[x] = k[0] * v
	}
	for i := 1; i < len(k); i++ {
		a, b, weight := unsafe.Slice(rows[2*i-1], len(out)), unsafe.Slice(rows[2*i], len(out)), k[i]
		for x := range out {
			out[x] += float32(weight * (a[x] + b[x]))
		}
	}
}

func plainSubtract(out, a, b []float32) {
	a, b = a[:len(out)], b[:len(out)]
	for x := range out {
		out[x] = a[x] - b[x]
	}
}
