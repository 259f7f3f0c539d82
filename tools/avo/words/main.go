// The generator of the vector code that finds words and signatures in package
// fingerprint/local. Run it with "go generate ./fingerprint/local".
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// outputs is how many sums a block has: 8 in each of 8 registers.
const outputs = 64

func main() {
	ConstraintExpr("amd64")
	multiply()
	distances()
	Generate()
}

// multiply keeps the sums of a block in registers and reads the table once, in order.
func multiply() {
	TEXT("multiplyAVX2", NOSPLIT, "func(out *int32, x, table *int16, pairs, blocks uint64)")
	Doc("multiplyAVX2 multiplies a table with a vector of 2*pairs numbers. A block of the table gives 64",
		"sums; it holds, pair after pair, the two factors of each sum. pairs and blocks are at least 1.")
	out := Load(Param("out"), GP64())
	x := Load(Param("x"), GP64())
	table := Load(Param("table"), GP64())
	pairs := Load(Param("pairs"), GP64())
	blocks := Load(Param("blocks"), GP64())

	Label("block")
	var sums [outputs / 8]VecVirtual
	for i := range sums {
		sums[i] = YMM()
		VPXOR(sums[i], sums[i], sums[i])
	}
	at, left := GP64(), GP64()
	MOVQ(x, at)
	MOVQ(pairs, left)
	Label("pair")
	both := YMM()
	VPBROADCASTD(Mem{Base: at}, both)
	for i := range sums {
		product := YMM()
		VPMADDWD(Mem{Base: table, Disp: 32 * i}, both, product)
		VPADDD(product, sums[i], sums[i])
	}
	ADDQ(Imm(4), at)
	ADDQ(U32(4*outputs), table)
	DECQ(left)
	JNE(LabelRef("pair"))
	for i := range sums {
		VMOVDQU(sums[i], Mem{Base: out, Disp: 32 * i})
	}
	ADDQ(U32(4*outputs), out)
	DECQ(blocks)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// distances takes the minimum of a block in each of 8 lanes on the way.
func distances() {
	TEXT("distancesAVX2", NOSPLIT, "func(dist, least, norms, dots *int32, base int32, blocks uint64)")
	Doc("distancesAVX2 fills in dist[i] = base + norms[i] - 2*dots[i] for blocks of 64, and for each",
		"block 8 minima: of dist[l], dist[l+8] and so on to dist[l+56].")
	dist := Load(Param("dist"), GP64())
	least := Load(Param("least"), GP64())
	norms := Load(Param("norms"), GP64())
	dots := Load(Param("dots"), GP64())
	base := YMM()
	low32 := XMM()
	VMOVD(Load(Param("base"), GP32()), low32)
	VPBROADCASTD(low32, base)
	blocks := Load(Param("blocks"), GP64())

	Label("block")
	var low VecVirtual
	for i := range outputs / 8 {
		sum, dot := YMM(), YMM()
		VMOVDQU(Mem{Base: dots, Disp: 32 * i}, dot)
		VPADDD(Mem{Base: norms, Disp: 32 * i}, base, sum)
		VPADDD(dot, dot, dot)
		VPSUBD(dot, sum, sum)
		VMOVDQU(sum, Mem{Base: dist, Disp: 32 * i})
		if i == 0 {
			low = sum
		} else {
			VPMINSD(sum, low, low)
		}
	}
	VMOVDQU(low, Mem{Base: least})
	for _, p := range []Register{dist, norms, dots} {
		ADDQ(U32(4*outputs), p)
	}
	ADDQ(Imm(32), least)
	DECQ(blocks)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
}
