package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/fingerprint"
	"selvage/registry"
)

// RegisterWork is POST /v1/works.
func (s *Server) RegisterWork(c echo.Context, p oas.RegisterWorkParams) error {
	leave, err := s.admit(c, s.MaxWork, s.MaxWork)
	if err != nil {
		return err
	}
	defer leave()
	u, err := readForm(c.Request(), registry.MaxAssets,
		"title", "description", "kind", "visibility", "fixed", "first_disclosed", "first_disclosed_place", "owner")
	if err != nil {
		return err
	}
	if name, ok := u.fields["owner"]; ok {
		a, err := actorOf(c).as("owner", name)
		if err != nil {
			return err
		}
		if h := c.Request().Header.Get(ownerHeader); h != "" && h != name {
			return &registry.InvalidError{Field: "owner", Fix: "the field and the " + ownerHeader + " header name two owners; send one"}
		}
		c.Set("actor", a)
	}
	req, err := registerRequest(u)
	if err != nil {
		return err
	}
	req.Owner = actorOf(c).owner
	req.NoWait = p.Prefer != nil && prefersAsync(*p.Prefer)
	return s.once(c, u, "", func() (*answer, error) {
		done, err := s.hashing.enter(c.Request().Context(), 1)
		if err != nil {
			return nil, err
		}
		defer done()
		r, err := s.Registry.Register(c.Request().Context(), req)
		if err != nil {
			return nil, err
		}
		return registrationAnswer(r)
	})
}

func registrationAnswer(r *registry.Registration) (*answer, error) {
	status := http.StatusCreated
	at := "/v1/works/" + string(r.Work.ID)
	wait := ""
	switch {
	case r.Duplicate:
		status = http.StatusOK
	case r.Receipt == nil:
		status, at, wait = http.StatusAccepted, at+"/receipt", strconv.Itoa(retrySoon)
	}
	v, err := viewRegistration(r)
	if err != nil {
		return nil, err
	}
	a, err := answerJSON(status, v)
	if err != nil {
		return nil, err
	}
	a.Location, a.RetryAfter = at, wait
	return a, nil
}

// registerRequest reads the fields of a registration; the registry checks their content.
func registerRequest(u *upload) (registry.RegisterRequest, error) {
	r := registry.RegisterRequest{
		Title: u.fields["title"], Description: u.fields["description"],
		Kind: fingerprint.WorkKind(u.fields["kind"]), Visibility: registry.Visibility(u.fields["visibility"]),
		Files: u.files,
	}
	if r.Kind != "" && !oas.WorkKind(r.Kind).Valid() {
		return r, &registry.InvalidError{Field: "kind", Fix: "use photo, video or manuscript, or leave it out"}
	}
	if r.Visibility != "" {
		if err := checkVisibility(r.Visibility); err != nil {
			return r, err
		}
	}
	var err error
	if r.Fixed, err = parseDate("fixed", u.fields["fixed"]); err != nil {
		return r, err
	}
	date, err := parseDate("first_disclosed", u.fields["first_disclosed"])
	if err != nil {
		return r, err
	}
	place := u.fields["first_disclosed_place"]
	switch {
	case date != nil:
		r.FirstDisclosed = &registry.Disclosure{Date: *date, Place: place}
	case place != "":
		return r, &registry.InvalidError{Field: "first_disclosed", Fix: "a place was sent without a date; send the date too"}
	}
	return r, nil
}

func checkVisibility(v registry.Visibility) error {
	if !oas.Visibility(v).Valid() {
		return &registry.InvalidError{Field: "visibility", Fix: "use private, matchable or public"}
	}
	return nil
}

func parseDate(field, s string) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			return &t, nil
		}
	}
	return nil, &registry.InvalidError{Field: field, Fix: "write a date as 2026-03-31 or a time as 2026-03-31T14:05:00Z"}
}

func prefersAsync(prefer string) bool {
	for p := range strings.SplitSeq(prefer, ",") {
		if strings.EqualFold(strings.TrimSpace(p), "respond-async") {
			return true
		}
	}
	return false
}

// ListWorks is GET /v1/works.
func (s *Server) ListWorks(c echo.Context, p oas.ListWorksParams) error {
	limit, cursor, err := paging("works", p.Limit, p.Cursor)
	if err != nil {
		return err
	}
	page, err := s.Registry.Works(c.Request().Context(), actorOf(c).owner, cursor, limit)
	if err != nil {
		return err
	}
	out := oas.WorkPage{Items: []oas.Work{}, Next: nextCursor("works", page.Next)}
	for i := range page.Items {
		out.Items = append(out.Items, viewWork(&page.Items[i], true, false))
	}
	return sendJSON(c, http.StatusOK, out)
}

// ReadWork is GET /v1/works/{id}.
func (s *Server) ReadWork(c echo.Context, id oas.WorkID, p oas.ReadWorkParams) error {
	return s.sendWork(c, id, p.Fingerprints != nil && *p.Fingerprints)
}

func (s *Server) sendWork(c echo.Context, id string, prints bool) error {
	work, err := workID(id)
	if err != nil {
		return err
	}
	a := actorOf(c)
	w, err := s.Registry.Work(c.Request().Context(), a.owner, work)
	if err != nil {
		return err
	}
	own := w.Owner == a.owner
	// An officer reads for an owner without being the owner: no fingerprints.
	return sendJSON(c, http.StatusOK, viewWork(w, own, prints && own && a.key.Role != Officer))
}

// ChangeWork is PATCH /v1/works/{id}.
func (s *Server) ChangeWork(c echo.Context, id oas.WorkID, _ oas.ChangeWorkParams) error {
	work, err := workID(id)
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
	work, err := workID(id)
	if err != nil {
		return err
	}
	if err := s.Registry.Withdraw(c.Request().Context(), actorOf(c).owner, work); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// ReadReceipt is GET /v1/works/{id}/receipt.
func (s *Server) ReadReceipt(c echo.Context, id oas.WorkID, _ oas.ReadReceiptParams) error {
	work, err := workID(id)
	if err != nil {
		return err
	}
	receipt, err := s.Registry.Receipt(c.Request().Context(), actorOf(c).owner, work)
	if errors.Is(err, registry.ErrPending) {
		c.Response().Header().Set("Retry-After", strconv.Itoa(retrySoon))
		return sendJSON(c, http.StatusAccepted, oas.Pending{Status: "pending"})
	}
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, mimeJSON, receipt)
}

// ReadEvidence is GET /v1/works/{id}/evidence.
func (s *Server) ReadEvidence(c echo.Context, id oas.WorkID, p oas.ReadEvidenceParams) error {
	match := ""
	if p.Match != nil {
		match = *p.Match
	}
	return s.sendEvidence(c, id, match, p.DigestsOnly, nil)
}

// MakeEvidence is POST /v1/works/{id}/evidence: with the accused file.
func (s *Server) MakeEvidence(c echo.Context, id oas.WorkID, p oas.MakeEvidenceParams) error {
	if p.Match == "" {
		return &registry.InvalidError{Field: "match", Fix: "name the match that the file was accused in"}
	}
	u, leave, err := s.oneFile(c)
	if err != nil {
		return err
	}
	defer leave()
	return s.sendEvidence(c, id, p.Match, p.DigestsOnly, &u.files[0])
}

func (s *Server) sendEvidence(c echo.Context, id, match string, digestsOnly *bool, accused *registry.File) error {
	work, err := workID(id)
	if err != nil {
		return err
	}
	req := registry.EvidenceRequest{
		Owner: actorOf(c).owner, Work: work, Accused: accused,
		DigestsOnly: digestsOnly != nil && *digestsOnly,
	}
	name := string(work)
	if match != "" {
		if req.Match, err = matchID(match); err != nil {
			return err
		}
		name += "-" + match
	}
	out := &lateWriter{c: c, name: name + ".zip"}
	// What goes wrong before the buffer is full is still answered as a problem.
	buf := bufio.NewWriterSize(out, 64<<10)
	if err := s.Registry.Evidence(c.Request().Context(), req, buf); err != nil {
		return err
	}
	return buf.Flush()
}

// lateWriter sends the headers of a zip file with its first bytes.
type lateWriter struct {
	c    echo.Context
	name string
}

func (w *lateWriter) Write(b []byte) (int, error) {
	r := w.c.Response()
	if !r.Committed {
		r.Header().Set("Content-Type", "application/zip")
		r.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": w.name}))
		r.WriteHeader(http.StatusOK)
	}
	return r.Write(b)
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
