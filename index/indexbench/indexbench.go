// Package indexbench measures similarity search on made-up codes: [Run] is what
// "selvage bench index" prints.
//
// Only figures of one run can be compared, as machines differ and are shared: that is
// why the plain scan is measured beside the fast index, with the same queries.
package indexbench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"selvage/index"
	"selvage/index/flat"
	"selvage/index/mih"
)

// Limit is the largest number of codes that [Run] takes: both indexes hold them, at
// about 180 bytes a code, and twice that while building.
const Limit = 32_000_000

// Kinds that can be measured: those with codes of 256 bits.
var Kinds = []string{"pdq256.v1"}

// Report is one measurement. Times are wall times on one thread, if not said otherwise.
type Report struct {
	Kind      string  `json:"kind"`
	N         int     `json:"n"`
	Seed      uint64  `json:"seed"`
	CPUs      int     `json:"cpus"`
	Radius    int     `json:"radius"`
	Probes    int     `json:"probes"`
	MIH       Figures `json:"mih"`
	Flat      Figures `json:"flat"`
	Speedup   float64 `json:"speedup"`    // queries per second, mih to flat
	Recall    float64 `json:"recall"`     // part of flat's hits that mih found too; must be 1
	OpenMS    float64 `json:"open_ms"`    // to open the finished files again, with all checks
	FileBytes float64 `json:"file_bytes"` // of mih on disk, a code
	// Searches are others than that of radius 31, such as registered works are asked for.
	Searches []Search `json:"searches"`
}

// Search compares both indexes in queries of one kind.
type Search struct {
	Radius  int     `json:"radius"`
	Probes  int     `json:"probes"`
	Queries int     `json:"queries"`
	MIH     float64 `json:"mih_cpu_ms"`  // processor time of a query
	Flat    float64 `json:"flat_cpu_ms"` // the same
	Speedup float64 `json:"speedup"`
	Rate    float64 `json:"gb_per_s"` // bytes of all codes by processor time of mih
	Hits    int     `json:"hits"`
	Recall  float64 `json:"recall"`
}

// Figures are those of one index.
type Figures struct {
	BuildS       float64 `json:"build_s"`        // from the first Add until flushed
	BytesPerCode float64 `json:"bytes_per_code"` // Go heap and mapped files
	Queries      int     `json:"queries"`
	QPS          float64 `json:"qps"`
	P50MS        float64 `json:"p50_ms"`
	P99MS        float64 `json:"p99_ms"`
	CPUMS        float64 `json:"cpu_ms"` // processor time of a query
	Hits         int     `json:"hits"`
}

const (
	radius      = 31
	probeCount  = 8
	mihQueries  = 400
	flatQueries = 20 // the first ones of the others
)

var searches = []Search{
	{Radius: 31, Probes: 16, Queries: 6}, // all with complements
	{Radius: 45, Probes: 16, Queries: 6},
	{Radius: 45, Probes: 48, Queries: 4},
	{Radius: 64, Probes: 16, Queries: 6},
	{Radius: 64, Probes: 48, Queries: 4},
}

// Run builds both indexes of n codes, half of them random and half in clusters of about
// 50 that differ by up to 20 bits from their middle, and puts the same queries to both:
// half of them near a code. The files go to a temporary directory, which is removed.
func Run(ctx context.Context, n int, kind string, seed uint64) (Report, error) {
	if !slices.Contains(Kinds, kind) {
		return Report{}, fmt.Errorf("bench index: kind %q cannot be measured, want one of %v", kind, Kinds)
	}
	if n < 1 || n > Limit {
		return Report{}, fmt.Errorf("bench index: %d codes, want 1 to %d", n, Limit)
	}
	r, err := run(ctx, n, kind, seed)
	if err != nil {
		return Report{}, fmt.Errorf("bench index: %w", err)
	}
	return r, nil
}

func run(ctx context.Context, n int, kind string, seed uint64) (r Report, err error) {
	dir, err := os.MkdirTemp("", "selvage-bench-*")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r = Report{Kind: kind, N: n, Seed: seed, CPUs: runtime.GOMAXPROCS(0), Radius: radius, Probes: probeCount}

	empty := heap()
	fast, err := mih.Open(dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, fast.Close()) }()
	start := time.Now()
	if err := fill(ctx, fast, n, seed); err != nil {
		return r, err
	}
	if err := fast.Flush(uint64(n)); err != nil {
		return r, err
	}
	r.MIH.BuildS = time.Since(start).Seconds()

	if err := fast.Close(); err != nil {
		return r, err
	}
	start = time.Now()
	again, err := mih.Open(dir)
	if err != nil {
		return r, err
	}
	fast = again
	r.OpenMS = ms(time.Since(start))
	_, mapped := fast.Size()
	r.FileBytes = float64(mapped) / float64(n)
	r.MIH.BytesPerCode = (heap() - empty + float64(mapped)) / float64(n)

	queries := makeQueries(n, seed, mihQueries, probeCount, false)
	found, err := r.MIH.measure(ctx, fast, queries)
	if err != nil {
		return r, err
	}

	empty = heap()
	plain := flat.New()
	start = time.Now()
	if err := fill(ctx, plain, n, seed); err != nil {
		return r, err
	}
	r.Flat.BuildS = time.Since(start).Seconds()
	r.Flat.BytesPerCode = (heap() - empty) / float64(n)
	want, err := r.Flat.measure(ctx, plain, queries[:flatQueries])
	if err != nil {
		return r, err
	}
	r.Speedup = r.MIH.QPS / r.Flat.QPS
	r.Recall = recall(found[:flatQueries], want)
	for _, s := range searches {
		queries := makeQueries(n, seed, s.Queries, s.Probes, true)
		var a, b Figures
		found, err := a.measureAt(ctx, fast, queries, s.Radius)
		if err != nil {
			return r, err
		}
		want, err := b.measureAt(ctx, plain, queries, s.Radius)
		if err != nil {
			return r, err
		}
		s.MIH, s.Flat, s.Speedup = a.CPUMS, b.CPUMS, b.CPUMS/a.CPUMS
		s.Rate = float64(n) * 32 / 1e6 / a.CPUMS
		s.Hits, s.Recall = a.Hits, recall(found, want)
		r.Searches = append(r.Searches, s)
	}
	return r, nil
}

// heap is the number of bytes in use after a collection.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// codeAt makes the i-th of n codes from the seed alone, so that the codes need no memory.
func codeAt(i, n int, seed uint64) index.Code {
	r := rand.New(rand.NewPCG(seed, uint64(i)))
	if i%2 == 0 {
		return random(r)
	}
	cluster := r.Uint64N(uint64(max(1, n/100)))
	return near(r, random(rand.New(rand.NewPCG(^seed, cluster))), r.IntN(21))
}

func random(r *rand.Rand) index.Code {
	return index.Code{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
}

// near flips as many bits as told, some of them perhaps twice.
func near(r *rand.Rand, c index.Code, bits int) index.Code {
	for range bits {
		bit := r.IntN(256)
		c[bit/64] ^= 1 << (bit % 64)
	}
	return c
}

func fill(ctx context.Context, x index.Hamming, n int, seed uint64) error {
	for i := range n {
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := x.Add(index.ID(i), codeAt(i, n, seed)); err != nil {
			return err
		}
	}
	return nil
}

// makeQueries makes sets of probes; a real query has one code and its 7 mirrored and
// turned forms, of which at most one is near anything. It may also have their
// complements, which are the hashes of the picture with inverted tones.
func makeQueries(n int, seed uint64, count, probes int, complements bool) [][]index.Code {
	r := rand.New(rand.NewPCG(seed, ^seed))
	queries := make([][]index.Code, count)
	for i := range queries {
		own := probes
		if complements {
			own /= 2
		}
		for range own {
			queries[i] = append(queries[i], random(r))
		}
		if i%2 == 0 {
			queries[i][r.IntN(own)] = near(r, codeAt(r.IntN(n), n, seed), 10)
		}
		for _, c := range queries[i][:probes-own] {
			queries[i] = append(queries[i], index.Code{^c[0], ^c[1], ^c[2], ^c[3]})
		}
	}
	return queries
}

func (f *Figures) measure(ctx context.Context, x index.Hamming, queries [][]index.Code) ([][]index.Hit, error) {
	return f.measureAt(ctx, x, queries, radius)
}

func (f *Figures) measureAt(ctx context.Context, x index.Hamming, queries [][]index.Code, radius int) ([][]index.Hit, error) {
	runtime.GC() // so that its time is not counted
	times := make([]float64, len(queries))
	found := make([][]index.Hit, len(queries))
	sum, begin := 0.0, spent()
	for i, q := range queries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		hits, err := x.Range(q, radius)
		times[i] = ms(time.Since(start))
		if err != nil {
			return nil, err
		}
		found[i] = hits
		sum += times[i]
		f.Hits += len(hits)
	}
	f.CPUMS = max(ms(spent()-begin), 1e-3) / float64(len(queries))
	slices.Sort(times)
	f.Queries = len(queries)
	f.QPS = 1000 * float64(len(queries)) / sum
	f.P50MS = times[len(times)/2]
	f.P99MS = times[len(times)*99/100]
	return found, nil
}

// recall is the part of the wanted hits that was found, with the right distance; it is
// lowered by hits that were not wanted, too.
func recall(found, want [][]index.Hit) float64 {
	right, all := 0, 0
	for i := range want {
		wanted := make(map[index.Hit]bool)
		for _, h := range want[i] {
			wanted[h] = true
		}
		for _, h := range found[i] {
			if wanted[h] {
				right++
			}
		}
		all += max(len(want[i]), len(found[i]))
	}
	if all == 0 {
		return 1
	}
	return float64(right) / float64(all)
}
