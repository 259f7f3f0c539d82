package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"selvage/fingerprint"
	"selvage/registry"
)

// evalSet is the registered set of an evaluation: which work came of which path. Each path
// is registered by an owner of its own, matchable. The set is written down in eval.jsonl
// in the data directory, so that a run that goes on reads no file twice; a file that has
// changed under its path since is not noticed.
type evalSet struct {
	e *env
	y *system

	mu      sync.Mutex
	known   map[string]registry.WorkID
	journal *os.File
	// byWork leads back to the paths that this run has asked for. It is complete before
	// the first query, and only read from then on.
	byWork map[registry.WorkID]string
	failed int
}

// evalEntry is a line of the journal.
type evalEntry struct {
	Path string          `json:"path"`
	Work registry.WorkID `json:"work"`
}

// openEval opens the registry of an evaluation with its set: in data, or for a while where that is
// "". Done closes both, and removes what is not to be kept.
func (e *env) openEval(data string) (y *system, set *evalSet, done func(), err error) {
	s := defaults()
	s.Data = data
	if data == "" {
		if s.Data, err = os.MkdirTemp("", "selvage-eval-"); err != nil {
			return nil, nil, nil, err
		}
	}
	done = func() {
		if set != nil {
			_ = set.close() // nothing is buffered
		}
		if y != nil {
			y.quit(e.ctx)
		}
		if data == "" {
			_ = os.RemoveAll(s.Data)
		}
	}
	if y, err = e.open(s, nil); err == nil {
		set, err = openEvalSet(e, y, s.Data)
	}
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	return y, set, done, nil
}

// openEvalSet reads the journal in the data directory. Close the set.
func openEvalSet(e *env, y *system, dir string) (*evalSet, error) {
	s := &evalSet{e: e, y: y, known: map[string]registry.WorkID{}, byWork: map[registry.WorkID]string{}}
	name := filepath.Join(dir, "eval.jsonl")
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("registered set: %w", err)
	}
	// A line that was cut short is written again; the registry knows its work.
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	for line := range bytes.Lines(b) {
		var k evalEntry
		if err := json.Unmarshal(line, &k); err != nil {
			return nil, fmt.Errorf("%s: %w; remove the file to have it made anew", name, err)
		}
		// The registry decides: a journal without its registry registers everything again.
		if _, err := y.registry.OwnerOf(e.ctx, k.Work); errors.Is(err, registry.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		s.known[k.Path] = k.Work
	}
	if s.journal, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("registered set: %w", err)
	}
	if err := errors.Join(s.journal.Truncate(int64(len(b))), seekEnd(s.journal)); err != nil {
		return nil, errors.Join(fmt.Errorf("registered set: %w", err), s.journal.Close())
	}
	return s, nil
}

func seekEnd(f *os.File) error {
	_, err := f.Seek(0, 2)
	return err
}

func (s *evalSet) close() error { return s.journal.Close() }

// path is what a work was registered from, if this run has asked for it.
func (s *evalSet) path(w registry.WorkID) (string, bool) {
	p, ok := s.byWork[w]
	return p, ok
}

// size is how many works the data directory holds.
func (s *evalSet) size() int { return len(s.known) }

// register registers what is not yet, jobs at a time, and returns how many that were.
// load reads a file; what it cannot read is reported on stderr and counted as failed.
func (s *evalSet) register(paths []string, jobs int, load func(path string) (input, error)) (fresh int, err error) {
	var todo []string
	for _, p := range paths {
		if w, ok := s.known[p]; ok {
			s.byWork[w] = p
		} else {
			todo = append(todo, p)
		}
	}
	done, lines := len(paths)-len(todo), newTicker()
	var broken error
	inOrder(s.e.ctx, len(todo), jobs, func(i int) {
		w, err := s.one(todo[i], load)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			err = s.keep(todo[i], w)
			broken = errors.Join(broken, err)
		} else {
			s.failed++
		}
		if err != nil && s.e.ctx.Err() == nil {
			s.e.clearProgress()
			fmt.Fprintf(s.e.stderr, "%s: %v\n", todo[i], err)
		}
		done++
		s.e.progress(done, len(paths), "register")
		lines.tick(s.e, done, len(paths), "registered")
	}, nil)
	s.e.clearProgress()
	return len(todo), errors.Join(broken, s.e.ctx.Err())
}

func (s *evalSet) one(path string, load func(string) (input, error)) (registry.WorkID, error) {
	in, err := load(path)
	if err != nil {
		return "", err
	}
	r, err := s.y.registry.Register(s.e.ctx, registry.RegisterRequest{
		// The path, not the place in the list, so that a kept set is met again.
		Owner:      registry.OwnerID("ref-" + fingerprint.DigestOf([]byte(path)).String()[:24]),
		Visibility: registry.Matchable, Files: []registry.File{{Name: in.name(), Data: in.data}}, NoWait: true, Bulk: true,
	})
	if err != nil {
		return "", err
	}
	return r.Work.ID, nil
}

func (s *evalSet) keep(path string, w registry.WorkID) error {
	s.known[path], s.byWork[w] = w, path
	b, err := json.Marshal(evalEntry{path, w})
	if err == nil {
		_, err = s.journal.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("registered set: %w", err)
	}
	return nil
}

// ticker says every half minute how far a long run is, where no bar can be drawn.
type ticker struct{ last time.Time }

func newTicker() *ticker { return &ticker{time.Now()} }

func (t *ticker) tick(e *env, done, total int, what string) {
	if terminal(e.stderr) || time.Since(t.last) < 30*time.Second {
		return
	}
	t.last = time.Now()
	fmt.Fprintf(e.stderr, "%s %d of %d\n", what, done, total)
}
