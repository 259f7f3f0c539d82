package local

//go:generate go -C ../../tools/avo run ./local -out ../../fingerprint/local/pyramid_amd64.s

//go:noescape
func weighAVX2(out *float32, rows **float32, k *float32, radius, n uint64)

//go:noescape
func weighDiffAVX2(out *float32, rows **float32, k *float32, radius, n uint64, from, diff *float32)

//go:noescape
func widestAVX2(high, low, above, mid, below, scratch *float32, n uint64)

//go:noescape
func extremaAVX2(bits *uint32, mid *float32, high, low **float32, least float32, n uint64)

func weigh(out []float32, rows *filterRows, k kernel) {
	if !vectors {
		plainWeigh(out, rows, k)
		return
	}
	weighAVX2(&out[0], &rows[0], &k[0], uint64(len(k)-1), uint64(len(out)))
}

func weighDiff(out []float32, rows *filterRows, k kernel, from, diff []float32) {
	if !vectors {
		plainWeighDiff(out, rows, k, from, diff)
		return
	}
	_, _ = from[len(out)-1], diff[len(out)-1]
	weighDiffAVX2(&out[0], &rows[0], &k[0], uint64(len(k)-1), uint64(len(out)), &from[0], &diff[0])
}

func (f *finder) find(diffs *differences, y int) {
	if !vectors {
		f.plainFind(diffs, y)
		return
	}
	n := diffs[0].stride
	f.scratch = grow(f.scratch, (2*len(diffs)+2)*(n+2*register))
	part := func(i int) *float32 { return &f.scratch[i*(n+2*register)] }
	var high, low [levels - 1]*float32
	for i := range diffs {
		d := &diffs[i]
		high[i], low[i] = part(2+2*i), part(3+2*i)
		widestAVX2(high[i], low[i], &d.row(y - 1)[0], &d.row(y)[0], &d.row(y + 1)[0], part(0), uint64(n))
	}
	for s := range f.bits {
		extremaAVX2(&f.bits[s][0], &diffs[s+1].row(y)[0], &high[s], &low[s], leastContrast/2, uint64(n))
	}
}
