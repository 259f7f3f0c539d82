package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"selvage/fingerprint"
	"selvage/registry"
)

// benchManuscriptsCmd measures what asking about a manuscript costs once its fingerprints are
// made, among many registered pages: every index, the reading of rows, the comparison of texts and
// pages, the judgement and the record of the answer. Reading and drawing the file that is asked
// about is not counted, nor is drawing the page that its preview shows.
//
// See pageMaker for what of the registered pages is real.
type benchManuscriptsCmd struct {
	Data    string `placeholder:"DIR" help:"Keep the registered set here and resume it; default: a temporary directory."`
	Pages   int    `default:"100000" help:"Pages to register."`
	Rounds  int    `default:"10" help:"How many times each file is asked about."`
	Profile string `placeholder:"FILE" help:"Write a profile of the asking, for go tool pprof."`
}

// benchManuscriptsReport is the answer. Times are CPU of the whole process, the watcher's work
// after each answer included.
type benchManuscriptsReport struct {
	Pages          int                  `json:"pages"`
	Documents      int                  `json:"documents"`
	RegisterMS     float64              `json:"register_ms_page,omitempty"` // without making the fingerprints real
	IndexBytes     float64              `json:"index_bytes_page"`
	TextIndexBytes float64              `json:"text_index_bytes_page"`
	Asked          []benchManuscriptAsk `json:"asked"`
}

// benchManuscriptAsk is one kind of query; times are means.
type benchManuscriptAsk struct {
	Query    string  `json:"query"`
	Pages    int     `json:"pages"`
	Parts    int     `json:"parts"` // pictures that were compared: pages, drawings
	CPUMS    float64 `json:"cpu_ms"`
	CPUPage  float64 `json:"cpu_ms_page"`
	Found    int     `json:"found"`     // of Asks, whose own work came first and was accused
	Accused  int     `json:"strangers"` // accusations of any other work
	Asks     int     `json:"asks"`
	WallStep string  `json:"wall_ms"` // mean time by the clock of each step
}

// madeName is the path that a document made of number n is registered under.
func madeName(n int) string { return fmt.Sprintf("document-%06d", n) }

func (c *benchManuscriptsCmd) Run(e *env) error {
	if c.Pages < pagesPerDocument*sampleDocuments || c.Rounds < 1 {
		return &exit{2, fmt.Sprintf("--pages: use at least %d, --rounds: at least 1", pagesPerDocument*sampleDocuments)}
	}
	s := defaults()
	s.Data = c.Data
	var err error
	if c.Data == "" {
		if s.Data, err = os.MkdirTemp("", "selvage-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(s.Data) }()
	}
	maker := newPageMaker(s.Data)
	y, err := e.openWith(s, fingerprint.Set{maker}, nil)
	if err != nil {
		return err
	}
	defer y.quit(e.ctx)
	set, err := openEvalSet(e, y, s.Data)
	if err != nil {
		return err
	}
	defer func() { _ = set.close() }() // nothing is buffered

	rep := benchManuscriptsReport{Documents: c.Pages / pagesPerDocument}
	rep.Pages = rep.Documents * pagesPerDocument
	var names []string
	for n := range rep.Documents {
		names = append(names, madeName(n))
	}
	start := cpuTime()
	fresh, err := set.register(names, 1, func(name string) (input, error) { return input{path: name, data: maker.file(name)}, nil })
	if err != nil {
		return err
	}
	rep.RegisterMS = perItem(cpuTime()-start, fresh*pagesPerDocument)
	if set.failed > 0 {
		return fmt.Errorf("%d documents could not be registered", set.failed)
	}
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
	}
	for _, q := range maker.queries() {
		one, err := c.ask(e, y, set, maker, q)
		if err != nil {
			return err
		}
		rep.Asked = append(rep.Asked, one)
	}
	pprof.StopCPUProfile()
	if err := y.close(e.ctx); err != nil { // which writes the index files, whose size is wanted
		return err
	}
	all, err := treeSize(filepath.Join(s.Data, "index"))
	if err != nil {
		return err
	}
	texts, err := treeSize(filepath.Join(s.Data, "index", "open", "texts"))
	if err != nil {
		return err
	}
	rep.IndexBytes, rep.TextIndexBytes = float64(all)/float64(rep.Pages), float64(texts)/float64(rep.Pages)
	return json.NewEncoder(e.stdout).Encode(rep)
}

// ask asks about one kind of file, one file of it after another.
func (c *benchManuscriptsCmd) ask(e *env, y *system, set *evalSet, m *pageMaker, q pageQuery) (benchManuscriptAsk, error) {
	out := benchManuscriptAsk{Query: q.name, Pages: len(q.pages)}
	var used time.Duration
	steps := map[string]float64{}
	for round := range c.Rounds {
		data, r, err := m.ask(e.ctx, q, round)
		if err != nil {
			return out, err
		}
		out.Parts = len(r.Parts)
		// The first time fills caches of the store that a service has filled.
		for k := range 2 {
			start := cpuTime()
			rep, err := y.registry.Match(e.ctx, registry.MatchRequest{Asker: "bench-asker", File: registry.File{Name: "query.pdf", Data: data}, Alike: true})
			if err != nil {
				return out, err
			}
			if k == 0 {
				time.Sleep(200 * time.Millisecond) // the watcher comes to its end
				continue
			}
			used += cpuTime() - start
			out.Asks++
			for step, ms := range rep.Millis {
				steps[step] += ms
			}
			for i, match := range rep.Matches {
				path, _ := set.path(match.Work)
				own := !q.stranger && path == madeName(round%sampleDocuments)
				switch {
				case match.Verdict.Accuses() && own && i == 0:
					out.Found++
				case match.Verdict.Accuses() && !own:
					out.Accused++
				}
			}
		}
	}
	out.CPUMS = perItem(used, out.Asks)
	out.CPUPage = out.CPUMS / float64(out.Pages)
	for step, ms := range steps {
		out.WallStep += fmt.Sprintf("%s %.0f ", step, ms/float64(out.Asks))
	}
	return out, nil
}
