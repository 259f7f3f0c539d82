package audio

import (
	"math/bits"

	"selvage/fingerprint"
)

// SampleRate is of the samples that a Maker reads: one channel, 16 bits.
const SampleRate = 11025

const (
	// hop is the samples from one frame to the next, and from one code to the next.
	hop = SampleRate / 8
	// smooth is how many frames a band is averaged over, lag how many frames lie between
	// the two averages that a code compares.
	smooth = 3
	lag    = 2
	// span is the frames that a code is made of.
	span = smooth + lag

	bands = 33
	// quiet is the power between 300 and 2000 Hz below which a frame counts as silent: that
	// of white noise at 60 decibels below full scale.
	quiet = 1 << 30
	// depth is how far below the whole power a band counts as empty: 2^-20, 60 decibels.
	depth = 20
	// A code is heard if at least moving of its bits rest on differences of more than still,
	// in octaves of power times 256·smooth: a steady tone gives none, whatever its pitch.
	moving = 8
	still  = 24
)

// edges are the frequencies, as places in the spectrum, between which the bands lie: 300 Hz
// and up, each (2000/300)^(1/33) times the one before, rounded.
var edges = [bands + 1]int{
	111, 118, 125, 132, 140, 149, 157, 167, 177, 187, 198, 210, 222, 235, 249, 264, 280,
	296, 314, 332, 352, 373, 395, 418, 443, 469, 497, 526, 557, 590, 625, 662, 702, 743,
}

// Print is audio.v1 of one recording. It is as confidential as the recording.
type Print struct {
	// Codes are one for each hop of 0.125 s.
	Codes []uint32
	// Heard says of each code whether there was anything to hear; a code that is not heard
	// is 0 and says nothing.
	Heard []bool
}

// Maker makes a Print of samples that come piece by piece.
type Maker struct {
	pcm    []int16 // what is not yet used up
	frames [][bands]int64
	loud   []bool // of each of frames
	print  Print
	work   [frameLen]complexInt
	power  [frameLen / 2]uint64
}

// NewMaker returns a Maker that has heard nothing.
func NewMaker() *Maker { return &Maker{} }

// Write hears the next samples: one channel, SampleRate a second. It keeps no reference to
// them. A second of sound costs about a millisecond.
func (m *Maker) Write(pcm []int16) {
	m.pcm = append(m.pcm, pcm...)
	used := 0
	for ; len(m.pcm)-used >= frameLen; used += hop {
		m.frame(m.pcm[used : used+frameLen])
	}
	m.pcm = m.pcm[:copy(m.pcm, m.pcm[used:])]
}

// Print is what was heard so far. Sound of less than about a second gives no code.
func (m *Maker) Print() Print { return m.print }

// frame adds a frame, and the code that it completes.
func (m *Maker) frame(pcm []int16) {
	spectrum(pcm, &m.work, &m.power)
	var levels [bands]int64
	total := uint64(0)
	var sums [bands]uint64
	for b := range sums {
		for _, p := range m.power[edges[b]:edges[b+1]] {
			sums[b] += p
		}
		total += sums[b]
	}
	for b, sum := range sums {
		levels[b] = octaves(sum + total>>depth)
	}
	m.frames, m.loud = append(m.frames, levels), append(m.loud, total >= quiet)
	if len(m.frames) < span {
		return
	}
	code, heard := m.code()
	m.print.Codes, m.print.Heard = append(m.print.Codes, code), append(m.print.Heard, heard)
	m.frames, m.loud = m.frames[:copy(m.frames, m.frames[1:])], m.loud[:copy(m.loud, m.loud[1:])]
}

// code is made of the last span frames.
func (m *Maker) code() (code uint32, heard bool) {
	var growth [bands]int64
	for b := range growth {
		for k := range smooth {
			growth[b] += m.frames[lag+k][b] - m.frames[k][b]
		}
	}
	moved := 0
	for b := range bands - 1 {
		d := growth[b] - growth[b+1]
		if d > 0 {
			code |= 1 << b
		}
		if d > still || d < -still {
			moved++
		}
	}
	loud := 0
	for _, l := range m.loud {
		if l {
			loud++
		}
	}
	if moved < moving || loud <= span/2 {
		return 0, false
	}
	return code, true
}

// octaves is the logarithm of v+1 to the base 2, times 256, with straight lines between the
// powers of two.
func octaves(v uint64) int64 {
	v = min(v, 1<<63) + 1
	n := bits.Len64(v) - 1
	below := v << (63 - n) << 1 // what is behind the leading one
	return int64(n)<<8 | int64(below>>56)
}

// telling is how many codes have to be heard before a print says anything: two seconds of
// sound have about ten.
const telling = 8

// heard is how many codes say something.
func (p Print) heard() (n int) {
	for _, h := range p.Heard {
		if h {
			n++
		}
	}
	return n
}

// Insufficient says why the print holds too little to be compared, and is empty where it
// holds enough.
func (p Print) Insufficient() string {
	switch {
	case len(p.Codes) < telling:
		return "the sound is shorter than two seconds"
	case p.heard() < telling:
		return "silence, or one steady sound"
	}
	return ""
}

// Fingerprint is the print as it is stored, and false where it holds too little.
func (p Print) Fingerprint() (fingerprint.Fingerprint, bool) {
	if p.Insufficient() != "" {
		return fingerprint.Fingerprint{}, false
	}
	return fingerprint.Fingerprint{
		Kind: fingerprint.Audio, View: fingerprint.Full, Payload: p.Encode(),
		Quality: max(1, 100*p.heard()/len(p.Codes)),
	}, true
}
