package calibrate

import "math"

// The functions of package math are assembly on some processors, and products may be
// fused into sums on others. These are neither: float64(a*b) forbids the fusing, and
// polynomials are summed in a written order.

// exp is e^x within a few units of the last place, for |x| <= 700; beyond, it stays there.
func exp(x float64) float64 {
	const (
		log2e = 1.4426950408889634
		ln2hi = 6.93147180369123816490e-01 // 33 bits, so that k*ln2hi is exact
		ln2lo = 1.90821492927058770002e-10
	)
	x = min(max(x, -700), 700)
	k := math.Floor(float64(x*log2e) + 0.5)
	r := x - float64(k*ln2hi) - float64(k*ln2lo)
	// The series of e^r for |r| <= ln(2)/2; the term after the last is below 1e-17.
	sum := 1.0
	for n := 14.0; n >= 1; n-- {
		sum = 1 + float64(r/n*sum)
	}
	return math.Ldexp(sum, int(k))
}

// log is the natural logarithm of x > 0, to a few units of the last place.
func log(x float64) float64 {
	f, k := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, k = 2*f, k-1
	}
	// log f = 2 atanh s, with |s| < 0.172.
	s := (f - 1) / (f + 1)
	s2 := float64(s * s)
	sum := 0.0
	for n := 23.0; n >= 1; n -= 2 {
		sum = 1/n + float64(s2*sum)
	}
	return float64(float64(k)*math.Ln2) + float64(2*float64(s*sum))
}

// sigmoid is the probability whose log-odds are z.
func sigmoid(z float64) float64 {
	if z < 0 {
		e := exp(z)
		return e / (1 + e)
	}
	return 1 / (1 + exp(-z))
}

// logit are the log-odds of 0 < p < 1.
func logit(p float64) float64 { return log(p) - log(1-p) }

// loss is the logarithmic loss of log-odds z where the truth is y, 0 or 1; in nats.
func loss(z, y float64) float64 {
	if y > 0.5 {
		z = -z
	}
	return max(z, 0) + log(1+exp(-math.Abs(z)))
}

// ease rises from 0 at d = 0, first by d and then ever less, and stays below 1. Unlike a
// sigmoid it does not run out of float64 early, so that what differs keeps differing.
func ease(d float64) float64 { return d / (1 + d) }

// round6 rounds to what a model file keeps.
func round6(x float64) float64 { return math.Round(x*1e6) / 1e6 }
