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
	TEXT("columnsAVX2", NOSPLIT, "func(lanes *uint64, pix *byte, stride, rows, blocks uint64)")
	Doc("columnsAVX2 adds up rows of 16 pixels, at least one, for blocks of 16 pixels side by side, at",
		"least one; lanes takes 4 sums of 16 bits a pixel.")
	lanes, pix := Load(Param("lanes"), GP64()), Load(Param("pix"), GP64())
	stride, rows := Load(Param("stride"), GP64()), Load(Param("rows"), GP64())
	blocks := Load(Param("blocks"), GP64())
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
		VMOVDQU(sums[i], Mem{Base: lanes, Disp: 32 * i})
	}
	ADDQ(Imm(64), pix)
	ADDQ(U32(128), lanes)
	DECQ(blocks)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
	Generate()
}
