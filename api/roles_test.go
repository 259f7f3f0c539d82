package api

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryRoleOnEveryRoute sends each route with a key of each role, and without one:
// 401 without, 403 where the table of access says no, anything else where it says yes.
func TestEveryRoleOnEveryRoute(t *testing.T) {
	// Written out a second time, as the issue words it, so that a slip in the table shows.
	want := map[string]string{ // a: admin, d: designer, t: detector, o: officer
		"POST /v1/works": "ad", "GET /v1/works": "ado", "GET /v1/works/:id": "ado", "PATCH /v1/works/:id": "ad",
		"DELETE /v1/works/:id": "ad", "GET /v1/works/:id/receipt": "ado", "GET /v1/works/:id/certificate.pdf": "ado", "GET /v1/works/:id/evidence": "ado",
		"POST /v1/works/:id/evidence": "ado", "POST /v1/works/:id/compare": "ado",
		"POST /v1/matches": "adt", "POST /v1/matches:batch": "adt", "GET /v1/matches/:id": "adto",
		"GET /v1/jobs": "adt", "GET /v1/jobs/:id": "adt", "DELETE /v1/jobs/:id": "adt",
		"GET /v1/matches/:id/overlay.png": "adto", "GET /v1/matches/:id/feedback": "adto", "PUT /v1/matches/:id/feedback": "adt", "DELETE /v1/matches/:id/feedback": "adt",
		"GET /v1/feedback": "adto", "GET /v1/feedback/report": "ado", "GET /v1/feedback/export": "a",
		"GET /v1/ignored": "adto", "POST /v1/ignored": "ad", "DELETE /v1/ignored/:id": "ad",
		"GET /v1/designer-keys": "ado", "POST /v1/designer-keys": "ad", "DELETE /v1/designer-keys": "ad",
		"POST /v1/fingerprints": "ad", "GET /v1/events": "ado",
		"POST /c2pa/matches/byContent": "adt", "GET /c2pa/matches/byBinding": "adt", "POST /c2pa/matches/byBinding": "adt",
		"POST /c2pa/matches/byReference": "adt", "GET /c2pa/manifests/:manifestId": "adto",
		"GET /c2pa/manifests/:manifestId/receipts": "adto", "POST /c2pa/manifests/:manifestId/receipts": "adto",
		"GET /v1/keys": "a", "POST /v1/keys": "a", "DELETE /v1/keys/:id": "a",
		"GET /log/checkpoint": "adto", "GET /log/tile/:path": "adto", "GET /metrics": "ao",
	}
	e := newEnv(t, nil).seed()
	keys := map[string]byte{"admin": 'a', "anna": 'd', "detector": 't', "officer": 'o'}
	for route := range access {
		if _, ok := want[route]; !ok {
			t.Errorf("%s: no expectation", route)
		}
	}
	for route, allowed := range want {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer(":id", "x", ":manifestId", "x", ":path", "0/000").Replace(path)
		for key, letter := range keys {
			r := e.do(call{method: method, path: path, key: key})
			if may := strings.IndexByte(allowed, letter) >= 0; (r.status == 403) == may || r.status == 401 {
				t.Errorf("%s as %s: status %d, allowed to %s", route, key, r.status, allowed)
			}
		}
		for _, key := range []string{"", "wrong"} {
			if r := e.do(call{method: method, path: path, key: key}); r.status != 401 || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with key %q: status %d, WWW-Authenticate %q", route, key, r.status, r.header.Get("WWW-Authenticate"))
			}
		}
		if roles := access[route]; len(roles) != len(allowed) || !slices.Contains(roles, Admin) {
			t.Errorf("%s: table says %v, expected %s", route, roles, allowed)
		}
	}
}

// TestOwnerHeader: only admin and officer may act for others.
func TestOwnerHeader(t *testing.T) {
	e := newEnv(t, nil).seed()
	for key, status := range map[string]int{"admin": 200, "officer": 200, "bert": 403, "anna": 200} {
		r := e.do(call{method: "GET", path: "/v1/works/{A}", key: key, header: map[string]string{"Selvage-Owner": "anna"}})
		if r.status != status {
			t.Errorf("%s: status %d, want %d", key, r.status, status)
		}
	}
	if r := e.do(call{method: "GET", path: "/v1/works", key: "officer", header: map[string]string{"Selvage-Owner": "Anna!"}}); r.status != 422 || r.str("field") != "Selvage-Owner" {
		t.Errorf("impossible owner: %d %s", r.status, r.body)
	}
}
