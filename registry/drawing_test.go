package registry_test

import (
	"context"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/photo"
	"selvage/fixtures"
	"selvage/registry"
)

// drawn draws a figure of bent strokes. The same seed gives the same figure; a worse one is drawn
// anew by another hand: every leave-th stroke left out, the others off by up to slip pixels.
func drawn(seed uint64, ground, ink color.NRGBA, width float64, leave int, slip float64) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, 720, 560))
	for i := 0; i < len(m.Pix); i += 4 {
		copy(m.Pix[i:], []uint8{ground.R, ground.G, ground.B, 255})
	}
	dot := func(x, y float64) {
		r := int(width)
		for dy := -r; dy <= r; dy++ {
			for dx := -r; dx <= r; dx++ {
				if at := image.Pt(int(x)+dx, int(y)+dy); math.Hypot(float64(dx), float64(dy)) <= width/2 && at.In(m.Rect) {
					m.SetNRGBA(at.X, at.Y, ink)
				}
			}
		}
	}
	figure, hand := rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 4))
	for i := range 48 {
		var p [3][2]float64 // ends and bend of the stroke
		for k := range p {
			p[k] = [2]float64{60 + 600*figure.Float64(), 60 + 440*figure.Float64()}
			if k > 0 { // strokes of a hand's reach
				p[k][0], p[k][1] = p[0][0]+(p[k][0]-p[0][0])*.45, p[0][1]+(p[k][1]-p[0][1])*.45
			}
		}
		sx, sy := (2*hand.Float64()-1)*slip, (2*hand.Float64()-1)*slip
		if leave > 0 && i%leave == 0 {
			continue
		}
		for j := range 500 {
			t := float64(j) / 499
			a, b, c := (1-t)*(1-t), 2*t*(1-t), t*t
			dot(a*p[0][0]+b*p[1][0]+c*p[2][0]+sx, a*p[0][1]+b*p[1][1]+c*p[2][1]+sy)
		}
	}
	return m
}

var (
	white = color.NRGBA{255, 255, 255, 255}
	cream = color.NRGBA{250, 240, 205, 255}
	black = color.NRGBA{0, 0, 0, 255}
	rust  = color.NRGBA{180, 40, 60, 255}
)

// onlyLines is the hasher of photos with queries that can be found by their lines alone.
type onlyLines struct{ fingerprint.Hasher }

func (h onlyLines) HashQuery(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	r, err := h.Hasher.(fingerprint.Previewer).HashQuery(ctx, data)
	if err == nil {
		r.Query, r.Probes = nil, nil
	}
	return r, err
}

func (h onlyLines) Preview(ctx context.Context, data []byte) ([]byte, error) {
	return h.Hasher.(fingerprint.Previewer).Preview(ctx, data)
}

// TestDrawings: a photo that is a drawing is found by its lines where strokes are left out, others
// are a little elsewhere, and the colours are other ones; another drawing of the same kind is not.
// A photo that is none has no parts.
func TestDrawings(t *testing.T) {
	ctx := context.Background()
	r := newRig(t)
	r.hashers = fingerprint.Set{onlyLines{photo.New(photo.Options{Drawing: manuscript.Drawing})}}
	r.stop()
	r.start()

	if w := r.register("ann", registry.Matchable, asPNG(picture(1))).Work; w.Assets[0].Parts != 0 {
		t.Errorf("a photo of no drawing has %d parts", w.Assets[0].Parts)
	}
	sketch := r.register("ann", registry.Matchable, asPNG(drawn(1, white, black, 3, 0, 0))).Work
	if sketch.Kind != fingerprint.Photo || sketch.Assets[0].Parts == 0 {
		t.Fatalf("the drawing was registered as a %s of %d parts", sketch.Kind, sketch.Assets[0].Parts)
	}
	for s := range uint64(6) {
		r.register("bob", registry.Matchable, asPNG(drawn(10+s, white, black, 3, 0, 0)))
	}
	match := func(m image.Image) *registry.MatchReport {
		t.Helper()
		rep, err := r.Match(ctx, registry.MatchRequest{Asker: "eve", File: registry.File{Name: "sketch", Data: asJPEG(m, 90)}})
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	redrawn := func() *registry.Match {
		t.Helper()
		rep := match(drawn(1, cream, rust, 4, 9, .7))
		if len(rep.Matches) == 0 {
			return nil
		}
		if len(rep.Matches) != 1 || rep.Matches[0].Work != sketch.ID || !rep.Matches[0].Verdict.Accuses() {
			t.Fatalf("%s (%s): %+v", rep.Verdict, rep.Reason, rep.Matches)
		}
		return &rep.Matches[0]
	}
	m := redrawn()
	if m == nil {
		t.Fatal("the drawing with strokes left out was not found")
	}
	if !strings.Contains(m.Reason, "by its lines") || m.RefPart != nil || m.QueryPart != nil || len(m.Pages) > 0 {
		t.Errorf("%s; parts %+v and %+v, pages %+v", m.Reason, m.QueryPart, m.RefPart, m.Pages)
	}
	if len(m.Regions) != 1 || !slices.ContainsFunc(m.Signals, func(s registry.Signal) bool { return s.Name == "lines" }) {
		t.Errorf("regions %+v, signals %+v", m.Regions, m.Signals)
	}
	// The lines lie where they were: a point of the registered picture is led to itself.
	x := m.Transform.Matrix
	if at := [2]float64{x[0]*360 + x[1]*280 + x[2], x[3]*360 + x[4]*280 + x[5]}; math.Hypot(at[0]-360, at[1]-280) > 8 {
		t.Errorf("the middle is led to %v by %v", at, x)
	}
	for s := range uint64(4) {
		if rep := match(drawn(100+s, cream, rust, 3, 0, 0)); len(rep.Matches) > 0 {
			t.Errorf("a stranger: %s (%s)", rep.Verdict, rep.Reason)
		}
	}
	rep, err := r.Compare(ctx, "ann", sketch.ID, registry.File{Name: "sketch", Data: asJPEG(drawn(1, cream, rust, 4, 9, .7), 90)})
	if err != nil || !rep.Verdict.Accuses() || !strings.Contains(rep.Reason, "by its lines") {
		t.Errorf("compared: %+v (%v)", rep, err)
	}
	// A corner of it is near nothing as a whole: only features of its lines can lay it.
	corner := drawn(1, cream, rust, 4, 9, .7).SubImage(image.Rect(0, 0, 560, 440))
	if rep, err := r.Compare(ctx, "ann", sketch.ID, registry.File{Name: "corner", Data: asJPEG(corner, 90)}); err != nil || !strings.Contains(rep.Reason, "lines of a drawing look alike") {
		t.Errorf("a corner compared: %s, %s (%v)", rep.Verdict, rep.Reason, err)
	}
	// Who registers it anew is told of the earlier one.
	again, err := r.Register(ctx, registry.RegisterRequest{Owner: "eve", Visibility: registry.Matchable, Files: []registry.File{{Name: "again", Data: asJPEG(drawn(1, cream, rust, 4, 9, .7), 90)}}})
	if err != nil || len(again.Related) != 1 || again.Related[0].Work != sketch.ID {
		t.Errorf("registered anew: %+v (%v)", again, err)
	}
	if err := r.Withdraw(ctx, "eve", again.Work.ID); err != nil {
		t.Fatal(err)
	}
	r.clean()

	// Lines follow the work: over a restart, into private, and away.
	r.stop()
	r.start()
	if redrawn() == nil {
		t.Error("it is not found after a restart")
	}
	if _, err := r.Reindex(ctx); err != nil {
		t.Fatal(err)
	}
	if redrawn() == nil {
		t.Error("it is not found in the rebuilt index")
	}
	if err := r.SetVisibility(ctx, "ann", sketch.ID, registry.Private); err != nil {
		t.Fatal(err)
	}
	if redrawn() != nil {
		t.Error("a private drawing was found")
	}
	if err := r.SetVisibility(ctx, "ann", sketch.ID, registry.Public); err != nil {
		t.Fatal(err)
	}
	if redrawn() == nil {
		t.Error("a public drawing was not found")
	}
	if err := r.Withdraw(ctx, "ann", sketch.ID); err != nil {
		t.Fatal(err)
	}
	if redrawn() != nil {
		t.Error("a withdrawn drawing was found")
	}
	r.clean()
}

// TestTemplatesAreNoCopies: pages of one look-book and scarves of one lay-out share frame, head,
// words and corners; the work in them is another. Each of these pairs was once called a copy, by
// the strokes of the template or by its texture.
func TestTemplatesAreNoCopies(t *testing.T) {
	r := newRig(t)
	r.hashers = fingerprint.Set{photo.New(photo.Options{Drawing: manuscript.Drawing})}
	r.stop()
	r.start()
	picture := func(family string, seed, n uint64) []byte { // as selvage bench hard numbers them
		at := map[string]uint64{"scarf": 6, "lookpage": 16}[family]
		d := fixtures.DistractorAt((1<<30+seed<<20+n)*17 + at)
		b, err := d.Encode()
		if err != nil || d.Family != family {
			t.Fatalf("picture %d is a %s (%v)", n, d.Family, err)
		}
		return b
	}
	for _, c := range []struct {
		family            string
		seed, work, query uint64
		lines             bool // of which it was called one by its lines
	}{
		{"lookpage", 3, 134, 101, true}, {"lookpage", 5, 34, 3, true}, {"scarf", 8, 28, 63, true}, {"lookpage", 8, 42, 23, false},
	} {
		work := r.register("ann", registry.Matchable, picture(c.family, c.seed, c.work)).Work
		if c.lines && work.Assets[0].Parts == 0 {
			t.Fatal("the picture does not pass for a drawing: the test shows nothing")
		}
		rep, err := r.Match(t.Context(), registry.MatchRequest{Asker: "eve", File: registry.File{Name: "page", Data: picture(c.family, c.seed, c.query)}})
		if err != nil || rep.Verdict.Accuses() {
			t.Errorf("%+v: %s: %s (%v)", c, rep.Verdict, rep.Reason, err)
		}
	}
}
