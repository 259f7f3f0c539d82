// The generator of the vector code of package index/mih. A module of its own, so that its
// dependency stays out of Selvage's. Run it with "go generate ./index/mih".
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// planeBytes is the size of one bit of 512 codes; twice that, with its complement.
const planeBytes = 64

func main() {
	ConstraintExpr("amd64")
	slice()
	count()
	touch()
	Generate()
}

// slice turns 512 codes of 32 bytes into planes, 128 of the 256: plane j holds bit j of
// each code, followed by the complement.
func slice() {
	TEXT("sliceAVX512", NOSPLIT, "func(planes, codes *byte, half uint64)")
	Doc("sliceAVX512 fills in the planes of the bits 0 to 127 of 512 codes, or, where half is 1,",
		"of the bits 128 to 255. Bit 16*l+t of a word of a plane belongs to code 4*t+l of its 64 codes.")
	planes := Load(Param("planes"), GP64())
	codes := Load(Param("codes"), GP64())
	half := Load(Param("half"), GP64())

	to := GP64()
	MOVQ(half, to)
	SHLQ(Imm(14), to) // 128 planes of 128 bytes
	ADDQ(planes, to)

	// Out of 4 codes, in two registers, take the first or the second half of each.
	table := GLOBL("pick", RODATA|NOPTR)
	for i, word := range []uint64{0, 1, 4, 5, 8, 9, 12, 13} {
		DATA(8*i, U64(word))
	}
	pick, second := ZMM(), ZMM()
	VMOVDQU64(table, pick)
	ADDQ(half, half)
	VPBROADCASTQ(half, second)
	VPADDQ(second, pick, pick)
	group := GP64()
	MOVQ(U32(8), group)

	Label("group")
	var in [16]VecVirtual
	for t := range in { // register t gets the codes 4t to 4t+3
		in[t] = ZMM()
		VMOVDQU64(Mem{Base: codes, Disp: 128 * t}, in[t])
		VPERMT2Q(Mem{Base: codes, Disp: 128*t + 64}, pick, in[t])
	}
	// Four rounds of interleaving turn 16 registers of 16 bytes (in each of four lanes):
	// then register j holds byte j of all codes.
	for range 4 {
		var out [16]VecVirtual
		for i := range 8 {
			out[2*i], out[2*i+1] = ZMM(), ZMM()
			VPUNPCKLBW(in[i+8], in[i], out[2*i])
			VPUNPCKHBW(in[i+8], in[i], out[2*i+1])
		}
		in = out
	}
	for j := range in {
		for b := 7; b >= 0; b-- {
			k := K()
			VPMOVB2M(in[j], k)
			KMOVQ(k, Mem{Base: to, Disp: 2 * planeBytes * (8*j + b)})
			if b > 0 {
				VPADDB(in[j], in[j], in[j])
			}
		}
	}
	ADDQ(U32(64*32), codes)
	ADDQ(Imm(8), to)
	DECQ(group)
	JNE(LabelRef("group"))

	SUBQ(Imm(planeBytes), to)
	left := GP64()
	MOVQ(U32(128/4), left)
	Label("complement")
	for i := range 4 {
		z := ZMM()
		at := 2 * planeBytes * i
		VMOVDQU64(Mem{Base: to, Disp: at}, z)
		VPTERNLOGQ(U8(0x55), z, z, z) // not
		VMOVDQU64(z, Mem{Base: to, Disp: at + planeBytes})
	}
	ADDQ(U32(4*2*planeBytes), to)
	DECQ(left)
	JNE(LabelRef("complement"))
	VZEROUPPER()
	RET()
}

// count adds planes up with carry-save adders: Muła, Kurz and Lemire, "Faster Population
// Counts Using AVX2 Instructions" (2018), section 5, across codes instead of along them.
func count() {
	TEXT("countAVX512", NOSPLIT, "func(planes *byte, offsets *uint16, sixteens, start, least uint64, near, far *byte, ahead uintptr)")
	Doc("countAVX512 adds, for each of 512 codes, the bits of 16*sixteens planes, which begin at the",
		"offsets, to start. In near it notes the sums below 128, in far those of at least 512-least.",
		"Sums must stay below 512. Meanwhile it asks for the memory from ahead on, 256 bytes for",
		"each 16 planes; any address will do.")
	planes := Load(Param("planes"), GP64())
	offsets := Load(Param("offsets"), GP64())
	sixteens := Load(Param("sixteens"), GP64())
	ahead := Load(Param("ahead"), GP64())

	var sum [9]VecVirtual // bit i of the sums
	constant(Load(Param("start"), GP64()), sum[:])

	csa := func(low, b, c VecVirtual) (high VecVirtual) {
		high = ZMM()
		VMOVDQA64(low, high)
		VPTERNLOGQ(U8(0xe8), c, b, high) // majority
		VPTERNLOGQ(U8(0x96), c, b, low)  // parity
		return high
	}
	next := 0
	plane := func() VecVirtual {
		at, z := GP64(), ZMM()
		MOVWQZX(Mem{Base: offsets, Disp: 2 * next}, at)
		VMOVDQU64(Mem{Base: planes, Index: at, Scale: 1}, z)
		next++
		return z
	}
	// add returns a carry of weight 2^level from 2^level planes.
	var add func(level int) VecVirtual
	add = func(level int) VecVirtual {
		if level == 0 {
			return plane()
		}
		a := add(level - 1)
		b := add(level - 1)
		return csa(sum[level-1], a, b)
	}

	Label("sixteen")
	carry := add(4)
	for i := 4; i < 9; i++ {
		if i < 8 {
			up := ZMM()
			VPANDQ(carry, sum[i], up)
			VPXORQ(carry, sum[i], sum[i])
			carry = up
		} else {
			VPXORQ(carry, sum[i], sum[i])
		}
	}
	for i := range 4 {
		PREFETCHT1(Mem{Base: ahead, Disp: 64 * i})
	}
	ADDQ(U32(256), ahead)
	ADDQ(U32(32), offsets)
	DECQ(sixteens)
	JNE(LabelRef("sixteen"))

	near := Load(Param("near"), GP64())
	high := ZMM()
	VPORQ(sum[7], sum[8], high)
	VPTERNLOGQ(U8(0x55), high, high, high)
	VMOVDQU64(high, Mem{Base: near})

	// The carry out of sum + least.
	var least [9]VecVirtual
	constant(Load(Param("least"), GP64()), least[:])
	c := ZMM()
	VPXORQ(c, c, c)
	for i := range least {
		VPTERNLOGQ(U8(0xe8), sum[i], least[i], c)
	}
	far := Load(Param("far"), GP64())
	VMOVDQU64(c, Mem{Base: far})
	VZEROUPPER()
	RET()
}

// touch needs no more than what every amd64 processor has.
func touch() {
	TEXT("touchAMD64", NOSPLIT, "func(base *byte, list *uint32, n uint64, size uint64)")
	Doc("touchAMD64 asks for the memory at base + size*list[i] for n positions, n > 0, and does not wait.")
	base := Load(Param("base"), GP64())
	list := Load(Param("list"), GP64())
	n := Load(Param("n"), GP64())
	size := Load(Param("size"), GP64())
	at := GP64()
	Label("next")
	MOVL(Mem{Base: list}, at.As32())
	IMULQ(size, at)
	PREFETCHT0(Mem{Base: base, Index: at, Scale: 1})
	ADDQ(Imm(4), list)
	DECQ(n)
	JNE(LabelRef("next"))
	RET()
}

// constant fills register i with bit i of v.
func constant(v Register, to []VecVirtual) {
	for i := range to {
		bit := GP64()
		MOVQ(v, bit)
		if i > 0 {
			SHRQ(Imm(uint64(i)), bit)
		}
		ANDQ(Imm(1), bit)
		NEGQ(bit)
		to[i] = ZMM()
		VPBROADCASTQ(bit, to[i])
	}
}
