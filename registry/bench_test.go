package registry_test

import (
	"context"
	"fmt"
	"testing"

	"selvage/fixtures"
	"selvage/registry"
)

const benchWorks = 300

// benchRig is a registry of made-up design work, all of one owner.
func benchRig(b *testing.B, v registry.Visibility) *rig {
	b.Helper()
	r := newRig(b)
	families := fixtures.Families()
	for i := range benchWorks {
		img := fixtures.Original(families[i%len(families)].Name, uint64(i), 480, 360)
		_, err := r.Register(context.Background(), registry.RegisterRequest{Owner: "ann", Visibility: v, NoWait: true,
			Files: []registry.File{{Name: fmt.Sprint(i, ".jpg"), Data: asJPEG(img, 90)}}})
		if err != nil {
			b.Fatal(err)
		}
	}
	r.settle()
	return r
}

// BenchmarkMatch is a query that is an edit of one of the works, and what the watcher does
// after it.
func BenchmarkMatch(b *testing.B) {
	for _, v := range []registry.Visibility{registry.Matchable, registry.Private} {
		b.Run(string(v), func(b *testing.B) {
			r := benchRig(b, v)
			family := fixtures.Families()[0].Name
			query := asJPEG(fixtures.Original(family, 0, 480, 360), 70)
			for b.Loop() {
				r.match("shop", query)
			}
			r.settle()
		})
	}
}

// BenchmarkRegister is one more work among others, and what the watcher does after it.
func BenchmarkRegister(b *testing.B) {
	for _, v := range []registry.Visibility{registry.Matchable, registry.Private} {
		b.Run(string(v), func(b *testing.B) {
			r := benchRig(b, v)
			family := fixtures.Families()[1].Name
			n := uint64(benchWorks)
			for b.Loop() {
				n++
				b.StopTimer()
				data := asJPEG(fixtures.Original(family, n, 480, 360), 90)
				b.StartTimer()
				_, err := r.Register(context.Background(), registry.RegisterRequest{Owner: "bob", Visibility: v, NoWait: true,
					Files: []registry.File{{Name: "a.png", Data: data}}})
				if err != nil {
					b.Fatal(err)
				}
			}
			r.settle()
		})
	}
}
