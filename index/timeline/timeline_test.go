package timeline

import (
	"flag"
	"math"
	"math/rand/v2"
	"reflect"
	"syscall"
	"testing"
	"time"

	"selvage/index"
	"selvage/index/flat"
	"selvage/index/mih"
)

// world is registered videos made of scenes: each scene a code that drifts a few bits a
// sample.
type world struct {
	r      *rand.Rand
	tracks map[index.ID][]Frame
}

func newWorld(seed uint64) *world {
	return &world{rand.New(rand.NewPCG(seed, 1)), map[index.ID][]Frame{}}
}

func (w *world) code() (c index.Code) {
	for i := range c {
		c[i] = w.r.Uint64()
	}
	return c
}

// moved is the code with n bits changed.
func (w *world) moved(c index.Code, n int) index.Code {
	for range n {
		b := w.r.IntN(256)
		c[b/64] ^= 1 << (b % 64)
	}
	return c
}

func (w *world) video(samples int) (frames []Frame) {
	c := w.code()
	for n := range samples {
		if w.r.IntN(8) == 0 {
			c = w.code()
		}
		c = w.moved(c, 12)
		frames = append(frames, Frame{Slot: n, Code: c})
	}
	return frames
}

func (w *world) add(t *testing.T, x *Index, id index.ID, frames []Frame) {
	t.Helper()
	if err := x.Add(id, frames); err != nil {
		t.Fatal(err)
	}
	w.tracks[id] = frames
}

// clip is a query that shows samples from ≤ n < to of a track, at noise bits.
func (w *world) clip(id index.ID, from, to, noise int) (q []Moment) {
	for _, f := range w.tracks[id][from:to] {
		q = append(q, Moment{Time: float64(f.Slot-from) * Step, Weight: 1, Probes: []index.Code{w.code(), w.moved(f.Code, noise)}})
	}
	return q
}

func track(owner, n uint64) index.ID { return index.ID(owner<<40 | n<<SlotBits) }

func ask(t *testing.T, x *Index, q []Moment, o Options) []Candidate {
	t.Helper()
	c, err := x.Search(q, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEqualsFlat(t *testing.T) {
	w := newWorld(1)
	x, oracle := New(), flat.New()
	title := w.code()
	for n := range uint64(60) {
		frames := w.video(10 + w.r.IntN(60))
		frames[0].Code = w.moved(title, 3)
		w.add(t, x, track(n%5, n), frames)
		for _, f := range frames {
			if err := oracle.Add(track(n%5, n)+index.ID(f.Slot), f.Code); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := uint64(0); n < 60; n += 7 { // some go again
		id := track(n%5, n)
		if err := x.Remove(id, len(w.tracks[id])); err != nil {
			t.Fatal(err)
		}
		for _, f := range w.tracks[id] {
			if err := oracle.Remove(id + index.ID(f.Slot)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if x.Len() != oracle.Len() {
		t.Fatalf("%d codes, want %d", x.Len(), oracle.Len())
	}
	found := 0
	for n := range uint64(60) {
		id := track(n%5, n)
		q := w.clip(id, 2, 9, w.r.IntN(50))
		got := ask(t, x, q, Options{})
		want, err := search(q, Options{}, oracle.Range)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("query %d: got %+v, want %+v", n, got, want)
		}
		if len(got) > 0 && got[0].Track == id {
			found++
			if n%7 == 0 {
				t.Fatalf("track %d was removed and is found", n)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d of 60 clips found: the test tests little", found)
	}
}

// A piece of 3 seconds of a video of 2 hours, sped up, is found with its time.
func TestNeedle(t *testing.T) {
	w := newWorld(2)
	x := New()
	for n := range uint64(20) {
		w.add(t, x, track(1, n), w.video(200))
	}
	long := track(2, 0)
	w.add(t, x, long, w.video(2*60*60*2))
	for _, from := range []int{0, 7777, 14394} {
		q := w.clip(long, from, from+6, 12)
		c := ask(t, x, q, Options{})
		if len(c) == 0 || c[0].Track != long {
			t.Fatalf("piece at sample %d: %+v", from, c)
		}
		if at := c[0].Lines[0].At(0); math.Abs(at-float64(from)*Step) > Step {
			t.Errorf("piece at %v s found at %v", float64(from)*Step, at)
		}
	}
}

// What many tracks show does not outvote what one shows.
func TestCommon(t *testing.T) {
	w := newWorld(3)
	x := New()
	title := w.code()
	for n := range uint64(100) {
		frames := w.video(40)
		for i := range 8 { // a title of 4 seconds
			frames[i].Code = w.moved(title, 2)
		}
		w.add(t, x, track(1, n), frames)
	}
	want := track(1, 42)
	q := w.clip(want, 0, 8, 2)
	q = append(q, w.clip(want, 20, 24, 8)...)
	for i := 8; i < len(q); i++ {
		q[i].Time += 10
	}
	c := ask(t, x, q, Options{})
	if c[0].Track != want || c[0].Score < 2*c[1].Score {
		t.Errorf("the track of the query scores %v, the next %v", c[0].Score, c[1].Score)
	}
}

func TestWithin(t *testing.T) {
	w := newWorld(4)
	x := New()
	frames := w.video(30)
	for owner := range uint64(4) {
		w.add(t, x, track(owner, 5), frames)
	}
	c, err := x.SearchWithin(w.clip(track(2, 5), 5, 15, 4), track(2, 0), track(3, 0), Options{})
	if err != nil || len(c) != 1 || c[0].Track != track(2, 5) {
		t.Errorf("%+v, %v; want the track of owner 2 alone", c, err)
	}
}

// What was flushed is there after a crash, and only that; what came after the cursor may be
// done again.
func TestReopen(t *testing.T) {
	w := newWorld(5)
	dir := t.TempDir()
	open := func() *Index {
		x, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	x := open()
	w.add(t, x, track(1, 1), w.video(50))
	w.add(t, x, track(1, 2), w.video(50))
	if err := x.Flush(7); err != nil {
		t.Fatal(err)
	}
	w.add(t, x, track(1, 3), w.video(50))
	if err := x.Remove(track(1, 1), Slots); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil { // without flushing, as in a crash
		t.Fatal(err)
	}
	finds := func(n uint64) bool {
		c := ask(t, x, w.clip(track(1, n), 10, 20, 4), Options{})
		return len(c) > 0 && c[0].Track == track(1, n)
	}
	x = open()
	if x.Cursor() != 7 || x.Len() != 100 || !finds(1) || !finds(2) || finds(3) {
		t.Fatalf("after a crash: cursor %d, %d codes, finds %v %v %v", x.Cursor(), x.Len(), finds(1), finds(2), finds(3))
	}
	for range 2 { // twice does no harm
		w.add(t, x, track(1, 3), w.tracks[track(1, 3)])
		if err := x.Remove(track(1, 1), Slots); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Flush(9); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open()
	if x.Cursor() != 9 || x.Len() != 100 || finds(1) || !finds(2) || !finds(3) {
		t.Errorf("after repeating: cursor %d, %d codes, finds %v %v %v", x.Cursor(), x.Len(), finds(1), finds(2), finds(3))
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRefuses(t *testing.T) {
	x := New()
	if err := x.Add(track(1, 1)+5, nil); err == nil {
		t.Error("an ID that is no track's is taken")
	}
	for _, slot := range []int{-1, Slots} {
		if err := x.Add(track(1, 1), []Frame{{Slot: 3}, {Slot: slot}}); err == nil || x.Len() != 0 {
			t.Errorf("sample %d: %v, %d codes", slot, err, x.Len())
		}
	}
	if c := ask(t, x, []Moment{{Time: 1, Weight: 1}, {Time: 2, Probes: []index.Code{{}}}}, Options{}); len(c) != 0 {
		t.Errorf("%+v from an empty index", c)
	}
}

var benchFrames = flag.Int("frames", 100_000, "stored frames of BenchmarkSearch")

// BenchmarkSearch asks for 60 seconds, a moment every 1.5 seconds in 8 forms as package video
// does, of which 40 seconds are in the index, and reports CPU time.
func BenchmarkSearch(b *testing.B) {
	w := newWorld(6)
	dir := b.TempDir()
	codes, err := mih.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	x := Over(codes)
	for n := uint64(0); x.Len() < *benchFrames; n++ {
		frames := w.video(240)
		if err := x.Add(track(1, n), frames); err != nil {
			b.Fatal(err)
		}
		w.tracks[track(1, n)] = frames
	}
	if err := x.Flush(1); err != nil {
		b.Fatal(err)
	}
	q := w.clip(track(1, 3), 20, 100, 10)
	for len(q) < 120 {
		q = append(q, Moment{Time: q[len(q)-1].Time + Step, Weight: 1})
	}
	var every []Moment
	for i := 0; i < len(q); i += 3 {
		for len(q[i].Probes) < 8 {
			q[i].Probes = append(q[i].Probes, w.code())
		}
		every = append(every, q[i])
	}
	start := cpuTime()
	for b.Loop() {
		c, err := x.Search(every, Options{})
		if err != nil || c[0].Track != track(1, 3) {
			b.Fatal(c, err)
		}
	}
	b.ReportMetric(float64(cpuTime()-start)/1e6/float64(b.N), "cpu-ms/op")
	total, _ := codes.Size()
	b.ReportMetric(float64(total)/float64(x.Len()), "bytes/frame")
	b.StopTimer()
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
