package geometry_test

import (
	"fmt"

	"selvage/fingerprint/geometry"
)

// A picture of 300×200 that was made half as large and pasted into one of 640×480; the last
// two pairs are wrong.
func ExampleFind() {
	var pairs []geometry.Pair
	for i, p := range [][4]float64{
		{20, 20, 210, 110}, {280, 30, 340, 115}, {150, 100, 275, 150}, {40, 180, 220, 190}, {260, 170, 330, 185},
		{90, 50, 600, 400}, {200, 120, 30, 450},
	} {
		pairs = append(pairs, geometry.Pair{RX: p[0], RY: p[1], QX: p[2], QY: p[3], Scale: 0.5, Weight: 1, R: i, Q: i})
	}
	fits := geometry.Find(pairs, geometry.Options{RefW: 300, RefH: 200, QueryW: 640, QueryH: 480})
	parts, _ := geometry.Decompose(fits[0].Map, 300, 200)
	outline, _ := geometry.Overlap(fits[0].Map, 300, 200, 640, 480)
	fmt.Println(len(fits), "fit:", fits[0].Model, "of pairs", fits[0].Inliers)
	fmt.Println(parts.Words())
	for _, corner := range outline {
		fmt.Printf("(%.0f, %.0f) ", corner.X, corner.Y)
	}
	// Output:
	// 1 fit: similarity of pairs [0 1 2 3 4]
	// scaled to 50 %
	// (200, 100) (350, 100) (350, 200) (200, 200)
}

func ExampleRefine() {
	from := []geometry.Point{{X: 0, Y: 0}, {X: 100, Y: 0}, {X: 0, Y: 100}}
	to := []geometry.Point{{X: 10, Y: 20}, {X: 140, Y: 20}, {X: 10, Y: 120}}
	m, ok := geometry.Refine(geometry.Affine, from, to, nil)
	p, _ := m.Apply(geometry.Point{X: 50, Y: 50})
	fmt.Printf("%v (%.0f, %.0f)\n", ok, p.X, p.Y)
	// Output: true (75, 70)
}
