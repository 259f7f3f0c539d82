package local

import "unsafe"

// plainWeigh sets out[x] to k[0]·rows[0][x] + Σ k[i]·(rows[2i-1][x] + rows[2i][x]), added
// up in this order.
func plainWeigh(out []float32, rows *filterRows, k kernel) {
	for x, v := range unsafe.Slice(rows[0], len(out)) {
		out[x] = k[0] * v
	}
	for i := 1; i < len(k); i++ {
		a, b, weight := unsafe.Slice(rows[2*i-1], len(out)), unsafe.Slice(rows[2*i], len(out)), k[i]
		for x := range out {
			out[x] += float32(weight * (a[x] + b[x]))
		}
	}
}

// plainWeighDiff is plainWeigh; moreover it sets diff to out - from.
func plainWeighDiff(out []float32, rows *filterRows, k kernel, from, diff []float32) {
	plainWeigh(out, rows, k)
	for x := range out {
		diff[x] = out[x] - from[x]
	}
}

// plainFind is find without vector code.
func (f *finder) plainFind(diffs *differences, y int) {
	const least = float32(leastContrast / 2)
	w := diffs[0].w
	for s := range f.bits {
		var rows [9][]float32
		for i := range 3 {
			for j := range 3 {
				rows[3*i+j] = diffs[s+i].row(y - 1 + j)[:w]
			}
		}
		bits := f.bits[s]
		clear(bits)
		for x, v := range rows[4] {
			if x == 0 || x == w-1 {
				continue
			}
			if v > least && peak(&rows, x, v) || v < -least && pit(&rows, x, v) {
				bits[x/lane] |= 1 << (x % lane)
			}
		}
	}
}

// neighbours are the rows around the middle one, the likeliest to be larger first.
var neighbours = [8]int{3, 5, 1, 7, 0, 2, 6, 8}

func peak(rows *[9][]float32, x int, v float32) bool {
	if rows[4][x-1] > v || rows[4][x+1] > v {
		return false
	}
	for _, i := range neighbours {
		if r := rows[i][x-1 : x+2]; r[0] > v || r[1] > v || r[2] > v {
			return false
		}
	}
	return true
}

func pit(rows *[9][]float32, x int, v float32) bool {
	if rows[4][x-1] < v || rows[4][x+1] < v {
		return false
	}
	for _, i := range neighbours {
		if r := rows[i][x-1 : x+2]; r[0] < v || r[1] < v || r[2] < v {
			return false
		}
	}
	return true
}
