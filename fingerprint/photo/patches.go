package photo

// patches say where an overlap agrees, patch by patch, as coarse as overlays are. Stickers
// and writing leave islands that agree all over the picture; another picture on the same
// page is one large hole.
type patches struct {
	w, h           int
	texture, agree []float32 // of the registered picture; the part that agrees
	in, bad        []uint8   // pixels in the overlap; those where the pictures differ
}

const (
	patch = 4 // pixels a side
	block = 4 // patches a side of what Cover counts

	// Texture in grey levels that a patch counts from: fainter grain does not survive
	// compression, and its loss is no disagreement.
	patchTexture = 4

	// A patch agrees if this share of its texture does, and is bad if this share of its
	// pixels differs.
	patchAgrees, patchBad = .4, .25
	// At most one in holeShut patches of a hole may agree, by chance.
	holeShut = 6
	// A block counts if it has this much texture, and is covered if this share agrees.
	blockTexture, blockAgrees = 64, .3
)

func newPatches(w, h int) *patches {
	p := &patches{w: (w + patch - 1) / patch, h: (h + patch - 1) / patch}
	n := p.w * p.h
	p.texture, p.agree, p.in, p.bad = make([]float32, n), make([]float32, n), make([]uint8, n), make([]uint8, n)
	return p
}

// hole is the area in pixels of the largest square that hardly agrees anywhere and of which
// at least half the patches are bad.
func (p *patches) hole() int {
	// Summed-area tables of the patches that agree or lie outside, and of the bad ones.
	shut, bad := make([]int, (p.w+1)*(p.h+1)), make([]int, (p.w+1)*(p.h+1))
	for y := range p.h {
		s, b := 0, 0
		for x := range p.w {
			i, at := y*p.w+x, (y+1)*(p.w+1)+x+1
			if p.in[i] == 0 || p.texture[i] > 0 && p.agree[i] >= patchAgrees*p.texture[i] {
				s++
			}
			if p.in[i] > 0 && float32(p.bad[i]) >= patchBad*float32(p.in[i]) {
				b++
			}
			shut[at], bad[at] = shut[at-p.w-1]+s, bad[at-p.w-1]+b
		}
	}
	for side := min(p.w, p.h); side > 0; side-- {
		for y := range p.h - side + 1 {
			for x := range p.w - side + 1 {
				a, b := y*(p.w+1)+x, (y+side)*(p.w+1)+x
				in := func(t []int) int { return t[b+side] - t[b] - t[a+side] + t[a] }
				if holeShut*in(shut) <= side*side && 2*in(bad) >= side*side {
					return side * side * patch * patch
				}
			}
		}
	}
	return 0
}

// cover is the share of the blocks with texture that agree in part.
func (p *patches) cover() float64 {
	n, covered := 0, 0
	for y := 0; y < p.h; y += block {
		for x := 0; x < p.w; x += block {
			var texture, agree float32
			for j := y; j < min(y+block, p.h); j++ {
				for i := x; i < min(x+block, p.w); i++ {
					texture += p.texture[j*p.w+i]
					agree += p.agree[j*p.w+i]
				}
			}
			if texture < blockTexture {
				continue
			}
			n++
			if agree >= blockAgrees*texture {
				covered++
			}
		}
	}
	if n == 0 {
		return 0
	}
	return float64(covered) / float64(n)
}
