package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/registry"
)

// feedback is Feedback of the spec.
type feedback struct {
	registry.Feedback
	Was registry.Match `json:"was"` // hides the registry's own
}

func viewFeedback(f registry.Feedback) feedback {
	return feedback{f, viewMatches([]registry.Match{f.Was})[0]}
}

func viewFeedbacks(all []registry.Feedback) []feedback {
	out := make([]feedback, 0, len(all))
	for _, f := range all {
		out = append(out, viewFeedback(f))
	}
	return out
}

// JudgeMatch is PUT /v1/matches/{id}/feedback.
func (s *Server) JudgeMatch(c echo.Context, id oas.MatchID, _ oas.JudgeMatchParams) error {
	match, err := matchID(id)
	if err != nil {
		return err
	}
	var r struct {
		Work    string             `json:"work"`
		Verdict registry.Judgement `json:"verdict"`
		Note    string             `json:"note"`
	}
	if err := s.readJSON(c, &r); err != nil {
		return err
	}
	if r.Work == "" {
		return &registry.InvalidError{Field: "work", Fix: "name the work of the match that you judge"}
	}
	work, err := workID(r.Work)
	if err != nil {
		return err
	}
	a := actorOf(c)
	f, err := s.Registry.Judge(c.Request().Context(), registry.JudgeRequest{
		Owner: a.owner, Match: match, Work: work, Verdict: r.Verdict, Note: r.Note, By: a.key.ID,
	})
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, viewFeedback(*f))
}

// WithdrawFeedback is DELETE /v1/matches/{id}/feedback.
func (s *Server) WithdrawFeedback(c echo.Context, id oas.MatchID, p oas.WithdrawFeedbackParams) error {
	match, err := matchID(id)
	if err != nil {
		return err
	}
	work, err := workID(p.Work)
	if err != nil {
		return err
	}
	if err := s.Registry.WithdrawFeedback(c.Request().Context(), actorOf(c).owner, match, work); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// ReadMatchFeedback is GET /v1/matches/{id}/feedback.
func (s *Server) ReadMatchFeedback(c echo.Context, id oas.MatchID, _ oas.ReadMatchFeedbackParams) error {
	match, err := matchID(id)
	if err != nil {
		return err
	}
	all, err := s.Registry.MatchFeedback(c.Request().Context(), actorOf(c).owner, match)
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, map[string]any{"items": viewFeedbacks(all)})
}

// ListFeedback is GET /v1/feedback.
func (s *Server) ListFeedback(c echo.Context, p oas.ListFeedbackParams) error {
	return sendPage(c, "feedback", p.Limit, p.Cursor, s.Registry.Feedback, func(f *registry.Feedback) feedback { return viewFeedback(*f) })
}

// ReportFeedback is GET /v1/feedback/report.
func (s *Server) ReportFeedback(c echo.Context, p oas.ReportFeedbackParams) error {
	a := actorOf(c)
	owner := a.owner
	if p.All != nil && *p.All {
		if !a.key.Role.anyOwner() {
			return &fault{slug: slugForbidden, field: "all", detail: "totals over all owners are for admin and officer keys; leave all out for your own"}
		}
		owner = ""
	}
	rep, err := s.Registry.FeedbackReport(c.Request().Context(), owner)
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, rep)
}

// ExportFeedback is GET /v1/feedback/export.
func (s *Server) ExportFeedback(c echo.Context) error {
	out := bufio.NewWriterSize(&lateLines{c}, 64<<10)
	err := s.Registry.ExportFeedback(c.Request().Context(), func(row registry.FeedbackRow) error {
		return json.NewEncoder(out).Encode(row)
	})
	if err != nil {
		return err
	}
	if out.Buffered() == 0 && !c.Response().Committed {
		return c.Blob(http.StatusOK, mimeLines, nil)
	}
	return out.Flush()
}

const mimeLines = "application/x-ndjson"

// lateLines sends the headers of JSON lines with the first bytes, so that what goes wrong
// before is still answered as a problem.
type lateLines struct{ c echo.Context }

func (w *lateLines) Write(b []byte) (int, error) {
	r := w.c.Response()
	if !r.Committed {
		r.Header().Set("Content-Type", mimeLines)
		r.WriteHeader(http.StatusOK)
	}
	return r.Write(b)
}

// ReadOverlay is GET /v1/matches/{id}/overlay.png.
func (s *Server) ReadOverlay(c echo.Context, id oas.MatchID, p oas.ReadOverlayParams) error {
	match, err := matchID(id)
	if err != nil {
		return err
	}
	var work registry.WorkID
	if p.Work != nil && *p.Work != "" {
		if work, err = workID(*p.Work); err != nil {
			return err
		}
	}
	// An original is decoded for it, which is what hashing is bounded for.
	done, err := s.hashing.enter(c.Request().Context(), 1)
	if err != nil {
		return err
	}
	defer done()
	var b bytes.Buffer
	if err := s.Registry.Overlay(c.Request().Context(), actorOf(c).owner, match, work, &b); err != nil {
		return err
	}
	// What may be seen can change: no cache keeps it.
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "image/png", b.Bytes())
}
