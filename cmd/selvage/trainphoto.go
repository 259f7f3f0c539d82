package main

import (
	"encoding/json"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"selvage/fixtures"
)

// trainPhotoCmd makes what the model of photos is trained on, beside a benchmark: edited copies of
// given pictures, strangers, and pages of one template that show different works. The files
// go through eval --measures, and the answers with truth.json through calibrate.
type trainPhotoCmd struct {
	Strangers string `required:"" placeholder:"LIST" help:"File with paths of pictures that are no copies of the others, one a line."`
	Copies    int    `default:"3" placeholder:"N" help:"Edited copies of every picture."`
	Templates int    `default:"60" placeholder:"N" help:"Page templates; pages of half of them are registered once, of the others up to five times."`
	Siblings  int    `default:"150" placeholder:"N" help:"Series of simple figures, of which one is registered and three others are asked about."`
	Edits     string `enum:"hard,further" default:"hard" help:"Kinds of edits: hard, mostly the hardest of the fixtures, or further, those that only training asks for."`
	Drawn     int    `default:"1500" placeholder:"N" help:"Generated works to register, and as many others to ask about."`
	Refs      string `arg:"" name:"refs.txt" help:"File with paths of the pictures to register, one a line."`
	Dir       string `arg:"" help:"Directory to write to."`
}

// hardEdits are asked about more often than the others: they are what a model gets wrong.
var hardEdits = []string{"crowded", "crowded", "written", "small-inset", "small-inset", "photographed", "catalogue", "crop20", "collage", "stickers", "retouched", "picture-in-picture"}

// trainFile is one file to make.
type trainFile struct {
	name  string // below the directory
	make  func(e *env) ([]byte, error)
	asked bool
	truth trainTruth
}

// trainTruth is what truth.json says of a query.
type trainTruth struct {
	Class string `json:"class"`
	Ref   string `json:"ref"`
	Edit  string `json:"t"`
	Src   string `json:"src"`
}

func (c *trainPhotoCmd) Run(e *env) error {
	refs, err := readList(c.Refs)
	if err != nil {
		return err
	}
	strangers, err := readList(c.Strangers)
	if err != nil {
		return err
	}
	if len(strangers) < 16 {
		return &exit{2, "--strangers: at least 16 pictures are needed"}
	}
	// What stands on a page is not asked about by itself, nor shown on two pages.
	half := len(strangers) / 2
	files := slices.Concat(c.copies(refs, strangers[:half]), c.pages(strangers[half:]), c.siblings(), c.drawn())
	var mu sync.Mutex
	var failed error
	inOrder(e.ctx, len(files), runtime.GOMAXPROCS(0), func(i int) {
		if err := files[i].write(e, c.Dir); err != nil {
			mu.Lock()
			defer mu.Unlock()
			if failed == nil {
				failed = err
			}
		}
	}, func(i int) { e.progress(i+1, len(files), "files") })
	e.clearProgress()
	if failed == nil {
		failed = e.ctx.Err()
	}
	if failed != nil {
		return failed
	}
	asked := map[string]trainTruth{}
	var queries []string
	for _, f := range files {
		p := filepath.Join(c.Dir, filepath.FromSlash(f.name))
		if !f.asked {
			refs = append(refs, p)
			continue
		}
		queries = append(queries, p)
		if f.truth.Class != "" {
			asked[f.name] = f.truth
		}
	}
	truth, err := json.Marshal(map[string]any{"queries": asked})
	if err != nil {
		return err
	}
	for name, b := range map[string][]byte{
		"refs.txt": []byte(strings.Join(refs, "\n") + "\n"), "queries.txt": []byte(strings.Join(queries, "\n") + "\n"), "truth.json": truth,
	} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), b, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.stdout, "%s: %d to register, %d to ask about\n", c.Dir, len(refs), len(queries))
	return nil
}

func (f *trainFile) write(e *env, dir string) error {
	b, err := f.make(e)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	p := filepath.Join(dir, filepath.FromSlash(f.name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	return os.WriteFile(p, b, 0o644)
}

// edited makes an edit of a picture.
func edited(load func(e *env) (*image.NRGBA, error), edit string, seed uint64) func(e *env) ([]byte, error) {
	return func(e *env) ([]byte, error) {
		m, err := load(e)
		if err != nil {
			return nil, err
		}
		x, ok := fixtures.EditNamed(edit)
		if !ok {
			return nil, fmt.Errorf("no edit %q", edit)
		}
		if min(m.Rect.Dx(), m.Rect.Dy()) >= 64 {
			m, _ = x.Apply(m, rand.New(rand.NewPCG(seed, 2)))
		}
		b, _, err := x.Encode(m)
		return b, err
	}
}

func picture(p string) func(e *env) (*image.NRGBA, error) {
	return func(e *env) (*image.NRGBA, error) { return readPicture(e, p) }
}

// folder is where edits go: truth.json of two runs can then be read together.
func (c *trainPhotoCmd) folder() string {
	if c.Edits == "further" {
		return "further/"
	}
	return "edits/"
}

// editFor draws an edit, mostly a hard one.
func (c *trainPhotoCmd) editFor(r *rand.Rand) string {
	if c.Edits == "further" {
		// Every fifth is of the old ones that the model finds hardest.
		if r.IntN(5) == 0 {
			return []string{"crowded", "stickers", "written", "collage"}[r.IntN(4)]
		}
		all := fixtures.FurtherEdits()
		return all[r.IntN(len(all))].Name
	}
	if r.IntN(3) > 0 {
		return hardEdits[r.IntN(len(hardEdits))]
	}
	all := fixtures.Edits()
	return all[r.IntN(len(all))].Name
}

// copies are edits of the pictures, and of the strangers.
func (c *trainPhotoCmd) copies(refs, strangers []string) (out []trainFile) {
	r := rand.New(rand.NewPCG(1, 3))
	for i, p := range refs {
		for k := range c.Copies {
			edit := c.editFor(r)
			out = append(out, trainFile{
				name: c.folder() + fmt.Sprintf("c%05d-%d", i, k), make: edited(picture(p), edit, r.Uint64()), asked: true,
				truth: trainTruth{"copy", lastTwo(p), edit, path.Base(p)},
			})
		}
	}
	for i, p := range strangers {
		edit := c.editFor(r)
		out = append(out, trainFile{
			name: c.folder() + fmt.Sprintf("s%05d", i), make: edited(picture(p), edit, r.Uint64()), asked: true,
			truth: trainTruth{"edited", "", edit, path.Base(p)},
		})
	}
	return out
}

// pages show strangers on pages of some templates.
func (c *trainPhotoCmd) pages(strangers []string) (out []trainFile) {
	r := rand.New(rand.NewPCG(2, 3))
	next := 0
	for t := range c.Templates {
		page := func(p string) func(e *env) (*image.NRGBA, error) {
			seed := r.Uint64()
			return func(e *env) (*image.NRGBA, error) {
				m, err := readPicture(e, p)
				if err != nil {
					return nil, err
				}
				return fixtures.Page(m, uint64(t), rand.New(rand.NewPCG(seed, 4))), nil
			}
		}
		another := func() string {
			next++
			return strangers[next%len(strangers)]
		}
		registered := 1
		if t%2 == 1 {
			registered = 2 + r.IntN(4)
		}
		for i := range registered {
			load := page(another())
			name := fmt.Sprintf("pages/t%03d-%d.jpg", t, i)
			out = append(out, trainFile{name: name, make: edited(load, "jpeg75", 0)})
			for k := range 2 {
				edit := c.editFor(r)
				out = append(out, trainFile{name: c.folder() + fmt.Sprintf("p%03d-%d-%d", t, i, k), make: edited(load, edit, r.Uint64()), asked: true,
					truth: trainTruth{"copy", name, edit, path.Base(name)}})
			}
		}
		for i := range 4 {
			edit := "jpeg75"
			if i == 3 || c.Edits == "further" {
				edit = c.editFor(r)
			}
			name := c.folder() + fmt.Sprintf("t%03d-%d", t, i)
			out = append(out, trainFile{name: name, make: edited(page(another()), edit, r.Uint64()), asked: true,
				truth: trainTruth{"template", "", edit, path.Base(name)}})
		}
	}
	return out
}

// siblings are simple figures, of each series one that is registered, with edits of it, and
// others that are no copies of it.
func (c *trainPhotoCmd) siblings() (out []trainFile) {
	r := rand.New(rand.NewPCG(4, 3))
	for s := range c.Siblings {
		member := func(k int) func(*env) (*image.NRGBA, error) {
			return func(*env) (*image.NRGBA, error) { return fixtures.Sibling(uint64(s), uint64(k)), nil }
		}
		name := fmt.Sprintf("siblings/f%03d.jpg", s)
		out = append(out, trainFile{name: name, make: edited(member(0), "jpeg75", 0)})
		for k := range 3 {
			edit := c.editFor(r)
			out = append(out, trainFile{name: c.folder() + fmt.Sprintf("f%03d-%d", s, k), make: edited(member(0), edit, r.Uint64()), asked: true,
				truth: trainTruth{"copy", name, edit, path.Base(name)}})
			edit = "jpeg75"
			if k == 2 || c.Edits == "further" {
				edit = c.editFor(r)
			}
			other := c.folder() + fmt.Sprintf("g%03d-%d", s, k)
			out = append(out, trainFile{name: other, make: edited(member(k+1), edit, r.Uint64()), asked: true,
				truth: trainTruth{"sibling", "", edit, path.Base(other)}})
		}
	}
	return out
}

// drawnStart keeps these works apart from those of trials.
const drawnStart = 1 << 32

// drawn are generated works and strangers of the same series.
func (c *trainPhotoCmd) drawn() (out []trainFile) {
	names := fixtures.DistractorFamilies()
	for i := range 2 * c.Drawn {
		n, f := i/len(names), i%len(names)
		d := drawnStart*uint64(len(names)) + uint64(i)
		name := fmt.Sprintf("drawn/%05d-%s.jpg", n, names[f])
		out = append(out, trainFile{name: name, asked: n%2 == 1, make: func(*env) ([]byte, error) { return fixtures.DistractorAt(d).Encode() }})
	}
	return out
}
