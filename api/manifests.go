package api

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/registry"
)

const (
	mimeC2PA      = "application/c2pa"
	maxManifestID = 400 // bytes; a label has at most 256
)

// manifestID keeps what can be no identifier away from the registry; it is answered like
// one that does not exist.
func manifestID(id string) (registry.ManifestID, error) {
	if id == "" || len(id) > maxManifestID {
		return "", fmt.Errorf("manifest: %w", registry.ErrNotFound)
	}
	for _, b := range []byte(id) {
		if b <= ' ' || b > '~' || b == '/' {
			return "", fmt.Errorf("manifest: %w", registry.ErrNotFound)
		}
	}
	return registry.ManifestID(id), nil
}

// ReadManifest is GET /c2pa/manifests/{manifestId}.
func (s *Server) ReadManifest(c echo.Context, id oas.ManifestID, p oas.ReadManifestParams) error {
	m, err := manifestID(id)
	if err != nil {
		return err
	}
	data, err := s.Registry.Manifest(c.Request().Context(), actorOf(c).owner, m, p.ReturnActiveManifest != nil && *p.ReturnActiveManifest)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, mimeC2PA, data)
}

// ReadManifestReceipt is GET /c2pa/manifests/{manifestId}/receipts.
func (s *Server) ReadManifestReceipt(c echo.Context, id oas.ManifestID, _ oas.ReadManifestReceiptParams) error {
	m, err := manifestID(id)
	if err != nil {
		return err
	}
	r, err := s.Registry.ManifestReceipt(c.Request().Context(), actorOf(c).owner, m)
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, viewManifestReceipt(r))
}

// CheckManifestReceipt is POST /c2pa/manifests/{manifestId}/receipts.
func (s *Server) CheckManifestReceipt(c echo.Context, id oas.ManifestID, _ oas.CheckManifestReceiptParams) error {
	m, err := manifestID(id)
	if err != nil {
		return err
	}
	var v oas.ManifestReceipt
	if err := s.readJSON(c, &v); err != nil {
		return err
	}
	why := ""
	if v.Type != oas.OrgC2paManifestReceipt || v.Anchor.Proof.Alg != oas.C2spOrgtlogProofV1 || v.Repository.ManifestId != id {
		why = "it is no receipt of this service for this manifest"
	}
	// Asked in any case: who may not have the manifest must learn nothing from a bad receipt.
	said, err := s.Registry.CheckManifestReceipt(c.Request().Context(), actorOf(c).owner, m, v.Anchor.Parameters.Commitment, []byte(v.Anchor.Proof.Value))
	if err != nil {
		return err
	}
	if why == "" {
		why = said
	}
	v.Verified, v.Error = new(why == ""), some(why)
	return sendJSON(c, http.StatusOK, v)
}

func viewManifestReceipt(r *registry.ManifestReceipt) oas.ManifestReceipt {
	v := oas.ManifestReceipt{
		Context: map[string]string{"c2pa": "https://c2pa.org/ns/", "receipt": "https://c2pa.org/ns/manifest-receipt#"},
		Type:    oas.OrgC2paManifestReceipt, Verified: new(true),
	}
	v.Repository.ManifestId = string(r.Manifest)
	v.Repository.Uri = softBindingRoot + "/manifests/" + url.PathEscape(string(r.Manifest))
	v.Anchor.Uri = "/log/checkpoint"
	v.Anchor.Proof.Alg, v.Anchor.Proof.Value = oas.C2spOrgtlogProofV1, string(r.Proof)
	a := &v.Anchor.Parameters
	a.Commitment, a.LogKey, a.Token, a.NotAfter = r.Commitment, r.LogKey, &r.Token, r.NotAfter
	return v
}
