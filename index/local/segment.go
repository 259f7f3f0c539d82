package local

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"selvage/index"
	"selvage/index/internal/segments"
	"selvage/index/local/internal/weigh"
)

type (
	segment = segments.Segment[lists]
	source  = segments.Source[lists]
)

const (
	magic       = 0x31304745534c4c53 // "SLLSEG01" where the low byte comes first
	maxPictures = 1 << (32 - weigh.PlaceBits)
)

// lists are the postings of a segment, by word. A posting is the position of a picture in the
// upper 18 bits and the place of a feature in the lower 14; a list is in their order.
type lists struct {
	sizes     []uint16 // features of each picture
	directory []byte   // lengths of the lists, as in the file
	starts    []uint32 // where the list of each word begins, and where the last one ends; on the heap
	posts     []uint32
	sigs      []uint64
}

// A picture is the terms of one, in the order of a list: word, place, signature.
type picture struct{ terms []feature }

type feature struct {
	word, place uint32
	sig         uint64
}

func newPicture(terms []Term) *picture {
	p := &picture{make([]feature, len(terms))}
	for i, t := range terms {
		p.terms[i] = feature{t.Word, weigh.Place(t.Size, t.Angle), t.Sig}
	}
	slices.SortFunc(p.terms, feature.compare)
	return p
}

func (f feature) compare(o feature) int {
	if c := cmp.Compare(uint64(f.word)<<32|uint64(f.place), uint64(o.word)<<32|uint64(o.place)); c != 0 {
		return c
	}
	return cmp.Compare(f.sig, o.sig)
}

// list returns where the list of a word stands.
func (l *lists) list(word uint32) (from, to uint32) { return l.starts[word], l.starts[word+1] }

// run returns the part of a list with the pictures from first up to, not with, last. What it does
// depends on the length of the list and on what is in that part, and on nothing else.
func (l *lists) run(from, to, first, last uint32) (uint32, uint32) {
	begin, _ := slices.BinarySearch(l.posts[from:to], first<<weigh.PlaceBits)
	from += uint32(begin)
	rest := l.posts[from:to]
	step := 1
	for step < len(rest) && rest[step-1]>>weigh.PlaceBits < last {
		step *= 2
	}
	rest = rest[:min(step, len(rest))]
	end, _ := slices.BinarySearchFunc(rest, last, func(post, last uint32) int {
		return cmp.Compare(post>>weigh.PlaceBits, last)
	})
	return from, from + uint32(end)
}

// holds reports whether the picture at a position has just these terms.
func (l *lists) holds(at uint32, p *picture) bool {
	if int(l.sizes[at]) != len(p.terms) {
		return false
	}
	for rest := p.terms; len(rest) > 0; {
		from, to := l.list(rest[0].word)
		from, to = l.run(from, to, at, at+1)
		n := int(to - from)
		if n == 0 || n > len(rest) {
			return false
		}
		for i, f := range rest[:n] {
			i := from + uint32(i)
			if f != (feature{rest[0].word, l.posts[i] & (1<<weigh.PlaceBits - 1), l.sigs[i]}) {
				return false
			}
		}
		rest = rest[n:]
	}
	return true
}

// build makes a segment of pictures in the order of their IDs.
func build(ids []index.ID, pictures []*picture, words int) *segment {
	starts := make([]uint32, words+1)
	for _, p := range pictures {
		for _, f := range p.terms {
			starts[f.word+1]++
		}
	}
	s := allot(len(ids), starts)
	copy(s.IDs, ids)
	next := slices.Clone(starts[:words])
	for doc, p := range pictures {
		s.Body.sizes[doc] = uint16(len(p.terms))
		for _, f := range p.terms {
			at := next[f.word]
			next[f.word]++
			s.Body.posts[at] = uint32(doc)<<weigh.PlaceBits | f.place
			s.Body.sigs[at] = f.sig
		}
	}
	segments.Seal(s.Words)
	return s
}

// allot makes a segment whose directory is filled in and nothing else. It is given the length of
// the list of each word w in starts[w+1], and puts their sums in.
func allot(n int, starts []uint32) *segment {
	var directory []byte
	gap := uint64(0)
	for w := range len(starts) - 1 {
		if count := starts[w+1]; count > 0 {
			directory = binary.AppendUvarint(directory, gap)
			directory = binary.AppendUvarint(directory, uint64(count))
			gap = 0
		} else {
			gap++
		}
		starts[w+1] += starts[w]
	}
	words := len(starts) - 1
	l := layoutOf(n, int(starts[words]), len(directory))
	w := make([]uint64, l.total)
	w[0], w[1], w[2], w[3], w[4], w[5] = magic, uint64(n), uint64(l.p), uint64(len(w)), uint64(words), uint64(l.dir)
	s := carve(w, l, starts)
	copy(s.Body.directory, directory)
	return s
}

// layout says how long the parts of a segment are.
type layout struct {
	n, p, dir                          int // pictures, postings, bytes of the directory
	ids, sizes, directory, posts, sigs int // in words
	total                              int
}

func layoutOf(n, p, dir int) layout {
	l := layout{n: n, p: p, dir: dir,
		ids: segments.Pad(n), sizes: segments.Pad((n + 3) / 4), directory: segments.Pad((dir + 7) / 8),
		posts: segments.Pad((p + 1) / 2), sigs: segments.Pad(p)}
	l.total = segments.HeaderWords + l.ids + l.sizes + l.directory + l.posts + l.sigs + segments.TrailerWords
	return l
}

// carve makes a segment out of words, which must have the right length.
func carve(words []uint64, l layout, starts []uint32) *segment {
	rest := words[segments.HeaderWords:]
	take := func(count int) []uint64 {
		part := rest[:count:count]
		rest = rest[count:]
		return part
	}
	ids := segments.View[index.ID](take(l.ids), l.n)
	return segments.NewSegment(words, ids, lists{
		sizes:     segments.View[uint16](take(l.sizes), l.n),
		directory: segments.View[byte](take(l.directory), l.dir),
		starts:    starts,
		posts:     segments.View[uint32](take(l.posts), l.p),
		sigs:      segments.View[uint64](take(l.sigs), l.p),
	})
}

// parse reads a segment and trusts nothing in it: after a nil error no search in it can
// go out of bounds. The error says what is wrong and does not wrap [index.ErrCorrupt].
func parse(words []uint64, vocabulary int) (*segment, error) {
	if err := segments.Check(words, magic); err != nil {
		return nil, err
	}
	n, p, dir := words[1], words[2], words[5]
	if n > maxPictures || p > n*weigh.Sizes || dir > uint64(8*len(words)) {
		return nil, fmt.Errorf("impossible header: %d pictures, %d postings, directory of %d bytes", n, p, dir)
	}
	if words[4] != uint64(vocabulary) {
		return nil, fmt.Errorf("made for a vocabulary of %d words, want %d", words[4], vocabulary)
	}
	l := layoutOf(int(n), int(p), int(dir))
	if words[3] != uint64(l.total) || len(words) != l.total {
		return nil, fmt.Errorf("length is %d bytes, want %d", 8*len(words), 8*l.total)
	}
	starts := make([]uint32, vocabulary+1)
	s := carve(words, l, starts)
	if err := segments.Rising(s.IDs); err != nil {
		return nil, err
	}
	if err := s.Body.unpack(); err != nil {
		return nil, err
	}
	return s, s.Body.check()
}

// unpack reads the directory into starts.
func (l *lists) unpack() error {
	rest, word := l.directory, uint64(0)
	words := uint64(len(l.starts) - 1)
	for len(rest) > 0 {
		gap, a := binary.Uvarint(rest)
		if a <= 0 {
			return fmt.Errorf("directory is cut off")
		}
		count, b := binary.Uvarint(rest[a:])
		if b <= 0 || count == 0 || count > uint64(len(l.posts)) || gap >= words || word+gap >= words {
			return fmt.Errorf("directory has an impossible list behind word %d", word)
		}
		word += gap
		l.starts[word+1] = uint32(count)
		word++
		rest = rest[a+b:]
	}
	sum := uint64(0)
	for w, count := range l.starts[1:] {
		if sum += uint64(count); sum > uint64(len(l.posts)) {
			break
		}
		l.starts[w+1] = uint32(sum)
	}
	if sum != uint64(len(l.posts)) {
		return fmt.Errorf("lists do not add up to the %d postings", len(l.posts))
	}
	return nil
}

func (l *lists) check() error {
	left := make([]uint16, len(l.sizes))
	for i, size := range l.sizes {
		if size > weigh.Sizes {
			return fmt.Errorf("picture %d has %d features", i, size)
		}
		left[i] = size
	}
	for w := range len(l.starts) - 1 {
		before := uint32(0)
		for _, post := range l.posts[l.starts[w]:l.starts[w+1]] {
			doc := post >> weigh.PlaceBits
			if int(doc) >= len(left) || left[doc] == 0 || post < before {
				return fmt.Errorf("list of word %d has an impossible posting", w)
			}
			left[doc]--
			before = post
		}
	}
	for i, n := range left {
		if n != 0 {
			return fmt.Errorf("picture %d lacks %d features", i, n)
		}
	}
	return nil
}
