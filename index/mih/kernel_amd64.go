package mih

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"selvage/index"
)

//go:generate go -C ../../tools/avo run . -out ../../index/mih/kernel_amd64.s

// assembly says whether this processor has the instructions of the code in assembly.
var assembly = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW

//go:noescape
func sliceAVX512(planes *planes, codes *[blockSize]index.Code, half uint64)

//go:noescape
func countAVX512(planes *planes, offsets *[256]uint16, sixteens, start, least uint64, near, far *[blockSize / 64]uint64, ahead uintptr)

//go:noescape
func touchAMD64(base unsafe.Pointer, list *uint32, n, size uint64)

func slice(p *planes, codes *[blockSize]index.Code, half int) {
	if !assembly {
		plainSlice(p, codes, half)
		return
	}
	sliceAVX512(p, codes, uint64(half))
}

func count(p *planes, offsets *[256]uint16, sixteens, start, least int, near, far *[blockSize / 64]uint64, ahead uintptr) {
	if !assembly {
		plainCount(p, offsets, sixteens, start, least, near, far)
		return
	}
	countAVX512(p, offsets, uint64(sixteens), uint64(start), uint64(least), near, far, ahead)
}

// touch asks for the memory of some elements and does not wait for it.
func touch[T any](all []T, list []uint32) {
	if len(list) > 0 {
		touchAMD64(unsafe.Pointer(unsafe.SliceData(all)), &list[0], uint64(len(list)), uint64(unsafe.Sizeof(all[0])))
	}
}
