// The generator of the vector code that turns luma and chroma into colours, and packs
// colours, in package fingerprint/decode. Run it with "go generate ./fingerprint/decode".
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The rows of the table, of 8 equal numbers each but for the two permutations.
const (
	gain = 32 * iota
	lumaOffset
	red
	redOffset
	greenCb
	greenCr
	greenOffset
	blue
	blueOffset
	firstHalf  // 0 0 1 1 2 2 3 3
	secondHalf // 4 4 5 5 6 6 7 7
	most       // 255
	alpha      // 255 << 24
)

func main() {
	ConstraintExpr("amd64")
	half()
	full()
	pack()
	Generate()
}

// chroma leaves in three registers what 8 pairs of chroma add to red, green and blue.
func chroma(cb, cr, table Register) (r, g, b VecVirtual) {
	u, v := YMM(), YMM()
	VPMOVZXBD(Mem{Base: cb}, u)
	VPMOVZXBD(Mem{Base: cr}, v)
	r, g, b = YMM(), YMM(), YMM()
	VPMULLD(Mem{Base: table, Disp: red}, v, r)
	VPADDD(Mem{Base: table, Disp: redOffset}, r, r)
	VPMULLD(Mem{Base: table, Disp: blue}, u, b)
	VPADDD(Mem{Base: table, Disp: blueOffset}, b, b)
	VPMULLD(Mem{Base: table, Disp: greenCb}, u, u)
	VPMULLD(Mem{Base: table, Disp: greenCr}, v, v)
	VMOVDQU(Mem{Base: table, Disp: greenOffset}, g)
	VPSUBD(u, g, g)
	VPSUBD(v, g, g)
	return r, g, b
}

// pixels writes 8 pixels from 8 bytes of luma and what their chroma adds.
func pixels(dst Mem, luma Mem, table Register, zero, r, g, b VecVirtual) {
	y := YMM()
	VPMOVZXBD(luma, y)
	VPMULLD(Mem{Base: table, Disp: gain}, y, y)
	VPADDD(Mem{Base: table, Disp: lumaOffset}, y, y)
	out := YMM()
	for i, c := range []VecVirtual{r, g, b} {
		VPADDD(y, c, c)
		VPSRAD(Imm(16), c, c)
		VPMAXSD(zero, c, c)
		VPMINSD(Mem{Base: table, Disp: most}, c, c)
		switch i {
		case 0:
			VPOR(Mem{Base: table, Disp: alpha}, c, out)
		default:
			VPSLLD(Imm(uint64(8*i)), c, c)
			VPOR(c, out, out)
		}
	}
	VMOVDQU(out, dst)
}

// half shares the chroma of a pair of pixels between them.
func half() {
	TEXT("halfAVX2", NOSPLIT, "func(dst, luma, cb, cr *byte, table *int32, blocks uint64)")
	Doc("halfAVX2 converts blocks of 16 pixels with 8 pairs of chroma, at least one.")
	dst, luma := Load(Param("dst"), GP64()), Load(Param("luma"), GP64())
	cb, cr := Load(Param("cb"), GP64()), Load(Param("cr"), GP64())
	table := Load(Param("table"), GP64())
	blocks := Load(Param("blocks"), GP64())
	zero, first, second := YMM(), YMM(), YMM()
	VPXOR(zero, zero, zero)
	VMOVDQU(Mem{Base: table, Disp: firstHalf}, first)
	VMOVDQU(Mem{Base: table, Disp: secondHalf}, second)
	Label("half")
	r, g, b := chroma(cb, cr, table)
	for i, perm := range []VecVirtual{first, second} {
		r2, g2, b2 := YMM(), YMM(), YMM()
		VPERMD(r, perm, r2)
		VPERMD(g, perm, g2)
		VPERMD(b, perm, b2)
		pixels(Mem{Base: dst, Disp: 32 * i}, Mem{Base: luma, Disp: 8 * i}, table, zero, r2, g2, b2)
	}
	ADDQ(Imm(64), dst)
	ADDQ(Imm(16), luma)
	ADDQ(Imm(8), cb)
	ADDQ(Imm(8), cr)
	DECQ(blocks)
	JNE(LabelRef("half"))
	VZEROUPPER()
	RET()
}

// full has chroma for every pixel.
func full() {
	TEXT("fullAVX2", NOSPLIT, "func(dst, luma, cb, cr *byte, table *int32, blocks uint64)")
	Doc("fullAVX2 converts blocks of 8 pixels with 8 pairs of chroma, at least one.")
	dst, luma := Load(Param("dst"), GP64()), Load(Param("luma"), GP64())
	cb, cr := Load(Param("cb"), GP64()), Load(Param("cr"), GP64())
	table := Load(Param("table"), GP64())
	blocks := Load(Param("blocks"), GP64())
	zero := YMM()
	VPXOR(zero, zero, zero)
	Label("full")
	r, g, b := chroma(cb, cr, table)
	pixels(Mem{Base: dst}, Mem{Base: luma}, table, zero, r, g, b)
	ADDQ(Imm(32), dst)
	ADDQ(Imm(8), luma)
	ADDQ(Imm(8), cb)
	ADDQ(Imm(8), cr)
	DECQ(blocks)
	JNE(LabelRef("full"))
	VZEROUPPER()
	RET()
}

func pack() {
	// In each half of a register 4 pixels come together, then the two halves do.
	together := GLOBL("together", RODATA|NOPTR)
	for i := range 2 {
		DATA(16*i, U64(0x0908_0605_0402_0100))
		DATA(16*i+8, U64(0x8080_8080_0e0d_0c0a))
	}
	halves := GLOBL("halves", RODATA|NOPTR)
	for i, pair := range []uint64{0 | 1<<32, 2 | 4<<32, 5 | 6<<32, 3 | 7<<32} {
		DATA(8*i, U64(pair))
	}

	TEXT("packAVX2", NOSPLIT, "func(dst, src *byte, blocks uint64)")
	Doc("packAVX2 leaves out the fourth byte of each pixel, for blocks of 16 pixels, at least one.",
		"It writes 8 bytes of nothing behind them.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	blocks := Load(Param("blocks"), GP64())
	in, across := YMM(), YMM()
	VMOVDQU(together, in)
	VMOVDQU(halves, across)
	Label("block")
	for i := range 2 {
		v := YMM()
		VMOVDQU(Mem{Base: src, Disp: 32 * i}, v)
		VPSHUFB(in, v, v)
		VPERMD(v, across, v)
		VMOVDQU(v, Mem{Base: dst, Disp: 24 * i})
	}
	ADDQ(Imm(64), src)
	ADDQ(Imm(48), dst)
	DECQ(blocks)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
}
