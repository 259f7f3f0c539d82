package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"selvage/fixtures"
	"selvage/registry"
)

var update = flag.Bool("update", false, "rewrite testdata/recall.golden")

// qualitySet is small: one work each of six kinds, all edits of it and a stranger.
var qualitySet = fixtures.Options{Families: []string{"floral", "dress", "mug", "croquis", "technical", "logo"}, Width: 320, Height: 400}

// qualityAnswer is what the registry says of one file of the set.
type qualityAnswer struct {
	item   fixtures.Item
	right  *registry.Match // against the work that it is an edit of
	wrong  []string        // works accused that it is no copy of
	report *registry.MatchReport
}

// quality registers the originals and asks about everything else.
func quality(t *testing.T) []qualityAnswer {
	e := &env{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
	s := defaults()
	s.Data = t.TempDir()
	y, err := e.open(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer y.quit(t.Context())
	var asked []qualityAnswer
	works := map[registry.WorkID]string{}
	err = fixtures.Generate(t.Context(), qualitySet, func(it fixtures.Item) error {
		if it.Role != fixtures.RoleOriginal {
			asked = append(asked, qualityAnswer{item: it})
			return nil
		}
		r, err := y.registry.Register(t.Context(), registry.RegisterRequest{
			Owner: "designer", Visibility: registry.Matchable, NoWait: true, Files: []registry.File{{Name: path.Base(it.Path), Data: it.Data}},
		})
		if err == nil {
			works[r.Work.ID] = it.Path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	inOrder(t.Context(), len(asked), runtime.GOMAXPROCS(0), func(i int) {
		a := &asked[i]
		rep, err := y.registry.Match(t.Context(), registry.MatchRequest{Asker: "buyer", File: registry.File{Name: path.Base(a.item.Path), Data: a.item.Data}})
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			t.Errorf("%s: %v", a.item.Path, err)
			return
		}
		a.report = rep
		for k, m := range rep.Matches {
			switch {
			case !m.Verdict.Accuses():
			case works[m.Work] == a.item.Of:
				a.right = &rep.Matches[k]
			default:
				a.wrong = append(a.wrong, works[m.Work])
			}
		}
	}, nil)
	if t.Failed() {
		t.FailNow()
	}
	return asked
}

// TestQuality compares what is found of the small set, with which verdict, with the golden
// file, and the regions that the answers show with where the originals really lie.
func TestQuality(t *testing.T) {
	answers := quality(t)
	t.Run("recall", func(t *testing.T) { testRecall(t, answers) })
	t.Run("regions", func(t *testing.T) { testRegions(t, answers) })
}

// testRecall: any change of quality is a diff of the golden file.
func testRecall(t *testing.T, answers []qualityAnswer) {
	type row struct {
		asked, found int
		verdicts     map[registry.Verdict]int
		missed       []string
	}
	rows := map[string]*row{}
	var order, wrong []string
	for _, a := range answers {
		name := a.item.Edit
		if name == "" {
			name = "stranger"
		}
		r := rows[name]
		if r == nil {
			r = &row{verdicts: map[registry.Verdict]int{}}
			rows[name], order = r, append(order, name)
		}
		r.asked++
		v := a.report.Verdict
		if a.right != nil {
			r.found++
			v = a.right.Verdict
		} else {
			r.missed = append(r.missed, a.item.Family)
		}
		r.verdicts[v]++
		for _, w := range a.wrong {
			wrong = append(wrong, fmt.Sprintf("wrong: %s accused of copying %s", a.item.Path, w))
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s: edits found with a verdict to act upon.\n# Rewrite: go test ./cmd/selvage -run TestQuality -update\n", strings.Join(qualitySet.Families, ", "))
	for _, name := range order {
		r := rows[name]
		fmt.Fprintf(&b, "%-18s %d of %d ", name, r.found, r.asked)
		for _, v := range slices.Sorted(maps.Keys(r.verdicts)) {
			fmt.Fprintf(&b, " %s:%d", v, r.verdicts[v])
		}
		if name != "stranger" && len(r.missed) > 0 {
			fmt.Fprintf(&b, "  missed: %s", strings.Join(r.missed, " "))
		}
		b.WriteByte('\n')
	}
	for _, w := range wrong {
		fmt.Fprintln(&b, w)
		t.Error(w)
	}
	name := filepath.Join("testdata", "recall.golden")
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("what is found has changed; if that is meant, run go test -update. Now:\n%s", lineDiff(want, b.Bytes()))
	}
}

// lineDiff shows the lines of b that a does not have, and those that it lost.
func lineDiff(a, b []byte) string {
	var out strings.Builder
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for _, l := range x {
		if !slices.Contains(y, l) {
			fmt.Fprintln(&out, "-", l)
		}
	}
	for _, l := range y {
		if !slices.Contains(x, l) {
			fmt.Fprintln(&out, "+", l)
		}
	}
	return out.String()
}

// geometric are the edits whose truth is known by construction.
var geometric = []string{"crop80", "crop50", "crop30", "rot5", "rot25", "rot90", "rot180", "rot270", "perspective", "collage", "picture-in-picture"}

// testRegions: on average, the regions shown overlap the truth by 0.85 in both pictures
// (intersection over union).
func testRegions(t *testing.T, answers []qualityAnswer) {
	var sum float64
	n, asked := 0, 0
	byEdit := map[string][]string{}
	for _, a := range answers {
		if !slices.Contains(geometric, a.item.Edit) {
			continue
		}
		asked++
		if a.right == nil {
			byEdit[a.item.Edit] = append(byEdit[a.item.Edit], "-")
			continue
		}
		var query, ref [][][2]float64
		for _, r := range a.right.Regions {
			query, ref = append(query, r.Query), append(ref, r.Ref)
		}
		inQuery := overlap(query, a.item.Truth.Query, a.item.Width, a.item.Height)
		inRef := overlap(ref, a.item.Truth.Original, qualitySet.Width, qualitySet.Height)
		byEdit[a.item.Edit] = append(byEdit[a.item.Edit], fmt.Sprintf("%.2f/%.2f", inQuery, inRef))
		sum += (inQuery + inRef) / 2
		n++
	}
	for _, name := range geometric {
		t.Logf("%-18s %s", name, strings.Join(byEdit[name], " "))
	}
	if n < asked*8/10 {
		t.Errorf("only %d of %d geometric edits are found", n, asked)
	}
	if n > 0 {
		t.Logf("mean overlap %.3f over %d of %d", sum/float64(n), n, asked)
		if sum/float64(n) < 0.85 {
			t.Errorf("mean overlap %.3f, want at least 0.85", sum/float64(n))
		}
	}
}

// overlap is the intersection over union of the polygons together with the true one, by
// sampling a picture of w × h at four places a pixel.
func overlap(have [][][2]float64, truth []fixtures.Point, w, h int) float64 {
	want := make([][2]float64, len(truth))
	for i, p := range truth {
		want[i] = p
	}
	both, either := 0, 0
	for y := range 2 * h {
		for x := range 2 * w {
			px, py := (float64(x)+0.5)/2, (float64(y)+0.5)/2
			a := slices.ContainsFunc(have, func(p [][2]float64) bool { return within(p, px, py) })
			b := within(want, px, py)
			if a && b {
				both++
			}
			if a || b {
				either++
			}
		}
	}
	return float64(both) / float64(max(either, 1))
}

// within reports whether a point lies in a polygon (even-odd rule).
func within(p [][2]float64, x, y float64) (in bool) {
	for i, a := range p {
		b := p[(i+len(p)-1)%len(p)]
		if (a[1] > y) != (b[1] > y) && x < a[0]+(y-a[1])*(b[0]-a[0])/(b[1]-a[1]) {
			in = !in
		}
	}
	return in
}
