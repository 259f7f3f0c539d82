package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/labstack/echo/v4"

	"selvage/registry"
)

// work reads the identifier of a work. A key that may act for any owner, and names none,
// acts for the owner of the work.
func (s *Server) work(c echo.Context, id string) (registry.WorkID, error) {
	work, err := workID(id)
	if err != nil {
		return "", err
	}
	if a := actorOf(c); a.key.Role.anyOwner() && c.Request().Header.Get(ownerHeader) == "" {
		if a.owner, err = s.Registry.OwnerOf(c.Request().Context(), work); err != nil {
			return "", err
		}
		c.Set("actor", a)
	}
	return work, nil
}

// workID keeps what can be no identifier away from the registry; it is answered like one
// that does not exist.
func workID(id string) (registry.WorkID, error) {
	if !plainID("w_", id) {
		return "", fmt.Errorf("work: %w", registry.ErrNotFound)
	}
	return registry.WorkID(id), nil
}

func matchID(id string) (registry.MatchID, error) {
	if !plainID("m_", id) {
		return "", fmt.Errorf("match: %w", registry.ErrNotFound)
	}
	return registry.MatchID(id), nil
}

func plainID(prefix, id string) bool {
	if len(id) != len(prefix)+26 || !strings.HasPrefix(id, prefix) {
		return false
	}
	for _, b := range []byte(id[len(prefix):]) {
		if (b < '0' || b > '9') && (b < 'a' || b > 'z') {
			return false
		}
	}
	return true
}

// readJSON reads a JSON body of known fields into v.
func (s *Server) readJSON(c echo.Context, v any) error {
	if mt, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type")); mt != mimeJSON {
		return &fault{slug: slugMediaType, detail: "send the body as Content-Type: application/json"}
	}
	leave, err := s.admit(c, maxJSON, maxJSON)
	if err != nil {
		return err
	}
	defer leave()
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return badForm(err)
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if err == nil && d.Decode(&struct{}{}) != io.EOF {
		err = errors.New("something follows the JSON value")
	}
	if err != nil {
		return &fault{slug: slugInvalidRequest, detail: "the body is no JSON of the form in /openapi.yaml, or has unknown fields", err: err}
	}
	return nil
}
