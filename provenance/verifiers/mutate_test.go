//go:build mutate

package verifiers_test

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"maps"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"selvage/provenance"
)

var (
	nBundles  = flag.Int("bundles", 200, "bundles from real registrations")
	nChanges  = flag.Int("changes", 20000, "single-byte changes of the zip, for selvage-verify")
	nPage     = flag.Int("page", 20000, "how many of those also for verify.html")
	nScript   = flag.Int("script", 20000, "single-byte changes of unpacked files, for verify.sh")
	nRepacked = flag.Int("repacked", 2000, "single-byte changes under fitting manifests, for selvage-verify and verify.html")
	skipSwaps = flag.Bool("noswaps", false, "leave the swaps to verify.sh")
	limit     = flag.Duration("limit", 100*time.Hour, "after which each class ends, and says how far it came")
	nDeep     = flag.Int("deep", 600, "how many of those and of the swaps also for verify.sh")
	workers   = flag.Int("workers", 1, "copies of verify.sh at a time")
	seed      = flag.Uint64("seed", 0, "of the changes; 0 takes one from the clock")
)

// count is what one verifier said.
type count struct{ proved, contradicted, cannotTell, other atomic.Int64 }

func (c *count) add(outcome string) (refused bool) {
	switch outcome {
	case "proved":
		c.proved.Add(1)
	case "contradicted":
		c.contradicted.Add(1)
		return true
	case "cannot tell":
		c.cannotTell.Add(1)
		return true
	default:
		c.other.Add(1)
	}
	return false
}

func (c *count) String() string {
	return fmt.Sprintf("%d proved, %d contradicted, %d cannot tell, %d other", c.proved.Load(), c.contradicted.Load(), c.cannotTell.Load(), c.other.Load())
}

// TestMutate is the whole harness: "make mutate". It prints one line of figures for
// each class of change and verifier.
func TestMutate(t *testing.T) {
	t.Setenv("SELVAGE_REQUIRE_BROWSER", "1")
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	r := mrand.New(mrand.NewPCG(*seed, 1))
	t.Logf("seed %d", *seed)
	bundles := makeBundles(t, *nBundles)
	b := openBrowser(t)

	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "mutate: "+format+"\n", args...) }
	// verify.sh takes a second where the others take milliseconds, so it comes last.
	for _, x := range bundles {
		if a := ask(t, b, unpack(t, x.zip), asking{policy: x.policy, original: x.original, noScript: true}); !a.all("proved") {
			t.Fatalf("%s:\n%s", x.name, a)
		}
	}
	say("%d bundles: proved by selvage-verify and verify.html", len(bundles))
	zipChanges(t, bundles, b, r, say)
	forScript := swapped(t, bundles, b, say)
	forScript = append(forScript, repacked(t, bundles, b, r, say)...)
	r.Shuffle(len(forScript), func(i, j int) { forScript[i], forScript[j] = forScript[j], forScript[i] })

	scriptAccepts(t, bundles, say)
	scriptChanges(t, bundles, r, say)
	scriptSwaps(t, forScript[:min(*nDeep, len(forScript))], say)
	tryHostile(t, b, true)
	say("tokens of hostile authorities: refused by all three")
}

// inTime starts the clock of a class; what it returns says when the time is over.
func inTime() func() bool {
	end := time.Now().Add(*limit)
	return func() bool { return time.Now().After(end) }
}

// evenChanges are random changes of a zip, half of them anywhere and half such that each
// file has the same chance, however short it is.
func evenChanges(t *testing.T, b []byte, n int, r *mrand.Rand) []change {
	all := randomChanges(b, n, r)
	zr, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	for i := range all {
		f := zr.File[r.IntN(len(zr.File))]
		if i%2 == 0 || f.UncompressedSize64 == 0 {
			continue
		}
		at, err := f.DataOffset()
		must(t, err)
		c := randomChanges(b[at:at+int64(f.UncompressedSize64)], 1, r)[0]
		all[i] = change{int(at) + c.At, c.Value}
	}
	return all
}

// share is how many of n things fall to the i-th of k.
func share(n, i, k int) int { return n*(i+1)/k - n*i/k }

func zipChanges(t *testing.T, bundles []bundle, b *browser, r *mrand.Rand, say func(string, ...any)) {
	var ours, html count
	over := inTime()
	for i, x := range bundles {
		changes := evenChanges(t, x.zip, share(*nChanges, i, len(bundles)), r)
		for batch := range slices.Chunk(changes[:min(len(changes), share(*nPage, i, len(bundles)))], 20) {
			if over() {
				break
			}
			outcomes, err := b.verifyChanged(x.zip, batch)
			must(t, err)
			for j, o := range outcomes {
				if !html.add(o) {
					t.Errorf("%s: byte %+v: verify.html: %s", x.name, batch[j], o)
				}
			}
		}
		for _, c := range changes {
			if over() {
				break
			}
			changed := bytes.Clone(x.zip)
			changed[c.At] = c.Value
			if !ours.add(string(goVerify(changed, nil).Outcome)) {
				t.Errorf("%s: byte %+v: selvage-verify", x.name, c)
			}
		}
	}
	say("a byte of the zip: selvage-verify: %s", &ours)
	say("a byte of the zip: verify.html: %s", &html)
}

// signed lists the files whose every byte is signed, or follows from what is.
func signed(f files) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f)), func(n string) bool {
		return n == "README.txt" || n == "bag-info.txt" || n == "trust/policy.json" || strings.HasSuffix(n, ".tsr") || strings.Contains(n, "manifest-") || len(f[n]) == 0
	})
}

// repacked changes a byte and packs again with fitting manifests, so that only the
// check of that very file can refuse. Bytes of a token that its signature does not cover
// may differ, if all else stays as it was: the same time is proved.
func repacked(t *testing.T, bundles []bundle, b *browser, r *mrand.Rand, say func(string, ...any)) (forScript []swap) {
	var ours, html, tokens count
	k, over := 0, inTime()
	for i, x := range bundles {
		f := unpack(t, x.zip)
		good := goVerify(x.zip, nil)
		names := signed(f)
		for range share(*nRepacked, i, len(bundles)) {
			if over() {
				break
			}
			k++
			name := names[r.IntN(len(names))]
			if k%10 == 0 {
				name = "data/work/checkpoint.tsr"
			}
			c := randomChanges(f[name], 1, r)[0]
			changed := f.clone()
			changed[name][c.At] = c.Value
			zip := changed.pack()
			rep := goVerify(zip, nil)
			page, err := b.verify(zip, nil, nil)
			must(t, err)
			if k%10 == 0 {
				tokens.add(page.Outcome)
				at, err := time.Parse(time.RFC3339, page.NotAfter)
				if rep.Outcome == provenance.Proved && !rep.NotAfter.Equal(*good.NotAfter) ||
					page.Outcome == "proved" && (err != nil || !at.Equal(*good.NotAfter)) {
					t.Errorf("%s: %s: byte %+v: another time is proved", x.name, name, c)
				}
				continue
			}
			if !ours.add(string(rep.Outcome)) {
				t.Errorf("%s: %s: byte %+v: selvage-verify: %s", x.name, name, c, rep)
			}
			if !html.add(page.Outcome) {
				t.Errorf("%s: %s: byte %+v: verify.html: %+v", x.name, name, c, page)
			}
			forScript = append(forScript, swap{fmt.Sprintf("%s: %s: byte %+v", x.name, name, c), changed})
		}
	}
	say("a byte of a file, packed again: selvage-verify: %s", &ours)
	say("a byte of a file, packed again: verify.html: %s", &html)
	say("a byte of a token, packed again: verify.html, the same time wherever proved: %s", &tokens)
	return forScript
}

// scriptOn runs verify.sh on files and removes them again.
func scriptOn(t *testing.T, f files) (outcome, output string) {
	dir, err := os.MkdirTemp("", "mutate")
	must(t, err)
	defer os.RemoveAll(dir)
	for name, data := range f {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, data, 0o644))
	}
	return script(dir)
}

func swapped(t *testing.T, bundles []bundle, b *browser, say func(string, ...any)) (all []swap) {
	var ours, html count
	all = allSwaps(t, bundles)
	if *skipSwaps {
		return append(all, lies(t)[1:]...)
	}
	for _, s := range all {
		zip := s.f.pack()
		if !ours.add(string(goVerify(zip, nil).Outcome)) {
			t.Errorf("%s: selvage-verify", s.name)
		}
		page, err := b.verify(zip, nil, nil)
		must(t, err)
		if !html.add(page.Outcome) {
			t.Errorf("%s: verify.html: %+v", s.name, page)
		}
	}
	for _, s := range lies(t)[1:] {
		page, err := b.verify(s.f.pack(), nil, nil)
		must(t, err)
		if !html.add(page.Outcome) {
			t.Errorf("%s: verify.html: %+v", s.name, page)
		}
		all = append(all, s)
	}
	say("swaps: selvage-verify: %s", &ours)
	say("swaps: verify.html: %s", &html)
	return all
}

func scriptAccepts(t *testing.T, bundles []bundle, say func(string, ...any)) {
	var shell count
	inParallel(len(bundles), func(i int) {
		outcome, out := scriptOn(t, unpack(t, bundles[i].zip))
		if shell.add(outcome) || outcome != "proved" {
			t.Errorf("%s: verify.sh: %s", bundles[i].name, out)
		}
	})
	say("bundles as they are: verify.sh: %s", &shell)
}

func scriptSwaps(t *testing.T, list []swap, say func(string, ...any)) {
	var shell count
	inParallel(len(list), func(i int) {
		outcome, out := scriptOn(t, list[i].f)
		if !shell.add(outcome) {
			t.Errorf("%s: verify.sh: %s", list[i].name, out)
		}
		if i%100 == 99 {
			say("a swap, or a byte of a file packed again: verify.sh so far: %s", &shell)
		}
	})
	say("a swap, or a byte of a file packed again: verify.sh: %s", &shell)
}

// inParallel runs body for 0 to n-1 in the given number of workers.
func inParallel(n int, body func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	over := inTime()
	for range *workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && !over(); i = next.Add(1) - 1 {
				body(int(i))
			}
		})
	}
	wg.Wait()
}

func scriptChanges(t *testing.T, bundles []bundle, r *mrand.Rand, say func(string, ...any)) {
	var shell count
	parts := make([]*mrand.Rand, len(bundles))
	for i := range parts {
		parts[i] = mrand.New(mrand.NewPCG(r.Uint64(), uint64(i)))
	}
	over := inTime()
	inParallel(len(bundles), func(i int) {
		x := bundles[i]
		changeFiles(t, unpack(t, x.zip), share(*nScript, i, len(bundles)), parts[i], over, func(name string, c change, outcome string) {
			if !shell.add(outcome) {
				t.Errorf("%s: %s: byte %+v: verify.sh: %s", x.name, name, c, outcome)
			}
		})
		if i%10 == 9 {
			say("a byte of an unpacked file: verify.sh so far: %s", &shell)
		}
	})
	say("a byte of an unpacked file: verify.sh: %s", &shell)
}
