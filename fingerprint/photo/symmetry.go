package photo

import "selvage/fingerprint"

// symmetry writes a form as: transpose first (if at all), then reverse the order of the
// rows, then of the columns.
type symmetry struct{ transpose, flipRows, flipCols bool }

var symmetries = [8]symmetry{
	fingerprint.Identity:   {},
	fingerprint.Rotate90:   {transpose: true, flipRows: true},
	fingerprint.Rotate180:  {flipRows: true, flipCols: true},
	fingerprint.Rotate270:  {transpose: true, flipCols: true},
	fingerprint.FlipX:      {flipRows: true},
	fingerprint.FlipY:      {flipCols: true},
	fingerprint.FlipPlus1:  {transpose: true},
	fingerprint.FlipMinus1: {transpose: true, flipRows: true, flipCols: true},
}

// inverse is the form that undoes d.
func inverse(d fingerprint.Dihedral) fingerprint.Dihedral {
	switch d {
	case fingerprint.Rotate90:
		return fingerprint.Rotate270
	case fingerprint.Rotate270:
		return fingerprint.Rotate90
	}
	return d
}

// at returns the row and column of an n × n picture whose pixel comes to lie at row y,
// column x when s is applied.
func (s symmetry) at(y, x, n int) (int, int) {
	if s.flipRows {
		y = n - 1 - y
	}
	if s.flipCols {
		x = n - 1 - x
	}
	if s.transpose {
		y, x = x, y
	}
	return y, x
}
