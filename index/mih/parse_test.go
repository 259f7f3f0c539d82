package mih

import (
	"slices"
	"testing"

	"selvage/index"
	"selvage/index/indextest"
	"selvage/index/internal/segments"
)

func small(n, chunks int) *segment {
	s := carve(make([]uint64, layoutOf(n, chunks).total), n, chunks)
	copy(s.Body.codes, indextest.Clustered(n, 10, 5, 1))
	for i := range s.IDs {
		s.IDs[i] = index.ID(i * i)
	}
	post(s)
	return s
}

// TestBucket compares every bucket with a plain count, also where long runs of one value
// fill many words.
func TestBucket(t *testing.T) {
	for _, n := range []int{0, 1, 100, 5000} {
		s := small(n, 29)
		for i := n / 2; i < n; i++ { // half of them equal
			s.Body.codes[i] = index.Code{0x1234567812345678, 1, 2, 3}
		}
		for i := range s.Body.chunks {
			clear(s.Body.chunks[i].unary)
		}
		post(s)
		if _, err := parse(s.Words); err != nil {
			t.Fatal(err)
		}
		for c := range s.Body.chunks {
			ch := &s.Body.chunks[c]
			want := make(map[uint32][]uint32)
			for at := range s.Body.codes {
				v := ch.value(&s.Body.codes[at])
				want[v] = append(want[v], uint32(at))
			}
			for v := range uint32(1) << ch.width {
				w := window{at: ch.samples[v>>groupBits]}
				ch.window(&w)
				b := ch.bucket(&w, v&^(groupSize-1), int(v&(groupSize-1)))
				if got := ch.postings[b.start : b.start+b.count]; !slices.Equal(got, want[v]) {
					t.Fatalf("%d codes, chunk %d, bucket %d: %v, want %v", n, c, v, got, want[v])
				}
			}
		}
	}
}

func TestSelectBit(t *testing.T) {
	for _, x := range []uint64{1, 1 << 63, ^uint64(0), 0xaaaaaaaaaaaaaaaa, 0x8000000000000001, 0x0123456789abcdef} {
		k := 0
		for i := range uint32(64) {
			if x>>i&1 != 0 {
				if got := selectBit(x, k); got != i {
					t.Errorf("one %d of %x is at %d, want %d", k, x, got, i)
				}
				k++
			}
		}
	}
}

// TestRadii holds the pigeonhole: the parts add up to more than the radius.
func TestRadii(t *testing.T) {
	for chunks := minChunks; chunks <= maxChunks; chunks += 2 {
		for radius := range 257 {
			sum := 0
			for _, r := range radii(radius, chunks) {
				sum += r + 1
			}
			if sum != radius+1 {
				t.Errorf("radius %d in %d chunks: parts add up to %d", radius, chunks, sum)
			}
		}
	}
}

// TestCut compares chunks with a plain reading of their bits, and sees that every bit is in
// just one.
func TestCut(t *testing.T) {
	codes := append(indextest.Random(20, 1), index.Code{}, index.Code{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)})
	for chunks := minChunks; chunks <= maxChunks; chunks += 2 {
		all := 0
		for i := range chunks {
			cut := cutOf(i, chunks)
			all += cut.width
			if i > 0 && cut.width > cutOf(i-1, chunks).width {
				t.Errorf("chunk %d of %d is wider than the one before", i, chunks)
			}
			for _, c := range codes {
				want, n := uint32(0), 0
				for j := i; j < 256; j += chunks {
					want |= uint32(c[j/64]>>(j%64)&1) << n
					n++
				}
				if got := cut.value(&c); got != want || n != cut.width {
					t.Fatalf("chunk %d of %d of %x: %x in %d bits, want %x in %d", i, chunks, c, got, cut.width, want, n)
				}
			}
		}
		if all != 256 {
			t.Errorf("%d chunks hold %d bits", chunks, all)
		}
	}
}

// FuzzSegment mends the checksum, so that the checks behind it are reached. What passes
// them must be searchable.
func FuzzSegment(f *testing.F) {
	f.Add([]byte{})
	f.Add(slices.Clone(segments.Bytes(small(0, 0).Words)))
	f.Add(slices.Clone(segments.Bytes(small(5, 0).Words)))
	f.Add(slices.Clone(segments.Bytes(small(20, 31).Words)))
	f.Fuzz(func(t *testing.T, b []byte) {
		words := make([]uint64, len(b)/8)
		copy(segments.Bytes(words), b)
		if len(words) >= 8 {
			segments.Seal(words)
		}
		s, err := parse(words)
		if err != nil {
			return
		}
		probes := indextest.Random(2, 1)
		v := &part{Segment: s}
		want := scan(s.Body.codes, s.IDs, probes, 256)
		if len(want) != len(s.IDs) {
			t.Fatalf("scan finds %d of %d codes", len(want), len(s.IDs))
		}
		p := probers.Get().(*prober)
		if len(s.Body.chunks) > 0 {
			p.search(v, nil, probes, 40, 1<<20)
		}
		p.reset()
		probers.Put(p)
		for _, id := range s.IDs {
			if at, ok := s.Find(id); !ok || s.IDs[at] != id {
				t.Fatalf("ID %d is not found", id)
			}
		}
	})
}
