package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
)

// A peer is what others in this field do: one global hash of the whole picture, looked up
// by Hamming distance over everything, and nothing behind it. eval --peer runs one beside
// the product, over the same files and in the same form.
type peer struct {
	kind  fingerprint.Kind
	forms bool // ask in all eight turned and mirrored forms
}

var peers = map[string]peer{
	"pdq":     {fingerprint.PDQ256, false},
	"pdq8":    {fingerprint.PDQ256, true},
	"phash64": {fingerprint.PHash64, false},
}

// run prints the nearest 20 references of every query; score is the share of equal bits.
func (p peer) run(e *env, refs, queries []string) error {
	set := fingerprint.Set{photo.New(photo.Options{NoNegatives: true})}
	hash := func(path string) (*fingerprint.Result, error) {
		in, err := readInput(path)
		if err != nil {
			return nil, err
		}
		return set.Hash(e.ctx, "", in.data)
	}
	type print struct {
		ref string
		fp  fingerprint.Fingerprint
	}
	var stored []print
	var mu sync.Mutex
	start := cpuTime()
	inOrder(e.ctx, len(refs), func(i int) {
		r, err := hash(refs[i])
		if err != nil {
			return
		}
		if fp, ok := r.Print(p.kind, fingerprint.Full); ok {
			mu.Lock()
			stored = append(stored, print{refs[i], fp})
			mu.Unlock()
		}
	}, nil)
	stats := evalStats{Registered: len(stored), Failed: len(refs) - len(stored), Queries: len(queries), RegisterMS: perItem(cpuTime()-start, len(refs))}
	start = cpuTime()
	lines := make([]evalLine, len(queries))
	enc := json.NewEncoder(e.stdout)
	var failed error
	inOrder(e.ctx, len(queries), func(i int) {
		lines[i] = evalLine{Query: queries[i], Verdict: "none", Matches: []evalMatch{}}
		r, err := hash(queries[i])
		if err != nil {
			lines[i].Error = err.Error()
			return
		}
		probes := p.probes(r)
		for _, s := range stored {
			best := -1
			for _, q := range probes {
				if d, err := fingerprint.Distance(q, s.fp); err == nil && (best < 0 || d < best) {
					best = d
				}
			}
			if best >= 0 {
				lines[i].Matches = append(lines[i].Matches, evalMatch{Ref: s.ref, Score: 1 - float64(best)/float64(8*len(s.fp.Payload)), Verdict: "alike"})
			}
		}
		slices.SortStableFunc(lines[i].Matches, func(a, b evalMatch) int { return cmp.Compare(b.Score, a.Score) })
		lines[i].Matches = lines[i].Matches[:min(20, len(lines[i].Matches))]
	}, func(i int) {
		failed = errors.Join(failed, enc.Encode(lines[i]))
		lines[i] = evalLine{}
	})
	if failed = errors.Join(failed, e.ctx.Err()); failed != nil {
		return failed
	}
	stats.QueryMS = perItem(cpuTime()-start, len(queries))
	for _, s := range stored {
		stats.IndexBytes += float64(len(s.fp.Payload)) / float64(len(stored))
	}
	return enc.Encode(map[string]evalStats{"stats": stats})
}

// probes are what is asked for: the whole picture, as it is or in eight forms.
func (p peer) probes(r *fingerprint.Result) []fingerprint.Fingerprint {
	fp, ok := r.Print(p.kind, fingerprint.Full)
	if !ok {
		return nil
	}
	out := []fingerprint.Fingerprint{fp}
	if p.forms {
		// The probes begin with the eight forms of the whole picture (package photo).
		for _, q := range r.Probes {
			if q.Kind == p.kind && q.View == fingerprint.Full {
				out = append(out, q.Fingerprint)
			}
		}
	}
	return out
}

func peerNamed(name string) (peer, error) {
	p, ok := peers[name]
	if !ok {
		return peer{}, &exit{2, fmt.Sprintf("--peer %q: use pdq, pdq8 or phash64", name)}
	}
	return p, nil
}
