package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/registry"
)

// IgnorePicture is POST /v1/ignored.
func (s *Server) IgnorePicture(c echo.Context, _ oas.IgnorePictureParams) error {
	leave, err := s.admit(c, s.MaxFile, s.MaxFile)
	if err != nil {
		return err
	}
	defer leave()
	u, err := readForm(c.Request(), 1, "label")
	if err != nil {
		return err
	}
	done, err := s.hashing.enter(c.Request().Context(), 1)
	if err != nil {
		return err
	}
	defer done()
	entry, added, err := s.Registry.Ignore(c.Request().Context(), actorOf(c).owner, u.fields["label"], u.files[0])
	if err != nil {
		return err
	}
	status := http.StatusOK
	if added {
		status = http.StatusCreated
	}
	return sendJSON(c, status, entry)
}

// ListIgnored is GET /v1/ignored.
func (s *Server) ListIgnored(c echo.Context, _ oas.ListIgnoredParams) error {
	all, err := s.Registry.IgnoredList(c.Request().Context(), actorOf(c).owner)
	if err != nil {
		return err
	}
	if all == nil {
		all = []registry.Ignored{}
	}
	return sendJSON(c, http.StatusOK, map[string]any{"items": all})
}

// UnignorePicture is DELETE /v1/ignored/{id}.
func (s *Server) UnignorePicture(c echo.Context, id string, _ oas.UnignorePictureParams) error {
	if !plainID("i_", id) {
		return registry.ErrNotFound
	}
	if err := s.Registry.Unignore(c.Request().Context(), actorOf(c).owner, id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
