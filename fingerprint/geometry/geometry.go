// Package geometry fits how one picture lies inside another, from pairs of points that
// look alike.
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

// Map takes a point of the registered picture to the query:
// x' = (m0 x + m1 y + m2)/w, y' = (m3 x + m4 y + m5)/w, w = m6 x + m7 y + m8; m8 = 1.
type Map [9]float64

// Fit is one way in which the registered picture lies in the query.
type Fit struct {
	Model   Model
	Map     Map
	Inliers []int   // positions in the list of pairs, each feature of a side at most once
	Support float64 // sum of the weights of the inliers, those at nearly the same place counted once
	Spread  float64 // area of the inliers' convex hull in the registered picture, as a share of that picture's area
	Error   float64 // root mean square distance of the inliers in the query, in units of the query
}
