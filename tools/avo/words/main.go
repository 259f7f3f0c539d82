// The generator of the vector code that finds words and compares signatures in package
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
	nearest()
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

// nearest counts bits by a table of nibbles: Muła, Kurz and Lemire, "Faster Population
// Counts Using AVX2 Instructions" (2018), section 3.
func nearest() {
	TEXT("nearestAVX2", NOSPLIT, "func(low, high *uint64, fours, a, b uint64, least *uint64)")
	Doc("nearestAVX2 compares (a, b) with 4*fours signatures (low[i], high[i]). Each of four lanes takes",
		"every fourth of them and gives the two least of distance*65536 + i: the least ones in least[0:4],",
		"the others in least[4:8]. fours is at least 1.")
	low := Load(Param("low"), GP64())
	high := Load(Param("high"), GP64())
	fours := Load(Param("fours"), GP64())
	halves := [2]VecVirtual{YMM(), YMM()}
	for i, name := range []string{"a", "b"} {
		x := XMM()
		VMOVQ(Load(Param(name), GP64()), x)
		VPBROADCASTQ(x, halves[i])
	}
	constants := GLOBL("nibbles", RODATA|NOPTR)
	for i := range 2 {
		DATA(16*i, U64(0x0302020102010100))
		DATA(16*i+8, U64(0x0403030203020201))
	}
	for i := range 4 {
		DATA(32+8*i, U64(i))
	}
	counts, place, mask, four, zero := YMM(), YMM(), YMM(), YMM(), YMM()
	VMOVDQU(constants, counts)
	VMOVDQU(constants.Offset(32), place)
	word := func(v uint64, to VecVirtual) {
		r, x := GP64(), XMM()
		MOVQ(U64(v), r)
		VMOVQ(r, x)
		VPBROADCASTQ(x, to)
	}
	word(0x0f0f0f0f0f0f0f0f, mask)
	word(4, four)
	VPXOR(zero, zero, zero)
	first, second := YMM(), YMM()
	word(0x7fffffff, first)
	VMOVDQA(first, second)

	Label("four")
	var sum VecVirtual
	for i, from := range []Register{low, high} {
		x, upper := YMM(), YMM()
		VPXOR(Mem{Base: from}, halves[i], x)
		VPSRLW(Imm(4), x, upper)
		for _, nibble := range []VecVirtual{x, upper} {
			VPAND(mask, nibble, nibble)
			VPSHUFB(nibble, counts, nibble)
			if sum == nil {
				sum = nibble
			} else {
				VPADDB(nibble, sum, sum)
			}
		}
	}
	VPSADBW(zero, sum, sum)
	VPSLLD(Imm(16), sum, sum)
	VPOR(place, sum, sum)
	more := YMM()
	VPMAXUD(first, sum, more)
	VPMINUD(more, second, second)
	VPMINUD(sum, first, first)
	VPADDD(four, place, place)
	ADDQ(Imm(32), low)
	ADDQ(Imm(32), high)
	DECQ(fours)
	JNE(LabelRef("four"))
	least := Load(Param("least"), GP64())
	VMOVDQU(first, Mem{Base: least})
	VMOVDQU(second, Mem{Base: least, Disp: 32})
	VZEROUPPER()
	RET()
}
