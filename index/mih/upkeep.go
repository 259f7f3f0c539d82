package mih

import (
	"fmt"
	"slices"
)

// Segments of about the same size are merged when there are this many of them.
const fanOut = 4

// mergeSoon starts a merge of memory segments in the background, unless one is on its
// way or there is nothing to do. The caller holds write.
func (x *Index) mergeSoon() {
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
func (x *Index) mergeMemory() error {
	for {
		s, err := x.snapshot()
		if err != nil {
			return err
		}
		group := s.pick(false)
		if group == nil {
			s.release()
			return nil
		}
		merged := merge(sourcesOf(group), s.tuning)
		x.replace(group, []*segment{merged}, nil)
		s.release()
	}
}

// pick chooses the segments to merge next, among those with files or those without: a
// group of about the same size, or one that is a quarter dead. Nil if all is well.
func (s *state) pick(onDisk bool) []segmentView {
	tiers := make(map[int][]segmentView)
	for _, v := range s.segments {
		if (v.file != 0) != onDisk {
			continue
		}
		n := len(v.ids)
		if dead := v.gone(onDisk); dead > 0 && 4*dead >= n {
			return []segmentView{v}
		}
		tier := 0
		for size := 2 * s.tuning.live; n > size; size *= fanOut {
			tier++
		}
		tiers[tier] = append(tiers[tier], v)
		if group := tiers[tier]; len(group) == fanOut && total(group) <= segmentLimit {
			return group
		}
	}
	return nil
}

// gone is the number of codes that a merge would leave out.
func (v segmentView) gone(onDisk bool) int {
	if onDisk {
		return v.flushed.len()
	}
	return v.dead.len()
}

func total(group []segmentView) (n int) {
	for _, v := range group {
		n += len(v.ids)
	}
	return n
}

// sourcesOf says what to copy when a group is merged. From files, what the last flush
// knew is copied even if it was removed since, as a crash must lead back to it.
func sourcesOf(group []segmentView) []source {
	sources := make([]source, len(group))
	for i, v := range group {
		sources[i] = source{v.segment, v.dead}
		if v.file != 0 {
			sources[i].dead = v.flushed
		}
	}
	return sources
}

// replace puts merged segments in the place of those that they were made of. What died
// since is marked dead in them too. If flushed is not nil, it holds what is on disk now
// for the other segments. The caller holds upkeep.
func (x *Index) replace(group []segmentView, merged []*segment, flushed map[*segment]*bitset) {
	x.write.Lock()
	defer x.write.Unlock()
	base := make(map[*segment]*bitset)
	for _, s := range sourcesOf(group) {
		base[s.segment] = s.dead
	}
	died := make([][]uint32, len(merged))
	next := *x.cur
	next.segments = nil
	for _, v := range x.cur.segments {
		copied, replaced := base[v.segment]
		if !replaced {
			if set, ok := flushed[v.segment]; ok {
				v.flushed = set
			}
			next.segments = append(next.segments, v)
			continue
		}
		for at := range v.dead.since(copied) {
			for i, m := range merged {
				if to, ok := m.find(v.ids[at]); ok {
					died[i] = append(died[i], to)
				}
			}
		}
	}
	for i, m := range merged {
		if len(m.ids) > 0 && !x.cur.closed {
			next.segments = append(next.segments, segmentView{segment: m, dead: (*bitset)(nil).with(died[i]...)})
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

// Flush implements [index.Persistent]. It waits for a merge that is under way; adding,
// removing and searching go on meanwhile. An index made with [New] has nowhere to write
// to and only notes the cursor.
//
// An error that comes from the merging of files after the flush leaves everything
// flushed; it is right to flush again.
func (x *Index) Flush(cursor uint64) error {
	x.upkeep.Lock()
	defer x.upkeep.Unlock()
	if x.files == nil {
		x.cursor.Store(cursor)
		return nil
	}
	if err := x.flush(cursor); err != nil {
		return fmt.Errorf("flush similarity index: %w", err)
	}
	if err := x.mergeFiles(); err != nil {
		return fmt.Errorf("merge files of similarity index: %w", err)
	}
	return nil
}

// flush writes what is only in memory. The caller holds upkeep.
func (x *Index) flush(cursor uint64) error {
	x.write.Lock()
	if !x.cur.closed && len(x.cur.live.ids) > 0 {
		next := *x.cur
		x.freeze(&next)
		x.publish(&next)
	}
	x.write.Unlock()
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	defer s.release()

	var memory []segmentView
	m := manifest{cursor: cursor}
	flushed := make(map[*segment]*bitset)
	for _, v := range s.segments {
		if v.file == 0 {
			memory = append(memory, v)
			continue
		}
		m.add(v.segment, v.dead)
		flushed[v.segment] = v.dead
	}
	var written []*segment
	fail := func(err error) error {
		for _, w := range written {
			w.release()
		}
		return err
	}
	for _, group := range portions(memory) {
		built := merge(sourcesOf(group), s.tuning)
		if len(built.ids) == 0 {
			continue
		}
		w, err := x.files.write(built)
		if err != nil {
			return fail(err)
		}
		written = append(written, w)
		m.add(w, nil)
	}
	if err := x.files.commit(&m); err != nil {
		return fail(err)
	}
	x.cursor.Store(cursor)
	x.replace(memory, written, flushed)
	return nil
}

// portions cuts a list so that none is merged into more than a segment may hold.
func portions(all []segmentView) [][]segmentView {
	var out [][]segmentView
	for len(all) > 0 {
		n := 1
		for n < len(all) && total(all[:n+1]) <= segmentLimit {
			n++
		}
		out = append(out, all[:n])
		all = all[n:]
	}
	return out
}

// mergeFiles merges segments on disk as long as there are too many of one size. Cursor
// and contents on disk stay as the last flush left them. The caller holds upkeep.
func (x *Index) mergeFiles() error {
	for {
		more, err := x.mergeSomeFiles()
		if err != nil || !more {
			return err
		}
	}
}

func (x *Index) mergeSomeFiles() (more bool, err error) {
	s, err := x.snapshot()
	if err != nil {
		return false, err
	}
	defer s.release()
	group := s.pick(true)
	if group == nil {
		return false, nil
	}
	m := manifest{cursor: x.cursor.Load()}
	for _, v := range s.segments {
		in := slices.ContainsFunc(group, func(g segmentView) bool { return g.segment == v.segment })
		if v.file != 0 && !in {
			m.add(v.segment, v.flushed)
		}
	}
	var written []*segment
	if built := merge(sourcesOf(group), s.tuning); len(built.ids) > 0 {
		w, err := x.files.write(built)
		if err != nil {
			return false, err
		}
		written = append(written, w)
		m.add(w, nil)
	}
	if err := x.files.commit(&m); err != nil {
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

// Cursor implements [index.Persistent].
func (x *Index) Cursor() uint64 { return x.cursor.Load() }

// Close implements [index.Persistent]. Searches that run come to their end; all later
// calls but Len, Cursor and Close fail with [os.ErrClosed].
func (x *Index) Close() error {
	x.write.Lock()
	old := x.cur
	x.publish(&state{closed: true})
	x.write.Unlock()
	if old.closed {
		return nil
	}
	old.release()
	x.work.Wait()
	x.upkeep.Lock()
	defer x.upkeep.Unlock()
	if x.files != nil {
		return x.files.close()
	}
	return nil
}
