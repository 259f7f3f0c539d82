package photo

import (
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
)

func queried(t testing.TB, seed uint64) *fingerprint.Result {
	t.Helper()
	r, err := HashPicture(scene(seed, 480, 360), Options{query: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A query that was packed and unpacked still finds what it is a copy of, and nothing else.
func TestPackedQueryFinds(t *testing.T) {
	whole := queried(t, 5)
	packed := PackQuery(whole)
	if len(packed) == 0 || len(packed) > 100<<10 {
		t.Fatalf("packed into %d bytes", len(packed))
	}
	again := *whole
	again.Query = nil
	if err := UnpackQuery(&again, packed); err != nil {
		t.Fatal(err)
	}
	for v, set := range LocalQuery(&again).Sets {
		want := LocalQuery(whole).Sets[v]
		for i := range set {
			if set[i] != want[i] {
				t.Fatalf("variant %d, feature %d: %+v, want %+v", v, i, set[i], want[i])
			}
		}
	}
	if c := Compare(&again, hashed(t, recoded(t, scene(5, 480, 360), 40))); c.Probability() < ActThreshold {
		t.Errorf("its own picture has probability %v", c.Probability())
	}
	if c := Compare(&again, hashed(t, scene(6, 480, 360))); c.Probability() >= ActThreshold {
		t.Errorf("another picture has probability %v", c.Probability())
	}
	flat := &fingerprint.Result{}
	if PackQuery(flat) != nil || UnpackQuery(flat, nil) != nil || flat.Query != nil {
		t.Error("nothing is not packed as nothing")
	}
}

func FuzzUnpackQuery(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0})
	small, err := HashPicture(scene(3, 96, 80), Options{query: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(PackQuery(small))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r fingerprint.Result
		if err := UnpackQuery(&r, b); err != nil || len(b) == 0 {
			return
		}
		q := LocalQuery(&r)
		for _, set := range q.Sets {
			for i := range set {
				if set[i].Word >= local.Words {
					t.Fatal("a word that does not exist was let in")
				}
			}
		}
		r.Width, r.Height = q.Base.W, q.Base.H
		NewQuery(&r)
	})
}

// The embedded model judges the measures that are taken.
func TestModel(t *testing.T) {
	if ActThreshold < .8 || ActThreshold >= 1 || ModelVersion == "" {
		t.Errorf("acts from %v, version %q", ActThreshold, ModelVersion)
	}
	c := Compare(queried(t, 5), hashed(t, scene(5, 480, 360)))
	if len(c.Places) == 0 || len(c.Places[0].Measures) != len(Features) {
		t.Fatalf("%d measures, want %d", len(c.Places[0].Measures), len(Features))
	}
}

// Three works with one frame of furniture: none of them is copied by a fourth with the
// same furniture, and each is still found by its own copy.
func TestCommonContentIsNoEvidence(t *testing.T) {
	look := func(seed uint64) *fingerprint.Result { return hashed(t, lookPage(seed)) }
	works := []*fingerprint.Result{look(1), look(2), look(3)}
	ask := func(seed uint64) []float64 {
		r, err := HashPicture(recoded(t, lookPage(seed), 70), Options{query: true})
		if err != nil {
			t.Fatal(err)
		}
		q := NewQuery(r)
		var all []*Comparison
		for _, w := range works {
			all = append(all, q.Compare(w, local.Plain))
		}
		q.Discount(all)
		var p []float64
		for _, c := range all {
			p = append(p, c.Probability())
		}
		return p
	}
	for i, p := range ask(9) {
		if p >= ActThreshold {
			t.Errorf("a page of its own copies work %d with probability %.3f", i, p)
		}
	}
	for i := range works {
		for k, p := range ask(uint64(i + 1)) {
			if (p >= ActThreshold) != (i == k) {
				t.Errorf("a copy of work %d has probability %.3f against work %d", i, p, k)
			}
		}
	}
	// What the asker ignores is no evidence either.
	r, err := HashPicture(lookPage(9), Options{query: true})
	if err != nil {
		t.Fatal(err)
	}
	q := NewQuery(r)
	alone := q.Compare(works[0], local.Plain)
	left := q.Ignore(alone, []*Comparison{q.Compare(hashed(t, lookPage(9)), local.Plain)})
	if left.Probability() >= min(ActThreshold, alone.Probability()) || left.Shared < .5 || alone.Shared != 0 {
		t.Errorf("ignored whole: probability %.3f of %.3f, shared %.2f", left.Probability(), alone.Probability(), left.Shared)
	}
}
