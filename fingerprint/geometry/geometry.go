// Package geometry fits how one picture lies inside another, from pairs of points that
// look alike.
//
// Use [Find]: it takes the pairs, most of which may be wrong, and returns the ways in
// which the registered picture lies in the query, the best supported first. [Refine] is
// the least squares under it, for those who already know which points belong together.
// [Overlap] tells which part of either picture is seen in the other, [Decompose] what a
// map does in numbers and plain words.
//
// Promised: no random numbers, the same result for the same pairs in any order, and the
// same bits on every CPU. Products are rounded before they are added, so that no compiler
// may fuse them, and sine, cosine and arc tangent are the package's own, because those of
// package math are fused on some processors. Maps that are returned are finite, keep the
// orientation and do not fold the picture; pairs that hold NaN, infinities or places far
// outside the pictures are passed over. All functions may be called by many goroutines
// at once.
package geometry

// Pair says that a place of the registered picture and a place of the query look alike.
// Positions are in any unit, the same for all pairs of a call and each side.
type Pair struct {
	RX, RY float64 // in the registered picture
	QX, QY float64 // in the query
	Scale  float64 // size in the query divided by size in the registered picture, from the features
	Turn   float64 // direction in the query minus direction in the registered picture, radians
	Weight float64 // how telling the pair is, > 0
	R, Q   int     // numbers of the features; several pairs may name the same one
}

// Model is the kind of map that was fitted.
type Model uint8

// The models, from stiff to supple.
const (
	Similarity Model = iota // turn, one scale, shift: 4 degrees of freedom
	Affine                  // 6
	Projective              // homography: 8
)

// String returns the name of the model.
func (m Model) String() string {
	switch m {
	case Similarity:
		return "similarity"
	case Affine:
		return "affine"
	case Projective:
		return "projective"
	}
	return "unknown model"
}

// Map takes a point of the registered picture to the query:
// x' = (m0 x + m1 y + m2)/w, y' = (m3 x + m4 y + m5)/w, w = m6 x + m7 y + m8; m8 = 1.
type Map [9]float64

// Fit is one way in which the registered picture lies in the query.
type Fit struct {
	Model    Model
	Map      Map
	Inliers  []int   // positions in the list of pairs, rising; each feature of a side at most once
	Distinct int     // number of inliers, those at nearly the same place counted once
	Support  float64 // sum of the weights of the inliers, those at nearly the same place counted once
	Spread   float64 // area of the inliers' convex hull in the registered picture, as a share of that picture's area
	Error    float64 // root mean square distance of the inliers in the query, in units of the query
}

// Options say how large the pictures are and what counts as a fit. The sizes are needed,
// from 1e-9 to 1e9; the rest has defaults.
type Options struct {
	RefW, RefH     float64 // size of the registered picture, in the unit of RX and RY
	QueryW, QueryH float64 // size of the query, in the unit of QX and QY

	// Tolerance is how far a pair may lie from the map that another single pair proposes,
	// as a share of the side: the geometric mean of the longer side of the query and the
	// longer side of the registered picture as it appears in the query. Fitted maps must
	// agree four times better. 0 means 0.06.
	Tolerance float64
	// Min is the fewest inliers, counted as in [Fit.Distinct]. 0 means 4; 2 and 3 give
	// similarities that are worth no more than a closer look.
	Min int
	// Max is the most fits. 0 means 4.
	Max int
}
