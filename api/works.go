package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/registry"
)

// ListWorks is GET /v1/works.
func (s *Server) ListWorks(c echo.Context, p oas.ListWorksParams) error {
	return sendPage(c, "works", p.Limit, p.Cursor, s.Registry.Works, func(w *registry.Work) oas.Work { return viewWork(w, true, false) })
}

// ReadWork is GET /v1/works/{id}.
func (s *Server) ReadWork(c echo.Context, id oas.WorkID, p oas.ReadWorkParams) error {
	return s.sendWork(c, id, p.Fingerprints != nil && *p.Fingerprints)
}

func (s *Server) sendWork(c echo.Context, id string, prints bool) error {
	work, err := s.work(c, id)
	if err != nil {
		return err
	}
	a := actorOf(c)
	w, err := s.Registry.Work(c.Request().Context(), a.owner, work)
	if err != nil {
		return err
	}
	own := w.Owner == a.owner
	// Who acts in an owner's place is not the owner: no fingerprints.
	return sendJSON(c, http.StatusOK, viewWork(w, own, prints && w.Owner == a.key.Owner))
}

// ChangeWork is PATCH /v1/works/{id}.
func (s *Server) ChangeWork(c echo.Context, id oas.WorkID, _ oas.ChangeWorkParams) error {
	work, err := s.work(c, id)
	if err != nil {
		return err
	}
	var change struct {
		Visibility registry.Visibility `json:"visibility"`
	}
	if err := s.readJSON(c, &change); err != nil {
		return err
	}
	if err := checkVisibility(change.Visibility); err != nil {
		return err
	}
	if err := s.Registry.SetVisibility(c.Request().Context(), actorOf(c).owner, work, change.Visibility); err != nil {
		return err
	}
	return s.sendWork(c, id, false)
}

// WithdrawWork is DELETE /v1/works/{id}.
func (s *Server) WithdrawWork(c echo.Context, id oas.WorkID, _ oas.WithdrawWorkParams) error {
	work, err := s.work(c, id)
	if err != nil {
		return err
	}
	if err := s.Registry.Withdraw(c.Request().Context(), actorOf(c).owner, work); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
