// The generator of the vector code of package internal/blocks. Run it with
// "go generate ./internal/blocks".
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")

	// A weight takes 15 bits: green counts twice, with half of its own.
	weights := GLOBL("weights", RODATA|NOPTR)
	for i := range 4 {
		DATA(8*i, U64(19595|38470/2<<16|7471<<32|38470/2<<48))
	}
	greenAgain := GLOBL("greenAgain", RODATA|NOPTR) // in place of alpha
	for i := range 2 {
		DATA(16*i, U64(0x0302_0504_0302_0100))
		DATA(16*i+8, U64(0x0b0a_0d0c_0b0a_0908))
	}

	TEXT("columnsAVX2", NOSPLIT, "func(lanes *uint32, pix *byte, stride, rows, blocks uint64)")
	Doc("columnsAVX2 adds up rows of 16 pixels, 1 to 128, for blocks of 16 pixels side by side, at",
		"least one; lanes takes the luma of each column in 32 bits.")
	lanes, pix := Load(Param("lanes"), GP64()), Load(Param("pix"), GP64())
	stride, rows := Load(Param("stride"), GP64()), Load(Param("rows"), GP64())
	blocks := Load(Param("blocks"), GP64())
	weight, order := YMM(), YMM()
	VMOVDQU(weights, weight)
	VMOVDQU(greenAgain, order)
	Label("block")
	var sums [4]VecVirtual
	for i := range sums {
		sums[i] = YMM()
		VPXOR(sums[i], sums[i], sums[i])
	}
	at, left := GP64(), GP64()
	MOVQ(pix, at)
	MOVQ(rows, left)
	Label("row")
	for i := range sums {
		v := YMM()
		VPMOVZXBW(Mem{Base: at, Disp: 16 * i}, v)
		VPADDW(v, sums[i], sums[i])
	}
	ADDQ(stride, at)
	DECQ(left)
	JNE(LabelRef("row"))
	for i := range sums {
		VPSHUFB(order, sums[i], sums[i])
		VPMADDWD(weight, sums[i], sums[i])
	}
	for i := 0; i < 4; i += 2 {
		VPHADDD(sums[i+1], sums[i], sums[i])
		VPERMQ(U8(0b11_01_10_00), sums[i], sums[i])
		VMOVDQU(sums[i], Mem{Base: lanes, Disp: 16 * i})
	}
	ADDQ(Imm(64), pix)
	ADDQ(Imm(64), lanes)
	DECQ(blocks)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
	Generate()
}
