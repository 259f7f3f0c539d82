package indextest

import (
	"math/rand/v2"

	"selvage/index/local"
)

// Features makes pictures of local features and queries for them, for tests and benchmarks.
// A few words are frequent and most are rare; some pictures have one feature many times.
type Features struct {
	Words int // size of the vocabulary
	Each  int // features of a picture
	r     *rand.Rand
	zipf  *rand.Zipf
}

// NewFeatures returns a source; the same seed gives the same pictures.
func NewFeatures(words, each int, seed uint64) *Features {
	r := rand.New(rand.NewPCG(seed, 3))
	return &Features{words, each, r, rand.NewZipf(r, 1.1, float64(words)/20, uint64(words-1))}
}

func (f *Features) word() uint32 {
	// Frequent words stand anywhere in the vocabulary.
	return uint32(f.zipf.Uint64() * 0x9e3779b1 % uint64(f.Words))
}

// Picture makes a new picture.
func (f *Features) Picture() []local.Term {
	terms := make([]local.Term, f.Each)
	for i := range terms {
		terms[i] = local.Term{Word: f.word(), Sig: f.r.Uint64(), Size: uint8(60 + f.r.IntN(80)), Angle: uint8(f.r.Uint32())}
		if i > 0 && f.r.IntN(20) == 0 {
			terms[i] = terms[i-1]
			terms[i].Sig ^= 1 << f.r.IntN(64)
		}
	}
	return terms
}

// Query makes a set of probes that sees a picture turned and scaled: so many of its features, in
// words near theirs and with some bits of the signatures changed, among other ones.
func (f *Features) Query(of []local.Term, same, others int) []local.Probe {
	turn, scale := uint8(f.r.Uint32()), f.r.IntN(32)
	var set []local.Probe
	for range same {
		if len(of) == 0 {
			break
		}
		t := of[f.r.IntN(len(of))]
		p := local.Probe{Words: []uint32{f.word(), f.word(), f.word()}[:1+f.r.IntN(3)], Sig: t.Sig, Size: uint8(int(t.Size) - scale), Angle: t.Angle + turn}
		p.Words[f.r.IntN(len(p.Words))] = t.Word
		for range f.r.IntN(20) {
			p.Sig ^= 1 << f.r.IntN(64)
		}
		set = append(set, p)
	}
	for range others {
		set = append(set, local.Probe{Words: []uint32{f.word(), f.word(), f.word()}, Sig: f.r.Uint64(), Size: uint8(f.r.Uint32()), Angle: uint8(f.r.Uint32())})
	}
	f.r.Shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
	return set
}
