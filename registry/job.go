package registry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/fingerprint"
	"selvage/internal/durable"
	"selvage/store"
)

// A registration or query that takes long (a video, a manuscript of many pages) can be given
// as a job: its files are durable when Submit returns, it is worked off apart from everything
// else, so that photos do not wait for it, and taken up again after a restart. Registering
// repeats safely: what was committed before a crash is found as a duplicate. A match that was
// stored before a crash and is asked again gives a second report.

// JobID names a job: "j_" and 26 characters that sort by time.
type JobID string

// JobState is where a job stands.
type JobState string

// The states. A job ends in one of the last three.
const (
	JobQueued    JobState = "queued"
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Ended reports whether a job's state is final.
func (s JobState) Ended() bool { return s == JobDone || s == JobFailed || s == JobCancelled }

// JobTask is what a job does.
type JobTask string

// The tasks.
const (
	JobRegister JobTask = "register"
	JobMatch    JobTask = "match"
)

// Job is long work under way, as its owner sees it.
type Job struct {
	ID    JobID    `json:"id"`
	Owner OwnerID  `json:"owner"`
	Task  JobTask  `json:"task"`
	State JobState `json:"state"`
	// Progress is the share of the file that is decoded and fingerprinted, 0 to 1, by the time
	// of a video or the pages of a manuscript.
	Progress float64    `json:"progress"`
	Created  time.Time  `json:"created"`
	Ended    *time.Time `json:"ended,omitempty"`
	// Work is what was registered, Duplicate that it had been before.
	Work      WorkID `json:"work,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
	// Related are earlier works that the new one copies; see Registration.
	Related []Match `json:"related,omitempty"`
	// Match is the report of a query.
	Match MatchID `json:"match,omitempty"`
	// Error says why a job failed.
	Error string `json:"error,omitempty"`
}

// jobRecord is the row J/<owner>/<job, descending>. The files are in the data directory,
// under jobs/<job>/<place in Files>, until the job ends.
type jobRecord struct {
	Job
	Files    []string         `json:"files"`              // names
	Register *RegisterRequest `json:"register,omitempty"` // without the files
	Alike    bool             `json:"alike,omitempty"`    // of a match
	Actor    *Actor           `json:"actor,omitempty"`    // who asked for it
}

func jobKey(o OwnerID, id JobID) []byte {
	return []byte("J/" + string(o) + "/" + descending(string(id)))
}

// MaxJobs is how many jobs of one owner may wait or run at a time.
const MaxJobs = 100

// ErrTooManyJobs is returned where the owner has MaxJobs jobs that have not ended.
var ErrTooManyJobs = fmt.Errorf("%d jobs of this owner have not ended; wait for some of them: %w", MaxJobs, store.ErrUnavailable)

// ErrNoJob is returned where the owner has no such job, or has it no more: see Config.KeepJobs.
var ErrNoJob = fmt.Errorf("no such job, or it ended long ago: %w", ErrNotFound)

// jobs works off the jobs, one at a time, oldest first.
type jobs struct {
	s    *Service
	bell chan struct{}

	mu    sync.Mutex
	queue []*liveJob // waiting and running, oldest first
	byID  map[JobID]*liveJob
}

// liveJob is a job that has not ended.
type liveJob struct {
	id       JobID
	owner    OwnerID
	progress atomic.Uint64 // bits of a float64
	cancel   context.CancelFunc
	done     chan struct{} // closed when it has ended
	err      error         // why it failed, once done
	stopped  bool          // cancelled by its owner
}

// Heavy reports whether a request with these files is better given as a job.
func (s *Service) Heavy(kind fingerprint.WorkKind, files []File) bool {
	for _, f := range files {
		if s.Hashers.Kind(kind, f.Data) != fingerprint.Photo {
			return true
		}
	}
	return false
}

// SubmitRegister takes a registration as a job. The request is checked when it runs, except
// for what can be said at once.
func (s *Service) SubmitRegister(ctx context.Context, q RegisterRequest) (*Job, error) {
	if err := q.checkFiles(); err != nil {
		return nil, err
	}
	files := q.Files
	q.Files = nil
	return s.submit(ctx, jobRecord{Job: Job{Owner: q.Owner, Task: JobRegister}, Register: &q}, files)
}

// SubmitMatch takes a query as a job.
func (s *Service) SubmitMatch(ctx context.Context, q MatchRequest) (*Job, error) {
	if _, err := ParseOwner(string(q.Asker)); err != nil {
		return nil, err
	}
	return s.submit(ctx, jobRecord{Job: Job{Owner: q.Asker, Task: JobMatch}, Alike: q.Alike}, []File{q.File})
}

func (s *Service) submit(ctx context.Context, rec jobRecord, files []File) (*Job, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	rec.Created = s.Clock().UTC().Truncate(time.Millisecond)
	rec.Actor = actorOf(ctx)
	rec.ID, rec.State = JobID(newID("j_", rec.Created)), JobQueued
	if s.jobs.count(rec.Owner) >= MaxJobs {
		return nil, ErrTooManyJobs
	}
	dir := s.jobDir(rec.ID)
	if err := spool(dir, files); err != nil {
		return nil, errors.Join(fmt.Errorf("job: %w", err), os.RemoveAll(dir))
	}
	for _, f := range files {
		rec.Files = append(rec.Files, f.Name)
	}
	err := s.KV.Update(ctx, func(tx store.Txn) error { return save(tx, jobKey(rec.Owner, rec.ID), rec) })
	if err != nil {
		// The store may have committed all the same: then the next start finds the row without
		// its files, and says so in it.
		return nil, errors.Join(fmt.Errorf("job: %w", err), os.RemoveAll(dir))
	}
	s.jobs.add(rec.Owner, rec.ID)
	return &rec.Job, nil
}

func (s *Service) jobDir(id JobID) string { return filepath.Join(s.DataDir, "jobs", string(id)) }

// spool writes files durably into a new directory.
func spool(dir string, files []File) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, f := range files {
		if err := durable.WriteFile(filepath.Join(dir, fmt.Sprint(i)), f.Data, 0o600); err != nil {
			return err
		}
	}
	jobs := filepath.Dir(dir)
	return errors.Join(durable.SyncDir(jobs), durable.SyncDir(filepath.Dir(jobs)))
}

// Job returns a job of the owner's.
func (s *Service) Job(ctx context.Context, o OwnerID, id JobID) (*Job, error) {
	rec, err := s.jobRecord(ctx, o, id)
	if err != nil {
		return nil, err
	}
	return s.jobs.seen(&rec.Job), nil
}

func (s *Service) jobRecord(ctx context.Context, o OwnerID, id JobID) (rec *jobRecord, err error) {
	if !validID("j_", string(id)) {
		return nil, ErrNoJob
	}
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		rec, err = load[jobRecord](tx, jobKey(o, id))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNoJob
	}
	return rec, err
}

// Jobs lists an owner's jobs, newest first.
func (s *Service) Jobs(ctx context.Context, o OwnerID, cursor string, limit int) (Page[Job], error) {
	page, err := list[Job](ctx, s.KV, "J/"+string(o)+"/", "j_", cursor, limit)
	for i := range page.Items {
		page.Items[i] = *s.jobs.seen(&page.Items[i])
	}
	return page, err
}

// AwaitJob waits until a job has ended or ctx has, and returns it as it then is. Failed is
// the error of a job that failed in this process.
func (s *Service) AwaitJob(ctx context.Context, o OwnerID, id JobID) (j *Job, failed error, err error) {
	if l := s.jobs.live(o, id); l != nil {
		select {
		case <-l.done:
			failed = l.err
		case <-ctx.Done():
		}
	}
	j, err = s.Job(context.WithoutCancel(ctx), o, id)
	return j, failed, err
}

// CancelJob ends a job that has not ended; one that has stays as it is. A registration that
// was committed already stays registered.
func (s *Service) CancelJob(ctx context.Context, o OwnerID, id JobID) (*Job, error) {
	if _, err := s.jobRecord(ctx, o, id); err != nil {
		return nil, err
	}
	if l := s.jobs.live(o, id); l != nil {
		if s.jobs.stop(l) {
			// It had not begun: nobody else writes its row any more.
			if err := s.jobs.end(context.WithoutCancel(ctx), l, JobCancelled); err != nil {
				return nil, err
			}
		}
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.Job(ctx, o, id)
}

// openJobs queues what the last run left, and forgets files without a job.
func (s *Service) openJobs(ctx context.Context) error {
	s.jobs = &jobs{s: s, bell: make(chan struct{}, 1), byID: map[JobID]*liveJob{}}
	known := map[string]bool{}
	err := s.KV.View(ctx, func(tx store.Txn) error {
		var bad error
		err := tx.Scan([]byte("J/"), nil, func(k, v []byte) bool {
			var rec jobRecord
			if bad = decodeRow(tx, k, v, &rec); bad != nil {
				return false
			}
			if !rec.State.Ended() {
				known[string(rec.ID)] = true
				s.jobs.add(rec.Owner, rec.ID)
			}
			return true
		})
		return errors.Join(err, bad)
	})
	if err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	entries, err := os.ReadDir(filepath.Join(s.DataDir, "jobs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("jobs: %w", err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			if err := os.RemoveAll(filepath.Join(s.DataDir, "jobs", e.Name())); err != nil {
				return fmt.Errorf("jobs: %w", err)
			}
		}
	}
	return nil
}

func (j *jobs) add(o OwnerID, id JobID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	l := &liveJob{id: id, owner: o, done: make(chan struct{})}
	j.byID[id] = l
	j.put(l)
}

// put puts a job into the queue by its time: after a restart they come by owner.
func (j *jobs) put(l *liveJob) {
	at, _ := slices.BinarySearchFunc(j.queue, l, func(a, b *liveJob) int { return strings.Compare(string(a.id), string(b.id)) })
	j.queue = slices.Insert(j.queue, at, l)
	select {
	case j.bell <- struct{}{}:
	default:
	}
}

func (j *jobs) count(o OwnerID) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.queue {
		if l.owner == o {
			n++
		}
	}
	return n
}

func (j *jobs) live(o OwnerID, id JobID) *liveJob {
	j.mu.Lock()
	defer j.mu.Unlock()
	if l := j.byID[id]; l != nil && l.owner == o {
		return l
	}
	return nil
}

// seen puts the progress of a running job into what is told of it.
func (j *jobs) seen(job *Job) *Job {
	if l := j.live(job.Owner, job.ID); l != nil && job.State == JobRunning {
		job.Progress = math.Float64frombits(l.progress.Load())
	}
	return job
}

// stop cancels a running job, and takes one that waits from the queue: waiting is true for
// the one caller who does, and then has to end it.
func (j *jobs) stop(l *liveJob) (waiting bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
	} else if !l.stopped {
		waiting = true
		j.take(l)
	}
	l.stopped = true
	return waiting
}

// take takes a job from the queue.
func (j *jobs) take(l *liveJob) {
	if i := slices.Index(j.queue, l); i >= 0 {
		j.queue = slices.Delete(j.queue, i, i+1)
	}
}

// end writes the row of a job that ends without having begun.
func (j *jobs) end(ctx context.Context, l *liveJob, state JobState) error {
	rec, err := j.s.jobRecord(ctx, l.owner, l.id)
	if err == nil {
		rec.State = state
		err = j.finish(ctx, l, rec)
	}
	if err != nil {
		j.mu.Lock() // as if nothing had been said
		defer j.mu.Unlock()
		l.stopped = false
		j.put(l)
	}
	return err
}

// finish writes how a job ended, and forgets it and its files.
func (j *jobs) finish(ctx context.Context, l *liveJob, rec *jobRecord) error {
	now := j.s.Clock().UTC().Truncate(time.Millisecond)
	rec.Ended, rec.Register, rec.Files = &now, nil, nil
	if err := j.s.saveJob(ctx, rec); err != nil {
		return err
	}
	j.mu.Lock()
	j.take(l)
	delete(j.byID, l.id)
	j.mu.Unlock()
	close(l.done)
	if err := os.RemoveAll(j.s.jobDir(l.id)); err != nil {
		j.s.Log.Warn("files of an ended job not removed; the next start does it", "job", l.id, "err", err)
	}
	return nil
}

// run works off the queue until ctx ends; a job under way is then left as it is, for the next
// start.
func (j *jobs) run(ctx context.Context) {
	for ctx.Err() == nil {
		l, jobCtx := j.next(ctx)
		if l == nil {
			select {
			case <-ctx.Done():
			case <-j.bell:
			}
			continue
		}
		if err := j.work(jobCtx, l); err != nil && ctx.Err() == nil {
			j.s.Log.Error("a job could not be worked off; it is tried again", "job", l.id, "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
		}
	}
}

// next is the oldest job; nil if there is none.
func (j *jobs) next(ctx context.Context) (*liveJob, context.Context) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.queue) == 0 {
		return nil, nil
	}
	l := j.queue[0]
	jobCtx, cancel := context.WithCancel(ctx)
	l.cancel = cancel
	if l.stopped { // while it waited to be tried again
		cancel()
	}
	return l, jobCtx
}

// work does one job and writes how it ended. An error means that it has not ended: the store
// is gone, or the service stops.
func (j *jobs) work(ctx context.Context, l *liveJob) error {
	defer l.cancel()
	s := j.s
	free := context.WithoutCancel(ctx)
	rec, err := s.jobRecord(free, l.owner, l.id)
	if err != nil {
		return err
	}
	rec.State = JobRunning
	if err := s.saveJob(free, rec); err != nil {
		return err
	}
	err = s.doJob(fingerprint.WithProgress(ctx, func(share float64) { l.progress.Store(math.Float64bits(share)) }), rec)
	switch {
	case err != nil && l.isStopped(j):
		rec.State = JobCancelled
	case err != nil && (ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, ErrClosed)):
		return err
	case err != nil:
		rec.State, rec.Error, l.err = JobFailed, err.Error(), err
	default:
		rec.State, rec.Progress = JobDone, 1
	}
	return j.finish(free, l, rec)
}

func (l *liveJob) isStopped(j *jobs) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return l.stopped
}

func (s *Service) saveJob(ctx context.Context, rec *jobRecord) error {
	err := s.KV.Update(ctx, func(tx store.Txn) error { return save(tx, jobKey(rec.Owner, rec.ID), rec) })
	if err != nil {
		return fmt.Errorf("job %s: %w", rec.ID, err)
	}
	return nil
}

const (
	keepJobs    = 7 * 24 * time.Hour // where Config.KeepJobs does not say
	forgetEvery = time.Hour
	forgetBatch = 500 // rows a transaction
)

// forgetJobs deletes the rows of jobs that ended long ago, at once and then every hour, until
// ctx ends. What a job made has rows of its own, which stay.
func (s *Service) forgetJobs(ctx context.Context) {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		if err := s.forgetEnded(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("ended jobs not forgotten; it is tried again in an hour", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// forgetEnded deletes the rows of jobs that ended more than KeepJobs ago. Nobody writes the row
// of a job that has ended, so what was read is still true when it is deleted.
func (s *Service) forgetEnded(ctx context.Context) error {
	before := s.Clock().Add(-s.KeepJobs)
	for from := []byte("J/"); from != nil; {
		var old [][]byte
		next := from
		from = nil
		err := s.KV.View(ctx, func(tx store.Txn) error {
			var bad error
			err := tx.Scan([]byte("J/"), next, func(k, v []byte) bool {
				if len(old) == forgetBatch {
					from = slices.Clone(k)
					return false
				}
				var rec jobRecord
				if bad = decodeRow(tx, k, v, &rec); bad != nil {
					return false
				}
				if rec.Ended != nil && rec.Ended.Before(before) {
					old = append(old, slices.Clone(k))
				}
				return true
			})
			return errors.Join(err, bad)
		})
		if err == nil && len(old) > 0 {
			err = s.KV.Update(ctx, func(tx store.Txn) error {
				for _, k := range old {
					if err := deleteRow(tx, k); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err != nil {
			return fmt.Errorf("forget ended jobs: %w", err)
		}
	}
	return nil
}

// doJob does what the job is for, and notes what came of it.
func (s *Service) doJob(ctx context.Context, rec *jobRecord) error {
	var files []File
	for i, name := range rec.Files {
		data, err := os.ReadFile(filepath.Join(s.jobDir(rec.ID), fmt.Sprint(i)))
		if err != nil {
			return fmt.Errorf("its files are gone: %w", err)
		}
		files = append(files, File{Name: name, Data: data})
	}
	if rec.Actor != nil {
		ctx = WithActor(ctx, *rec.Actor)
	}
	switch {
	case rec.Task == JobRegister && rec.Register != nil:
		q := *rec.Register
		q.Files, q.NoWait = files, true
		r, err := s.Register(ctx, q)
		if err != nil {
			return err
		}
		rec.Work, rec.Duplicate, rec.Related = r.Work.ID, r.Duplicate, r.Related
		return nil
	case rec.Task == JobMatch && len(files) == 1:
		r, err := s.Match(ctx, MatchRequest{Asker: rec.Owner, File: files[0], Alike: rec.Alike})
		if err != nil {
			return err
		}
		rec.Match = r.ID
		return nil
	}
	return fmt.Errorf("job %s: %w: no task %q with %d files", rec.ID, store.ErrCorrupt, rec.Task, len(files))
}
