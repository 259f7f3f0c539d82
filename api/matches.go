package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"selvage/api/oas"
	"selvage/fingerprint"
	"selvage/registry"
)

// maxBatchFiles is how many files one batch may hold.
const maxBatchFiles = 300

// MatchFile is POST /v1/matches.
func (s *Server) MatchFile(c echo.Context, p oas.MatchFileParams) error {
	u, leave, err := s.oneFile(c)
	if err != nil {
		return err
	}
	defer leave()
	alike, role := p.Alike != nil && *p.Alike, actorOf(c).key.Role
	// What admins are shown must not be replayed to a designer of the same owner.
	extra := "alike=" + strconv.FormatBool(alike) + " admin=" + strconv.FormatBool(role == Admin)
	renew := func(a *answer) (*answer, error) {
		if strings.HasPrefix(a.Location, jobsPath) {
			return s.renewJob(c.Request().Context(), actorOf(c), a)
		}
		return a, nil
	}
	return s.once(c, u, extra, renew, func() (*answer, error) {
		ctx := c.Request().Context()
		if s.Registry.Heavy("", u.files) {
			j, err := s.Registry.SubmitMatch(ctx, registry.MatchRequest{Asker: actorOf(c).owner, File: u.files[0], Alike: alike})
			if err != nil {
				return nil, err
			}
			return s.awaitJob(ctx, actorOf(c), j, waitOf(p.Prefer, jobWait))
		}
		r, err := s.match(ctx, actorOf(c).owner, u.files[0], alike)
		if err != nil {
			return nil, err
		}
		return reportAnswer(r, role)
	})
}

func reportAnswer(r *registry.MatchReport, role Role) (*answer, error) {
	a, err := answerJSON(http.StatusOK, viewReport(r, role))
	if err != nil {
		return nil, err
	}
	a.Location = "/v1/matches/" + string(r.ID)
	return a, nil
}

// oneFile reads a body with one file.
func (s *Server) oneFile(c echo.Context) (*upload, func(), error) {
	leave, err := s.admit(c, s.MaxFile, s.MaxFile)
	if err != nil {
		return nil, nil, err
	}
	u, err := readFile(c.Request())
	if err != nil {
		leave()
		return nil, nil, err
	}
	return u, leave, nil
}

func (s *Server) match(ctx context.Context, asker registry.OwnerID, f registry.File, alike bool) (*registry.MatchReport, error) {
	if s.Registry.Heavy("", []registry.File{f}) {
		return s.matchByJob(ctx, asker, f, alike)
	}
	done, err := s.hashing.enter(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer done()
	return s.Registry.Match(ctx, registry.MatchRequest{Asker: asker, File: f, Alike: alike})
}

// matchByJob matches a file as a job and waits for it, however long it takes.
func (s *Server) matchByJob(ctx context.Context, asker registry.OwnerID, f registry.File, alike bool) (*registry.MatchReport, error) {
	j, err := s.Registry.SubmitMatch(ctx, registry.MatchRequest{Asker: asker, File: f, Alike: alike})
	if err != nil {
		return nil, err
	}
	j, failed, err := s.Registry.AwaitJob(ctx, asker, j.ID)
	if err = errors.Join(err, failed, ctx.Err()); err != nil {
		return nil, err
	}
	if j.State != registry.JobDone {
		return nil, &fault{slug: slugJobCancelled, detail: fmt.Sprintf("job %s; send the file again", j.ID)}
	}
	return s.Registry.MatchByID(ctx, asker, j.Match)
}

// batchAnswer is one answer of a batch: BatchAnswer of the spec.
type batchAnswer struct {
	Index   int          `json:"index"`
	Name    string       `json:"name,omitempty"`
	Report  *report      `json:"report,omitempty"`
	Problem *oas.Problem `json:"problem,omitempty"`
}

// MatchBatch is POST /v1/matches:batch. Files are matched while the next ones are read;
// a few are in memory at a time, however many come.
func (s *Server) MatchBatch(c echo.Context, p oas.MatchBatchParams) error {
	workers := min(s.Hashing, 4)
	leave, err := s.admit(c, s.MaxBatch, int64(workers+1)*s.MaxFile)
	if err != nil {
		return err
	}
	defer leave()
	f, err := openForm(c.Request(), maxBatchFiles)
	if err != nil {
		return err
	}
	f.maxBytes = s.MaxFile
	group, ctx := errgroup.WithContext(c.Request().Context())
	group.SetLimit(workers)
	var slots []*batchAnswer
	asker, id, alike := actorOf(c).owner, requestID(c), p.Alike != nil && *p.Alike
	for {
		file, more, err := f.next()
		if !more && err == nil {
			break
		}
		a := &batchAnswer{Index: len(slots), Name: file.Name}
		if big, ok := errors.AsType[*fileTooLarge](err); ok {
			a.Name = big.name
			a.Problem = new(faultOf(err).problem(id))
		} else if err != nil {
			return errors.Join(err, group.Wait())
		}
		slots = append(slots, a)
		if a.Problem == nil {
			group.Go(func() error { return s.matchInBatch(ctx, c, a, asker, file, alike) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(slots) == 0 {
		return errNoFile
	}
	return sendJSON(c, http.StatusOK, slots)
}

// matchInBatch fills in one answer. What is wrong with the file stays there; what is
// wrong with the service or the client's connection ends the batch.
func (s *Server) matchInBatch(ctx context.Context, c echo.Context, a *batchAnswer, asker registry.OwnerID, file registry.File, alike bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(c, p)
		}
	}()
	r, err := s.match(ctx, asker, file, alike)
	if err == nil {
		a.Report = viewReport(r, actorOf(c).key.Role)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f := faultOf(err)
	s.logFault(c, f)
	a.Problem = new(f.problem(requestID(c)))
	return nil
}

// ReadMatch is GET /v1/matches/{id}.
func (s *Server) ReadMatch(c echo.Context, id oas.MatchID, _ oas.ReadMatchParams) error {
	match, err := matchID(id)
	if err != nil {
		return err
	}
	r, err := s.Registry.MatchByID(c.Request().Context(), actorOf(c).owner, match)
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, viewReport(r, actorOf(c).key.Role))
}

// CompareWork is POST /v1/works/{id}/compare.
func (s *Server) CompareWork(c echo.Context, id oas.WorkID, _ oas.CompareWorkParams) error {
	work, err := s.work(c, id)
	if err != nil {
		return err
	}
	u, leave, err := s.oneFile(c)
	if err != nil {
		return err
	}
	defer leave()
	done, err := s.enterHashing(c.Request().Context(), "", u.files[0])
	if err != nil {
		return err
	}
	defer done()
	r, err := s.Registry.Compare(c.Request().Context(), actorOf(c).owner, work, u.files[0])
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/v1/matches/"+string(r.ID))
	return sendJSON(c, http.StatusOK, viewReport(r, actorOf(c).key.Role))
}

// FingerprintFile is POST /v1/fingerprints.
func (s *Server) FingerprintFile(c echo.Context, p oas.FingerprintFileParams) error {
	var kind fingerprint.WorkKind
	if p.Kind != nil {
		if kind = fingerprint.WorkKind(*p.Kind); !p.Kind.Valid() {
			return &registry.InvalidError{Field: "kind", Fix: "use photo, video or manuscript, or leave it out"}
		}
	}
	u, leave, err := s.oneFile(c)
	if err != nil {
		return err
	}
	defer leave()
	done, err := s.enterHashing(c.Request().Context(), kind, u.files[0])
	if err != nil {
		return err
	}
	defer done()
	data := u.files[0].Data
	r, err := s.Registry.Fingerprints(c.Request().Context(), kind, data)
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, viewFingerprints(data, r))
}

// ListEvents is GET /v1/events.
func (s *Server) ListEvents(c echo.Context, p oas.ListEventsParams) error {
	return sendPage(c, "events", p.Limit, p.Cursor, s.Registry.Events, func(e *registry.Event) registry.Event { return *e })
}
