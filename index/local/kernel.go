package local

import (
	"math/bits"
	"os"

	"selvage/index/local/internal/weigh"
)

// vectors says whether signatures are compared several at a time. The environment can forbid it,
// to look for an error in it; the answers are the same.
var vectors = assembly && os.Getenv("SELVAGE_SIMD") != "off"

// blockSize is the number of signatures that are compared before the near ones are looked at.
const blockSize = 4096

// marks has a bit for each signature of a block, bit i%8 of byte i/8.
type marks [blockSize / 8]byte

// near marks the signatures within MaxDistance of sig. All bits up to the next multiple of 64 are
// written. Meanwhile it asks for the memory of postings that come next, as many.
func near(sigs []uint64, sig uint64, m *marks, nextPosts *uint32, nextSigs *uint64) {
	n := 0
	if vectors {
		n = vectorNear(sigs, sig, m, nextPosts, nextSigs)
	}
	clear(m[n/8 : (len(sigs)+63)/64*8])
	plainNear(sigs, sig, m, n)
}

// plainNear marks those from a position on.
func plainNear(sigs []uint64, sig uint64, m *marks, from int) {
	for i := from; i < len(sigs); i++ {
		if bits.OnesCount64(sigs[i]^sig) <= weigh.MaxDistance {
			m[i/8] |= 1 << (i % 8)
		}
	}
}
