package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"selvage/registry"
)

type evalCmd struct {
	Data        string `placeholder:"DIR" help:"Keep the registered set here and resume it; default: a temporary directory."`
	Distractors string `placeholder:"LIST" help:"File with paths of strangers to register too, one a line."`
	Jobs        int    `default:"1" help:"Files at a time. The CPU times are those of one thread only with 1."`
	Peer        string `placeholder:"NAME" help:"Run a global hash of others over the same files instead: pdq, pdq8 (all eight forms) or phash64."`
	Measures    bool   `help:"Also print what the model saw of each match, for selvage calibrate."`
	Refs        string `arg:"" name:"refs.txt" help:"Paths of originals to register, one a line."`
	Queries     string `arg:"" name:"queries.txt" help:"Paths of files to ask about, one a line."`
}

// evalLine is the answer to one query.
type evalLine struct {
	Query   string           `json:"query"`
	Verdict registry.Verdict `json:"verdict"`
	Matches []evalMatch      `json:"matches"` // never null
	Error   string           `json:"error,omitempty"`
}

type evalMatch struct {
	Ref      string             `json:"ref"`
	Score    float64            `json:"score"`
	Verdict  registry.Verdict   `json:"verdict"`
	Regions  []registry.Region  `json:"regions,omitempty"`
	Segments []registry.Segment `json:"segments,omitempty"`
	// Measures are what the model saw, where --measures asks for them.
	Measures     []float64 `json:"measures,omitempty"`
	Undiscounted []float64 `json:"undiscounted,omitempty"`
}

// evalStats are means per item: CPU of the process over the items.
type evalStats struct {
	RegisterMS float64 `json:"register_ms"`
	QueryMS    float64 `json:"query_ms"`
	IndexBytes float64 `json:"index_bytes"`
	Registered int     `json:"registered"`
	Failed     int     `json:"failed"`
	Queries    int     `json:"queries"`
}

// Run registers and asks through the same Register and Match as the service, with its
// own thresholds: what is measured is the product.
func (c *evalCmd) Run(e *env) error {
	refs, err := readList(c.Refs)
	if err != nil {
		return err
	}
	queries, err := readList(c.Queries)
	if err != nil {
		return err
	}
	if c.Distractors != "" {
		more, err := readList(c.Distractors)
		if err != nil {
			return err
		}
		refs = append(refs, more...)
	}
	if c.Peer != "" {
		p, err := peerNamed(c.Peer)
		if err != nil {
			return err
		}
		return p.run(e, refs, queries)
	}
	y, works, done, err := e.openEval(c.Data)
	if err != nil {
		return err
	}
	defer done()
	var stats evalStats
	start := cpuTime()
	fresh, err := works.register(refs, c.Jobs, readInput)
	if err != nil {
		return err
	}
	stats.RegisterMS = perItem(cpuTime()-start, fresh)
	stats.Failed = works.failed
	stats.Registered = len(refs) - stats.Failed
	start = cpuTime()
	if err := e.evalQuery(y, queries, works, c.Jobs, c.Measures); err != nil {
		return err
	}
	stats.Queries = len(queries)
	stats.QueryMS = perItem(cpuTime()-start, len(queries))
	// Closing writes the index files, whose size is wanted.
	if err := y.close(e.ctx); err != nil {
		return err
	}
	size, err := treeSize(filepath.Join(y.settings.Data, "index"))
	if err != nil {
		return err
	}
	stats.IndexBytes = float64(size) / float64(max(1, works.size()))
	return json.NewEncoder(e.stdout).Encode(map[string]evalStats{"stats": stats})
}

func (e *env) evalQuery(y *system, paths []string, works *evalSet, jobs int, measures bool) error {
	out := bufio.NewWriter(e.stdout)
	enc := json.NewEncoder(out)
	lines := make([]evalLine, len(paths))
	var failed error
	done, ticks := 0, newTicker()
	inOrder(e.ctx, len(paths), jobs, func(i int) {
		lines[i] = e.evalOne(y, paths[i], works, measures)
		for k := range lines[i].Matches {
			if !measures {
				lines[i].Matches[k].Measures, lines[i].Matches[k].Undiscounted = nil, nil
			}
		}
	}, func(i int) {
		if err := enc.Encode(lines[i]); err != nil && failed == nil {
			failed = err
		}
		lines[i] = evalLine{}
		done++
		e.progress(done, len(paths), "query")
		ticks.tick(e, done, len(paths), "asked")
	})
	e.clearProgress()
	if failed == nil {
		failed = e.ctx.Err()
	}
	if failed != nil {
		return failed
	}
	return out.Flush()
}

// evalOne asks about one file. For fitting the model, what it rejects is wanted too.
func (e *env) evalOne(y *system, path string, works *evalSet, measures bool) evalLine {
	line := evalLine{Query: path, Verdict: registry.None, Matches: []evalMatch{}}
	in, err := readInput(path)
	if err != nil {
		line.Error = err.Error()
		return line
	}
	rep, err := y.registry.Match(e.ctx, registry.MatchRequest{Asker: "eval-asker", File: registry.File{Name: in.name(), Data: in.data}, Alike: true, Unlikely: measures})
	if err != nil {
		line.Error = err.Error()
		return line
	}
	line.Verdict = rep.Verdict
	for _, m := range rep.Matches {
		ref, ok := works.path(m.Work)
		if !ok {
			continue // of an earlier run with the same --data, and not in the lists of this one
		}
		line.Matches = append(line.Matches, evalMatch{Ref: ref, Score: m.Probability, Verdict: m.Verdict, Regions: m.Regions, Segments: m.Segments, Measures: m.Measures, Undiscounted: m.Undiscounted})
	}
	return line
}

// inOrder runs do(i) for 0 ≤ i < n, so many at a time, and then calls emit(i) in rising
// order, one at a time.
func inOrder(ctx context.Context, n, workers int, do, emit func(int)) {
	workers = max(1, workers)
	ready := make([]chan struct{}, n)
	for i := range ready {
		ready[i] = make(chan struct{})
	}
	// window keeps finished lines from piling up behind a slow one.
	window := make(chan struct{}, 64*workers)
	var next int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				window <- struct{}{}
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n {
					<-window
					return
				}
				if ctx.Err() == nil {
					do(i)
				}
				close(ready[i])
			}
		})
	}
	for i := range n {
		<-ready[i]
		if emit != nil && ctx.Err() == nil {
			emit(i)
		}
		<-window
	}
	wg.Wait()
}

// readList reads paths, one a line; blank lines are passed over.
func readList(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if p := strings.TrimRight(lines.Text(), "\r"); p != "" {
			out = append(out, p)
		}
	}
	return out, lines.Err()
}

// cpuTime is the CPU time that this process has used, user and system.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func perItem(d time.Duration, n int) float64 {
	return float64(d.Microseconds()) / 1000 / float64(max(1, n))
}

func treeSize(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n += info.Size()
		return nil
	})
	return n, err
}
