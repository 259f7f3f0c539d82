// Package local finds registered pictures that share local features with a query.
package local

import "selvage/index"

// Term is one feature of a registered picture as the index keeps it.
type Term struct {
	Word  uint32 // visual word
	Sig   uint64 // signature inside the word
	Size  uint8  // sigma = longer side × 2^(-Size/16)
	Angle uint8  // 1/256 of a full turn
}

// Probe is one feature of a query.
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
