package mih

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"selvage/index"
)

// Index implements [index.Persistent]. Make one with [New] or [Open].
//
// Everything that a search needs is in one immutable state. A search takes the current
// one and is never held up; a writer makes a new one and puts it in place.
type Index struct {
	write  sync.Mutex          // one writer at a time
	places map[index.ID]uint32 // living codes of the live part; guarded by write

	mu  sync.RWMutex // guards cur, and nothing slow
	cur *state

	upkeep  sync.Mutex // one flush or merge at a time; taken before write
	files   *files     // nil without a directory; guarded by upkeep
	cursor  atomic.Uint64
	merging atomic.Bool // a merge in the background is on its way
	work    sync.WaitGroup
}

var _ index.Persistent = (*Index)(nil)

type state struct {
	tuning   tuning
	segments []segmentView
	live     live
	count    int // living codes
	closed   bool
}

// segmentView is a segment and which of its codes are dead: now, and as of the last
// flush, which is what a crash goes back to.
type segmentView struct {
	*segment
	dead, flushed *bitset
}

// live is the part that grows at its end. Older states see less of the same memory.
type live struct {
	codes []index.Code
	ids   []index.ID
	dead  *bitset
}

// New returns an empty index in memory.
func New() *Index {
	return &Index{cur: &state{tuning: usual}, places: make(map[index.ID]uint32)}
}

// snapshot returns the current state; the caller must release it.
func (x *Index) snapshot() (*state, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.cur.closed {
		return nil, errClosed
	}
	for _, v := range x.cur.segments {
		v.acquire()
	}
	return x.cur, nil
}

func (s *state) release() {
	for _, v := range s.segments {
		v.release()
	}
}

var errClosed = fmt.Errorf("similarity index: %w", os.ErrClosed)

// publish puts a state in place. The caller holds write.
func (x *Index) publish(s *state) {
	x.mu.Lock()
	x.cur = s
	x.mu.Unlock()
}

// Add implements [index.Hamming].
func (x *Index) Add(id index.ID, c index.Code) error {
	crowded, err := x.add(id, c)
	if err != nil || !crowded {
		return err
	}
	// Merging has fallen behind: the writer waits for it.
	x.upkeep.Lock()
	defer x.upkeep.Unlock()
	return x.mergeMemory()
}

func (x *Index) add(id index.ID, c index.Code) (crowded bool, err error) {
	x.write.Lock()
	defer x.write.Unlock()
	if x.cur.closed {
		return false, errClosed
	}
	next := *x.cur
	if old, ok := next.forget(x.places, id, &c); ok && old == c {
		return false, nil
	}
	x.places[id] = uint32(len(next.live.ids))
	next.live.codes = append(next.live.codes, c)
	next.live.ids = append(next.live.ids, id)
	next.count++
	if len(next.live.ids) >= next.tuning.live {
		x.freeze(&next)
		inMemory := 0
		for _, v := range next.segments {
			if v.file == 0 {
				inMemory++
			}
		}
		crowded = inMemory > 40
		x.mergeSoon()
	}
	x.publish(&next)
	return crowded, nil
}

// Remove implements [index.Hamming].
func (x *Index) Remove(id index.ID) error {
	x.write.Lock()
	defer x.write.Unlock()
	if x.cur.closed {
		return errClosed
	}
	next := *x.cur
	if _, ok := next.forget(x.places, id, nil); ok {
		x.publish(&next)
	}
	return nil
}

// forget marks the code of an ID as dead and returns it, unless it is the one to keep.
func (s *state) forget(places map[index.ID]uint32, id index.ID, keep *index.Code) (old index.Code, ok bool) {
	if at, ok := places[id]; ok {
		old = s.live.codes[at]
		if keep == nil || *keep != old {
			s.live.dead = s.live.dead.with(at)
			delete(places, id)
			s.count--
		}
		return old, true
	}
	for i, v := range s.segments {
		at, ok := v.find(id)
		if !ok || v.dead.has(at) {
			continue
		}
		old = v.codes[at]
		if keep == nil || *keep != old {
			s.segments = slices.Clone(s.segments)
			s.segments[i].dead = v.dead.with(at)
			s.count--
		}
		return old, true
	}
	return old, false
}

// freeze makes a segment of the live part. The caller holds write.
func (x *Index) freeze(s *state) {
	order := make([]uint32, 0, len(x.places))
	for _, at := range x.places {
		order = append(order, at)
	}
	ids, codes := s.live.ids, s.live.codes
	slices.SortFunc(order, func(a, b uint32) int {
		if ids[a] < ids[b] {
			return -1
		}
		return 1
	})
	if len(order) > 0 {
		n := len(order)
		to := carve(make([]uint64, layoutOf(n, 0).total), n, 0)
		for i, at := range order {
			to.ids[i], to.codes[i] = ids[at], codes[at]
		}
		to.seal()
		s.segments = append(slices.Clip(s.segments), segmentView{segment: to})
	}
	s.live = live{}
	x.places = make(map[index.ID]uint32)
}

// Range implements [index.Hamming]. It costs the cheaper of reading buckets and of
// scanning; see the package documentation.
func (x *Index) Range(probes []index.Code, radius int) ([]index.Hit, error) {
	if err := index.CheckRadius(radius); err != nil {
		return nil, err
	}
	s, err := x.snapshot()
	if err != nil {
		return nil, err
	}
	defer s.release()
	return s.within(probes, radius), nil
}

// Nearest implements [index.Hamming].
func (x *Index) Nearest(probes []index.Code, k int) ([]index.Hit, error) {
	s, err := x.snapshot()
	if err != nil {
		return nil, err
	}
	defer s.release()
	if k <= 0 || len(probes) == 0 {
		return nil, nil
	}
	return s.nearest(probes, k), nil
}

// Len implements [index.Hamming]. It is 0 after Close.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.cur.count
}

// Size is the memory that the index takes, in bytes, and how much of it is mapped from
// files and so can be given back by the system under pressure.
func (x *Index) Size() (total, mapped int64) {
	s, err := x.snapshot()
	if err != nil {
		return 0, 0
	}
	defer s.release()
	for _, v := range s.segments {
		size := int64(8 * len(v.words))
		total += size
		if v.file != 0 {
			mapped += size
		}
	}
	return total + int64(len(s.live.ids))*80, mapped // code, ID and place
}
