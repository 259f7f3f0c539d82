package local

import "math"

// The functions of package math that have assembly on some CPUs do not give the same
// bits on all. Those here do. Products are converted to their own type wherever they are
// added to something: otherwise the compiler might fuse the two and round once less.

// exp returns e^x for x within ±80, with a relative error below 1e-12.
func exp(x float64) float64 {
	n := math.Floor(float64(x*(1/math.Ln2)) + 0.5)
	x -= float64(n * math.Ln2)
	sum, term := 1.0, 1.0
	for i := 1; i < 16; i++ {
		term = term * x / float64(i)
		sum += term
	}
	return math.Ldexp(sum, int(n))
}

// direction returns the direction of (x, y) in eighths of a turn, 0 <= d < 8, x towards
// y; 0 for the zero vector. The error is below 2e-5 eighths. It is odd in y and turns by exactly 4 with
// the signs of both.
func direction(x, y float32) float32 {
	ax, ay := x, y
	if ax < 0 {
		ax = -ax
	}
	if ay < 0 {
		ay = -ay
	}
	least, most := ax, ay
	if ay < ax {
		least, most = ay, ax
	}
	if most == 0 {
		return 0
	}
	a := least / most
	s := float32(a * a)
	// atan(a)·4/π; Hastings, "Approximations for Digital Computers" (1955), sheet 13.
	const c1, c3, c5, c7, c9 = 0.9998660 * 4 / math.Pi, -0.3302995 * 4 / math.Pi, 0.1801410 * 4 / math.Pi, -0.0851330 * 4 / math.Pi, 0.0208351 * 4 / math.Pi
	p := float32(c9*s) + c7
	p = float32(p*s) + c5
	p = float32(p*s) + c3
	p = float32(p*s) + c1
	d := float32(p * a)
	if ay > ax {
		d = 2 - d
	}
	if x < 0 {
		d = 4 - d
	}
	if y < 0 {
		d = 8 - d
	}
	if d >= 8 {
		d -= 8
	}
	return d
}

// sincos returns sine and cosine of a direction in eighths of a turn, 0 <= d < 8.
func sincos(d float32) (sin, cos float32) {
	q := int(float32(d/2) + 0.5)                     // nearest quarter
	x := (float64(d) - float64(2*q)) * (math.Pi / 4) // within ±π/4
	xx := float64(x * x)
	s := x * (1 + float64(xx*(-1./6+float64(xx*(1./120+float64(xx*(-1./5040+float64(xx*(1./362880)))))))))
	c := 1 + float64(xx*(-1./2+float64(xx*(1./24+float64(xx*(-1./720+float64(xx*(1./40320))))))))
	switch q & 3 {
	case 0:
		return float32(s), float32(c)
	case 1:
		return float32(c), float32(-s)
	case 2:
		return float32(-s), float32(-c)
	}
	return float32(-c), float32(s)
}
