package segments

import (
	"fmt"
	"slices"
)

// Segments of about the same size are merged when there are this many of them.
const fanOut = 4

// mergeSoon starts a merge of memory segments in the background, unless one is on its
// way or there is nothing to do. The caller holds write.
func (x *Index[T, B]) mergeSoon() {
	if x.merging.Swap(true) {
		return
	}
	x.work.Go(func() {
		x.upkeep.Lock()
		defer x.upkeep.Unlock()
		x.merging.Store(false) // what comes from now on may start another one
		_ = x.mergeMemory()    // fails only when closed, and then there is nothing to merge
	})
}

// mergeMemory merges segments that are only in memory. The caller holds upkeep. It
// fails only if the index is closed.
func (x *Index[T, B]) mergeMemory() error {
	for {
		s, err := x.Snapshot()
		if err != nil {
			return err
		}
		group := x.pick(s, false)
		if group == nil {
			s.Release()
			return nil
		}
		merged := x.format.Merge(sourcesOf(group))
		x.replace(group, []*Segment[B]{merged}, nil)
		s.Release()
	}
}

// pick chooses the segments to merge next, among those with files or those without: a
// group of about the same size, or one that is a quarter dead. Nil if all is well.
func (x *Index[T, B]) pick(s *State[T, B], onDisk bool) []Part[B] {
	tiers := make(map[int][]Part[B])
	for _, v := range s.Segments {
		if (v.file != 0) != onDisk {
			continue
		}
		n := len(v.IDs)
		if dead := v.gone(onDisk); dead > 0 && 4*dead >= n {
			return []Part[B]{v}
		}
		tier := 0
		for size := 2 * x.format.Live; n > size; size *= fanOut {
			tier++
		}
		tiers[tier] = append(tiers[tier], v)
		if group := tiers[tier]; len(group) == fanOut && total(group) <= x.format.Limit {
			return group
		}
	}
	return nil
}

// gone is the number of items that a merge would leave out.
func (v Part[B]) gone(onDisk bool) int {
	if onDisk {
		return v.flushed.Len()
	}
	return v.Dead.Len()
}

func total[B any](group []Part[B]) (n int) {
	for _, v := range group {
		n += len(v.IDs)
	}
	return n
}

// sourcesOf says what to copy when a group is merged. From files, what the last flush
// knew is copied even if it was removed since, as a crash must lead back to it.
func sourcesOf[B any](group []Part[B]) []Source[B] {
	sources := make([]Source[B], len(group))
	for i, v := range group {
		sources[i] = Source[B]{v.Segment, v.Dead}
		if v.file != 0 {
			sources[i].Dead = v.flushed
		}
	}
	return sources
}

// replace puts merged segments in the place of those that they were made of. What died
// since is marked dead in them too. If flushed is not nil, it holds what is on disk now
// for the other segments. The caller holds upkeep.
func (x *Index[T, B]) replace(group []Part[B], merged []*Segment[B], flushed map[*Segment[B]]*Bitset) {
	x.write.Lock()
	defer x.write.Unlock()
	base := make(map[*Segment[B]]*Bitset)
	for _, s := range sourcesOf(group) {
		base[s.Segment] = s.Dead
	}
	died := make([][]uint32, len(merged))
	next := *x.cur
	next.Segments = nil
	for _, v := range x.cur.Segments {
		copied, replaced := base[v.Segment]
		if !replaced {
			if set, ok := flushed[v.Segment]; ok {
				v.flushed = set
			}
			next.Segments = append(next.Segments, v)
			continue
		}
		for at := range v.Dead.Since(copied) {
			for i, m := range merged {
				if to, ok := m.Find(v.IDs[at]); ok {
					died[i] = append(died[i], to)
				}
			}
		}
	}
	for i, m := range merged {
		if len(m.IDs) > 0 && !x.cur.closed {
			next.Segments = append(next.Segments, Part[B]{Segment: m, Dead: (*Bitset)(nil).With(died[i]...)})
		} else {
			m.release()
		}
	}
	if !x.cur.closed {
		x.publish(&next)
		for _, v := range group {
			v.release()
		}
	}
}

// Flush makes everything added and removed so far durable, together with cursor. It waits for a merge that is under way; adding,
// removing and searching go on meanwhile. An index made with [New] has nowhere to write
// to and only notes the cursor.
//
// An error that comes from the merging of files after the flush leaves everything
// flushed; it is right to flush again.
func (x *Index[T, B]) Flush(cursor uint64) error {
	x.upkeep.Lock()
	defer x.upkeep.Unlock()
	if x.files == nil {
		x.cursor.Store(cursor)
		return nil
	}
	if err := x.flush(cursor); err != nil {
		return fmt.Errorf("flush %s: %w", x.format.Name, err)
	}
	if err := x.mergeFiles(); err != nil {
		return fmt.Errorf("merge files of %s: %w", x.format.Name, err)
	}
	return nil
}

// flush writes what is only in memory. The caller holds upkeep.
func (x *Index[T, B]) flush(cursor uint64) error {
	x.write.Lock()
	if !x.cur.closed && len(x.cur.Live.IDs) > 0 {
		next := *x.cur
		x.freeze(&next)
		x.publish(&next)
	}
	x.write.Unlock()
	s, err := x.Snapshot()
	if err != nil {
		return err
	}
	defer s.Release()

	var memory []Part[B]
	m := manifest{cursor: cursor}
	flushed := make(map[*Segment[B]]*Bitset)
	for _, v := range s.Segments {
		if v.file == 0 {
			memory = append(memory, v)
			continue
		}
		addTo(&m, v.Segment, v.Dead)
		flushed[v.Segment] = v.Dead
	}
	var written []*Segment[B]
	fail := func(err error) error {
		for _, w := range written {
			w.release()
		}
		return err
	}
	for _, group := range portions(memory, x.format.Limit) {
		built := x.format.Merge(sourcesOf(group))
		if len(built.IDs) == 0 {
			continue
		}
		w, err := write(x.files, built, x.format.Carve)
		if err != nil {
			return fail(err)
		}
		written = append(written, w)
		addTo(&m, w, nil)
	}
	if err := x.files.commit(&m, x.format.Manifest); err != nil {
		return fail(err)
	}
	x.cursor.Store(cursor)
	x.replace(memory, written, flushed)
	return nil
}

// portions cuts a list so that none is merged into more than a segment may hold.
func portions[B any](all []Part[B], limit int) [][]Part[B] {
	var out [][]Part[B]
	for len(all) > 0 {
		n := 1
		for n < len(all) && total(all[:n+1]) <= limit {
			n++
		}
		out = append(out, all[:n])
		all = all[n:]
	}
	return out
}

// mergeFiles merges segments on disk as long as there are too many of one size. Cursor
// and contents on disk stay as the last flush left them. The caller holds upkeep.
func (x *Index[T, B]) mergeFiles() error {
	for {
		more, err := x.mergeSomeFiles()
		if err != nil || !more {
			return err
		}
	}
}

func (x *Index[T, B]) mergeSomeFiles() (more bool, err error) {
	s, err := x.Snapshot()
	if err != nil {
		return false, err
	}
	defer s.Release()
	group := x.pick(s, true)
	if group == nil {
		return false, nil
	}
	m := manifest{cursor: x.cursor.Load()}
	for _, v := range s.Segments {
		in := slices.ContainsFunc(group, func(g Part[B]) bool { return g.Segment == v.Segment })
		if v.file != 0 && !in {
			addTo(&m, v.Segment, v.flushed)
		}
	}
	var written []*Segment[B]
	if built := x.format.Merge(sourcesOf(group)); len(built.IDs) > 0 {
		w, err := write(x.files, built, x.format.Carve)
		if err != nil {
			return false, err
		}
		written = append(written, w)
		addTo(&m, w, nil)
	}
	if err := x.files.commit(&m, x.format.Manifest); err != nil {
		for _, w := range written {
			w.release()
		}
		return false, err
	}
	x.replace(group, written, nil)
	for _, v := range group {
		if err := x.files.remove(v.file); err != nil {
			return false, err
		}
	}
	return true, nil
}
