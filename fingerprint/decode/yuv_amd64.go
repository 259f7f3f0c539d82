package decode

import (
	"os"

	"golang.org/x/sys/cpu"
)

//go:generate go -C ../../tools/avo/yuv run . -out ../../../fingerprint/decode/yuv_amd64.s

// vectors says whether the code in assembly is used. SELVAGE_SIMD=off in the environment
// turns it off; pixels are the same.
var vectors = cpu.X86.HasAVX2 && os.Getenv("SELVAGE_SIMD") != "off"

//go:noescape
func halfAVX2(dst, luma, cb, cr *byte, table *int32, blocks uint64)

//go:noescape
func fullAVX2(dst, luma, cb, cr *byte, table *int32, blocks uint64)

//go:noescape
func packAVX2(dst, src *byte, blocks uint64)

// yuvTable is a matrix as the code in assembly reads it: rows of 8 numbers.
type yuvTable [13][8]int32

func (k yuvMatrix) table() *yuvTable {
	t := new(yuvTable)
	for row, v := range []int32{
		k.gain, -k.black * k.gain,
		k.red, k.offset - 128*k.red,
		k.greenCb, k.greenCr, k.offset + 128*k.greenCb + 128*k.greenCr,
		k.blue, k.offset - 128*k.blue,
	} {
		for i := range t[row] {
			t[row][i] = v
		}
	}
	for i := range int32(8) {
		t[9][i], t[10][i], t[11][i], t[12][i] = i/2, 4+i/2, 255, -1<<24
	}
	return t
}

// half converts as much of a row as the vector code can, in which two pixels share
// their chroma, and returns the number of pixels done.
func (t *yuvTable) half(d, luma, cb, cr []byte) int {
	n := len(luma) / 16
	if n == 0 || !vectors {
		return 0
	}
	_, _, _ = d[64*n-1], cb[8*n-1], cr[8*n-1]
	halfAVX2(&d[0], &luma[0], &cb[0], &cr[0], &t[0][0], uint64(n))
	return 16 * n
}

// full is half for a row in which every pixel has its own chroma.
func (t *yuvTable) full(d, luma, cb, cr []byte) int {
	n := len(luma) / 8
	if n == 0 || !vectors {
		return 0
	}
	_, _, _ = d[32*n-1], cb[8*n-1], cr[8*n-1]
	fullAVX2(&d[0], &luma[0], &cb[0], &cr[0], &t[0][0], uint64(n))
	return 8 * n
}

// packBlocks packs as many pixels as the vector code can, and returns how many that were.
func packBlocks(dst, src []byte) int {
	n := len(src) / 64
	if n == 0 || !vectors {
		return 0
	}
	_ = dst[48*n+7]
	packAVX2(&dst[0], &src[0], uint64(n))
	return 16 * n
}
