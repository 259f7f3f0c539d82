package api

import (
	"context"
	_ "embed"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/provenance/verifiers"
	"selvage/registry"
	"selvage/store"
)

//go:embed openapi.yaml
var spec []byte

// OpenAPI is the contract of the API as YAML.
func OpenAPI() []byte { return append([]byte(nil), spec...) }

// Spec is GET /openapi.yaml.
func (s *Server) Spec(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=3600")
	return c.Blob(http.StatusOK, "application/yaml", spec)
}

// VerifyPage is GET /verify: the page that checks an evidence bundle, in the browser.
func (s *Server) VerifyPage(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("Content-Security-Policy", verifiers.ContentSecurityPolicy()+"; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	return c.Blob(http.StatusOK, "text/html; charset=utf-8", verifiers.HTML)
}

// Health is GET /healthz: the process answers.
func (s *Server) Health(c echo.Context) error {
	return sendJSON(c, http.StatusOK, oas.Status{Status: "ok"})
}

// Ready is GET /readyz. Why it is not ready is for the log: everybody may ask.
func (s *Server) Ready(c echo.Context) error {
	if err := s.ready(c); err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, oas.Status{Status: "ready"})
}

func (s *Server) ready(c echo.Context) error {
	if s.draining.Load() {
		return registry.ErrClosed
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), 5*time.Second)
	defer cancel()
	if err := s.Registry.Ready(ctx); err != nil {
		return &fault{slug: slugUnavailable, detail: "the service is not ready; ask again in a moment", retryAfter: retryStorage, err: err}
	}
	return nil
}

// ReadMetrics is GET /metrics.
func (s *Server) ReadMetrics(c echo.Context) error {
	s.Metrics.Handler().ServeHTTP(c.Response(), c.Request())
	return nil
}

// ListKeys is GET /v1/keys.
func (s *Server) ListKeys(c echo.Context) error {
	keys, err := s.Keys.List(c.Request().Context())
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, map[string]any{"items": keys})
}

// CreateKey is POST /v1/keys.
func (s *Server) CreateKey(c echo.Context) error {
	var r struct {
		Name  string           `json:"name"`
		Role  Role             `json:"role"`
		Owner registry.OwnerID `json:"owner"`
	}
	if err := s.readJSON(c, &r); err != nil {
		return err
	}
	key, secret, err := s.Keys.Create(c.Request().Context(), r.Name, r.Role, r.Owner)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/v1/keys/"+key.ID)
	return sendJSON(c, http.StatusCreated, map[string]any{"key": key, "secret": secret})
}

// RevokeKey is DELETE /v1/keys/{id}.
func (s *Server) RevokeKey(c echo.Context, id string) error {
	if err := s.Keys.Revoke(c.Request().Context(), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// ReadCheckpoint is GET /log/checkpoint.
func (s *Server) ReadCheckpoint(c echo.Context) error {
	return s.logFile(c, "checkpoint", "text/plain; charset=utf-8", "no-cache")
}

// ReadTile is GET /log/tile/...; a tile never changes.
func (s *Server) ReadTile(c echo.Context, path string) error {
	if !tilePath(path) {
		return registry.ErrNotFound
	}
	// Private: the log is for those with a key, so caches on the way must not share it.
	return s.logFile(c, "tile/"+path, "application/octet-stream", "private, max-age=31536000, immutable")
}

func (s *Server) logFile(c echo.Context, path, mediaType, cache string) error {
	b, err := s.Registry.LogFile(c.Request().Context(), path)
	if errors.Is(err, store.ErrNotFound) {
		return registry.ErrNotFound
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", cache)
	return c.Blob(http.StatusOK, mediaType, b)
}
