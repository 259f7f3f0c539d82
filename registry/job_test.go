package registry_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/registry"
)

// stuckReel is a reel that hashes only once it is let go.
type stuckReel struct {
	reel
	begun chan struct{}
	free  chan struct{} // closed: no longer stuck
}

func (h stuckReel) Hash(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	select {
	case <-h.free:
		return h.reel.Hash(ctx, data)
	default:
	}
	h.begun <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestJobIsForgotten: a start forgets what ended long ago, and the report stays.
func TestJobIsForgotten(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := newRig(t)
	j, err := r.SubmitMatch(ctx, registry.MatchRequest{Asker: "bob", File: registry.File{Data: asPNG(picture(1))}})
	if err != nil {
		t.Fatal(err)
	}
	j, failed, err := r.AwaitJob(ctx, "bob", j.ID)
	if err != nil || failed != nil || j.State != registry.JobDone {
		t.Fatalf("%+v, %v, %v", j, failed, err)
	}
	r.stop()
	r.clock = func() time.Time { return time.Now().Add(8 * 24 * time.Hour) }
	r.start()
	for {
		if _, err = r.Job(ctx, "bob", j.ID); err != nil || ctx.Err() != nil {
			break
		}
		time.Sleep(time.Millisecond) // a start does not wait for it
	}
	if !errors.Is(err, registry.ErrNoJob) {
		t.Errorf("a job that ended 8 days ago: %v, want ErrNoJob", err)
	}
	if _, err := r.MatchByID(ctx, "bob", j.Match); err != nil {
		t.Errorf("its report: %v", err)
	}
	r.clean()
}

// TestJobsAfterRestart: a job that was under way and one that waited are done after a
// restart, in their order, and their files are gone then.
func TestJobsAfterRestart(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := newRig(t)
	photos := photo.New(photo.Options{})
	stuck := stuckReel{reel{photos}, make(chan struct{}, 9), make(chan struct{})}
	r.hashers = fingerprint.Set{stuck, photos}
	r.stop()
	r.start()
	film := asReel(asPNG(picture(1)), asPNG(picture(2)))
	first, err := r.SubmitRegister(ctx, registry.RegisterRequest{Owner: "ann", Visibility: registry.Matchable, Files: []registry.File{{Name: "a.reel", Data: film}}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.SubmitMatch(ctx, registry.MatchRequest{Asker: "bob", File: registry.File{Name: "b.jpg", Data: asJPEG(picture(2), 80)}})
	if err != nil {
		t.Fatal(err)
	}
	<-stuck.begun
	r.stop()
	close(stuck.free)
	if err := os.MkdirAll(filepath.Join(r.dir, "jobs", "j_left"), 0o700); err != nil { // spooled, and never committed
		t.Fatal(err)
	}
	r.start()

	a, failed, err := r.AwaitJob(ctx, "ann", first.ID)
	if err != nil || failed != nil || a.State != registry.JobDone || a.Work == "" {
		t.Fatalf("the first job: %+v, %v, %v", a, failed, err)
	}
	b, failed, err := r.AwaitJob(ctx, "bob", second.ID)
	if err != nil || failed != nil || b.State != registry.JobDone {
		t.Fatalf("the second job: %+v, %v, %v", b, failed, err)
	}
	rep, err := r.MatchByID(ctx, "bob", b.Match)
	if err != nil || len(rep.Matches) != 1 || rep.Matches[0].Work != a.Work {
		t.Errorf("the second job found %+v (%v), want %s", rep, err, a.Work)
	}
	if _, err := r.Job(ctx, "bob", first.ID); err == nil {
		t.Error("bob reads ann's job")
	}
	for range 100 {
		if left, err := os.ReadDir(filepath.Join(r.dir, "jobs")); err != nil {
			t.Fatal(err)
		} else if len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("files of ended jobs are left")
}
