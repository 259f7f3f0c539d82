package extract

// The types of page objects (fpdf_edit.h).
const (
	objText  = 1
	objPath  = 2
	objImage = 3
	objForm  = 5
)

// object is something drawn on a page, in drawing order, forms opened up.
type object struct {
	handle     uint64
	kind       int
	path       []int   // its index on the page, and in each form on the way
	l, b, r, t float64 // in units of the page
}

const (
	maxObjects = 20_000 // looked at on one page, for pictures and what covers text
	maxForms   = 6      // forms within forms
)

// matrix is a PDF matrix [a b c d e f].
type matrix [6]float64

func (m matrix) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// mul is n first, then m.
func (m matrix) mul(n matrix) matrix {
	e, f := m.apply(n[4], n[5])
	return matrix{m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1], m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3], e, f}
}

func (f *pdfFile) objects(in *instance, page uint64) []object {
	var out []object
	buf := in.alloc(24)
	defer in.free(buf)
	looked := 0
	var walk func(count int, get func(i int) uint64, m matrix, path []int)
	walk = func(count int, get func(i int) uint64, m matrix, path []int) {
		for i := 0; i < count && looked < maxObjects && in.err == nil; i++ {
			looked++
			h := get(i)
			if h == 0 {
				continue
			}
			o := object{handle: h, kind: int(in.call("FPDFPageObj_GetType", h)), path: append(path[:len(path):len(path)], i)}
			if o.kind == objForm && len(path) < maxForms {
				inner := m
				if in.call("FPDFPageObj_GetMatrix", h, buf) != 0 {
					var n matrix
					for k := range n {
						n[k] = in.float32(buf + uint64(4*k))
					}
					inner = m.mul(n)
				}
				k := int(int32(in.call("FPDFFormObj_CountObjects", h)))
				walk(k, func(i int) uint64 { return in.call("FPDFFormObj_GetObject", h, uint64(i)) }, inner, o.path)
				continue
			}
			if o.kind == objText || in.call("FPDFPageObj_GetBounds", h, buf, buf+4, buf+8, buf+12) == 0 {
				if o.kind == objText {
					out = append(out, o)
				}
				continue
			}
			l, b, r, t := in.float32(buf), in.float32(buf+4), in.float32(buf+8), in.float32(buf+12)
			x0, y0 := m.apply(l, b)
			x1, y1 := m.apply(r, t)
			x2, y2 := m.apply(l, t)
			x3, y3 := m.apply(r, b)
			o.l, o.r = min(x0, x1, x2, x3), max(x0, x1, x2, x3)
			o.b, o.t = min(y0, y1, y2, y3), max(y0, y1, y2, y3)
			out = append(out, o)
		}
	}
	n := int(int32(in.call("FPDFPage_CountObjects", page)))
	walk(n, func(i int) uint64 { return in.call("FPDFPage_GetObject", page, uint64(i)) }, matrix{1, 0, 0, 1, 0, 0}, nil)
	return out
}
