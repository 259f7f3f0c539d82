package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/fingerprint"
	"selvage/registry"
)

// viewWork shows a work. File names are for its owner; prints adds its fingerprints,
// which the caller asks for only on behalf of the owner. Internal numbers never show.
func viewWork(w *registry.Work, own, prints bool) oas.Work {
	v := oas.Work{
		Id: string(w.ID), Owner: string(w.Owner), Kind: oas.WorkKind(w.Kind), Title: w.Title,
		Description: some(w.Description), Visibility: oas.Visibility(w.Visibility),
		Dates:     oas.Dates{Fixed: w.Dates.Fixed, Received: w.Dates.Received},
		Withdrawn: w.Withdrawn, Proven: w.Proven, Assets: []oas.Asset{},
	}
	if d := w.Dates.FirstDisclosed; d != nil {
		v.Dates.FirstDisclosed = &oas.Disclosure{Date: d.Date, Place: some(d.Place), Channel: some(d.Channel), Reach: some(d.Reach)}
	}
	if w.Version > 0 {
		v.Version = &w.Version
	}
	v.Replaces, v.ClaimKey = some(string(w.Replaces)), some(w.ClaimKey)
	if len(w.Authors) > 0 {
		authors := make([]oas.Author, len(w.Authors))
		for i, a := range w.Authors {
			authors[i] = oas.Author{Name: a.Name, Role: some(a.Role)}
		}
		v.Authors = &authors
	}
	if len(w.Rights) > 0 {
		v.Rights = &w.Rights
	}
	for _, a := range w.Assets {
		va := oas.Asset{Digest: a.Digest.String(), Size: a.Size, Format: some(a.Format)}
		if own {
			va.Name = some(a.Name)
		}
		if r := a.Result; r != nil && own {
			box := viewRect(r.Box)
			va.Width, va.Height, va.Box = &r.Width, &r.Height, &box
			va.Insufficient = some(r.Insufficient)
			if len(r.Notes) > 0 {
				va.Notes = &r.Notes
			}
			if c := a.Credentials; c != nil {
				va.ContentCredentials = &oas.ContentCredentials{Store: c.Store.String(), Size: c.Size, Claims: c.Claims}
			}
			if prints {
				p := viewPrints(r.Prints)
				va.Fingerprints = &p
			}
		}
		v.Assets = append(v.Assets, va)
	}
	return v
}

// registration is Registration of the spec, with the receipt byte for byte.
type registration struct {
	Work      oas.Work         `json:"work"`
	Duplicate bool             `json:"duplicate"`
	Receipt   rawJSON          `json:"receipt,omitempty"`
	Related   []registry.Match `json:"related"`
}

// rawJSON is JSON that was checked where it was made.
type rawJSON []byte

// MarshalJSON returns the bytes as they are.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func viewRegistration(r *registry.Registration) (registration, error) {
	if r.Work == nil {
		return registration{}, fmt.Errorf("registration without a work")
	}
	return registration{
		Work: viewWork(r.Work, true, false), Duplicate: r.Duplicate, Receipt: r.Receipt,
		Related: viewMatches(r.Related),
	}, nil
}

// report is MatchReport of the spec.
type report struct {
	*registry.MatchReport
	Millis map[string]float64 `json:"millis,omitempty"` // hides the registry's own
}

// viewReport makes sure that lists are lists, and keeps the times of the stages for
// admin keys: how long a search took may tell of works that the asker may not know of.
func viewReport(r *registry.MatchReport, role Role) *report {
	v := *r
	v.Matches = viewMatches(r.Matches)
	if role != Admin {
		return &report{MatchReport: &v}
	}
	return &report{MatchReport: &v, Millis: r.Millis}
}

// viewMatches shows matches without what is internal.
func viewMatches(ms []registry.Match) []registry.Match {
	out := make([]registry.Match, len(ms))
	copy(out, ms)
	for i := range out {
		out[i].Measures, out[i].Undiscounted = nil, nil // for calibration only: whoever knew them could work against the model
		if out[i].Regions == nil {
			out[i].Regions = []registry.Region{}
		}
		if out[i].Signals == nil {
			out[i].Signals = []registry.Signal{}
		}
	}
	return out
}

func viewFingerprints(data []byte, r *fingerprint.Result) oas.Fingerprints {
	v := oas.Fingerprints{
		Digest: fingerprint.DigestOf(data).String(), Size: int64(len(data)), Kind: oas.WorkKind(r.Work), Format: r.Format,
		Width: r.Width, Height: r.Height, Box: viewRect(r.Box), Insufficient: some(r.Insufficient),
		Fingerprints: viewPrints(r.Prints),
	}
	if len(r.Notes) > 0 {
		v.Notes = &r.Notes
	}
	return v
}

func viewPrints(ps []fingerprint.Fingerprint) []oas.Fingerprint {
	out := make([]oas.Fingerprint, 0, len(ps))
	for _, p := range ps {
		out = append(out, oas.Fingerprint{Kind: string(p.Kind), View: oas.FingerprintView(p.View), Payload: p.Payload, Quality: p.Quality})
	}
	return out
}

func viewRect(r fingerprint.Rect) oas.Rect { return oas.Rect{X0: r.X0, Y0: r.Y0, X1: r.X1, Y1: r.Y1} }

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Cursors are opaque: the registry's own, with the name of the list, so that the cursor
// of one list is no cursor of another.
func nextCursor(list, next string) *string {
	if next == "" {
		return nil
	}
	return some(base64.RawURLEncoding.EncodeToString([]byte(list + ":" + next)))
}

// sendPage answers with one page of a list of the owner's.
func sendPage[T, V any](c echo.Context, list string, limit *int, cursor *string,
	read func(ctx context.Context, o registry.OwnerID, cursor string, limit int) (registry.Page[T], error), view func(*T) V,
) error {
	n, from, err := paging(list, limit, cursor)
	if err != nil {
		return err
	}
	page, err := read(c.Request().Context(), actorOf(c).owner, from, n)
	if err != nil {
		return err
	}
	out := struct {
		Items []V     `json:"items"`
		Next  *string `json:"next,omitempty"`
	}{Items: make([]V, len(page.Items)), Next: nextCursor(list, page.Next)}
	for i := range page.Items {
		out.Items[i] = view(&page.Items[i])
	}
	return sendJSON(c, http.StatusOK, out)
}

func paging(list string, limit *int, cursor *string) (int, string, error) {
	n := 50
	if limit != nil {
		if n = *limit; n < 1 || n > 200 {
			return 0, "", &registry.InvalidError{Field: "limit", Fix: "use 1 to 200"}
		}
	}
	if cursor == nil || *cursor == "" {
		return n, "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(*cursor)
	next, ok := strings.CutPrefix(string(b), list+":")
	if err != nil || !ok || next == "" || len(*cursor) > 512 {
		return 0, "", &registry.InvalidError{Field: "cursor", Fix: "use the next of the page before, as it is"}
	}
	return n, next, nil
}
