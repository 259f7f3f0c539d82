package calibrate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
)

// folds gives each group a fold: groups that copies come from and other groups are dealt
// out by themselves, in the order of their hashes, so that all folds get both.
func folds(rows []Row, k int) map[string]int {
	copies := map[string]bool{}
	for _, r := range rows {
		for _, g := range []string{r.QueryGroup, r.WorkGroup} {
			copies[g] = copies[g] || r.Copy
		}
	}
	names := slices.SortedFunc(maps.Keys(copies), func(a, b string) int {
		return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a, b))
	})
	out := make(map[string]int, len(names))
	var dealt [2]int
	for _, g := range names {
		kind := 0
		if copies[g] {
			kind = 1
		}
		out[g] = dealt[kind] % k
		dealt[kind]++
	}
	return out
}

// learners makes one learner for each pair of folds a <= b that some row's two groups lie
// in. It is judged on those rows and sees rows with neither group in either fold.
func learners(t *table, opt *Options) ([]*learner, error) {
	fold := folds(t.rows, opt.Folds)
	type pair struct{ a, b int }
	of := make([]pair, len(t.rows))
	base := make([]uint64, len(t.rows))
	for i, r := range t.rows {
		a, b := fold[r.QueryGroup], fold[r.WorkGroup]
		of[i] = pair{min(a, b), max(a, b)}
		base[i] = hash(r.QueryGroup)
	}
	var out []*learner
	for a := range opt.Folds {
		for b := a; b < opt.Folds; b++ {
			l := &learner{t: t, opt: opt, sampleBase: base}
			l.hold = pick(len(of), func(i int) bool { return of[i] == pair{a, b} }).rows
			if len(l.hold) == 0 {
				continue
			}
			l.train = pick(len(of), func(i int) bool {
				p := of[i]
				return p.a != a && p.a != b && p.b != a && p.b != b
			})
			if m := t.masses(l.train); m[0] == 0 || m[1] == 0 {
				return nil, fmt.Errorf("calibrate: without two of %d folds no copies or no strangers are left to learn from: use more folds or more works", opt.Folds)
			}
			l.t = t.evened(l.train)
			out = append(out, l)
		}
	}
	return out, nil
}

// whole is the learner that sees every row.
func whole(t *table, opt *Options) *learner {
	l := &learner{t: t, opt: opt, sampleBase: make([]uint64, len(t.rows))}
	l.train = pick(len(t.rows), func(int) bool { return true })
	for i, r := range t.rows {
		l.sampleBase[i] = hash(r.QueryGroup)
	}
	return l
}

// each runs do for every learner, on all processors; learners share nothing that is written.
func each(ctx context.Context, ls []*learner, do func(*learner)) error {
	var wg sync.WaitGroup
	tickets := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, l := range ls {
		tickets <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-tickets }()
			do(l)
		})
	}
	wg.Wait()
	return ctx.Err()
}
