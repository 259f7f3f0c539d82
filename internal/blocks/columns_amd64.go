package blocks

import (
	"os"

	"golang.org/x/sys/cpu"
)

//go:generate go -C ../../tools/avo/blocks run . -out ../../../internal/blocks/columns_amd64.s

// vectors says whether the code in assembly is used. SELVAGE_SIMD=off in the environment
// turns it off; sums are the same.
var vectors = cpu.X86.HasAVX2 && os.Getenv("SELVAGE_SIMD") != "off"

//go:noescape
func columnsAVX2(lanes *uint32, pix *byte, stride, rows, blocks uint64)

// columns adds up n ≥ 1 rows of as many pixels as the vector code can, and returns how
// many that were.
func columns(lanes []uint32, pix []byte, stride, n int) int {
	blocks := len(lanes) / 16
	if blocks == 0 || !vectors {
		return 0
	}
	_ = pix[(n-1)*stride+64*blocks-1]
	columnsAVX2(&lanes[0], &pix[0], uint64(stride), uint64(n), uint64(blocks))
	return 16 * blocks
}
