package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/corona10/goimagehash"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
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
	type print struct {
		ref string
		fp  fingerprint.Fingerprint
	}
	var stored []print
	var mu sync.Mutex
	start := cpuTime()
	inOrder(e.ctx, len(refs), runtime.GOMAXPROCS(0), func(i int) {
		forms, err := p.hash(e.ctx, refs[i])
		if err != nil {
			return
		}
		mu.Lock()
		stored = append(stored, print{refs[i], forms[0]})
		mu.Unlock()
	}, nil)
	stats := evalStats{Registered: len(stored), Failed: len(refs) - len(stored), Queries: len(queries), RegisterMS: perItem(cpuTime()-start, len(refs))}
	start = cpuTime()
	lines := make([]evalLine, len(queries))
	enc := json.NewEncoder(e.stdout)
	var failed error
	inOrder(e.ctx, len(queries), runtime.GOMAXPROCS(0), func(i int) {
		lines[i] = evalLine{Query: queries[i], Verdict: "none", Matches: []evalMatch{}}
		probes, err := p.hash(e.ctx, queries[i])
		if err != nil {
			lines[i].Error = err.Error()
			return
		}
		if !p.forms {
			probes = probes[:1]
		}
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

// hash returns the hash of the whole picture, first as it is and then in the other forms
// that the kind has.
func (p peer) hash(ctx context.Context, path string) ([]fingerprint.Fingerprint, error) {
	in, err := readInput(path)
	if err != nil {
		return nil, err
	}
	pic, err := decode.Decode(ctx, in.data, decode.Limits{})
	if err != nil {
		return nil, err
	}
	if p.kind == fingerprint.PHash64 {
		h, err := goimagehash.PerceptionHash(pic.RGB)
		if err != nil {
			return nil, err
		}
		return []fingerprint.Fingerprint{{Kind: p.kind, Payload: binary.BigEndian.AppendUint64(nil, h.GetHash())}}, nil
	}
	var out []fingerprint.Fingerprint
	forms, quality := photo.PDQ(pic.RGB)
	for _, f := range forms {
		out = append(out, fingerprint.Fingerprint{Kind: p.kind, Payload: f, Quality: quality})
	}
	return out, nil
}

func peerNamed(name string) (peer, error) {
	p, ok := peers[name]
	if !ok {
		return peer{}, &exit{2, fmt.Sprintf("--peer %q: use pdq, pdq8 or phash64", name)}
	}
	return p, nil
}
