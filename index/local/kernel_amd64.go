package local

import (
	"golang.org/x/sys/cpu"

	"selvage/index/local/internal/weigh"
)

//go:generate go -C ../../tools/avo run ./indexlocal -out ../../index/local/kernel_amd64.s

// assembly says whether this processor has the instructions of the code in assembly.
var assembly = cpu.X86.HasAVX2

//go:noescape
func nearAVX2(sigs *uint64, eights, sig, limit uint64, marks *byte, nextPosts *uint32, nextSigs *uint64)

// vectorNear is plainNear for those signatures that make full eights, and returns how many.
func vectorNear(sigs []uint64, sig uint64, m *marks, nextPosts *uint32, nextSigs *uint64) int {
	eights := len(sigs) / 8
	if eights > 0 {
		nearAVX2(&sigs[0], uint64(eights), sig, weigh.MaxDistance+1, &m[0], nextPosts, nextSigs)
	}
	return 8 * eights
}
