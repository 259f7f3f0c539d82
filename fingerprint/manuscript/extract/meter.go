package extract

import (
	"encoding/binary"
	"fmt"
)

// WebAssembly code that runs natively can be neither stopped nor preempted: a loop without end in it
// would hold the garbage collector, and with it the whole process, for ever. wazero's own remedy
// leaves for Go in every turn of every loop, which makes PDFium about three times slower. metered
// has the code count its turns itself, and leave for Go only every so many.

// meterStop is the name of the exported global: code stops with a trap soon after it is not 0.
const meterStop = "selvage_stop"

// meterTurns is how many turns of loops run between two visits to Go: below a millisecond.
const meterTurns = 50_000

// metered returns a module that does what the given one does and in which every loop counts. It
// reads the binary format of WebAssembly 2.0 without vector instructions, and gives an error for
// anything else.
//
// To the module it adds two globals, turns and stop, and a function tick, all at the ends of their
// spaces, so that no other index changes. Each loop begins with
//
//	turns = turns - 1; if turns == 0 { tick() }
//
// and tick is
//
//	turns = meterTurns; grow the memory by 0 pages; if stop { trap }
//
// where the second is what leaves for Go, where the goroutine can be preempted.
func metered(module []byte) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			m, ok := r.(malformed)
			if !ok {
				panic(r)
			}
			out, err = nil, fmt.Errorf("WebAssembly module: %s", string(m))
		}
	}()
	if len(module) < 8 || string(module[:8]) != "\x00asm\x01\x00\x00\x00" {
		return nil, fmt.Errorf("no WebAssembly module of version 1")
	}
	var types, functions, globals uint32
	var metering *meter
	out = append(out, module[:8]...)
	for r := (wasmReader{module[8:]}); len(r.rest) > 0; {
		id := r.byte()
		body := wasmReader{r.take(int(r.uint()))}
		switch id {
		case sectionType:
			types = body.count()
			body.rest = extended(types, body.rest, 0x60, 0, 0) // () → ()
		case sectionImport:
			f, g := imported(body)
			functions, globals = functions+f, globals+g
		case sectionFunction:
			n := body.count()
			functions += n
			body.rest = extended(n, body.rest, leb(types)...)
		case sectionGlobal:
			n := body.count()
			globals += n
			body.rest = append(append(append(leb(n+2), body.rest...), variable(meterTurns)...), variable(0)...)
			metering = &meter{turns: globals, stop: globals + 1, tick: functions}
		case sectionExport:
			if metering == nil {
				return nil, fmt.Errorf("WebAssembly module: it has no globals of its own")
			}
			entry := append([]byte{byte(len(meterStop))}, meterStop...)
			body.rest = extended(body.count(), body.rest, append(append(entry, 3), leb(metering.stop)...)...)
		case sectionCode:
			if metering == nil {
				return nil, fmt.Errorf("WebAssembly module: it has no globals of its own")
			}
			body.rest = metering.code(body)
		}
		out = append(append(out, id), leb(uint32(len(body.rest)))...)
		out = append(out, body.rest...)
	}
	return out, nil
}

// The sections of a module that change.
const (
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionGlobal   = 6
	sectionExport   = 7
	sectionCode     = 10
)

// meter has the indexes of what metered adds.
type meter struct{ turns, stop, tick uint32 }

// code rewrites the code section, and appends the body of tick.
func (m *meter) code(r wasmReader) []byte {
	turns, tick := leb(m.turns), leb(m.tick)
	var count []byte // what every loop begins with
	count = append(append(count, opGlobalGet), turns...)
	count = append(count, opI32Const, 1, opI32Sub)
	count = append(append(count, opGlobalSet), turns...)
	count = append(append(count, opGlobalGet), turns...)
	count = append(count, opI32Eqz, opIf, blockEmpty, opCall)
	count = append(append(count, tick...), opEnd)

	n := r.count()
	out := leb(n + 1)
	for range n {
		body := wasmReader{r.take(int(r.uint()))}
		before := len(body.rest)
		all := body.rest
		for range body.uint() { // locals
			body.uint()
			body.byte()
		}
		fresh := append([]byte(nil), all[:before-len(body.rest)]...)
		for len(body.rest) > 0 {
			at := body.rest
			op := body.byte()
			body.immediates(op)
			fresh = append(fresh, at[:len(at)-len(body.rest)]...)
			if op == opLoop {
				fresh = append(fresh, count...)
			}
		}
		out = append(append(out, leb(uint32(len(fresh)))...), fresh...)
	}
	body := []byte{0, opI32Const}
	body = append(append(body, sleb(meterTurns)...), opGlobalSet)
	body = append(append(body, turns...), opI32Const, 0, opMemoryGrow, 0, opDrop, opGlobalGet)
	body = append(append(body, leb(m.stop)...), opIf, blockEmpty, opUnreachable, opEnd, opEnd)
	return append(append(out, leb(uint32(len(body)))...), body...)
}

// The instructions that are written or looked for (WebAssembly 2.0, 5.4).
const (
	opUnreachable = 0x00
	opLoop        = 0x03
	opIf          = 0x04
	opEnd         = 0x0b
	opCall        = 0x10
	opDrop        = 0x1a
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opMemoryGrow  = 0x40
	opI32Const    = 0x41
	opI32Eqz      = 0x45
	opI32Sub      = 0x6b
	blockEmpty    = 0x40 // the type of a block without operands and results
)

// extended is a vector of n entries with one more at its end.
func extended(n uint32, entries []byte, entry ...byte) []byte {
	return append(append(leb(n+1), entries...), entry...)
}

// variable is a mutable global of 32 bits.
func variable(value int32) []byte {
	return append(append([]byte{0x7f, 1, opI32Const}, sleb(value)...), opEnd)
}

// imported counts functions and globals of an import section.
func imported(r wasmReader) (functions, globals uint32) {
	for range r.count() {
		r.take(int(r.uint())) // of which module
		r.take(int(r.uint())) // which name
		switch r.byte() {
		case 0:
			r.uint()
			functions++
		case 1:
			r.byte()
			r.limits()
		case 2:
			r.limits()
		case 3:
			r.byte()
			r.byte()
			globals++
		default:
			panic(malformed("an import of an unknown kind"))
		}
	}
	return functions, globals
}

// malformed is what a wasmReader panics with; metered makes an error of it.
type malformed string

// wasmReader reads the binary format.
type wasmReader struct{ rest []byte }

func (r *wasmReader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		panic(malformed("it ends early"))
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *wasmReader) byte() byte { return r.take(1)[0] }

// uint reads an unsigned number of at most 32 bits.
func (r *wasmReader) uint() uint32 {
	v, n := binary.Uvarint(r.rest[:min(5, len(r.rest))])
	if n <= 0 || v > 1<<32-1 {
		panic(malformed("it has an impossible number"))
	}
	r.take(n)
	return uint32(v)
}

// count reads the length of a vector, of which each entry takes a byte at least.
func (r *wasmReader) count() uint32 {
	n := r.uint()
	if int(n) > len(r.rest) {
		panic(malformed("it has an impossible number"))
	}
	return n
}

// skip passes over a number of any kind.
func (r *wasmReader) skip() {
	for r.byte() >= 0x80 {
	}
}

func (r *wasmReader) limits() {
	if r.byte()&1 != 0 {
		r.uint()
	}
	r.uint()
}

// immediates passes over what follows an opcode (WebAssembly 2.0, 5.4).
func (r *wasmReader) immediates(op byte) {
	switch {
	case op == 0x02 || op == opLoop || op == opIf: // blocks: a type, or the number of one
		r.skip()
	case op == 0x0c || op == 0x0d || op == opCall || op >= 0x20 && op <= 0x26 || op == 0xd2: // branches, call, variables, tables, ref.func
		r.uint()
	case op == 0x0e: // br_table
		for range r.uint() {
			r.uint()
		}
		r.uint()
	case op == 0x11: // call_indirect
		r.uint()
		r.uint()
	case op == 0x1c: // select with types
		r.take(int(r.uint()))
	case op >= 0x28 && op <= 0x3e: // loads and stores: alignment, offset
		r.uint()
		r.uint()
	case op == 0x3f || op == opMemoryGrow || op == 0xd0: // memory.size, ref.null
		r.byte()
	case op == opI32Const || op == 0x42:
		r.skip()
	case op == 0x43:
		r.take(4)
	case op == 0x44:
		r.take(8)
	case op == 0xfc:
		switch sub := r.uint(); {
		case sub <= 7: // conversions that saturate
		case sub == 8 || sub == 10 || sub == 12 || sub == 14: // memory.init, memory.copy, table.init, table.copy
			r.uint()
			r.uint()
		case sub == 9 || sub == 11 || sub == 13 || sub >= 15 && sub <= 17:
			r.uint()
		default:
			panic(malformed(fmt.Sprintf("the instruction 0xfc %d is not known", sub)))
		}
	case op <= 0x01 || op == 0x05 || op == opEnd || op == 0x0f || op == opDrop || op == 0x1b || op >= 0x45 && op <= 0xc4 || op == 0xd1: // none
	default:
		panic(malformed(fmt.Sprintf("the instruction 0x%x is not known", op)))
	}
}

// leb and sleb write an unsigned and a signed number (WebAssembly 2.0, 5.2.2).
func leb(v uint32) []byte { return binary.AppendUvarint(nil, uint64(v)) }

func sleb(v int32) (out []byte) {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
