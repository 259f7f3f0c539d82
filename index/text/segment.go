package text

import (
	"fmt"
	"slices"

	"selvage/index"
	"selvage/index/internal/segments"
)

type (
	segment = segments.Segment[lists]
	source  = segments.Source[lists]
)

const (
	magic    = 0x31304758544c4c53 // "SLLTXG01" where the low byte comes first
	maxTexts = 1 << 20
)

// lists are the postings of a segment: a hash in the upper 32 bits, the position of a text
// in the lower ones; strictly rising.
type lists struct {
	sizes []uint32 // hashes of each text
	posts []uint64
}

// run returns where the postings of a hash stand that belong to the texts from first up to, not
// with, last.
func (l *lists) run(hash, first, last uint32) (from, to int) {
	from, _ = slices.BinarySearch(l.posts, uint64(hash)<<32|uint64(first))
	to = from
	end := uint64(hash)<<32 | uint64(last)
	for step := 1; to < len(l.posts) && l.posts[to] < end; step *= 2 {
		// Lists are short: the end is looked for in ever longer steps.
		next := min(to+step, len(l.posts))
		n, _ := slices.BinarySearch(l.posts[to:next], end)
		if to += n; to < next {
			break
		}
	}
	return from, to
}

// holds reports whether the text at a position has just these hashes.
func (l *lists) holds(at uint32, item []uint32) bool {
	if int(l.sizes[at]) != len(item) {
		return false
	}
	for _, h := range item {
		if from, to := l.run(h, at, at+1); from == to {
			return false
		}
	}
	return true
}

// build makes a segment of texts in the order of their IDs.
func build(ids []index.ID, items [][]uint32) *segment {
	p := 0
	for _, item := range items {
		p += len(item)
	}
	s := allot(len(ids), p)
	copy(s.IDs, ids)
	posts := s.Body.posts[:0]
	for doc, item := range items {
		s.Body.sizes[doc] = uint32(len(item))
		for _, h := range item {
			posts = append(posts, uint64(h)<<32|uint64(doc))
		}
	}
	slices.Sort(posts)
	segments.Seal(s.Words)
	return s
}

const gone = ^uint32(0)

// merge builds a segment on the heap from the living texts of others.
func merge(sources []source) *segment {
	var ids []index.ID
	p := 0
	for _, s := range sources {
		for doc, id := range s.IDs {
			if !s.Dead.Has(uint32(doc)) {
				ids = append(ids, id)
				p += int(s.Body.sizes[doc])
			}
		}
	}
	slices.Sort(ids)
	to := allot(len(ids), p)
	copy(to.IDs, ids)
	posts := to.Body.posts[:0]
	for _, s := range sources {
		places := make([]uint32, len(s.IDs))
		for doc, id := range s.IDs {
			places[doc] = gone
			if s.Dead.Has(uint32(doc)) {
				continue
			}
			at, _ := slices.BinarySearch(ids, id)
			places[doc] = uint32(at)
			to.Body.sizes[at] = s.Body.sizes[doc]
		}
		for _, post := range s.Body.posts {
			if place := places[uint32(post)]; place != gone {
				posts = append(posts, post&^uint64(gone)|uint64(place))
			}
		}
	}
	slices.Sort(posts)
	segments.Seal(to.Words)
	return to
}

// layout says how long the parts of a segment are.
type layout struct {
	n, p              int // texts, postings
	ids, sizes, posts int // in words
	total             int
}

func layoutOf(n, p int) layout {
	l := layout{n: n, p: p, ids: segments.Pad(n), sizes: segments.Pad((n + 1) / 2), posts: segments.Pad(p)}
	l.total = segments.HeaderWords + l.ids + l.sizes + l.posts + segments.TrailerWords
	return l
}

// allot makes a segment with nothing filled in but its header.
func allot(n, p int) *segment {
	l := layoutOf(n, p)
	w := make([]uint64, l.total)
	w[0], w[1], w[2], w[3] = magic, uint64(n), uint64(p), uint64(len(w))
	return carve(w, l)
}

// carve makes a segment out of words, which must have the right length.
func carve(words []uint64, l layout) *segment {
	rest := words[segments.HeaderWords:]
	take := func(count int) []uint64 {
		part := rest[:count:count]
		rest = rest[count:]
		return part
	}
	ids := segments.View[index.ID](take(l.ids), l.n)
	return segments.NewSegment(words, ids, lists{
		sizes: segments.View[uint32](take(l.sizes), l.n),
		posts: segments.View[uint64](take(l.posts), l.p),
	})
}

// parse reads a segment and trusts nothing in it: after a nil error no search in it can go out of
// bounds. The error says what is wrong and does not wrap [index.ErrCorrupt].
func parse(words []uint64) (*segment, error) {
	if err := segments.Check(words, magic); err != nil {
		return nil, err
	}
	n, p := words[1], words[2]
	if n > maxTexts || p > n*MaxHashes || p > uint64(len(words)) {
		return nil, fmt.Errorf("impossible header: %d texts, %d postings", n, p)
	}
	l := layoutOf(int(n), int(p))
	if words[3] != uint64(l.total) || len(words) != l.total {
		return nil, fmt.Errorf("length is %d bytes, want %d", 8*len(words), 8*l.total)
	}
	s := carve(words, l)
	if err := segments.Rising(s.IDs); err != nil {
		return nil, err
	}
	return s, s.Body.check()
}

func (l *lists) check() error {
	left := slices.Clone(l.sizes)
	for i, post := range l.posts {
		doc := uint32(post)
		if int(doc) >= len(left) || left[doc] == 0 || i > 0 && post <= l.posts[i-1] {
			return fmt.Errorf("impossible posting at position %d", i)
		}
		left[doc]--
	}
	for i, n := range left {
		if n != 0 {
			return fmt.Errorf("text %d lacks %d hashes", i, n)
		}
	}
	return nil
}
