package api

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/registry"
)

// ListDesignerKeys is GET /v1/designer-keys.
func (s *Server) ListDesignerKeys(c echo.Context, _ oas.ListDesignerKeysParams) error {
	owner := actorOf(c).owner
	all, err := s.Registry.DesignerKeys(c.Request().Context(), owner)
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, map[string]any{"service": s.Registry.ServiceName(), "owner": owner, "items": all})
}

// AddDesignerKey is POST /v1/designer-keys.
func (s *Server) AddDesignerKey(c echo.Context, _ oas.AddDesignerKeyParams) error {
	var envelope json.RawMessage
	if err := s.readJSON(c, &envelope); err != nil {
		return err
	}
	k, err := s.Registry.RegisterKey(c.Request().Context(), actorOf(c).owner, envelope)
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusCreated, k)
}

// RevokeDesignerKey is DELETE /v1/designer-keys.
func (s *Server) RevokeDesignerKey(c echo.Context, p oas.RevokeDesignerKeyParams) error {
	if len(p.Id) > 200 {
		return registry.ErrNotFound
	}
	if err := s.Registry.RevokeKey(c.Request().Context(), actorOf(c).owner, p.Id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
