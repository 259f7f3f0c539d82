package segments

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"selvage/index"
)

// A Format is what an index keeps: items of type T, and B, the body of a segment of them.
type Format[T, B any] struct {
	Name     string // of the index, for errors
	Manifest string // 8 bytes that begin its manifest
	Live     int    // items that are kept in the order of their coming before they become a segment
	Limit    int    // items over which segments are no longer merged, so that the memory needed stays bounded

	// Build makes a segment on the heap of items in the order of their IDs.
	Build func(ids []index.ID, items []T) *Segment[B]
	// Merge makes one of the living items of others. An ID lives in one source at most.
	Merge func(sources []Source[B]) *Segment[B]
	// Parse reads a segment and trusts nothing in it. Its error does not wrap [index.ErrCorrupt].
	Parse func(words []uint64) (*Segment[B], error)
	// Carve is Parse for words that are a copy of a segment just built.
	Carve func(words []uint64, built *Segment[B]) *Segment[B]
	// Same reports whether the item at a position of a segment is that one.
	Same func(s *Segment[B], at uint32, item T) bool
	// Equal reports whether two items are the same.
	Equal func(a, b T) bool
}

// A Source is one segment to copy from, without its dead items.
type Source[B any] struct {
	*Segment[B]
	Dead *Bitset
}

// An Index is a set of items by ID that changes and is searched at the same time.
//
// Everything that a search needs is in one immutable state. A search takes the current
// one and is never held up; a writer makes a new one and puts it in place.
type Index[T, B any] struct {
	format Format[T, B]

	write  sync.Mutex          // one writer at a time
	places map[index.ID]uint32 // living items of the live part; guarded by write

	mu  sync.RWMutex // guards cur, and nothing slow
	cur *State[T, B]

	upkeep  sync.Mutex // one flush or merge at a time; taken before write
	files   *files     // nil without a directory; guarded by upkeep
	cursor  atomic.Uint64
	merging atomic.Bool // a merge in the background is on its way
	work    sync.WaitGroup
}

// A State is what an index holds at one moment. Nothing in it may be changed.
type State[T, B any] struct {
	Segments []Part[B]
	Live     Live[T]

	count  int // living items
	closed bool
}

// A Part is a segment and which of its items are dead.
type Part[B any] struct {
	*Segment[B]
	Dead    *Bitset
	flushed *Bitset // those as of the last flush, which is what a crash goes back to
}

// Live is the part that grows at its end. Older states see less of the same memory.
type Live[T any] struct {
	Items []T
	IDs   []index.ID
	Dead  *Bitset
}

// New returns an empty index in memory.
func New[T, B any](f Format[T, B]) *Index[T, B] {
	return &Index[T, B]{format: f, cur: &State[T, B]{}, places: make(map[index.ID]uint32)}
}

// Snapshot returns the current state; the caller must release it.
func (x *Index[T, B]) Snapshot() (*State[T, B], error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.cur.closed {
		return nil, x.errClosed()
	}
	for _, v := range x.cur.Segments {
		v.acquire()
	}
	return x.cur, nil
}

// Len is the number of living items.
func (s *State[T, B]) Len() int { return s.count }

// Release ends the use of a state.
func (s *State[T, B]) Release() {
	for _, v := range s.Segments {
		v.release()
	}
}

func (x *Index[T, B]) errClosed() error { return fmt.Errorf("%s: %w", x.format.Name, os.ErrClosed) }

// publish puts a state in place. The caller holds write.
func (x *Index[T, B]) publish(s *State[T, B]) {
	x.mu.Lock()
	x.cur = s
	x.mu.Unlock()
}

// Add puts an item under an ID, in the place of the one that was there. The same item again
// changes nothing.
func (x *Index[T, B]) Add(id index.ID, item T) error {
	crowded, err := x.add(id, item)
	if err != nil || !crowded {
		return err
	}
	// Merging has fallen behind: the writer waits for it.
	x.upkeep.Lock()
	defer x.upkeep.Unlock()
	return x.mergeMemory()
}

func (x *Index[T, B]) add(id index.ID, item T) (crowded bool, err error) {
	x.write.Lock()
	defer x.write.Unlock()
	if x.cur.closed {
		return false, x.errClosed()
	}
	next := *x.cur
	if kept := x.forget(&next, id, &item); kept {
		return false, nil
	}
	x.places[id] = uint32(len(next.Live.IDs))
	next.Live.Items = append(next.Live.Items, item)
	next.Live.IDs = append(next.Live.IDs, id)
	next.count++
	if len(next.Live.IDs) >= x.format.Live {
		x.freeze(&next)
		inMemory := 0
		for _, v := range next.Segments {
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

// Remove forgets the ID. Removing an unknown ID is no error.
func (x *Index[T, B]) Remove(id index.ID) error {
	x.write.Lock()
	defer x.write.Unlock()
	if x.cur.closed {
		return x.errClosed()
	}
	next := *x.cur
	x.forget(&next, id, nil)
	if next.count != x.cur.count {
		x.publish(&next)
	}
	return nil
}

// forget marks the item of an ID as dead, unless it is the one to keep, and tells whether it is.
func (x *Index[T, B]) forget(s *State[T, B], id index.ID, keep *T) (kept bool) {
	if at, ok := x.places[id]; ok {
		if keep != nil && x.format.Equal(s.Live.Items[at], *keep) {
			return true
		}
		s.Live.Dead = s.Live.Dead.With(at)
		delete(x.places, id)
		s.count--
		return false
	}
	for i, v := range s.Segments {
		at, ok := v.Find(id)
		if !ok || v.Dead.Has(at) {
			continue
		}
		if keep != nil && x.format.Same(v.Segment, at, *keep) {
			return true
		}
		s.Segments = slices.Clone(s.Segments)
		s.Segments[i].Dead = v.Dead.With(at)
		s.count--
		return false
	}
	return false
}

// freeze makes a segment of the live part. The caller holds write.
func (x *Index[T, B]) freeze(s *State[T, B]) {
	order := make([]uint32, 0, len(x.places))
	for _, at := range x.places {
		order = append(order, at)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(s.Live.IDs[a], s.Live.IDs[b]) })
	if len(order) > 0 {
		ids, items := make([]index.ID, len(order)), make([]T, len(order))
		for i, at := range order {
			ids[i], items[i] = s.Live.IDs[at], s.Live.Items[at]
		}
		s.Segments = append(slices.Clip(s.Segments), Part[B]{Segment: x.format.Build(ids, items)})
	}
	s.Live = Live[T]{}
	x.places = make(map[index.ID]uint32)
}

// Len is the number of living items. It is 0 after Close.
func (x *Index[T, B]) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.cur.count
}

// Cursor is the number given to the last durable Flush; 0 if there was none.
func (x *Index[T, B]) Cursor() uint64 { return x.cursor.Load() }

// Close releases files without flushing. Searches that run come to their end; all later
// calls but Len, Cursor and Close fail with [os.ErrClosed].
func (x *Index[T, B]) Close() error {
	x.write.Lock()
	old := x.cur
	x.publish(&State[T, B]{closed: true})
	x.write.Unlock()
	if old.closed {
		return nil
	}
	old.Release()
	x.work.Wait()
	x.upkeep.Lock()
	defer x.upkeep.Unlock()
	if x.files != nil {
		return x.files.close()
	}
	return nil
}

// Settle waits until no merge is on its way in the background, so that tests can tell what is
// there.
func (x *Index[T, B]) Settle() { x.work.Wait() }
