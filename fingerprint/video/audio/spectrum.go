package audio

import "math"

// All arithmetic on samples is on integers, so that the same samples give the same codes on
// every machine. The tables are rounded from floating point in a fixed order.

const (
	frameBits = 12
	frameLen  = 1 << frameBits // samples of a frame: 0.37 s

	windowBits  = 14
	twiddleBits = 24
	// headBits are kept below the unit of a sample while the transform runs.
	headBits = 8
)

var (
	window   = makeWindow()
	twiddles = makeTwiddles()
)

// makeWindow is a Hann window.
func makeWindow() (w [frameLen]int64) {
	for i := range w {
		w[i] = int64(math.Round((0.5 - float64(0.5*cos(float64(i)/frameLen))) * (1 << windowBits)))
	}
	return w
}

type complexInt struct{ re, im int64 }

// makeTwiddles are the roots of unity exp(-2πi k/frameLen), for half a turn.
func makeTwiddles() (t [frameLen / 2]complexInt) {
	for k := range t {
		turn := float64(k) / frameLen
		t[k] = complexInt{
			int64(math.Round(cos(turn) * (1 << twiddleBits))),
			int64(math.Round(-cos(turn-0.25) * (1 << twiddleBits))),
		}
	}
	return t
}

// cos is the cosine of a number of turns within [-1, 1], by its power series in the first
// quarter: functions of package math may differ by a bit between processors, and so may
// products that are summed, unless they are converted.
func cos(turns float64) float64 {
	t := math.Abs(turns)
	if t > 0.5 {
		t = 1 - t
	}
	sign := 1.0
	if t > 0.25 {
		t, sign = 0.5-t, -1
	}
	x := float64(t * (2 * math.Pi))
	x2 := float64(x * x)
	sum, term := 1.0, 1.0
	for n := 2.0; n <= 24; n += 2 {
		term = -float64(term*x2) / float64(n*(n-1))
		sum += term
	}
	return sign * sum
}

// spectrum is the power of a frame of frameLen samples at the lower half of the frequencies.
// work is scratch.
func spectrum(pcm []int16, work *[frameLen]complexInt, power *[frameLen / 2]uint64) {
	for i := range frameLen {
		work[reversed[i]] = complexInt{re: int64(pcm[i]) * window[i] >> (windowBits - headBits)}
	}
	for half := 1; half < frameLen; half *= 2 {
		step := frameLen / (2 * half)
		for at := 0; at < frameLen; at += 2 * half {
			for k := range half {
				w := twiddles[k*step]
				a, b := &work[at+k], &work[at+k+half]
				re := (b.re*w.re - b.im*w.im) >> twiddleBits
				im := (b.re*w.im + b.im*w.re) >> twiddleBits
				b.re, b.im = a.re-re, a.im-im
				a.re, a.im = a.re+re, a.im+im
			}
		}
	}
	for i := range power {
		re, im := work[i].re>>headBits, work[i].im>>headBits
		power[i] = uint64(re*re) + uint64(im*im)
	}
}

// reversed is the order of the decimation in time: each place with its bits reversed.
var reversed = func() (r [frameLen]uint16) {
	for i := range r {
		for b := range frameBits {
			r[i] |= uint16(i >> b & 1 << (frameBits - 1 - b))
		}
	}
	return r
}()
