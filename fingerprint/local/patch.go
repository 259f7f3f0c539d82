package local

// patch is a square of samples around a feature, turned into its direction and brought
// to its size. Patches are of odd or even size; the middle is the feature's place.
//
// sample fills n × n samples, step apart, u along the direction and v a quarter turn on,
// x towards y. Outside of the picture the edge goes on.
func sample(out []float32, p *plane, n int, x, y, step, sin, cos float32) {
	// Places of pixels: the middle of the first is 0.
	x, y = x-0.5, y-0.5
	ux, uy := float32(step*cos), float32(step*sin)
	half := float32(float32(n-1) / 2)
	maxX, maxY := float32(p.w-1), float32(p.h-1)
	stride := p.stride
	for j := range n {
		v := float32(j) - half
		ox, oy := x-float32(v*uy), y+float32(v*ux)
		line := out[j*n:][:n]
		for i := range line {
			u := float32(i) - half
			sx := min(max(ox+float32(u*ux), 0), maxX)
			sy := min(max(oy+float32(u*uy), 0), maxY)
			ix, iy := min(int(sx), p.w-2), min(int(sy), p.h-2)
			fx, fy := sx-float32(ix), sy-float32(iy)
			q := p.pix[iy*stride+ix:][:stride+2]
			a := q[0] + float32(fx*(q[1]-q[0]))
			b := q[stride] + float32(fx*(q[stride+1]-q[stride]))
			line[i] = a + float32(fy*(b-a))
		}
	}
}
