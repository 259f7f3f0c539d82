package video

import "selvage/fingerprint"

// Sample is the code of one sampled frame as an index keeps it.
type Sample struct {
	Slot int // sample number: the frame at Slot*Step seconds
	Code Code
}

// Samples are what package index/timeline keeps of a registered video: one code a frame
// that is not blank, that of the content box where it has one.
func Samples(r *fingerprint.Result) []Sample {
	t := trackOf(r)
	out := make([]Sample, len(t))
	for i := range t {
		out[i] = Sample{t[i].Slot, t[i].Full}
		if t[i].HasBox {
			out[i].Code = t[i].Box
		}
	}
	return out
}

// Moment is one frame of a query with all the codes under which an index is asked for it.
type Moment struct {
	Time   float64 // seconds
	Weight float64 // how telling the frame is, 0..1
	Probes []Code
}

// shortQuery is up to how many frames of a query are all asked for; of a longer one, every
// third.
const shortQuery = 48

// Moments are the frames of a query to search an index for: those that differ from the one
// asked for before, in the eight forms.
func Moments(r *fingerprint.Result) []Moment {
	t := trackOf(r)
	var out []Moment
	var last *Frame
	for i := range t {
		f := &t[i]
		if len(t) > shortQuery && f.Slot%3 != 0 || last != nil && f.same(last) {
			continue
		}
		last = f
		out = append(out, Moment{f.Time(), f.telling(), f.probes(nil)})
	}
	return out
}
