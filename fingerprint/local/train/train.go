// Package train learns the vocabulary of package local from descriptors.
//
// Give a [Learner] the features of many pictures with [Learner.Add] and those of edited
// copies with [Learner.AddCopy], call [Learner.Learn], and keep what
// [local.Vocabulary.Marshal] gives. The same features in the same order give the same
// bytes: all chance comes from fixed seeds, and floating point is used in a fixed order
// without fused operations. Only where a feature lies at the very edge of being found
// again can machines of another architecture differ.
package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"selvage/fingerprint/local"
)

// LeastFeatures and LeastPairs are how many features, and pairs of features of a picture
// and its copy, it takes at least to learn a vocabulary.
const (
	LeastFeatures = 4 * local.Coarse
	LeastPairs    = 1000
)

// ErrFew says that there were too few features or pairs.
var ErrFew = errors.New("train: too few features")

// How much thresholds and centroids are learned from; axes from everything.
const (
	forThresholds = 100_000
	forCentroids  = 100_000
)

// A Learner collects descriptors. Not safe for concurrent use.
type Learner struct {
	descs       []desc
	all, copies moments
}

type desc = [local.DescSize]uint8

// Add takes the features of one picture.
func (l *Learner) Add(features []local.Raw) {
	for i := range features {
		l.descs = append(l.descs, features[i].Desc)
		d := wide(&features[i].Desc)
		l.all.add(&d)
	}
}

func wide(d *desc) (w [dims]int16) {
	for i, v := range d {
		w[i] = int16(v)
	}
	return w
}

// Features and Pairs are how many there are so far.
func (l *Learner) Features() int { return len(l.descs) }

// Pairs says how many features were found again in copies.
func (l *Learner) Pairs() int { return int(l.copies.n) }

// Learn computes a vocabulary. It takes minutes for some hundred thousand features. Its
// error is [ErrFew] or that of the context.
func (l *Learner) Learn(ctx context.Context) (*local.Vocabulary, error) {
	if l.Features() < LeastFeatures || l.Pairs() < LeastPairs {
		return nil, fmt.Errorf("%w: %d and %d found again in copies; want %d and %d: add pictures",
			ErrFew, l.Features(), l.Pairs(), LeastFeatures, LeastPairs)
	}
	order := rand.New(rand.NewPCG(1, 0)).Perm(len(l.descs))
	pick := func(n int) []desc {
		some := make([]desc, 0, n)
		for _, i := range order[:min(n, len(order))] {
			some = append(some, l.descs[i])
		}
		return some
	}
	v := new(local.Vocabulary)
	some := pick(forThresholds)
	axes, spread := discriminant(&l.all, &l.copies)
	learnSigns(v, axes, spread, some)
	learnProjection(v, l.all.mean(), axes, some)
	return v, learnCentroids(ctx, v, project(v, pick(forCentroids)))
}

// Signatures are made of the axes along which descriptors differ most. The first half
// takes the very first ones; the second half leaves out some that the first half and words
// know already.
const (
	sigAxes   = 64 // of each half
	sigLeaves = 32
)

// learnSigns makes a half of a signature of axes, scaled such that descriptors differ as
// much along each. They are turned by random rotations, so that each bit tells about as
// much as the others, and the thresholds lie where half of the descriptors are on either
// side.
func learnSigns(v *local.Vocabulary, axes *matrix, spread []float64, some []desc) {
	for half := range local.SigBits / sigAxes {
		for i, weights := range rotation(sigAxes, uint64(half)) {
			row := make([]float64, dims)
			for k, weight := range weights {
				k += half * sigLeaves
				addScaled(row, weight/math.Sqrt(spread[k]), axes[k][:])
			}
			roundRow(v.Sign[half*sigAxes+i][:], row, 127/largest(row))
		}
	}
	sums := make([]int32, len(some))
	for j := range v.Sign {
		for i := range some {
			sums[i] = product(&v.Sign[j], &some[i])
		}
		slices.Sort(sums)
		v.Threshold[j] = sums[len(sums)/2]
	}
}

// learnProjection takes the first axes for words, as they are: those along which
// descriptors differ most count most. Nearly all numbers fit into a byte.
func learnProjection(v *local.Vocabulary, mean []float64, axes *matrix, some []desc) {
	most := 0.0
	for i := range v.Project {
		most = max(most, largest(axes[i][:]))
	}
	for i := range v.Project {
		roundRow(v.Project[i][:], axes[i][:], 127/most)
	}
	var sizes []int32
	for i := range v.Project {
		middle := 0.0
		for k, m := range mean {
			middle += float64(float64(v.Project[i][k]) * m)
		}
		v.Offset[i] = -int32(math.Round(middle))
		for k := range some {
			n := product(&v.Project[i], &some[k]) + v.Offset[i]
			sizes = append(sizes, max(n, -n))
		}
	}
	slices.Sort(sizes)
	limit := sizes[len(sizes)*999/1000]
	for limit>>v.Shift >= 128*local.Fraction {
		v.Shift++
	}
	for i := range v.Offset {
		v.Offset[i] += 1 << v.Shift >> 1 // rounds to the nearest
	}
}

// project gives the points of descriptors in units of centroids.
func project(v *local.Vocabulary, some []desc) []point {
	points := make([]point, len(some))
	for i := range some {
		for j := range v.Project {
			n := (product(&v.Project[j], &some[i]) + v.Offset[j]) >> v.Shift
			points[i][j] = float32(n) / local.Fraction
		}
	}
	return points
}

func product(row *[local.DescSize]int8, d *desc) (sum int32) {
	for i, v := range row {
		sum += int32(v) * int32(d[i])
	}
	return sum
}

// largest is the largest absolute number.
func largest(row []float64) (most float64) {
	for _, v := range row {
		most = max(most, math.Abs(v))
	}
	return most
}

func roundRow(to []int8, row []float64, scale float64) {
	for i, v := range row {
		to[i] = int8(math.Round(v * scale))
	}
}
