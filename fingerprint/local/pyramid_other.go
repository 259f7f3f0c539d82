//go:build !amd64

package local

func weigh(out []float32, rows *filterRows, k kernel) { plainWeigh(out, rows, k) }

func weighDiff(out []float32, rows *filterRows, k kernel, from, diff []float32) {
	plainWeighDiff(out, rows, k, from, diff)
}

func (f *finder) find(diffs *differences, y int) { f.plainFind(diffs, y) }
