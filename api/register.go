package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
		"title", "description", "kind", "visibility", "fixed", "first_disclosed", "first_disclosed_place",
		"first_disclosed_channel", "first_disclosed_reach", "authors", "rights", "version_of", "claim", "owner")
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
	req, err := registerRequest(u, s.Clock())
	if err != nil {
		return err
	}
	req.Owner = actorOf(c).owner
	req.NoWait = p.Prefer != nil && prefersAsync(*p.Prefer)
	renew := func(a *answer) (*answer, error) {
		if strings.HasPrefix(a.Location, jobsPath) {
			return s.renewJob(c.Request().Context(), actorOf(c), a)
		}
		return s.renewRegistration(c.Request().Context(), req.Owner, a)
	}
	return s.once(c, u, "", renew, func() (*answer, error) {
		ctx := c.Request().Context()
		if s.Registry.Heavy(req.Kind, req.Files) {
			j, err := s.Registry.SubmitRegister(ctx, req)
			if err != nil {
				return nil, err
			}
			return s.awaitJob(ctx, actorOf(c), j, waitOf(p.Prefer, jobWait))
		}
		r, err := s.register(c.Request().Context(), req)
		if err != nil {
			return nil, err
		}
		return registrationAnswer(r)
	})
}

// register holds a hashing slot while there is something to hash, and waits for the
// receipt outside of it: the log takes entries of many registrations at once, so waiting
// inside would let a few of them use up the slots.
func (s *Server) register(ctx context.Context, req registry.RegisterRequest) (*registry.Registration, error) {
	done, err := s.hashing.enter(ctx, 1)
	if err != nil {
		return nil, err
	}
	wait := !req.NoWait
	req.NoWait = true
	r, err := func() (*registry.Registration, error) {
		defer done()
		return s.Registry.Register(ctx, req)
	}()
	if err != nil || !wait || r.Receipt != nil {
		return r, err
	}
	if r.Receipt, err = s.awaitReceipt(ctx, req.Owner, r.Work.ID); err != nil || r.Receipt == nil {
		return r, err
	}
	r.Work, err = s.Registry.Work(ctx, req.Owner, r.Work.ID) // now with its proven date
	return r, err
}

// awaitReceipt returns the receipt, or nil if it is not there after Config.ReceiptWait.
func (s *Server) awaitReceipt(ctx context.Context, owner registry.OwnerID, id registry.WorkID) ([]byte, error) {
	late := time.NewTimer(s.ReceiptWait)
	defer late.Stop()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		b, err := s.Registry.Receipt(ctx, owner, id)
		if !errors.Is(err, registry.ErrPending) {
			return b, err
		}
		select {
		case <-time.After(pause):
		case <-late.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
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

// renewRegistration turns a replayed 202 into the 201 that it would be now, if the receipt
// has come since. What was related stays as it was found then.
func (s *Server) renewRegistration(ctx context.Context, owner registry.OwnerID, a *answer) (*answer, error) {
	if a.Status != http.StatusAccepted {
		return a, nil
	}
	var then struct {
		Work struct {
			ID registry.WorkID `json:"id"`
		} `json:"work"`
		Related []registry.Match `json:"related"`
	}
	if err := json.Unmarshal(a.Body, &then); err != nil {
		return nil, fmt.Errorf("replayed registration: %w", err)
	}
	r := &registry.Registration{Related: then.Related}
	var err error
	if r.Receipt, err = s.Registry.Receipt(ctx, owner, then.Work.ID); errors.Is(err, registry.ErrPending) {
		return a, nil
	} else if err != nil {
		return nil, err
	}
	if r.Work, err = s.Registry.Work(ctx, owner, then.Work.ID); err != nil {
		return nil, err
	}
	return registrationAnswer(r)
}

// registerRequest reads the fields of a registration; the registry checks their content.
func registerRequest(u *upload, now time.Time) (registry.RegisterRequest, error) {
	r := registry.RegisterRequest{
		Title: u.fields["title"], Description: u.fields["description"],
		Kind: fingerprint.WorkKind(u.fields["kind"]), Visibility: registry.Visibility(u.fields["visibility"]),
		Files: u.files, VersionOf: registry.WorkID(u.fields["version_of"]), Claim: []byte(u.fields["claim"]),
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
	if r.Fixed, err = parseDate("fixed", u.fields["fixed"], now); err != nil {
		return r, err
	}
	date, err := parseDate("first_disclosed", u.fields["first_disclosed"], now)
	if err != nil {
		return r, err
	}
	d := registry.Disclosure{Place: u.fields["first_disclosed_place"], Channel: u.fields["first_disclosed_channel"], Reach: u.fields["first_disclosed_reach"]}
	switch {
	case date != nil:
		d.Date = *date
		r.FirstDisclosed = &d
	case d != registry.Disclosure{}:
		return r, &registry.InvalidError{Field: "first_disclosed", Fix: "a place, channel or reach was sent without a date; send the date too"}
	}
	if a := u.fields["authors"]; a != "" {
		d := json.NewDecoder(strings.NewReader(a))
		d.DisallowUnknownFields()
		if err := d.Decode(&r.Authors); err != nil || d.More() {
			return r, &registry.InvalidError{Field: "authors", Fix: `write [{"name": "Ada", "role": "designer"}]`}
		}
	}
	if rights := u.fields["rights"]; rights != "" {
		for _, one := range strings.Split(rights, ",") {
			r.Rights = append(r.Rights, strings.TrimSpace(one))
		}
	}
	return r, nil
}

func checkVisibility(v registry.Visibility) error {
	if !oas.Visibility(v).Valid() {
		return &registry.InvalidError{Field: "visibility", Fix: "use private, matchable or public"}
	}
	return nil
}

// parseDate reads a date that is past; the day of leave is for zones ahead of UTC and for
// clocks that are wrong.
func parseDate(field, s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			switch {
			case t.Year() < 1 || t.Year() > 9999:
				return nil, &registry.InvalidError{Field: field, Fix: "use a date in the years 1 to 9999 (UTC)"}
			case t.After(now.Add(24 * time.Hour)):
				return nil, &registry.InvalidError{Field: field, Fix: "the date is in the future; send the date on which it happened, or leave the field out"}
			}
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
