package mih

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"selvage/index"
	"selvage/index/indextest"
)

// blocks are codes where carries run far, and others.
func blocks() map[string]*[blockSize]index.Code {
	all := ^uint64(0)
	mixed := append(indextest.Random(blockSize/2, 5), indextest.Clustered(blockSize/2, 20, 100, 6)...)
	return map[string]*[blockSize]index.Code{
		"zeros":     {},
		"ones":      (*[blockSize]index.Code)(slices.Repeat([]index.Code{{all, all, all, all}}, blockSize)),
		"first":     {{all, all, all, all}},
		"last":      {blockSize - 1: {all, 0, all, 0}},
		"random":    (*[blockSize]index.Code)(indextest.Random(blockSize, 7)),
		"clustered": (*[blockSize]index.Code)(indextest.Clustered(blockSize, 50, 40, 8)),
		"mixed":     (*[blockSize]index.Code)(mixed),
	}
}

// TestKernels compares the code in assembly with the plain one, bit for bit.
func TestKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for name, block := range blocks() {
		got, want := new(planes), new(planes)
		for half := range 2 {
			slice(got, block, half)
			plainSlice(want, block, half)
		}
		if *got != *want {
			t.Fatalf("%s: planes differ", name)
		}
		for i := range 300 {
			probe := block[r.IntN(blockSize)]
			if i%2 == 0 {
				probe = indextest.Near(r, probe, r.IntN(257))
			}
			p := scannerOf(probe).pairs[0]
			sixteens, start, least := 1+r.IntN(16), r.IntN(128), r.IntN(512)
			var near, far, wantNear, wantFar [blockSize / 64]uint64
			count(want, &p.offsets, sixteens, start, least, &near, &far, 0)
			plainCount(want, &p.offsets, sixteens, start, least, &wantNear, &wantFar)
			if near != wantNear || far != wantFar {
				t.Fatalf("%s: %d planes from %d, least %d: %x and %x, want %x and %x",
					name, 16*sixteens, start, least, near, far, wantNear, wantFar)
			}
		}
	}
}

func scannerOf(probes ...index.Code) *scanner {
	s := &scanner{probes: probes}
	s.pair()
	return s
}

// TestSums compares the sums of all planes with distances.
func TestSums(t *testing.T) {
	for name, block := range blocks() {
		s := scannerOf(block[3])
		plainSlice(&s.planes, block, 0)
		plainSlice(&s.planes, block, 1)
		for radius := range sliceRadius + 1 {
			var near, far [blockSize / 64]uint64
			start := sliceRadius - radius
			plainCount(&s.planes, &s.pairs[0].offsets, 16, start, 512-(start+256-radius), &near, &far)
			for w := range near {
				for bit := range 64 {
					d := block[position(w, bit)].Distance(block[3])
					if near[w]>>bit&1 != 0 != (d <= radius) || far[w]>>bit&1 != 0 != (256-d <= radius) {
						t.Fatalf("%s: distance %d, radius %d: near is %t", name, d, radius, near[w]>>bit&1 != 0)
					}
				}
			}
		}
	}
}

// TestScan compares scans of planes and of codes, for every radius, with complements,
// probes that come twice, and codes that fill no block.
func TestScan(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	codes := slices.Concat(indextest.Random(1500, 1), indextest.Clustered(700, 30, 60, 2))
	ids := make([]index.ID, len(codes))
	for i := range ids {
		ids[i] = index.ID(3 * i)
	}
	dead := (*bitset)(nil).With(5, 600, 1700, 2100)
	for radius := range 257 {
		probes := indextest.Random(r.IntN(6), r.Uint64())
		for range 1 + r.IntN(4) {
			c := indextest.Near(r, codes[r.IntN(1500)], r.IntN(radius+1))
			probes = append(probes, c, index.Code{^c[0], ^c[1], ^c[2], ^c[3]}, c)
		}
		r.Shuffle(len(probes), func(i, j int) { probes[i], probes[j] = probes[j], probes[i] })
		n := len(codes) - r.IntN(600)
		var found [2][]index.Hit
		for i, on := range []bool{false, true} {
			t.Run(fmt.Sprintf("radius=%d/vectors=%t", radius, on), func(t *testing.T) {
				SetVectors(t, on)
				s := newScanner(probes)
				defer scanners.Put(s)
				found[i] = s.scan(nil, codes[:n], ids, dead, radius)
			})
		}
		if !slices.Equal(found[0], found[1]) {
			t.Fatalf("radius %d: %d hits, and %d with vectors", radius, len(found[0]), len(found[1]))
		}
		if len(found[0]) == 0 {
			t.Errorf("radius %d: no hits", radius)
		}
	}
}

func TestPlanesFor(t *testing.T) {
	for radius, want := range map[int]int{0: 16, 31: 96, 45: 128, 64: 176, sliceRadius: 256} {
		if got := planesFor(radius); got != want {
			t.Errorf("%d planes for radius %d, want %d", got, radius, want)
		}
	}
}
