//go:build !amd64

package mih

import "selvage/index"

const assembly = false

func slice(p *planes, codes *[blockSize]index.Code, half int) { plainSlice(p, codes, half) }

func count(p *planes, offsets *[256]uint16, sixteens, start, least int, near, far *[blockSize / 64]uint64, ahead uintptr) {
	plainCount(p, offsets, sixteens, start, least, near, far)
}

// touch asks for memory ahead of its use, where there is an instruction for it.
func touch[T any](all []T, list []uint32) {}
