package local

import (
	"math/bits"

	"selvage/index/local/internal/weigh"
)

// blockSize is the number of signatures that are compared at a time.
const blockSize = 4096

// marks has a bit for each signature of a block.
type marks [blockSize / 64]uint64

// plainNear marks the signatures within MaxDistance of sig; marks must be clear.
func plainNear(sigs []uint64, sig uint64, m *marks) {
	for i, s := range sigs {
		if bits.OnesCount64(s^sig) <= weigh.MaxDistance {
			m[i/64] |= 1 << (i % 64)
		}
	}
}

func near(sigs []uint64, sig uint64, m *marks) {
	clear(m[:(len(sigs)+63)/64])
	plainNear(sigs, sig, m)
}
