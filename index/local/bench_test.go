//go:build unix

package local_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"selvage/index"
	"selvage/index/indextest"
	"selvage/index/local"
)

var pictures = flag.Int("pictures", 100_000, "how many pictures BenchmarkSearch registers")

// spent is the processor time of this process so far.
func spent() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSearch asks for 500 probes of 3 words in 4 variants, among pictures of 288 features;
// one variant shows a part of a registered picture, 12 to 40 of its features.
func BenchmarkSearch(b *testing.B) {
	f := indextest.NewFeatures(1<<18, 288, 1)
	x, err := local.Open(b.TempDir(), local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	var wanted [][]local.Term
	begin, making := spent(), time.Duration(0)
	for i := range *pictures {
		from := spent()
		p := f.Picture()
		making += spent() - from
		if i%(*pictures/16+1) == 0 {
			wanted = append(wanted, p)
		}
		if err := x.Add(index.ID(uint32(i)*2654435761), p); err != nil {
			b.Fatal(err)
		}
		if i%10_000 == 9999 || i == *pictures-1 {
			if err := x.Flush(uint64(i)); err != nil {
				b.Fatal(err)
			}
		}
	}
	build := spent() - begin - making
	var queries [][][]local.Probe
	var answers []index.ID
	for i, p := range wanted {
		answers = append(answers, index.ID(uint32(i*(*pictures/16+1))*2654435761))
		var sets [][]local.Probe
		for v := range 4 {
			same := 0
			if v == i%4 {
				same = 12 + 4*(i%8) // to 40
			}
			sets = append(sets, f.Query(p, same, 500-same))
		}
		queries = append(queries, sets)
	}
	b.Run(fmt.Sprintf("n=%d", *pictures), func(b *testing.B) {
		begin := spent()
		right := 0
		for i := 0; b.Loop(); i++ {
			found, err := x.Search(queries[i%len(queries)], 20)
			if err != nil || len(found) != 20 {
				b.Fatalf("%d found, %v", len(found), err)
			}
			if found[0].ID == answers[i%len(answers)] {
				right++
			}
		}
		b.ReportMetric((spent()-begin).Seconds()*1000/float64(b.N), "cpu-ms/op")
		b.ReportMetric(float64(right)/float64(b.N), "right/op")
		b.ReportMetric(float64(x.Bytes())/float64(x.Len()), "B/picture")
		b.ReportMetric(float64(build.Microseconds())/float64(x.Len()), "build-µs/picture")
	})
	b.Run(fmt.Sprintf("within/n=%d", *pictures), func(b *testing.B) {
		r := rand.New(rand.NewPCG(1, 1))
		begin := spent()
		for i := 0; b.Loop(); i++ {
			from := index.ID(r.Uint32N(1<<32 - 1<<24)) // 1 of 256
			if _, err := x.SearchWithin(queries[i%len(queries)], 20, from, from+1<<24); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((spent()-begin).Seconds()*1000/float64(b.N), "cpu-ms/op")
	})
}
