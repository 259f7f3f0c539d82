package main

import (
	"fmt"
	"image"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"selvage/fixtures"
	"selvage/registry"
)

// benchHardCmd looks for wrong accusations where they are likeliest: every asked picture
// is compared with all registered ones, and none is a copy of any. Both halves are
// generated. Pages of one template, scarves of one lay-out and shirts of one cut have members
// in both, and show different works. What is no negative is left out: another colouring or
// another print of the very same drawing is a copy of it.
//
// Edits of registered pictures are asked about beside them, so that a matcher which finds
// nothing at all does not pass.
type benchHardCmd struct {
	Data      string `placeholder:"DIR" help:"Keep the registered set here and resume it; default: a temporary directory."`
	Out       string `default:"hard-pairs" placeholder:"DIR" help:"Where to put the two files of every wrong accusation; made only if there is one."`
	Works     int    `default:"5000" help:"Pictures to register."`
	Queries   int    `default:"4000" help:"Pictures to ask about that are copies of nothing."`
	Positives int    `default:"400" help:"Edits of registered pictures to ask about."`
	Seed      uint64 `placeholder:"N" help:"Another seed gives other pictures: choose thresholds on one, measure on another."`
	Jobs      int    `default:"1" help:"Pictures at a time."`
}

func (c *benchHardCmd) Run(e *env) error {
	if c.Works < 1 || c.Queries < 1 || c.Positives < 1 {
		return &exit{2, "--works, --queries and --positives: use at least 1"}
	}
	if c.Seed >= 1<<10 {
		return &exit{2, "--seed: use a number below 1024"}
	}
	y, set, done, err := e.openEval(c.Data)
	if err != nil {
		return err
	}
	defer done()

	works := map[string]hardPicture{}
	var names []string
	for i := range c.Works {
		p := c.pictureAt(i, false)
		works[p.name], names = p, append(names, p.name)
	}
	if _, err := set.register(names, c.Jobs, func(name string) (input, error) { return works[name].encode("") }); err != nil {
		return err
	}
	t := newHardTally(c, works)
	asked := c.asked()
	ticks := newTicker()
	answers := make([]hardAnswer, len(asked))
	inOrder(e.ctx, len(asked), c.Jobs, func(i int) {
		answers[i] = asked[i].ask(e, y, set)
	}, func(i int) {
		t.add(asked[i], answers[i])
		answers[i] = hardAnswer{}
		e.progress(i+1, len(asked), "ask")
		ticks.tick(e, i+1, len(asked), "asked")
	})
	e.clearProgress()
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if set.failed > 0 {
		return fmt.Errorf("%d works could not be registered", set.failed)
	}
	return t.report(e)
}

// hardPicture is one generated picture, of which edits can be made too.
type hardPicture struct {
	name, family string
	number       int
	distractor   uint64 // its number, or
	seed         uint64 // that of an original
	original     bool
}

// hardStart keeps the trial's works apart from those that fill an index, hardSeed those of
// one seed from those of the next.
const hardStart, hardSeed = 1 << 30, 1 << 20

// pictureAt is the i-th registered picture or the i-th that is asked about. Seven of
// eight are distractors, of which those with even seeds are registered and those with odd
// ones asked about, so that every series has members on both sides.
func (c *benchHardCmd) pictureAt(i int, asked bool) hardPicture {
	start := hardStart + hardSeed*c.Seed
	side, role := uint64(0), "work"
	if asked {
		side, role = 1, "query"
	}
	p := hardPicture{number: i}
	if i%8 == 7 {
		f := hardOriginals[i/8%len(hardOriginals)]
		k := uint64(i / 8 / len(hardOriginals))
		p.family, p.original = f, true
		p.seed = start + 2*k + side
	} else {
		names := fixtures.DistractorFamilies()
		n := uint64(i - i/8)
		k, f := n/uint64(len(names)), n%uint64(len(names))
		p.family = names[f]
		p.distractor = (start+2*k+side)*uint64(len(names)) + f
	}
	p.name = fmt.Sprintf("%s-%05d-%s", role, i, p.family)
	return p
}

// hardOriginals are the families of originals whose members are different works for
// certain. The others are drawn with fixed shapes (one shoe, one paisley drop, one
// houndstooth) or show cloth that is: of those, many are recolourings of each other.
var hardOriginals = []string{
	"plain", "gradient", "twotone", "document", "code", "logo", "technical",
	"floral", "plaid", "polka", "damask", "brush", "animal",
}

// encode makes the file of a picture, or of an edit of it.
func (p hardPicture) encode(edit string) (input, error) {
	var m *image.NRGBA
	var plain func() ([]byte, error)
	if p.original {
		// Sizes of their own keep two plain pictures of one colour from being one picture.
		r := rand.New(rand.NewPCG(p.seed, uint64(len(p.family))))
		m = fixtures.Original(p.family, p.seed, 320+r.IntN(120), 320+r.IntN(160))
		plain = fixtures.Distractor{Family: p.family, Seed: p.seed, Quality: 85, Image: m}.Encode
	} else {
		d := fixtures.DistractorAt(p.distractor)
		m, plain = d.Image, d.Encode
	}
	if edit == "" {
		b, err := plain()
		return input{p.name + ".jpg", b}, err
	}
	x, ok := fixtures.EditNamed(edit)
	if !ok {
		return input{}, fmt.Errorf("no edit %q", edit)
	}
	out, _ := x.Apply(m, rand.New(rand.NewPCG(uint64(p.number), p.distractor+p.seed)))
	b, ext, err := x.Encode(out)
	return input{p.name + "-" + edit + "." + ext, b}, err
}

// hardQuestion is one file to ask about. of is set where it is an edit of a registered
// picture.
type hardQuestion struct {
	picture hardPicture
	edit    string
	of      string
}

// asked are the negatives, every fourth of them edited, and then the positives.
func (c *benchHardCmd) asked() []hardQuestion {
	edits := fixtures.Edits()
	var out []hardQuestion
	for i := range c.Queries {
		q := hardQuestion{picture: c.pictureAt(i, true)}
		if i%4 == 2 {
			q.edit = edits[i/4%len(edits)].Name
		}
		out = append(out, q)
	}
	for i := range c.Positives {
		at := i * c.Works / c.Positives
		if at%8 == 7 { // flat originals hold too little to be found again
			at--
		}
		p := c.pictureAt(at, false)
		out = append(out, hardQuestion{p, edits[i%len(edits)].Name, p.name})
	}
	return out
}

// hardAnswer is what the registry said to one question.
type hardAnswer struct {
	err     error
	verdict registry.Verdict
	accused []hardAccusation
	nearest float64 // the largest probability below those to act upon
}

type hardAccusation struct {
	work        string
	verdict     registry.Verdict
	probability float64
	reason      string
}

func (q hardQuestion) ask(e *env, y *system, set *evalSet) (a hardAnswer) {
	in, err := q.picture.encode(q.edit)
	if err != nil {
		return hardAnswer{err: err}
	}
	rep, err := y.registry.Match(e.ctx, registry.MatchRequest{Asker: "hard-asker", File: registry.File{Name: in.name(), Data: in.data}, Alike: true})
	if err != nil {
		return hardAnswer{err: err}
	}
	a.verdict = rep.Verdict
	for _, m := range rep.Matches {
		name, ok := set.path(m.Work)
		switch {
		case !ok: // of an earlier run with the same --data
		case m.Verdict.Accuses():
			a.accused = append(a.accused, hardAccusation{name, m.Verdict, m.Probability, m.Reason})
		default:
			a.nearest = max(a.nearest, m.Probability)
		}
	}
	return a
}

// hardTally counts the answers.
type hardTally struct {
	c       *benchHardCmd
	works   map[string]hardPicture
	pairs   map[[2]string]int // wrong accusations by family of the query and of the work
	rows    map[string]*hardRow
	edits   map[string]*[2]int // found and asked, of the positives
	wrong   int                // accusations in all
	queries int                // negatives with an accusation
	kept    int
	failed  []string
}

// hardRow is a family of queries.
type hardRow struct {
	asked, insufficient, accused int
	nearest                      float64
}

func newHardTally(c *benchHardCmd, works map[string]hardPicture) *hardTally {
	return &hardTally{c: c, works: works, pairs: map[[2]string]int{}, rows: map[string]*hardRow{}, edits: map[string]*[2]int{}}
}

func (t *hardTally) add(q hardQuestion, a hardAnswer) {
	if a.err != nil {
		t.failed = append(t.failed, fmt.Sprintf("%s %s: %v", q.picture.name, q.edit, a.err))
		return
	}
	if q.of != "" {
		n := t.edits[q.edit]
		if n == nil {
			n = new([2]int)
			t.edits[q.edit] = n
		}
		n[1]++
		if slices.ContainsFunc(a.accused, func(k hardAccusation) bool { return k.work == q.of }) {
			n[0]++
		}
	} else {
		row := t.rows[q.picture.family]
		if row == nil {
			row = new(hardRow)
			t.rows[q.picture.family] = row
		}
		row.asked++
		row.nearest = max(row.nearest, a.nearest)
		if a.verdict == registry.Insufficient {
			row.insufficient++
		}
		if len(a.accused) > 0 {
			row.accused++
			t.queries++
		}
	}
	for _, k := range a.accused {
		if k.work == q.of {
			continue
		}
		t.wrong++
		w := t.works[k.work]
		t.pairs[[2]string{q.picture.family, w.family}]++
		if err := t.keep(q, w, k); err != nil {
			t.failed = append(t.failed, err.Error())
		}
	}
}

// hardKeep bounds the pairs that are kept for looking at.
const hardKeep = 200

func (t *hardTally) keep(q hardQuestion, w hardPicture, k hardAccusation) error {
	if t.kept == hardKeep {
		return nil
	}
	t.kept++
	if err := os.MkdirAll(t.c.Out, 0o755); err != nil {
		return err
	}
	for what, p := range map[string]hardQuestion{"query": q, "work": {picture: w}} {
		in, err := p.picture.encode(p.edit)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%04d-%s%s", t.kept, what, filepath.Ext(in.path))
		if err := os.WriteFile(filepath.Join(t.c.Out, name), in.data, 0o644); err != nil {
			return err
		}
	}
	about := fmt.Sprintf("query   %s %s\nwork    %s\nverdict %s\nP       %v\n%s\n", q.picture.name, q.edit, w.name, k.verdict, k.probability, k.reason)
	return os.WriteFile(filepath.Join(t.c.Out, fmt.Sprintf("%04d.txt", t.kept)), []byte(about), 0o644)
}

// report prints the tables and fails where anybody was accused wrongly, or where less
// than half of the positives were found.
func (t *hardTally) report(e *env) error {
	w := e.stdout
	fmt.Fprintf(w, "%d pictures asked about, %d registered: %d pairs, none a copy\n\n", t.c.Queries, t.c.Works, t.c.Queries*t.c.Works)
	fmt.Fprintf(w, "| family asked about | asked | insufficient | accused | nearest below acting |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range slices.Sorted(maps.Keys(t.rows)) {
		r := t.rows[f]
		fmt.Fprintf(w, "| %s | %d | %d | %d | %.3f |\n", f, r.asked, r.insufficient, r.accused, r.nearest)
	}
	fmt.Fprintf(w, "\nwrong accusations: %d, by %d of %d queries that are copies of nothing, the others by edits of a work against another\n", t.wrong, t.queries, t.c.Queries)
	var pairs []string
	for k, n := range t.pairs {
		pairs = append(pairs, fmt.Sprintf("%s of %s: %d", k[0], k[1], n))
	}
	slices.Sort(pairs)
	for _, p := range pairs {
		fmt.Fprintf(w, "  %s\n", p)
	}
	found, asked := 0, 0
	var missed []string
	for _, x := range slices.Sorted(maps.Keys(t.edits)) {
		n := t.edits[x]
		found, asked = found+n[0], asked+n[1]
		if n[0] < n[1] {
			missed = append(missed, fmt.Sprintf("%s %d/%d", x, n[0], n[1]))
		}
	}
	fmt.Fprintf(w, "\nedits of registered pictures found: %d of %d", found, asked)
	if len(missed) > 0 {
		fmt.Fprintf(w, "; not all of %s", strings.Join(missed, ", "))
	}
	fmt.Fprintln(w)
	for _, f := range t.failed {
		fmt.Fprintln(e.stderr, f)
	}
	switch {
	case len(t.failed) > 0:
		return fmt.Errorf("%d questions failed", len(t.failed))
	case t.wrong > 0:
		return &exit{1, fmt.Sprintf("%d wrong accusations; see %s", t.wrong, t.c.Out)}
	case 2*found < asked:
		return &exit{1, "less than half of the copies were found: this measures a matcher that does not see"}
	}
	return nil
}
