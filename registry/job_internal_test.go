package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"selvage/store"
	"selvage/store/mem"
)

// TestForgetEnded: jobs are forgotten when their time is over, long rows with their pieces, and
// nothing else is.
func TestForgetEnded(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	s := &Service{Config: Config{KV: mem.NewKV(), Log: slog.New(slog.DiscardHandler), KeepJobs: keepJobs, Clock: func() time.Time { return now }, DataDir: t.TempDir()}}
	if err := s.openJobs(ctx); err != nil {
		t.Fatal(err)
	}
	put := func(o OwnerID, state JobState, ended time.Time, related int) JobID {
		rec := jobRecord{Job: Job{ID: JobID(newID("j_", now)), Owner: o, Task: JobRegister, State: state, Related: make([]Match, related)}}
		if state.Ended() {
			rec.Ended = &ended
		}
		if err := s.saveJob(ctx, &rec); err != nil {
			t.Fatal(err)
		}
		return rec.ID
	}
	kept := []JobID{put("bob", JobDone, now.Add(-keepJobs+time.Second), 10_000), put("bob", JobCancelled, now, 0), put("bob", JobRunning, now, 0)}
	want := rows(t, s.KV)
	old := []JobID{put("ann", JobDone, now.Add(-keepJobs-time.Second), 10_000)} // longer than one value
	for range forgetBatch + 1 {
		old = append(old, put("ann", JobFailed, now.Add(-keepJobs-time.Hour), 0))
	}
	if p, err := s.Jobs(ctx, "bob", "", 10); err != nil || len(p.Items) != 3 || !slices.ContainsFunc(p.Items, func(j Job) bool { return len(j.Related) == 10_000 }) {
		t.Fatalf("bob's jobs: %d (%v)", len(p.Items), err)
	}

	if err := s.forgetEnded(ctx); err != nil {
		t.Fatal(err)
	}
	for _, id := range old {
		if _, err := s.Job(ctx, "ann", id); !errors.Is(err, ErrNoJob) || !errors.Is(err, ErrNotFound) {
			t.Fatalf("job %s, ended long ago: %v, want ErrNoJob", id, err)
		}
	}
	for _, id := range kept {
		if _, err := s.Job(ctx, "bob", id); err != nil {
			t.Errorf("job %s: %v", id, err)
		}
	}
	if got := rows(t, s.KV); got != want {
		t.Errorf("rows are %s, want %s", got, want)
	}

	now = now.Add(2 * keepJobs)
	if err := s.forgetEnded(ctx); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, s.KV); got != "J/:1 +/:0" {
		t.Errorf("after two weeks, with one running, rows are %s", got)
	}
}

// rows counts the rows of jobs and the pieces of long ones.
func rows(t *testing.T, kv store.KV) string {
	n := map[byte]int{}
	err := kv.View(context.Background(), func(tx store.Txn) error {
		return tx.Scan(nil, nil, func(k, _ []byte) bool { n[k[0]]++; return true })
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("J/:%d +/:%d", n['J'], n['+'])
}
