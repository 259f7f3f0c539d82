package main

import (
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"runtime"

	"selvage/fingerprint/decode"
	"selvage/fingerprint/local"
	"selvage/fingerprint/local/train"
	"selvage/fixtures"
)

// trainCmd makes the tables that fingerprints are built with. Their kinds freeze them, so
// only who makes a new version of a kind needs it.
type trainCmd struct {
	Local trainLocalCmd `cmd:"" help:"Learn the vocabulary of local.v1."`
	Photo trainPhotoCmd `cmd:"" help:"Make the pictures that the model of photos is trained on."`
}

type trainLocalCmd struct {
	Drawn  int    `default:"4" placeholder:"N" help:"Generated pictures to learn from beside them, of each family."`
	Output string `short:"o" required:"" placeholder:"FILE" help:"Where to write the vocabulary."`
	Refs   string `arg:"" help:"File with one path of a picture a line."`
}

// sample is what one picture teaches.
type sample struct {
	original, edited []local.Raw
	there            func(x, y float64) (float64, float64) // nil: unknown
	err              error
}

// Run learns from the pictures, from an edited copy of each, and from generated pictures,
// so that patterns and drawings are known that the list may lack.
func (c *trainLocalCmd) Run(e *env) error {
	paths, err := readList(c.Refs)
	if err != nil {
		return err
	}
	families := fixtures.Families()
	samples := make([]sample, len(paths)+c.Drawn*len(families))
	var l train.Learner
	inOrder(e.ctx, len(samples), runtime.GOMAXPROCS(0), func(i int) {
		s := &samples[i]
		var m *image.NRGBA
		if i < len(paths) {
			m, s.err = readPicture(e, paths[i])
		} else {
			k := i - len(paths)
			m = fixtures.Original(families[k/c.Drawn].Name, uint64(k%c.Drawn), local.RefSide, local.RefSide)
		}
		if s.err == nil {
			s.err = s.study(e, m, uint64(i))
		}
	}, func(i int) {
		s := &samples[i]
		l.Add(s.original)
		if s.there != nil {
			l.AddCopy(s.original, s.edited, s.there)
		} else {
			l.Add(s.edited)
		}
		*s = sample{err: s.err}
	})
	for i := range samples {
		if err := samples[i].err; err != nil {
			return err
		}
	}
	v, err := l.Learn(e.ctx)
	if err != nil {
		return err
	}
	file := v.Marshal()
	if err := os.WriteFile(c.Output, file, 0o666); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s: %d bytes, learned from %d features of %d pictures and their copies, %d of them found again\n",
		c.Output, len(file), l.Features(), len(samples), l.Pairs())
	return nil
}

func readPicture(e *env, path string) (*image.NRGBA, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := decode.Decode(e.ctx, b, decode.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p.RGB, nil
}

// study finds the features of a picture and of a copy with the edit whose turn it is.
func (s *sample) study(e *env, m *image.NRGBA, number uint64) error {
	base := local.NewBase(m, local.RefSide)
	s.original = local.Extract(base, local.RefFeatures)
	if min(m.Rect.Dx(), m.Rect.Dy()) < 64 {
		return nil // too small to be edited
	}
	edits := fixtures.Edits()
	edit := edits[number%uint64(len(edits))]
	edited, truth := edit.Apply(m, rand.New(rand.NewPCG(number, 1)))
	file, _, err := edit.Encode(edited)
	if err != nil {
		return err
	}
	p, err := decode.Decode(e.ctx, file, decode.Limits{})
	if err != nil {
		return err
	}
	view := local.NewBase(p.RGB, local.QuerySide)
	s.edited = local.Extract(view, local.QueryFeatures)
	if len(truth.Query) >= 4 {
		s.there = train.Quad(
			corners(truth.Original, float64(base.W)/float64(m.Rect.Dx()), float64(base.H)/float64(m.Rect.Dy())),
			corners(truth.Query, float64(view.W)/float64(p.RGB.Rect.Dx()), float64(view.H)/float64(p.RGB.Rect.Dy())))
	}
	return nil
}

// corners takes four corners of a convex polygon that lie well apart.
func corners(p []fixtures.Point, scaleX, scaleY float64) (four [4][2]float64) {
	for i := range four {
		at := p[i*len(p)/4]
		four[i] = [2]float64{at[0] * scaleX, at[1] * scaleY}
	}
	return four
}
