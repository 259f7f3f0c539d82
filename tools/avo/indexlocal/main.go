// The generator of the vector code of package index/local. Run it with
// "go generate ./index/local".
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	near()
	Generate()
}

// near counts the ones of a signature by nibbles: Muła, Kurz and Lemire, "Faster Population
// Counts Using AVX2 Instructions" (2018), section 3.
func near() {
	TEXT("nearAVX2", NOSPLIT, "func(sigs *uint64, eights, sig, limit uint64, marks *byte, nextPosts *uint32, nextSigs *uint64)")
	Doc("nearAVX2 writes a byte for each 8 signatures, whose bits tell which of them differ from sig",
		"in less than limit bits. There must be 8 at least. Meanwhile it asks for the memory of as",
		"many postings that come next; any address will do.")
	sigs := Load(Param("sigs"), GP64())
	eights := Load(Param("eights"), GP64())
	marks := Load(Param("marks"), GP64())
	nextPosts := Load(Param("nextPosts"), GP64())
	nextSigs := Load(Param("nextSigs"), GP64())
	sig, limit := YMM(), YMM()
	broadcast := func(name string, to VecVirtual) {
		x := XMM()
		MOVQ(Load(Param(name), GP64()), x)
		VPBROADCASTQ(x, to)
	}
	broadcast("sig", sig)
	broadcast("limit", limit)

	ones := GLOBL("ones", RODATA|NOPTR) // in a nibble
	for i, word := range []uint64{0x0302020102010100, 0x0403030203020201, 0x0302020102010100, 0x0403030203020201} {
		DATA(8*i, U64(word))
	}
	low := GLOBL("low", RODATA|NOPTR)
	for i := range 4 {
		DATA(8*i, U64(0x0f0f0f0f0f0f0f0f))
	}
	table, nibble, zero := YMM(), YMM(), YMM()
	VMOVDQU(low, nibble)
	VMOVDQU(ones, table)
	VPXOR(zero, zero, zero)

	Label("eight")
	var found [2]Register
	for i := range found {
		x, high, most := YMM(), YMM(), YMM()
		VPXOR(Mem{Base: sigs, Disp: 32 * i}, sig, x)
		VPSRLW(Imm(4), x, high)
		VPAND(nibble, x, x)
		VPAND(nibble, high, high)
		VPSHUFB(x, table, x)
		VPSHUFB(high, table, high)
		VPADDB(high, x, x)
		VPSADBW(zero, x, x)
		VPCMPGTQ(x, limit, most)
		found[i] = GP32()
		VMOVMSKPD(most, found[i])
	}
	SHLL(Imm(4), found[1])
	ORL(found[1], found[0])
	MOVB(found[0].(GPVirtual).As8(), Mem{Base: marks})
	PREFETCHT0(Mem{Base: nextPosts})
	PREFETCHT0(Mem{Base: nextSigs})
	ADDQ(Imm(32), nextPosts)
	ADDQ(Imm(64), nextSigs)
	ADDQ(Imm(64), sigs)
	INCQ(marks)
	DECQ(eights)
	JNE(LabelRef("eight"))
	VZEROUPPER()
	RET()
}
