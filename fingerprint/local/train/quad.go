package train

// Quad is the projective map that takes the corners of one quadrangle to those of
// another. No three corners of either may lie on a line.
func Quad(from, to [4][2]float64) func(x, y float64) (float64, float64) {
	a, b := adjugate(frame(from)), frame(to)
	var m [3][3]float64
	for i := range m {
		for j := range m {
			m[i][j] = float64(b[i][0]*a[0][j]) + float64(b[i][1]*a[1][j]) + float64(b[i][2]*a[2][j])
		}
	}
	return func(x, y float64) (float64, float64) {
		var v [3]float64
		for i, row := range m {
			v[i] = float64(row[0]*x) + float64(row[1]*y) + row[2]
		}
		return v[0] / v[2], v[1] / v[2]
	}
}

// frame is the map that takes the three axes to three corners and (1, 1, 1) to the fourth.
func frame(p [4][2]float64) (m [3][3]float64) {
	var corners [3][3]float64 // a corner in each column
	for j := range 3 {
		corners[0][j], corners[1][j], corners[2][j] = p[j][0], p[j][1], 1
	}
	for j, row := range adjugate(corners) {
		weight := float64(row[0]*p[3][0]) + float64(row[1]*p[3][1]) + row[2]
		for i := range 3 {
			m[i][j] = corners[i][j] * weight
		}
	}
	return m
}

// adjugate is the inverse but for a factor.
func adjugate(m [3][3]float64) (a [3][3]float64) {
	for i := range 3 {
		for j := range 3 {
			r, s, c, d := (j+1)%3, (j+2)%3, (i+1)%3, (i+2)%3
			a[i][j] = float64(m[r][c]*m[s][d]) - float64(m[r][d]*m[s][c])
		}
	}
	return a
}
