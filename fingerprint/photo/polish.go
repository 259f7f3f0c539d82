package photo

import (
	"math"

	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
)

// polish moves a map by an affine correction so that the query lies better on the
// registered picture: inverse compositional alignment (Baker and Matthews, "Lucas-Kanade
// 20 Years On", 2004) with the gain and offset of the tones as unknowns and Tukey's
// weights, which leave out what an overlay hides. Features place a copy to a pixel or two;
// a small or blurred one needs better than that to be compared. It returns the best map it
// came by, m at worst, and the query laid by it.
func (p pyramid) polish(ref *local.Gray, m geometry.Map, negative bool, rounds int) (geometry.Map, *laid) {
	w, h := ref.W, ref.H
	cx, cy, r := float64(w)/2, float64(h)/2, float64(max(w, h))/2
	best, bestMass := m, -1.0
	var bestLaid *laid
	slack := 0.0
	for round := 0; ; round++ {
		l := p.lay(w, h, m, negative)
		gain, offset, spread, ok := tones(l, ref)
		if slack == 0 {
			slack = spread
		}
		mass := 0.0         // of the gradients that agree
		var a [6][7]float64 // normal equations of the six parameters, and the right side
		n := 0
		for y := 1; y < h-1; y++ {
			for x := 1 + y%2; x < w-1; x += 2 {
				i := y*w + x
				if l.pix[i] == outside {
					continue
				}
				gx := float64(int(ref.Pix[i+1])-int(ref.Pix[i-1])) / 2
				gy := float64(int(ref.Pix[i+w])-int(ref.Pix[i-w])) / 2
				if gx == 0 && gy == 0 || !ok {
					continue
				}
				e := float64((float64(l.pix[i])/16-offset)*gain) - float64(ref.Pix[i])
				if f := e / slack; f > -1 && f < 1 {
					mass += float64((1 - float64(f*f)) * min(math.Abs(gx)+math.Abs(gy), 32))
				}
				t := e / spread
				if t <= -1 || t >= 1 {
					continue
				}
				k := 1 - float64(t*t)
				k *= k
				u, v := (float64(x)+.5-cx)/r, (float64(y)+.5-cy)/r
				j := [6]float64{gx, float64(gx * u), float64(gx * v), gy, float64(gy * u), float64(gy * v)}
				for b := range j {
					kb := float64(k * j[b])
					for c := b; c < 6; c++ {
						a[b][c] += float64(kb * j[c])
					}
					a[b][6] += float64(kb * e)
				}
				n++
			}
		}
		if mass > bestMass {
			best, bestLaid, bestMass = m, l, mass
		}
		if n < 60 || round == rounds {
			break
		}
		for b := range a {
			for c := range b {
				a[b][c] = a[c][b]
			}
			a[b][b] += float64(1e-3*a[b][b]) + 1e-6
		}
		d, ok := solve6(a)
		if !ok {
			break
		}
		// The correction maps x to x + d0 + d1 u + d2 v; what is wanted is its inverse.
		step := geometry.Map{
			1 + d[1]/r, d[2] / r, d[0] - float64(d[1]*cx)/r - float64(d[2]*cy)/r,
			d[4] / r, 1 + d[5]/r, d[3] - float64(d[4]*cx)/r - float64(d[5]*cy)/r,
			0, 0, 1,
		}
		far := 0.0
		for _, c := range d {
			far = max(far, math.Abs(c))
		}
		back, ok := step.Inverse()
		if far > r/4 || far < .05 || !ok {
			break
		}
		if m, ok = m.Mul(back); !ok {
			break
		}
	}
	return best, bestLaid
}

// tones estimates gain and offset that bring the query's tones to those of the registered
// picture, and how far a pixel may be off before it is left out.
func tones(l *laid, ref *local.Gray) (gain, offset, spread float64, ok bool) {
	var n, sq, sr, sqq, srr float64
	for i, v := range l.pix {
		if v == outside {
			continue
		}
		q, r := float64(v)/16, float64(ref.Pix[i])
		n++
		sq += q
		sr += r
		sqq += float64(q * q)
		srr += float64(r * r)
	}
	if n < 100 {
		return 0, 0, 0, false
	}
	mq, mr := sq/n, sr/n
	vq, vr := sqq/n-float64(mq*mq), srr/n-float64(mr*mr)
	if vq < 4 || vr < 4 {
		return 0, 0, 0, false
	}
	gain = math.Sqrt(vr / vq)
	offset = mq - mr/gain
	off := make([]float64, 0, len(l.pix)/4)
	for i := 0; i < len(l.pix); i += 3 {
		if v := l.pix[i]; v != outside {
			off = append(off, math.Abs(float64((float64(v)/16-offset)*gain)-float64(ref.Pix[i])))
		}
	}
	return gain, offset, max(12, 4*nth(off, len(off)/2)), true
}

// nth is the value that would stand at place k if v were sorted (Hoare's selection). It
// moves values about.
func nth(v []float64, k int) float64 {
	for len(v) > 1 {
		pivot := v[len(v)/2]
		i, j := 0, len(v)-1
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			v = v[:j+1]
		case k >= i:
			v, k = v[i:], k-i
		default:
			return v[k]
		}
	}
	return v[0]
}

// solve6 solves six equations by elimination with row pivots.
func solve6(a [6][7]float64) (x [6]float64, ok bool) {
	for c := range 6 {
		best := c
		for r := c + 1; r < 6; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[best][c]) {
				best = r
			}
		}
		a[c], a[best] = a[best], a[c]
		if math.Abs(a[c][c]) < 1e-9 {
			return x, false
		}
		for r := c + 1; r < 6; r++ {
			f := a[r][c] / a[c][c]
			for k := c; k < 7; k++ {
				a[r][k] -= float64(f * a[c][k])
			}
		}
	}
	for c := 5; c >= 0; c-- {
		s := a[c][6]
		for k := c + 1; k < 6; k++ {
			s -= float64(a[c][k] * x[k])
		}
		x[c] = s / a[c][c]
	}
	return x, true
}
