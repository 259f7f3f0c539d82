package train

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"selvage/fingerprint/local"
)

// Products are rounded before they are added, by a conversion, so that no compiler fuses
// the two operations and every machine gets the same bits.

const dims = local.DescSize

// matrix is a matrix, or a list of axes row by row.
type matrix [dims][dims]float64

// moments adds up vectors and their products, which for bytes are exact in integers.
type moments struct {
	n        int64
	sums     [dims]int64
	products [dims][dims]int64 // the upper triangle
}

func (m *moments) add(d *[dims]int16) {
	m.n++
	for i, v := range d {
		m.sums[i] += int64(v)
		row := &m.products[i]
		for j := i; j < dims; j++ {
			row[j] += int64(v) * int64(d[j])
		}
	}
}

// mean and covariance.
func (m *moments) mean() []float64 {
	mean := make([]float64, dims)
	for i, s := range m.sums {
		mean[i] = float64(s) / float64(m.n)
	}
	return mean
}

func (m *moments) covariance() *matrix {
	cov, mean := new(matrix), m.mean()
	for i := range dims {
		for j := i; j < dims; j++ {
			c := float64(m.products[i][j])/float64(m.n) - float64(mean[i]*mean[j])
			cov[i][j], cov[j][i] = c, c
		}
	}
	return cov
}

// discriminant finds the axes along which descriptors differ most, compared with how much
// descriptors of the same place in two copies do: linear discriminant analysis, each place
// a class of its own. Along each axis copies differ by the same amount; spread is how much
// larger the variance of all is. Axes with the largest spread come first.
func discriminant(all, copies *moments) (axes *matrix, spread []float64) {
	noise := copies.covariance()
	trace := 0.0
	for i := range dims {
		trace += noise[i][i]
	}
	for i := range dims {
		noise[i][i] += trace / dims / 1000 // no axis is free of noise
	}
	// First make the noise alike in all directions, then diagonalise what is left.
	white, size := diagonalise(noise)
	for i := range white {
		s := 1 / math.Sqrt(size[i])
		for k := range white[i] {
			white[i][k] *= s
		}
	}
	signal := multiply(multiply(white, all.covariance()), transpose(white))
	turned, spread := diagonalise(signal)
	return multiply(turned, white), spread
}

func multiply(a, b *matrix) *matrix {
	c := new(matrix)
	for i := range c {
		for k, v := range a[i] {
			addScaled(c[i][:], v, b[k][:])
		}
	}
	return c
}

func transpose(a *matrix) *matrix {
	t := new(matrix)
	for i := range a {
		for j, v := range a[i] {
			t[j][i] = v
		}
	}
	return t
}

// diagonalise finds the eigenvectors of a symmetric matrix by Jacobi's method (Golub and
// Van Loan, "Matrix Computations", 4th edition, section 8.5), those of the largest
// eigenvalues first, each with its largest number positive. It spoils the matrix.
func diagonalise(a *matrix) (axes *matrix, values []float64) {
	const n = dims
	vectors := new(matrix)
	for i := range n {
		vectors[i][i] = 1
	}
	for range 20 {
		off, all := 0.0, 0.0
		for i := range n {
			for j := range n {
				square := float64(a[i][j] * a[i][j])
				all += square
				if i != j {
					off += square
				}
			}
		}
		if off <= all*1e-22 {
			break
		}
		for p := range n - 1 {
			for q := p + 1; q < n; q++ {
				turn(a, vectors, p, q)
			}
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(a[j][j], a[i][i]) })
	sorted := new(matrix)
	for i, from := range order {
		row := vectors[from]
		at := 0
		for k, v := range row {
			if math.Abs(v) > math.Abs(row[at]) {
				at = k
			}
		}
		if row[at] < 0 {
			for k := range row {
				row[k] = -row[k]
			}
		}
		sorted[i] = row
		values = append(values, a[from][from])
	}
	return sorted, values
}

// turn makes a[p][q] zero by a rotation, and notes it in vectors.
func turn(a, vectors *matrix, p, q int) {
	if a[p][q] == 0 {
		return
	}
	tau := (a[q][q] - a[p][p]) / (2 * a[p][q])
	t := 1 / (math.Abs(tau) + math.Sqrt(1+float64(tau*tau)))
	if tau < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(1+float64(t*t))
	s := t * c
	rotate := func(x, y *float64) {
		u, v := *x, *y
		*x = float64(c*u) - float64(s*v)
		*y = float64(s*u) + float64(c*v)
	}
	for k := range a {
		rotate(&a[k][p], &a[k][q])
	}
	for k := range a {
		rotate(&a[p][k], &a[q][k])
	}
	for k := range a {
		rotate(&vectors[p][k], &vectors[q][k])
	}
}

// rotation is a random orthogonal matrix of n × n: random rows made orthogonal.
func rotation(n int, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(2, seed))
	rows := make([][]float64, n)
	for i := range rows {
		row := make([]float64, n)
		for k := range row {
			// The sum of twelve even numbers is near enough to a normal one, and the
			// same everywhere.
			for range 12 {
				row[k] += r.Float64() - 0.5
			}
		}
		for range 2 { // the second time removes what rounding left
			for _, before := range rows[:i] {
				addScaled(row, -dot(row, before), before)
			}
		}
		norm := math.Sqrt(dot(row, row))
		for k := range row {
			row[k] /= norm
		}
		rows[i] = row
	}
	return rows
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}

// addScaled adds s·b to a.
func addScaled(a []float64, s float64, b []float64) {
	for i, v := range b {
		a[i] += float64(s * v)
	}
}
