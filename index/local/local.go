package local

import (
	"fmt"

	"selvage/index"
	"selvage/index/local/internal/weigh"
)

// Term is one feature of a registered picture as the index keeps it.
type Term struct {
	Word  uint32 // visual word
	Sig   uint64 // signature inside the word
	Size  uint8  // sigma = longer side × 2^(-Size/16)
	Angle uint8  // 1/256 of a full turn
}

// Probe is one feature of a query. In a set for a mirrored picture the angle is that in the mirror,
// or else the angles do not agree in their differences.
type Probe struct {
	Words []uint32 // the words to look under, nearest first; 1 to 4
	Sig   uint64
	Size  uint8
	Angle uint8
}

// Candidate is one picture found.
type Candidate struct {
	ID    index.ID
	Set   int     // which of the probe sets (variants of the query) scored best
	Score float64 // larger is better; comparable within one search only
}

// Options say how an index is made and searched. The zero value is the usual.
type Options struct {
	Words     int // size of the vocabulary; 0: 262,144
	Postings  int // how many postings a search may read; 0: 8 a picture, but 1 Mi to 8 Mi
	Shortlist int // how many pictures a search looks at closely for each set; 0: 512
}

// WithDefaults fills in what is 0.
func (o Options) WithDefaults() Options {
	if o.Words == 0 {
		o.Words = 1 << 18
	}
	if o.Shortlist == 0 {
		o.Shortlist = 512
	}
	return o
}

// Budget is how many postings a search among so many pictures may read. What it leaves out are the
// longest lists, whose words tell least: among 101,050 pictures, a quarter of the time less for the same
// candidates.
func (o Options) Budget(pictures int) int {
	if o.Postings > 0 {
		return o.Postings
	}
	return min(max(8*pictures, 1<<20), 1<<23)
}

const maxWords = 1 << 24

func (o Options) check() error {
	if o.Words < 1 || o.Words > maxWords || o.Postings < 0 || o.Shortlist < 0 {
		return fmt.Errorf("impossible options: %d words, %d postings, shortlist of %d", o.Words, o.Postings, o.Shortlist)
	}
	return nil
}

// CheckTerms says whether an index with a vocabulary of so many words takes these terms.
func CheckTerms(terms []Term, words int) error {
	if len(terms) > weigh.Sizes {
		return fmt.Errorf("%d features, want at most %d", len(terms), weigh.Sizes)
	}
	for _, t := range terms {
		if int64(t.Word) >= int64(words) {
			return fmt.Errorf("word %d is outside of the vocabulary of %d", t.Word, words)
		}
	}
	return nil
}

// CheckSets says whether an index with a vocabulary of so many words can be asked these sets.
func CheckSets(sets [][]Probe, words int) error {
	for i, set := range sets {
		if len(set) > weigh.Sizes {
			return fmt.Errorf("set %d: %d features, want at most %d", i, len(set), weigh.Sizes)
		}
		for _, p := range set {
			if len(p.Words) < 1 || len(p.Words) > probeWords {
				return fmt.Errorf("set %d: a feature with %d words, want 1 to %d", i, len(p.Words), probeWords)
			}
			for _, w := range p.Words {
				if int64(w) >= int64(words) {
					return fmt.Errorf("set %d: word %d is outside of the vocabulary of %d", i, w, words)
				}
			}
		}
	}
	return nil
}

const probeWords = 4
