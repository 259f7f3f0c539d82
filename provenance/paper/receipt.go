package paper

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"selvage/provenance"
)

// RegistrationOf verifies a receipt of a work, under the keys that it carries, and returns
// what it proves and claims. Pictures and Link are left for the caller.
func RegistrationOf(r *provenance.Receipt) (*Registration, error) {
	st, record, date, err := recorded(r)
	if err != nil {
		return nil, err
	}
	w, ok := st.(*provenance.WorkStatement)
	if !ok {
		return nil, errors.New("paper: the receipt is not of a work")
	}
	out := &Registration{
		Service: w.Service, Work: w.Work, Version: w.Version, Title: w.Title, Kind: w.Kind,
		Owner: Party{ID: w.Owner.ID, Name: w.Owner.Name},
		Fixed: claimedDate(w.Dates.Fixed), Disclosed: claimedDate(w.Dates.FirstDisclosed),
		Registered: date, Record: *record,
	}
	if out.Received, err = provenance.ParseTime(w.Dates.Received); err != nil {
		return nil, fmt.Errorf("paper: %w", err)
	}
	for _, a := range w.Authors {
		if a.Role != "" {
			a.Name += ", " + a.Role
		}
		out.Authors = append(out.Authors, a.Name)
	}
	out.Rights = w.Rights
	if w.Claim != nil {
		out.ClaimKey = w.Claim.Key
	}
	for _, a := range w.Assets {
		out.Files = append(out.Files, File{Name: a.Name, SHA256: a.Digest, Size: a.Size, MediaType: a.MediaType})
	}
	return out, nil
}

// MatchOf verifies the receipt of a match and returns what its statement says. The words for
// Transform and Signals, the pictures, the asset's name and the innocent explanation are left
// for the caller: the statement keeps them in a form that only its policy version defines.
func MatchOf(r *provenance.Receipt) (*Match, error) {
	st, record, date, err := recorded(r)
	if err != nil {
		return nil, err
	}
	m, ok := st.(*provenance.MatchStatement)
	if !ok {
		return nil, errors.New("paper: the receipt is not of a match")
	}
	out := &Match{
		ID: m.Match, Made: date, Verdict: m.Verdict, Probability: m.Probability, Sentence: m.Sentence, Policy: m.Policy,
		Query:  File{Name: m.Query.Name, SHA256: m.Query.Digest, Size: m.Query.Size, MediaType: m.Query.MediaType},
		Asset:  File{SHA256: m.Asset},
		Record: record,
	}
	for _, x := range m.Regions {
		out.Regions = append(out.Regions, Region(x))
	}
	for _, x := range m.Segments {
		out.Segments = append(out.Segments, Segment(x))
	}
	for _, x := range m.Passages {
		out.Passages = append(out.Passages, Passage(x))
	}
	return out, nil
}

// recorded verifies a receipt and returns its statement, where it is recorded, and the
// interval that this proves.
func recorded(r *provenance.Receipt) (provenance.Statement, *Record, Date, error) {
	f, err := r.Facts()
	if err != nil {
		return nil, nil, Date{}, fmt.Errorf("paper: receipt: %w", err)
	}
	authority := strings.Join(f.Authorities, " and ")
	to := f.NotAfter.UTC()
	date := Date{From: f.NotBefore, To: &to, By: "the time authority " + authority}
	if f.NotBefore != nil {
		date.By = "a value of outside in the record, and the time authority " + authority
	}
	return f.Statement, &Record{
		Digest: f.Digest, Commitment: hex.EncodeToString(f.Commitment[:]),
		Log: f.Log, Index: f.Index, TreeSize: f.TreeSize, Authority: authority, ServiceKey: f.ServiceKey,
	}, date, nil
}

// claimedDate reads a claimed date as the interval that it leaves open: a year, a month, a
// day, or a second.
func claimedDate(d *provenance.ClaimedDate) *Date {
	if d == nil {
		return nil
	}
	out := &Date{Claimed: true, Text: d.Date, By: "the owner", Place: d.Place, Channel: d.Channel, Reach: d.Reach}
	for _, x := range []struct {
		layout string
		end    func(time.Time) time.Time
	}{
		{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
		{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
		{time.DateOnly, func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
		{time.RFC3339, func(t time.Time) time.Time { return t.Add(time.Second) }},
	} {
		if t, err := time.Parse(x.layout, d.Date); err == nil {
			from, to := t.UTC(), x.end(t).UTC()
			out.From, out.To = &from, &to
			break
		}
	}
	return out
}
