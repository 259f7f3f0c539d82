package train

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"selvage/fingerprint/local"
)

// point is a descriptor in the space of words.
type point [local.WordDims]float32

// How often centroids are moved: each kind alone, then both together.
const (
	roundsAlone    = 10
	roundsTogether = 5
)

// learnCentroids finds coarse centroids and residuals such that points lie near to the
// sum of one of each: k-means for the one, k-means of what is left for the other, and
// then both in turn with the points given to the best pair.
func learnCentroids(ctx context.Context, v *local.Vocabulary, points []point) error {
	coarse := spreadOut(points, local.Coarse, 1)
	near := make([]int, len(points))
	for range roundsAlone {
		if err := ctx.Err(); err != nil {
			return err
		}
		assign(points, coarse, near)
		move(points, coarse, near)
	}
	assign(points, coarse, near)

	left := make([]point, len(points))
	for i := range points {
		left[i] = difference(&points[i], &coarse[near[i]])
	}
	residuals := spreadOut(left, local.Residuals, 2)
	second := make([]int, len(points))
	for range roundsAlone {
		if err := ctx.Err(); err != nil {
			return err
		}
		assign(left, residuals, second)
		move(left, residuals, second)
	}
	for range roundsTogether {
		if err := ctx.Err(); err != nil {
			return err
		}
		assignPairs(points, coarse, residuals, near, second)
		for i := range points {
			left[i] = difference(&points[i], &residuals[second[i]])
		}
		move(left, coarse, near)
		for i := range points {
			left[i] = difference(&points[i], &coarse[near[i]])
		}
		move(left, residuals, second)
	}
	roundPoints(v.Coarse[:], coarse)
	roundPoints(v.Residual[:], residuals)
	return nil
}

// spreadOut takes n of the points, any ones.
func spreadOut(points []point, n int, seed uint64) []point {
	some := make([]point, n)
	for i, at := range rand.New(rand.NewPCG(3, seed)).Perm(len(points))[:n] {
		some[i] = points[at]
	}
	return some
}

// split calls do for parts of 0..n-1, at the same time.
func split(n int, do func(from, to int)) {
	parts := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for k := range parts {
		wg.Go(func() { do(n*k/parts, n*(k+1)/parts) })
	}
	wg.Wait()
}

// assign finds the nearest centroid of each point.
func assign(points, centroids []point, near []int) {
	norms := squares(centroids)
	split(len(points), func(from, to int) {
		for i := from; i < to; i++ {
			best, least := 0, float32(math.MaxFloat32)
			for c := range centroids {
				if d := norms[c] - 2*along(&points[i], &centroids[c]); d < least {
					best, least = c, d
				}
			}
			near[i] = best
		}
	})
}

// assignPairs finds for each point the centroid and residual whose sum is nearest, as
// package local does it: among the few nearest centroids.
func assignPairs(points, coarse, residuals []point, near, second []int) {
	const tried = 4
	normC, normR := squares(coarse), squares(residuals)
	both := make([][]float32, len(coarse))
	for c := range coarse {
		both[c] = make([]float32, len(residuals))
		for r := range residuals {
			both[c][r] = normR[r] + 2*along(&coarse[c], &residuals[r])
		}
	}
	split(len(points), func(from, to int) {
		dots := make([]float32, len(residuals))
		far := make([]float32, len(coarse))
		for i := from; i < to; i++ {
			for r := range residuals {
				dots[r] = 2 * along(&points[i], &residuals[r])
			}
			for c := range coarse {
				far[c] = normC[c] - 2*along(&points[i], &coarse[c])
			}
			least := float32(math.MaxFloat32)
			for range tried {
				c := 0
				for k, d := range far {
					if d < far[c] {
						c = k
					}
				}
				for r, d := range both[c] {
					if d += far[c] - dots[r]; d < least {
						near[i], second[i], least = c, r, d
					}
				}
				far[c] = math.MaxFloat32
			}
		}
	})
}

// move puts each centroid into the middle of its points; one without points stays.
func move(points, centroids []point, near []int) {
	sums := make([][local.WordDims]float64, len(centroids))
	counts := make([]int, len(centroids))
	for i := range points {
		sum := &sums[near[i]]
		for k, v := range points[i] {
			sum[k] += float64(v)
		}
		counts[near[i]]++
	}
	for c, n := range counts {
		if n == 0 {
			continue
		}
		for k, v := range sums[c] {
			centroids[c][k] = float32(v / float64(n))
		}
	}
}

func difference(a, b *point) (d point) {
	for i, v := range a {
		d[i] = v - b[i]
	}
	return d
}

func squares(points []point) []float32 {
	norms := make([]float32, len(points))
	for i := range points {
		norms[i] = along(&points[i], &points[i])
	}
	return norms
}

// along is the scalar product, in four sums that processors can work on at once.
func along(a, b *point) float32 {
	var s0, s1, s2, s3 float32
	for i := 0; i < len(a); i += 4 {
		s0 += float32(a[i] * b[i])
		s1 += float32(a[i+1] * b[i+1])
		s2 += float32(a[i+2] * b[i+2])
		s3 += float32(a[i+3] * b[i+3])
	}
	return s0 + s1 + (s2 + s3)
}

func roundPoints(to [][local.WordDims]int8, from []point) {
	for i := range from {
		for k, v := range from[i] {
			to[i][k] = int8(min(max(math.Round(float64(v)), -127), 127))
		}
	}
}
