package local

import (
	"slices"

	"selvage/index"
	"selvage/index/internal/segments"
	"selvage/index/local/internal/weigh"
)

const gone = ^uint32(0)

// merge builds a segment on the heap from the living pictures of others.
func merge(sources []source, words int) *segment {
	ids, places := number(sources)
	starts := make([]uint32, words+1)
	for i, s := range sources {
		for w := range words {
			from, to := s.Body.list(uint32(w))
			if s.Dead.Len() == 0 {
				starts[w+1] += to - from
				continue
			}
			for _, post := range s.Body.posts[from:to] {
				if places[i][post>>weigh.PlaceBits] != gone {
					starts[w+1]++
				}
			}
		}
	}
	to := allot(len(ids), starts)
	copy(to.IDs, ids)
	for i, s := range sources {
		for doc, place := range places[i] {
			if place != gone {
				to.Body.sizes[place] = s.Body.sizes[doc]
			}
		}
	}
	var heads []head
	for w := range uint32(words) {
		heads = heads[:0]
		for i, s := range sources {
			if from, end := s.Body.list(w); from < end {
				h := head{&s.Body, places[i], from, end, 0}
				if h.settle() {
					heads = append(heads, h)
				}
			}
		}
		for at := starts[w]; len(heads) > 0; at++ {
			first := 0
			for i := 1; i < len(heads); i++ {
				if heads[i].post < heads[first].post {
					first = i
				}
			}
			h := &heads[first]
			to.Body.posts[at], to.Body.sigs[at] = h.post, h.sigs[h.at]
			if h.at++; !h.settle() {
				heads = slices.Delete(heads, first, first+1)
			}
		}
	}
	segments.Seal(to.Words)
	return to
}

// A head is how far a list has been copied.
type head struct {
	*lists
	places  []uint32
	at, end uint32
	post    uint32 // the next posting, with the new position of its picture
}

// settle passes over dead postings, and reports whether there is another.
func (h *head) settle() bool {
	for ; h.at < h.end; h.at++ {
		post := h.posts[h.at]
		if place := h.places[post>>weigh.PlaceBits]; place != gone {
			h.post = place<<weigh.PlaceBits | post&(1<<weigh.PlaceBits-1)
			return true
		}
	}
	return false
}

// number brings the living IDs of sources into one order, and tells the new position of each
// picture of each source.
func number(sources []source) (ids []index.ID, places [][]uint32) {
	for _, s := range sources {
		for doc, id := range s.IDs {
			if !s.Dead.Has(uint32(doc)) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	for _, s := range sources {
		at, to := 0, make([]uint32, len(s.IDs))
		for doc, id := range s.IDs {
			to[doc] = gone
			if s.Dead.Has(uint32(doc)) {
				continue
			}
			for ids[at] != id {
				at++
			}
			to[doc] = uint32(at)
		}
		places = append(places, to)
	}
	return ids, places
}
