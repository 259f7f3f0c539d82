package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selvage/fixtures"
)

// TestTrainPhoto: what is written is complete and readable, and nothing is called a stranger
// that stands on a registered page.
func TestTrainPhoto(t *testing.T) {
	dir := t.TempDir()
	list := func(name string, from, n int) string {
		var paths strings.Builder
		for i := range n {
			p := filepath.Join(dir, fmt.Sprintf("%s%02d.jpg", name, i))
			b, err := fixtures.DistractorAt(uint64(from + i)).Encode()
			if err == nil {
				err = os.WriteFile(p, b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			paths.WriteString(p + "\n")
		}
		p := filepath.Join(dir, name+".txt")
		if err := os.WriteFile(p, []byte(paths.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	out := filepath.Join(dir, "out")
	c := trainPhotoCmd{Strangers: list("stranger", 100, 16), Copies: 1, Templates: 2, Siblings: 2, Drawn: 17, Refs: list("ref", 0, 3), Dir: out}
	e := &env{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
	if err := c.Run(e); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(out, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct{ Queries map[string]trainTruth }
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	refs, err := readList(filepath.Join(out, "refs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	queries, err := readList(filepath.Join(out, "queries.txt"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range refs {
		known[lastTwo(p)] = true
	}
	classes := map[string]int{}
	for _, p := range append(refs, queries...) {
		if _, err := readPicture(e, p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	for _, p := range queries {
		q, ok := truth.Queries[lastTwo(p)]
		if !ok {
			classes["generated"]++
			continue
		}
		classes[q.Class]++
		if (q.Class == "copy") != (q.Ref != "") || q.Ref != "" && !known[q.Ref] {
			t.Errorf("%s: %+v", p, q)
		}
	}
	// 3 edits of pictures, 2 of each page, 6 of figures; 8 strangers; 8 pages, 6 figures, 17 drawn.
	if classes["copy"] < 3+2*3+6 || classes["edited"] != 8 || classes["template"] != 8 || classes["sibling"] != 6 || classes["generated"] != 17 {
		t.Errorf("classes %v", classes)
	}

	c.Edits, c.Copies, c.Dir = "further", 2, filepath.Join(dir, "further")
	if err := c.Run(e); err != nil {
		t.Fatal(err)
	}
	if b, err = os.ReadFile(filepath.Join(c.Dir, "truth.json")); err != nil {
		t.Fatal(err)
	}
	truth.Queries = nil
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	if len(truth.Queries) == 0 {
		t.Error("no further edits")
	}
	for name := range truth.Queries {
		if !strings.HasPrefix(name, "further/") {
			t.Errorf("%s: not in a folder of its own", name)
		}
		if _, err := readPicture(e, filepath.Join(c.Dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	c.Strangers = c.Refs
	if err := c.Run(e); err == nil {
		t.Error("three strangers are taken as enough")
	}
}
