package api

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/fingerprint"
	"selvage/registry"
)

// The C2PA Soft Binding Resolution API, version 2.4: what was learnt by content is asked
// for by standard clients here. docs/c2pa.md says what is and is not done.
const (
	softBindingRoot    = "/c2pa"
	softBindingVersion = "2.4.0"
)

// SoftBindingDiscovery is GET /.well-known/c2pa-soft-binding-resolution.
func (s *Server) SoftBindingDiscovery(c echo.Context) error {
	return sendJSON(c, http.StatusOK, oas.SoftBindingDiscovery{
		ApiEndpoint: softBindingRoot, C2paSpecificationVersion: softBindingVersion,
		CapabilitiesEndpoint: softBindingRoot + "/services/capabilities", StatusEndpoint: softBindingRoot + "/services/status",
	})
}

// SoftBindingAlgorithms is GET /c2pa/services/supportedAlgorithms.
func (s *Server) SoftBindingAlgorithms(c echo.Context) error {
	return sendJSON(c, http.StatusOK, oas.SoftBindingAlgorithms{
		Watermarks: []oas.SoftBindingAlgorithm{}, Fingerprints: []oas.SoftBindingAlgorithm{{Alg: string(fingerprint.PDQ256)}},
	})
}

// SoftBindingCapabilities is GET /c2pa/services/capabilities.
func (s *Server) SoftBindingCapabilities(c echo.Context) error {
	return sendJSON(c, http.StatusOK, oas.SoftBindingCapabilities{
		C2paSpecificationVersion: softBindingVersion, SupportedCapabilities: []string{"queryByContent"},
	})
}

// SoftBindingStatus is GET /c2pa/services/status. Why a service is down is for the log.
func (s *Server) SoftBindingStatus(c echo.Context) error {
	v := oas.SoftBindingStatus{Status: oas.SoftBindingStatusStatusOk, Timestamp: s.Clock().UTC()}
	if err := s.ready(c); err != nil {
		s.logFault(c, faultOf(err))
		v.Status = oas.SoftBindingStatusStatusDown
	}
	return sendJSON(c, http.StatusOK, v)
}

// MatchManifestsByContent is POST /c2pa/matches/byContent.
func (s *Server) MatchManifestsByContent(c echo.Context, p oas.MatchManifestsByContentParams) error {
	limit, err := maxResults(p.MaxResults)
	if err != nil {
		return err
	}
	if p.Alg != nil {
		if err := bindingAlg("alg", *p.Alg); err != nil {
			return err
		}
	}
	var hint []byte
	if p.HintAlg != nil && p.HintValue != nil {
		if hint, err = bindingValue("hintAlg", *p.HintAlg, "hintValue", *p.HintValue); err != nil {
			return err
		}
	}
	u, leave, err := s.oneFile(c)
	if err != nil {
		return err
	}
	defer leave()
	ctx, asker := c.Request().Context(), actorOf(c).owner
	r, err := s.match(ctx, asker, u.files[0], false)
	if err != nil {
		return err
	}
	found, err := s.Registry.Manifests(ctx, asker, r, limit)
	if err == nil && len(found) == 0 && hint != nil {
		found, err = s.Registry.ManifestsByCode(ctx, asker, hint, limit)
	}
	return sendManifests(c, found, err)
}

// MatchManifestsByBinding is GET /c2pa/matches/byBinding.
func (s *Server) MatchManifestsByBinding(c echo.Context, p oas.MatchManifestsByBindingParams) error {
	return s.matchBinding(c, p.Alg, p.Value, p.MaxResults)
}

// MatchManifestsByLargeBinding is POST /c2pa/matches/byBinding.
func (s *Server) MatchManifestsByLargeBinding(c echo.Context, p oas.MatchManifestsByLargeBindingParams) error {
	var q oas.SoftBindingQuery
	if err := s.readJSON(c, &q); err != nil {
		return err
	}
	return s.matchBinding(c, q.Alg, q.Value, p.MaxResults)
}

func (s *Server) matchBinding(c echo.Context, alg, value string, results *int) error {
	limit, err := maxResults(results)
	if err != nil {
		return err
	}
	code, err := bindingValue("alg", alg, "value", value)
	if err != nil {
		return err
	}
	found, err := s.Registry.ManifestsByCode(c.Request().Context(), actorOf(c).owner, code, limit)
	return sendManifests(c, found, err)
}

// MatchManifestsByReference is POST /c2pa/matches/byReference, which is not done: a server
// that fetches what strangers name can be sent to its own network.
func (s *Server) MatchManifestsByReference(echo.Context) error {
	return &fault{slug: slugNotOffered, detail: "the service fetches nothing from other places; fetch the file and send it to " + softBindingRoot + "/matches/byContent"}
}

func sendManifests(c echo.Context, found []registry.ManifestMatch, err error) error {
	if err != nil {
		return err
	}
	v := oas.ManifestMatches{Matches: []oas.ManifestMatch{}}
	for _, m := range found {
		v.Matches = append(v.Matches, oas.ManifestMatch{ManifestId: string(m.Manifest), SimilarityScore: m.Score})
	}
	return sendJSON(c, http.StatusOK, v)
}

func maxResults(n *int) (int, error) {
	if n == nil {
		return 10, nil
	}
	if *n < 1 || *n > 100 {
		return 0, &registry.InvalidError{Field: "maxResults", Fix: "use 1 to 100"}
	}
	return *n, nil
}

func bindingAlg(field, alg string) error {
	if alg != string(fingerprint.PDQ256) {
		return &registry.InvalidError{Field: field, Fix: "use " + string(fingerprint.PDQ256) + ", the only algorithm that can be asked for by name"}
	}
	return nil
}

// bindingValue reads a soft binding: base64 in either alphabet, padded or not.
func bindingValue(algField, alg, field, value string) ([]byte, error) {
	if err := bindingAlg(algField, alg); err != nil {
		return nil, err
	}
	value = strings.ReplaceAll(value, " ", "+") // as an unescaped + of a query is read
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if code, err := e.DecodeString(value); err == nil && len(code) == 32 {
			return code, nil
		}
	}
	return nil, &registry.InvalidError{Field: field, Fix: "send the 32 bytes of a " + string(fingerprint.PDQ256) + " code as base64"}
}
