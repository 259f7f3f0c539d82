package geometry

import "math"

// dot returns a·b + c·d, each product rounded before the sum: the same bits with and
// without fused instructions.
func dot(a, b, c, d float64) float64 { return float64(a*b) + float64(c*d) }

// cross returns a·b - c·d, each product rounded before the difference.
func cross(a, b, c, d float64) float64 { return float64(a*b) - float64(c*d) }

// sincos returns sine and cosine of an angle in radians. It takes the angle to the
// nearest multiple of a quarter turn and sums the Taylor series there, whose tenth term is
// below 1e-19. Angles beyond a few thousand turns lose accuracy.
func sincos(angle float64) (sin, cos float64) {
	const (
		quarter     = math.Pi / 2
		quarterHigh = 1.57079632673412561417e+00 // the first 33 bits of a quarter turn
		quarterLow  = 6.07710050650619224932e-11 // the rest
	)
	k := math.Round(float64(angle / quarter))
	x := float64(angle - float64(k*quarterHigh))
	x = float64(x - float64(k*quarterLow))
	sq := float64(x * x)
	s, c := 1.0, 1.0
	for n := 18.0; n >= 2; n -= 2 {
		s = 1 - float64(float64(sq*s)/float64(n*(n+1)))
		c = 1 - float64(float64(sq*c)/float64(n*(n-1)))
	}
	s = float64(s * x)
	switch math.Mod(k, 4) {
	case 1, -3:
		return c, -s
	case 2, -2:
		return -s, -c
	case 3, -1:
		return -c, s
	}
	return s, c
}

// atan2 returns the angle of the point (x, y) in radians, -π to π, 0 for the origin. It
// halves the angle twice, tan(a/2) = tan a / (1 + sqrt(1 + tan² a)), and sums the series.
func atan2(y, x float64) float64 {
	ay, ax := math.Abs(y), math.Abs(x)
	if ax == 0 && ay == 0 {
		return 0
	}
	t := min(ax, ay) / max(ax, ay)
	for range 2 {
		t = t / (1 + math.Sqrt(1+float64(t*t)))
	}
	sq, sum := float64(t*t), 0.0
	for n := 27.0; n >= 1; n -= 2 {
		sum = 1/n - float64(sq*sum)
	}
	angle := float64(4 * float64(t*sum))
	if ay > ax {
		angle = math.Pi/2 - angle
	}
	if x < 0 {
		angle = math.Pi - angle
	}
	if y < 0 {
		angle = -angle
	}
	return angle
}

// finite tells whether all values are numbers and no infinities.
func finite(values ...float64) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}
