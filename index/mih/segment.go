package mih

import (
	"fmt"
	"math/bits"
	"slices"

	"selvage/index"
	"selvage/index/internal/segments"
)

// The layout is written out in doc.go. All lengths here are in words of 64 bits.
const (
	magic     = 0x32304d4745534853 // "SHSEGM02" where the low byte comes first
	maxCodes  = 1 << 28            // what the parser accepts; building stops far below
	minChunks = 11                 // numbers of chunks are odd
	maxChunks = 31
	groupBits = 5 // buckets come in groups of 32, each with a sample
	groupSize = 1 << groupBits
)

type (
	segment = segments.Segment[body]
	source  = segments.Source[body]
	part    = segments.Part[body]
	bitset  = segments.Bitset
)

// A body is the codes of a segment.
type body struct {
	codes  []index.Code
	chunks []chunk // none in a small segment, which is always scanned
}

// A chunk is every m-th bit of the code, where m is the number of chunks, and for every
// value that it can take (a bucket) the list of codes that have it. The lists stand one
// after the other in postings; their lengths are kept in unary: a one for each code and a
// zero at a bucket's end.
//
// Neighbouring bits of a perceptual hash tend to agree, and so do bits a row apart. A
// chunk of neighbours would have many crowded buckets; that is also why m is odd.
type chunk struct {
	cut
	samples  []uint32 // where in unary each group of buckets begins, in bits
	unary    []uint64 // longer than needed, for reading over the end
	postings []uint32 // positions of codes, rising inside a bucket
}

// A cut takes the bits i, i+m, i+2m, … out of a code; bit j is bit j%64 of word j/64,
// where bit 0 is the lowest. In each word it moves the first of its bits to bit 0 and
// clears all others; multiplying then brings them together at the top, without carries.
type cut struct {
	width        int
	shift, place [4]uint8 // where the bits of each word begin, and where they go to
	mask, gather uint64
	top          uint8
}

func cutOf(i, m int) cut {
	most := (64 + m - 1) / m // bits in one word
	c := cut{top: uint8(64 - most)}
	for k := range most {
		c.mask |= 1 << (k * m)
		c.gather |= 1 << (int(c.top) - k*(m-1))
	}
	next := i
	for w := range 4 {
		c.shift[w], c.place[w] = uint8(next-64*w), uint8(c.width)
		for ; next < 64*(w+1); next += m {
			c.width++
		}
	}
	return c
}

func (c *cut) value(code *index.Code) uint32 {
	v := uint64(0)
	for w, word := range code {
		v |= (word >> (c.shift[w] & 63) & c.mask) * c.gather >> (c.top & 63) << (c.place[w] & 63)
	}
	return uint32(v)
}

// A window is the directory of one group of buckets, read ahead of its use.
type window struct {
	at            uint32 // first bit
	first, second uint64 // 128 bits of unary from there, inverted: ones are ends of buckets
}

// window fills in w from its first bit on. It decides nothing, so that many can be read
// at the same time.
func (ch *chunk) window(w *window) {
	words, shift := ch.unary[w.at>>6:][:3], w.at&63
	w.first = ^(words[0]>>shift | words[1]<<1<<(63-shift))
	w.second = ^(words[1]>>shift | words[2]<<1<<(63-shift))
}

// bucket returns where the codes of bucket i of a group stand in postings; value is that
// of the group's first bucket.
func (ch *chunk) bucket(w *window, value uint32, i int) bucket {
	n := bits.OnesCount64(w.first)
	late := uint64(n-1-i) >> 32 >> 31 // 1 if the end is in the second word
	ends := w.first ^ (w.first^w.second)&-late
	k := i - n&-int(late)
	if k < bits.OnesCount64(ends) {
		end := selectBit(ends, k)
		if run := uint32(bits.LeadingZeros64(ends << (64 - end))); run < end || late == 0 {
			run = min(run, end)
			begin := w.at + uint32(late)<<6 + end - run
			return bucket{begin - value - uint32(i), run}
		}
	}
	return ch.longBucket(w.at, value, i)
}

// longBucket is bucket for those that reach over a word's end.
func (ch *chunk) longBucket(at, value uint32, skip int) bucket {
	value += uint32(skip)
	begin := at // first bit of the bucket
	for ; ; at += 64 {
		i, shift := at>>6, at&63
		ends := ^(ch.unary[i]>>shift | ch.unary[i+1]<<1<<(63-shift))
		n := bits.OnesCount64(ends)
		if skip < n {
			end := selectBit(ends, skip)
			if before := ends & (1<<end - 1); before != 0 {
				begin = at + uint32(bits.Len64(before))
			}
			return bucket{begin - value, at + end - begin}
		}
		if n > 0 {
			begin = at + uint32(bits.Len64(ends))
		}
		skip -= n
	}
}

// selectBit returns the position of the k-th one of x, counted from 0. There must be one.
// Vigna, "Broadword Implementation of Rank/Select Queries" (2008), section 4.
func selectBit(x uint64, k int) uint32 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	s := x - (x >> 1 & 0x5555555555555555)
	s = s&0x3333333333333333 + s>>2&0x3333333333333333
	s = (s + s>>4) & 0x0f0f0f0f0f0f0f0f * ones // ones up to and with each byte
	// The byte is the first one whose count exceeds k.
	over := (s | highs) - uint64(k+1)*ones
	at := uint32(bits.TrailingZeros64(over&highs)) &^ 7
	rest := k - int(s<<8>>at&0xff)
	b := uint8(x >> at)
	return at + uint32(selectByte[uint(rest)&7][b])
}

// selectByte is the position of the k-th one of each byte.
var selectByte = func() (t [8][256]uint8) {
	for b := range 256 {
		k := 0
		for i := range 8 {
			if b>>i&1 != 0 {
				t[k][b] = uint8(i)
				k++
			}
		}
	}
	return t
}()

// layout says how many words the parts of a segment take.
type layout struct {
	codes, ids, total int
	chunks            []chunkLayout
}

type chunkLayout struct{ samples, unary, postings int }

func layoutOf(n, chunks int) layout {
	pad := segments.Pad
	l := layout{codes: pad(4 * n), ids: pad(n)}
	l.total = segments.HeaderWords + l.codes + l.ids
	for i := range chunks {
		buckets := 1 << cutOf(i, chunks).width
		c := chunkLayout{
			samples:  pad(buckets / groupSize / 2),
			unary:    pad((n+buckets)/64 + 3),
			postings: pad((n + 1) / 2),
		}
		l.chunks = append(l.chunks, c)
		l.total += c.samples + c.unary + c.postings
	}
	l.total += segments.TrailerWords
	return l
}

// carve makes a segment of n codes out of words, which must have the right length.
func carve(words []uint64, n, chunks int) *segment {
	l := layoutOf(n, chunks)
	rest := words[segments.HeaderWords:]
	take := func(count int) []uint64 {
		part := rest[:count:count]
		rest = rest[count:]
		return part
	}
	b := body{codes: segments.View[index.Code](take(l.codes), n)}
	ids := segments.View[index.ID](take(l.ids), n)
	for i, c := range l.chunks {
		cut := cutOf(i, chunks)
		b.chunks = append(b.chunks, chunk{
			cut:      cut,
			samples:  segments.View[uint32](take(c.samples), 1<<cut.width/groupSize),
			unary:    take(c.unary),
			postings: segments.View[uint32](take(c.postings), n),
		})
	}
	return segments.NewSegment(words, ids, b)
}

// seal fills in header and trailer of a segment that was built.
func seal(s *segment) {
	w := s.Words
	w[0], w[1], w[2], w[3] = magic, uint64(len(s.IDs)), uint64(len(s.Body.chunks)), uint64(len(w))
	segments.Seal(w)
}

// parse reads a segment and trusts nothing in it: after a nil error no search in it can
// go out of bounds. The error says what is wrong and does not wrap [index.ErrCorrupt].
func parse(words []uint64) (*segment, error) {
	if err := segments.Check(words, magic); err != nil {
		return nil, err
	}
	n, chunks := words[1], words[2]
	if n > maxCodes || chunks != 0 && (chunks < minChunks || chunks > maxChunks || chunks%2 == 0) {
		return nil, fmt.Errorf("impossible header: %d codes in %d chunks", n, chunks)
	}
	if want := layoutOf(int(n), int(chunks)).total; words[3] != uint64(want) || len(words) != want {
		return nil, fmt.Errorf("length is %d bytes, want %d", 8*len(words), 8*want)
	}
	s := carve(words, int(n), int(chunks))
	if err := segments.Rising(s.IDs); err != nil {
		return nil, err
	}
	for i := range s.Body.chunks {
		if err := s.Body.chunks[i].check(int(n)); err != nil {
			return nil, fmt.Errorf("chunk %d: %w", i, err)
		}
	}
	return s, nil
}

func (ch *chunk) check(n int) error {
	samples := make([]uint32, len(ch.samples))
	buckets := 1 << ch.width
	if end, ok := sample(ch.unary, samples, buckets); !ok || end != uint64(n+buckets) {
		return fmt.Errorf("bucket lengths do not add up")
	}
	if !slices.Equal(samples, ch.samples) {
		return fmt.Errorf("samples do not fit the bucket lengths")
	}
	for _, p := range ch.postings {
		if int(p) >= n {
			return fmt.Errorf("posting %d is outside of %d codes", p, n)
		}
	}
	return nil
}

// sample notes where each group of buckets begins and returns where the last one ends,
// in bits. It reports false if there are fewer buckets than told.
func sample(unary []uint64, samples []uint32, buckets int) (end uint64, ok bool) {
	samples[0] = 0
	zeros, next := 0, groupSize // zeros seen; the number of the zero before the next group
	for w, word := range unary {
		ends := ^word
		here := bits.OnesCount64(ends)
		for next <= buckets && next <= zeros+here {
			at := uint64(w)*64 + uint64(selectBit(ends, next-zeros-1)) + 1
			if next == buckets {
				return at, true
			}
			samples[next/groupSize] = uint32(at)
			next += groupSize
		}
		zeros += here
	}
	return 0, false
}
