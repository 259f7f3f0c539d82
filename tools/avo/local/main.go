// The generator of the vector code of package fingerprint/local. Run it with
// "go generate ./fingerprint/local".
//
// Nothing here may multiply and add in one instruction: the results would differ from
// those of the code in Go, which rounds twice.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	weigh(false)
	weigh(true)
	widest()
	extrema()
	Generate()
}

const (
	lane     = 32 // floats that a row is a multiple of
	register = 8  // floats in a register
)

func eight(base Register, index Register, disp int) Mem {
	return Mem{Base: base, Index: index, Scale: 1, Disp: disp}
}

// weigh is the symmetric filter; with difference, it also stores by how much the result
// differs from another row.
func weigh(difference bool) {
	if difference {
		TEXT("weighDiffAVX2", NOSPLIT, "func(out *float32, rows **float32, k *float32, radius, n uint64, from, diff *float32)")
		Doc("weighDiffAVX2 is weighAVX2; moreover it sets diff[x] to out[x] - from[x].")
	} else {
		TEXT("weighAVX2", NOSPLIT, "func(out *float32, rows **float32, k *float32, radius, n uint64)")
		Doc("weighAVX2 sets out[x] to k[0]*rows[0][x] + the sum of k[i]*(rows[2i-1][x] + rows[2i][x]) for",
			"1 <= i <= radius, in this order. The number of floats n is a multiple of 32.")
	}
	out := Load(Param("out"), GP64())
	rows := Load(Param("rows"), GP64())
	k := Load(Param("k"), GP64())
	radius := Load(Param("radius"), GP64())
	n := Load(Param("n"), GP64())
	var from, diff Register
	if difference {
		from, diff = Load(Param("from"), GP64()), Load(Param("diff"), GP64())
	}
	SHLQ(Imm(2), n)
	x := GP64()
	XORQ(x, x)
	a, b, at, weight, i := GP64(), GP64(), GP64(), GP64(), GP64()
	var sum, tmp [lane / register]VecVirtual
	for j := range sum {
		sum[j], tmp[j] = YMM(), YMM()
	}
	kv := YMM()

	Label("chunk")
	MOVQ(Mem{Base: rows}, a)
	VBROADCASTSS(Mem{Base: k}, kv)
	for j := range sum {
		VMULPS(eight(a, x, 32*j), kv, sum[j])
	}
	MOVQ(radius, i)
	LEAQ(Mem{Base: rows, Disp: 8}, at)
	LEAQ(Mem{Base: k, Disp: 4}, weight)
	TESTQ(i, i)
	JEQ(LabelRef("store"))
	Label("pair")
	MOVQ(Mem{Base: at}, a)
	MOVQ(Mem{Base: at, Disp: 8}, b)
	VBROADCASTSS(Mem{Base: weight}, kv)
	for j := range sum {
		VMOVUPS(eight(a, x, 32*j), tmp[j])
	}
	for j := range sum {
		VADDPS(eight(b, x, 32*j), tmp[j], tmp[j])
	}
	for j := range sum {
		VMULPS(kv, tmp[j], tmp[j])
	}
	for j := range sum {
		VADDPS(tmp[j], sum[j], sum[j])
	}
	ADDQ(Imm(16), at)
	ADDQ(Imm(4), weight)
	DECQ(i)
	JNE(LabelRef("pair"))
	Label("store")
	for j := range sum {
		VMOVUPS(sum[j], eight(out, x, 32*j))
		if difference {
			VSUBPS(eight(from, x, 32*j), sum[j], tmp[j])
			VMOVUPS(tmp[j], eight(diff, x, 32*j))
		}
	}
	ADDQ(Imm(4*lane), x)
	CMPQ(x, n)
	JLT(LabelRef("chunk"))
	VZEROUPPER()
	RET()
}

// widest is the first half of the search for extrema: over three rows and three columns.
func widest() {
	TEXT("widestAVX2", NOSPLIT, "func(high, low, above, mid, below, scratch *float32, n uint64)")
	Doc("widestAVX2 sets high[x] and low[x] to the largest and the least of the values at x-1, x and x+1 of",
		"three rows. Before the first value stands the first of scratch, which holds 2*(n+16) floats.",
		"The number of floats n is a multiple of 32.")
	high := Load(Param("high"), GP64())
	low := Load(Param("low"), GP64())
	rows := [3]Register{Load(Param("above"), GP64()), Load(Param("mid"), GP64()), Load(Param("below"), GP64())}
	up := Load(Param("scratch"), GP64())
	n := Load(Param("n"), GP64())
	SHLQ(Imm(2), n)
	down := GP64()
	LEAQ(Mem{Base: up, Index: n, Scale: 1, Disp: 64}, down)
	x := GP64()
	XORQ(x, x)
	Label("down")
	for j := range lane / register {
		a, b, c, d := YMM(), YMM(), YMM(), YMM()
		VMOVUPS(eight(rows[0], x, 32*j), a)
		VMOVUPS(eight(rows[1], x, 32*j), b)
		VMAXPS(b, a, c)
		VMINPS(b, a, d)
		VMOVUPS(eight(rows[2], x, 32*j), b)
		VMAXPS(b, c, c)
		VMINPS(b, d, d)
		VMOVUPS(c, eight(up, x, 32+32*j))
		VMOVUPS(d, eight(down, x, 32+32*j))
	}
	ADDQ(Imm(4*lane), x)
	CMPQ(x, n)
	JLT(LabelRef("down"))
	XORQ(x, x)
	Label("across")
	for j := range lane / register {
		a, b := YMM(), YMM()
		VMOVUPS(eight(up, x, 28+32*j), a)
		VMAXPS(eight(up, x, 32+32*j), a, a)
		VMAXPS(eight(up, x, 36+32*j), a, a)
		VMOVUPS(a, eight(high, x, 32*j))
		VMOVUPS(eight(down, x, 28+32*j), b)
		VMINPS(eight(down, x, 32+32*j), b, b)
		VMINPS(eight(down, x, 36+32*j), b, b)
		VMOVUPS(b, eight(low, x, 32*j))
	}
	ADDQ(Imm(4*lane), x)
	CMPQ(x, n)
	JLT(LabelRef("across"))
	VZEROUPPER()
	RET()
}

// extrema is the second half: over three differences.
func extrema() {
	TEXT("extremaAVX2", NOSPLIT, "func(bits *uint32, mid *float32, high, low **float32, least float32, n uint64)")
	Doc("extremaAVX2 sets bit x of bits where mid[x] is above least and not below any of high[0..2][x],",
		"or below -least and not above any of low[0..2][x]. The number of floats n is a multiple of 32.")
	bits := Load(Param("bits"), GP64())
	mid := Load(Param("mid"), GP64())
	highs := Load(Param("high"), GP64())
	lows := Load(Param("low"), GP64())
	var high, low [3]Register
	for i := range high {
		high[i], low[i] = GP64(), GP64()
		MOVQ(Mem{Base: highs, Disp: 8 * i}, high[i])
		MOVQ(Mem{Base: lows, Disp: 8 * i}, low[i])
	}
	least, minus := YMM(), YMM()
	leastAddr, err := Param("least").Resolve()
	if err != nil {
		panic(fmt.Sprint("no parameter least: ", err))
	}
	VBROADCASTSS(leastAddr.Addr, least)
	VXORPS(minus, minus, minus)
	VSUBPS(least, minus, minus)
	n := Load(Param("n"), GP64())
	SHLQ(Imm(2), n)
	x := GP64()
	XORQ(x, x)
	word, part := GP32(), GP32()
	const greater, atLeast = 0x1e, 0x1d // ordered, quiet
	Label("chunk")
	XORL(word, word)
	for j := range lane / register {
		v, a, b, c := YMM(), YMM(), YMM(), YMM()
		VMOVUPS(eight(mid, x, 32*j), v)
		VMOVUPS(eight(high[0], x, 32*j), a)
		VMAXPS(eight(high[1], x, 32*j), a, a)
		VMAXPS(eight(high[2], x, 32*j), a, a)
		VCMPPS(Imm(atLeast), a, v, a)     // v >= a
		VCMPPS(Imm(greater), least, v, b) // v > least
		VPAND(a, b, a)
		VMOVUPS(eight(low[0], x, 32*j), c)
		VMINPS(eight(low[1], x, 32*j), c, c)
		VMINPS(eight(low[2], x, 32*j), c, c)
		VCMPPS(Imm(atLeast), v, c, c)     // c >= v
		VCMPPS(Imm(greater), v, minus, b) // -least > v
		VPAND(c, b, c)
		VPOR(a, c, a)
		VMOVMSKPS(a, part)
		if j > 0 {
			SHLL(Imm(uint64(register*j)), part)
		}
		ORL(part, word)
	}
	MOVL(word, Mem{Base: bits})
	ADDQ(Imm(4), bits)
	ADDQ(Imm(4*lane), x)
	CMPQ(x, n)
	JLT(LabelRef("chunk"))
	VZEROUPPER()
	RET()
}
