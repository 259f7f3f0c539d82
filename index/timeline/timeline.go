// Package timeline finds the registered videos that run inside another one, by the codes of
// their sampled frames.
//
// Use [Open] for an index in a directory and [New] for one in memory; [Index.Add] takes a
// video under the ID of its track, [Index.Search] the frames of a query. A search looks for
// each frame of the query in all its turned and mirrored forms, exactly, within
// [Options.Radius] bits; the frames found vote for lines (track, offset, speed), see package
// fingerprint/align. Candidates are tracks with their lines: whether the query is a copy is
// for package fingerprint/video to say.
//
// # Tracks
//
// A track is a run of [Slots] IDs: its own ID, whose low [SlotBits] bits are zero, and one
// for each sample of the video; sample n, at n/2 seconds, is the code under track + n. So
// an ID says which track it is of and when, with no table beside the codes, and a video is
// as durable as its codes are. A video of more samples takes several tracks.
//
// # Promises
//
// Every frame within the radius of a form of a frame of the query is found, as in package
// flat: that is package mih's promise, which this one is built on, like that of being
// safe for concurrent use, persistent, incremental and crash-safe. Frames that more than
// [Options.Common] tracks share, such as title cards, vote with less weight, and not at all
// where they are found more than [Options.Hits] times.
package timeline

import (
	"cmp"
	"fmt"
	"slices"

	"selvage/fingerprint/align"
	"selvage/index"
	"selvage/index/mih"
)

// SlotBits is how many low bits of an ID number the samples of a track, Slots how many
// samples it holds: 2 hours and 16 minutes at two a second.
const (
	SlotBits = 14
	Slots    = 1 << SlotBits
)

// Step is the time between two samples in seconds.
const Step = 0.5

// Track is the ID of the track that a code is of.
func Track(id index.ID) index.ID { return id &^ (Slots - 1) }

// Frame is one sampled frame of a registered video.
type Frame struct {
	Slot int // sample number, from 0
	Code index.Code
}

// Moment is one frame of a query: the codes under which it is looked for, its turned and
// mirrored forms among them.
type Moment struct {
	Time   float64 // seconds
	Weight float64 // how telling it is, > 0
	Probes []index.Code
}

// Candidate is a track that answers to a query.
type Candidate struct {
	Track index.ID
	// Score is the support of its best line and those that go with it: seconds of agreement,
	// nearly, where frames are telling and not common.
	Score float64
	// Lines are how the track may run in the query, the best first.
	Lines []align.Line
	// Hits is how many pairs of frames were near.
	Hits int
}

// Options say how a search goes. The zero value of each field stands for its default.
type Options struct {
	Radius int // bits within which frames are near; 31
	Common int // tracks that may share a frame before it counts less; 4
	Hits   int // frames found for one of the query beyond which it is not used; 4096
	Most   int // candidates; 64
	Lines  int // lines a candidate; 3
}

func (o Options) filled() Options {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Radius, 31)
	set(&o.Common, 4)
	set(&o.Hits, 4096)
	set(&o.Most, 64)
	set(&o.Lines, 3)
	return o
}

// Index is a timeline index over any exact Hamming index.
type Index struct{ codes index.Persistent }

// New returns an empty index in memory.
func New() *Index { return &Index{mih.New()} }

// Open opens the index in a directory; see mih.Open.
func Open(dir string) (*Index, error) {
	x, err := mih.Open(dir)
	if err != nil {
		return nil, err
	}
	return &Index{x}, nil
}

// Over returns the timeline index whose codes another index keeps.
func Over(codes index.Persistent) *Index { return &Index{codes} }

// Add stores the frames of a track. Adding the same track with the same frames again
// changes nothing; to store other frames, remove it first.
func (x *Index) Add(track index.ID, frames []Frame) error {
	if Track(track) != track {
		return fmt.Errorf("timeline: %#x is no ID of a track", track)
	}
	for _, f := range frames {
		if f.Slot < 0 || f.Slot >= Slots {
			return fmt.Errorf("timeline: sample %d: want 0 to %d", f.Slot, Slots-1)
		}
	}
	for _, f := range frames {
		if err := x.codes.Add(track+index.ID(f.Slot), f.Code); err != nil {
			return err
		}
	}
	return nil
}

// Remove forgets the samples of a track that are numbered below slots. Removing what is not
// there is no error.
func (x *Index) Remove(track index.ID, slots int) error {
	for n := range min(slots, Slots) {
		if err := x.codes.Remove(Track(track) + index.ID(n)); err != nil {
			return err
		}
	}
	return nil
}

// Search returns the tracks that the moments of a query, by rising time, vote for, the best
// first.
func (x *Index) Search(query []Moment, o Options) ([]Candidate, error) {
	return search(query, o, x.codes.Range)
}

// SearchWithin is Search among the tracks with from <= ID < to. Like RangeWithin of the
// codes, it touches no others.
func (x *Index) SearchWithin(query []Moment, from, to index.ID, o Options) ([]Candidate, error) {
	return search(query, o, func(probes []index.Code, radius int) ([]index.Hit, error) {
		return x.codes.RangeWithin(probes, radius, from, to)
	})
}

// search asks for the frames of the query one by one: a stored frame may be near several.
func search(query []Moment, o Options, near func([]index.Code, int) ([]index.Hit, error)) ([]Candidate, error) {
	o = o.filled()
	pairs := map[index.ID][]align.Pair{}
	for _, m := range query {
		if !(m.Weight > 0) || len(m.Probes) == 0 {
			continue
		}
		hits, err := near(m.Probes, o.Radius)
		if err != nil {
			return nil, err
		}
		if len(hits) > o.Hits {
			continue
		}
		slices.SortFunc(hits, func(a, b index.Hit) int { return cmp.Compare(a.ID, b.ID) })
		tracks := 0
		for i := range hits {
			if i == 0 || Track(hits[i].ID) != Track(hits[i-1].ID) {
				tracks++
			}
		}
		weight := m.Weight * min(1, float64(o.Common)/float64(max(tracks, 1)))
		for _, h := range hits {
			t := Track(h.ID)
			pairs[t] = append(pairs[t], align.Pair{Q: m.Time, R: float64(h.ID-t) * Step, Weight: weight})
		}
	}
	out := make([]Candidate, 0, len(pairs))
	for t, p := range pairs {
		out = append(out, Candidate{Track: t, Hits: len(p), Score: bound(p)})
	}
	// Lines are looked for in what may still be among the best: the bound is the weight of the
	// query's moments that found anything in the track.
	slices.SortFunc(out, Candidate.compare)
	out = out[:min(len(out), 4*o.Most)]
	for i := range out {
		c := &out[i]
		c.Score = 0
		c.Lines = align.Find(pairs[c.Track], align.Options{Max: o.Lines, Min: 1e-9})
		for _, l := range c.Lines {
			c.Score += l.Support
		}
	}
	slices.SortFunc(out, Candidate.compare)
	return out[:min(len(out), o.Most)], nil
}

// compare orders by falling score, and then by ID.
func (c Candidate) compare(o Candidate) int {
	return cmp.Or(cmp.Compare(o.Score, c.Score), cmp.Compare(c.Track, o.Track))
}

// bound is the most that lines through pairs, which come by rising query time, can be
// supported by.
func bound(pairs []align.Pair) (sum float64) {
	for i := range pairs {
		if i == 0 || pairs[i].Q != pairs[i-1].Q {
			sum += pairs[i].Weight
		}
	}
	return sum
}

// Len is the number of stored frames.
func (x *Index) Len() int { return x.codes.Len() }

// Flush makes everything added and removed so far durable, together with cursor; see
// [index.Persistent].
func (x *Index) Flush(cursor uint64) error { return x.codes.Flush(cursor) }

// Cursor is the number given to the last durable Flush; 0 if there was none.
func (x *Index) Cursor() uint64 { return x.codes.Cursor() }

// Close releases files without flushing.
func (x *Index) Close() error { return x.codes.Close() }
