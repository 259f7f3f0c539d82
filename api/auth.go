package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"selvage/registry"
)

// access names the roles that may use a route, by "METHOD template". A route that is
// neither here nor in public is refused; a test compares both tables with the spec.
var access = map[string][]Role{
	"POST /v1/works":                            {Admin, Designer},
	"GET /v1/works":                             {Admin, Designer, Officer},
	"GET /v1/works/:id":                         {Admin, Designer, Officer},
	"PATCH /v1/works/:id":                       {Admin, Designer},
	"DELETE /v1/works/:id":                      {Admin, Designer},
	"GET /v1/works/:id/receipt":                 {Admin, Designer, Officer},
	"GET /v1/works/:id/certificate.pdf":         {Admin, Designer, Officer},
	"GET /v1/works/:id/evidence":                {Admin, Designer, Officer},
	"POST /v1/works/:id/evidence":               {Admin, Designer, Officer},
	"POST /v1/works/:id/compare":                {Admin, Designer, Officer},
	"POST /v1/matches":                          {Admin, Designer, Detector},
	"GET /v1/jobs":                              {Admin, Designer, Detector},
	"GET /v1/jobs/:id":                          {Admin, Designer, Detector},
	"DELETE /v1/jobs/:id":                       {Admin, Designer, Detector},
	"POST /v1/matches:batch":                    {Admin, Designer, Detector},
	"GET /v1/matches/:id":                       {Admin, Designer, Detector, Officer},
	"GET /v1/matches/:id/overlay.png":           {Admin, Designer, Detector, Officer},
	"GET /v1/matches/:id/feedback":              {Admin, Designer, Detector, Officer},
	"PUT /v1/matches/:id/feedback":              {Admin, Designer, Detector},
	"DELETE /v1/matches/:id/feedback":           {Admin, Designer, Detector},
	"GET /v1/feedback":                          {Admin, Designer, Detector, Officer},
	"GET /v1/feedback/report":                   {Admin, Designer, Officer},
	"GET /v1/feedback/export":                   {Admin}, // of all owners
	"GET /v1/ignored":                           {Admin, Designer, Detector, Officer},
	"POST /v1/ignored":                          {Admin, Designer},
	"DELETE /v1/ignored/:id":                    {Admin, Designer},
	"GET /v1/designer-keys":                     {Admin, Designer, Officer},
	"POST /v1/designer-keys":                    {Admin, Designer},
	"DELETE /v1/designer-keys":                  {Admin, Designer},
	"POST /v1/fingerprints":                     {Admin, Designer},
	"GET /v1/events":                            {Admin, Designer, Officer},
	"POST /c2pa/matches/byContent":              {Admin, Designer, Detector},
	"GET /c2pa/matches/byBinding":               {Admin, Designer, Detector},
	"POST /c2pa/matches/byBinding":              {Admin, Designer, Detector},
	"POST /c2pa/matches/byReference":            {Admin, Designer, Detector}, // answered with 501
	"GET /c2pa/manifests/:manifestId":           {Admin, Designer, Detector, Officer},
	"GET /c2pa/manifests/:manifestId/receipts":  {Admin, Designer, Detector, Officer},
	"POST /c2pa/manifests/:manifestId/receipts": {Admin, Designer, Detector, Officer},
	"GET /v1/keys":                              {Admin},
	"POST /v1/keys":                             {Admin},
	"DELETE /v1/keys/:id":                       {Admin},
	"GET /log/checkpoint":                       {Admin, Designer, Detector, Officer},
	"GET /log/tile/:path":                       {Admin, Designer, Detector, Officer},
	"GET /metrics":                              {Admin, Officer}, // totals over all owners: not for tenants
}

// public routes need no key.
var public = map[string]bool{
	"GET /healthz": true, "GET /readyz": true, "GET /openapi.yaml": true, "GET /verify": true,
	"GET /.well-known/c2pa-soft-binding-resolution": true,
	"GET /c2pa/services/supportedAlgorithms":        true, "GET /c2pa/services/capabilities": true, "GET /c2pa/services/status": true,
}

const ownerHeader = "Selvage-Owner"

// actor is who sends the request, and for whom.
type actor struct {
	key   Key
	owner registry.OwnerID
}

// anyOwner reports whether the role may act for owners other than the key's own.
func (r Role) anyOwner() bool { return r == Admin || r == Officer }

// as returns the actor acting for the named owner, if the key allows it.
func (a actor) as(field, name string) (actor, error) {
	owner, err := registry.ParseOwner(name)
	if err != nil {
		return a, &registry.InvalidError{Field: field, Fix: "use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"}
	}
	if owner != a.key.Owner && !a.key.Role.anyOwner() {
		return a, &fault{slug: slugForbidden, field: field,
			detail: fmt.Sprintf("this key acts for its own owner only; leave %s out, or use an admin key", field)}
	}
	a.owner = owner
	return a, nil
}

func actorOf(c echo.Context) actor { return c.Get("actor").(actor) }

// authenticate lets a request pass if its key may use the route. Without a good key every
// path answers alike, whether it exists or not.
func (s *Server) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		route := c.Request().Method + " " + template(c)
		if public[route] {
			return next(c)
		}
		secret, err := secretOf(c)
		if err != nil {
			return err
		}
		key, err := s.Keys.Lookup(c.Request().Context(), secret)
		if errors.Is(err, ErrNoKey) {
			return &fault{slug: slugUnauthenticated, detail: "the key is unknown or revoked; ask your administrator for a new one"}
		}
		if err != nil {
			return err
		}
		a := actor{key: key, owner: key.Owner}
		c.Set("actor", a)
		if err := s.limit(key.ID); err != nil {
			return err
		}
		allowed, known := access[route]
		if !known {
			return next(c) // no such route or method: the router's own answer
		}
		if !slices.Contains(allowed, key.Role) {
			return &fault{slug: slugForbidden, detail: fmt.Sprintf("a key with the role %s may not do this; it takes %s", key.Role, orList(allowed))}
		}
		if h := c.Request().Header.Values(ownerHeader); len(h) > 1 {
			return &fault{slug: slugInvalidRequest, field: ownerHeader, detail: "the header occurs more than once; send it once"}
		} else if len(h) == 1 {
			if a, err = a.as(ownerHeader, h[0]); err != nil {
				return err
			}
			c.Set("actor", a)
		}
		// The custody record names the key, whoever it acts for.
		ctx := registry.WithActor(c.Request().Context(), registry.Actor{Role: string(key.Role), Key: key.ID, Own: !key.Role.anyOwner()})
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}

// secretOf reads the key from the request's headers.
func secretOf(c echo.Context) (string, error) {
	h := c.Request().Header
	bearer, direct := h.Values("Authorization"), h.Values("X-API-Key")
	switch {
	case len(bearer)+len(direct) == 0:
		return "", &fault{slug: slugUnauthenticated, detail: "send a key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"}
	case len(bearer)+len(direct) > 1:
		return "", &fault{slug: slugUnauthenticated, detail: "more than one key was sent; send one"}
	case len(direct) == 1:
		return direct[0], nil
	}
	scheme, secret, _ := strings.Cut(bearer[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", &fault{slug: slugUnauthenticated, detail: "the Authorization header has another scheme; send 'Authorization: Bearer KEY'"}
	}
	return strings.TrimSpace(secret), nil
}

// template is the route's path with :name for parameters; empty where no route fits.
func template(c echo.Context) string { return strings.ReplaceAll(c.Path(), `\`, "") }

func orList(rs []Role) string {
	words := make([]string, len(rs))
	for i, r := range rs {
		words[i] = string(r)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
