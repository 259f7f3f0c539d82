package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/fingerprint"
	"selvage/registry"
)

// Videos and manuscripts are worked off as jobs, apart from photos. A request waits a little
// for its job and is then answered as if there were none; or 202, and the job goes on.

const (
	jobWait    = 5 * time.Second  // where the request does not say
	maxJobWait = 60 * time.Second // RFC 7240 lets a server wait less than it is asked to
	jobsPath   = "/v1/jobs/"
)

// waitOf reads respond-async and wait=N from a Prefer header (RFC 7240).
func waitOf(prefer *string, otherwise time.Duration) time.Duration {
	if prefer == nil {
		return otherwise
	}
	if prefersAsync(*prefer) {
		return 0
	}
	for p := range strings.SplitSeq(*prefer, ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(p), "wait="); ok {
			if n, err := strconv.Atoi(v); err == nil && n >= 0 {
				return min(time.Duration(min(n, 3600))*time.Second, maxJobWait)
			}
		}
	}
	return otherwise
}

// enterHashing waits for its turn to hash a file that is no job.
func (s *Server) enterHashing(ctx context.Context, kind fingerprint.WorkKind, f registry.File) (done func(), err error) {
	if s.Registry.Heavy(kind, []registry.File{f}) {
		return s.heavy.enter(ctx, 1)
	}
	return s.hashing.enter(ctx, 1)
}

// awaitJob waits for a job that was just submitted, and answers for it.
func (s *Server) awaitJob(ctx context.Context, a actor, j *registry.Job, wait time.Duration) (*answer, error) {
	limit, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	j, failed, err := s.Registry.AwaitJob(limit, j.Owner, j.ID)
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return s.jobAnswer(ctx, a, j, wait > 0)
}

// jobAnswer is what the request of a job is answered now: its outcome, or 202 and the job.
func (s *Server) jobAnswer(ctx context.Context, a actor, j *registry.Job, patient bool) (*answer, error) {
	switch {
	case j.State == registry.JobDone && j.Task == registry.JobRegister:
		r := &registry.Registration{Duplicate: j.Duplicate, Related: j.Related}
		var err error
		if patient {
			r.Receipt, err = s.awaitReceipt(ctx, j.Owner, j.Work)
		} else if r.Receipt, err = s.Registry.Receipt(ctx, j.Owner, j.Work); errors.Is(err, registry.ErrPending) {
			err = nil
		}
		if err != nil {
			return nil, err
		}
		if r.Work, err = s.Registry.Work(ctx, j.Owner, j.Work); err != nil {
			return nil, err
		}
		return registrationAnswer(r)
	case j.State == registry.JobDone:
		r, err := s.Registry.MatchByID(ctx, j.Owner, j.Match)
		if err != nil {
			return nil, err
		}
		return reportAnswer(r, a.key.Role)
	case j.State == registry.JobCancelled:
		return nil, &fault{slug: slugJobCancelled, detail: fmt.Sprintf("job %s; send the file again", j.ID)}
	case j.State == registry.JobFailed:
		return nil, &fault{slug: slugJobFailed, detail: j.Error}
	}
	out, err := answerJSON(http.StatusAccepted, viewJob(j))
	if err != nil {
		return nil, err
	}
	out.Location, out.RetryAfter = jobsPath+string(j.ID), strconv.Itoa(retrySoon)
	return out, nil
}

// renewJob turns a replayed 202 of a job into what the job has come to.
func (s *Server) renewJob(ctx context.Context, who actor, a *answer) (*answer, error) {
	j, err := s.Registry.Job(ctx, who.owner, registry.JobID(strings.TrimPrefix(a.Location, jobsPath)))
	if err != nil {
		return nil, err
	}
	return s.jobAnswer(ctx, who, j, false)
}

// ListJobs is GET /v1/jobs.
func (s *Server) ListJobs(c echo.Context, p oas.ListJobsParams) error {
	return sendPage(c, "jobs", p.Limit, p.Cursor, s.Registry.Jobs, viewJob)
}

// viewJob shows what is related without what is internal.
func viewJob(j *registry.Job) *registry.Job {
	if len(j.Related) == 0 {
		return j
	}
	v := *j
	v.Related = viewMatches(j.Related)
	return &v
}

// ReadJob is GET /v1/jobs/{id}.
func (s *Server) ReadJob(c echo.Context, id string, p oas.ReadJobParams) error {
	ctx := c.Request().Context()
	owner := actorOf(c).owner
	limit, cancel := context.WithTimeout(ctx, waitOf(p.Prefer, 0))
	defer cancel()
	j, _, err := s.Registry.AwaitJob(limit, owner, registry.JobID(id))
	if err != nil {
		return err
	}
	if !j.State.Ended() {
		c.Response().Header().Set("Retry-After", strconv.Itoa(retrySoon))
	}
	return sendJSON(c, http.StatusOK, viewJob(j))
}

// CancelJob is DELETE /v1/jobs/{id}.
func (s *Server) CancelJob(c echo.Context, id string, _ oas.CancelJobParams) error {
	j, err := s.Registry.CancelJob(c.Request().Context(), actorOf(c).owner, registry.JobID(id))
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, viewJob(j))
}
