package audio

import (
	"math"
	"math/bits"
)

// Match is where two prints agree best.
type Match struct {
	// Score is what the codes that agree say for one recording: each pair adds 12 and loses
	// one for each bit that differs; strangers differ in 16 on average. At Telling and
	// above it is the same recording.
	Score int
	// Wrong is the share of bits that differ in the segment, 0.5 among strangers.
	Wrong float64
	// Query and Ref are the segments in seconds, [start, end].
	Query, Ref [2]float64
	// Speed is how much faster the query runs: a second of it is Speed seconds of the
	// other. It is found to about one percent.
	Speed float64
	// Pitch is how many semitones higher the query is, -1, 0 or 1.
	Pitch int
}

// Telling is the score at and above which two prints are of one recording. It is half as much
// again as the highest score of 10,970 pairs of strangers, music and speech of twelve seconds
// against each other, which was 47.
const Telling = 72

// agree is what a pair of codes adds to a score, less one for each bit that differs.
const agree = 12

// The speeds that Compare tries: powers of step, with exponents up to steps and down to
// -steps, from 0.79 to 1.27. Up to bendSteps the pitch may follow, as that of a record does.
const (
	step      = 1.02
	steps     = 12
	bendSteps = 4
	// ahead is by how much another speed has to be better than none, for there are many.
	ahead = 4 * agree
)

// The most pairs of codes that are looked at: an hour against an hour at one speed, and
// about three minutes against three minutes at all of them.
const (
	maxPairs      = 1 << 30
	maxSpeedPairs = 1 << 21
)

// Compare finds the longest segment in which two prints agree, at any offset. Speeds other
// than that of the original are tried where both are short enough (their codes multiplied
// are at most 2 million), unless the original speed explains nearly all of the shorter one. A Match
// of score 0 says that nothing agrees.
func Compare(query, ref Print) Match {
	n, m := len(query.Codes), len(ref.Codes)
	if n == 0 || m == 0 || n > maxPairs/m {
		return Match{}
	}
	best := alignment{}
	best.try(query, ref, 1, 0)
	if clear := best.score >= 4*Telling && 10*best.pairs >= 9*min(n, m); !clear && n*m <= maxSpeedPairs {
		if other := otherSpeed(query, ref); other.score > best.score+ahead {
			best = other
		}
	}
	return best.match(n, m)
}

// otherSpeed is the best alignment at all speeds and pitches but those of the original.
func otherSpeed(query, ref Print) (best alignment) {
	speed := 1.0
	for range steps {
		speed /= step
	}
	for k := -steps; k <= steps; k++ {
		stretched := ref.at(speed)
		for pitch := -1; pitch <= 1; pitch++ {
			switch {
			case pitch == 0 && k != 0:
				best.try(query, stretched, speed, 0)
			case pitch != 0 && k >= -bendSteps && k <= bendSteps:
				best.try(query, stretched.bent(pitch), speed, pitch)
			}
		}
		speed *= step
	}
	return best
}

// at is the print as a recording that plays speed times as fast would give it, with the
// pitch kept.
func (p Print) at(speed float64) Print {
	n := int(float64(len(p.Codes)) / speed)
	out := Print{Codes: make([]uint32, n), Heard: make([]bool, n)}
	for i := range n {
		j := min(int(math.Round(float64(i)*speed)), len(p.Codes)-1)
		out.Codes[i], out.Heard[i] = p.Codes[j], p.Heard[j]
	}
	return out
}

// bent is the print at a pitch that is a semitone higher or lower. The bit at the edge, which
// is not known, stays.
func (p Print) bent(pitch int) Print {
	out := Print{Codes: make([]uint32, len(p.Codes)), Heard: p.Heard}
	for i, c := range p.Codes {
		if pitch > 0 {
			out.Codes[i] = c<<1 | c&1
		} else {
			out.Codes[i] = c>>1 | c&(1<<31)
		}
	}
	return out
}

// alignment is the best segment so far: codes from to, exclusive, of the query, against those
// of a ref at a speed that stand shift places before them.
type alignment struct {
	score, shift, from, to int
	wrong, pairs           int // bits, and codes heard in both
	speed                  float64
	pitch                  int
}

// try looks at every offset for the run of codes with the largest sum, as Kadane's algorithm
// finds it.
func (a *alignment) try(query, ref Print, speed float64, pitch int) {
	n, m := len(query.Codes), len(ref.Codes)
	for shift := 1 - m; shift < n; shift++ {
		first, end := max(0, shift), min(n, m+shift)
		if agree*(end-first) <= a.score {
			continue
		}
		sum, from, wrong, pairs := 0, first, 0, 0
		for i := first; i < end; i++ {
			if !query.Heard[i] || !ref.Heard[i-shift] {
				continue
			}
			if sum <= 0 {
				sum, from, wrong, pairs = 0, i, 0, 0
			}
			d := bits.OnesCount32(query.Codes[i] ^ ref.Codes[i-shift])
			sum, wrong, pairs = sum+agree-d, wrong+d, pairs+1
			if sum > a.score {
				*a = alignment{score: sum, shift: shift, from: from, to: i + 1, wrong: wrong, pairs: pairs, speed: speed, pitch: pitch}
			}
		}
	}
}

// seconds is the length of a hop.
const seconds = float64(hop) / SampleRate

// match is the alignment in seconds, between a query of n codes and a ref of m.
func (a *alignment) match(n, m int) Match {
	if a.score <= 0 {
		return Match{}
	}
	return Match{
		Score: a.score,
		Wrong: float64(a.wrong) / float64(32*a.pairs),
		Query: [2]float64{place(float64(a.from), n), place(float64(a.to-1), n)},
		Ref:   [2]float64{place(float64(a.from-a.shift)*a.speed, m), place(float64(a.to-1-a.shift)*a.speed, m)},
		Speed: a.speed,
		Pitch: a.pitch,
	}
}

// place is the time that a code of n stands for: the middle of what it is made of, but for
// the first and the last, which stand for the ends.
func place(code float64, n int) float64 {
	const long = seconds*(span-1) + float64(frameLen)/SampleRate
	switch {
	case code < 1:
		return 0
	case code > float64(n-2):
		return float64(n-1)*seconds + long
	}
	return code*seconds + long/2
}
