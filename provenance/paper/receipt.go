package paper

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

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
	fail := func(err error) (provenance.Statement, *Record, Date, error) {
		return nil, nil, Date{}, fmt.Errorf("paper: receipt: %w", err)
	}
	report := r.Verify(nil)
	if err := report.Err(); err != nil {
		return fail(err)
	}
	st, err := r.Statement()
	if err != nil {
		return fail(err)
	}
	sealed, err := r.Sealed()
	if err != nil {
		return fail(err)
	}
	proof, err := provenance.ParseLogProof([]byte(r.Proof))
	if err != nil {
		return fail(err)
	}
	log, err := note.NewVerifier(r.LogKey)
	if err != nil {
		return fail(err)
	}
	commitment := sealed.Commitment()
	c, stamped, err := proof.Open(commitment[:], log)
	if err != nil {
		return fail(err)
	}
	roots, err := certificates(r.Authority)
	if err != nil {
		return fail(err)
	}
	token, err := provenance.VerifyToken(r.Token, stamped, roots)
	if err != nil {
		return fail(err)
	}
	key, err := keyID(r.ServiceKey)
	if err != nil {
		return fail(err)
	}
	digest := sha256.Sum256(r.Envelope)
	to := token.NotAfter().UTC()
	return st, &Record{
		Digest: hex.EncodeToString(digest[:]), Commitment: hex.EncodeToString(commitment[:]),
		Log: c.Origin, Index: proof.Index, TreeSize: c.Size, Authority: token.Authority, ServiceKey: key,
	}, Date{To: &to, By: "the time authority " + token.Authority}, nil
}

// claimedDate reads a claimed date as the interval that it leaves open: a year, a month, a
// day, or a second.
func claimedDate(d *provenance.ClaimedDate) *Date {
	if d == nil {
		return nil
	}
	out := &Date{Claimed: true, Text: d.Date, By: "the owner", Place: d.Place, Channel: d.Channel}
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

// certificates and keyID read the receipt's own keys, which Verify has found to be sound.
func certificates(text string) (out []*x509.Certificate, err error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return out, nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
}

func keyID(text string) (string, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "", errors.New("service key: no PEM")
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", err
	}
	pub, ok := k.(ed25519.PublicKey)
	if !ok {
		return "", errors.New("service key: not an Ed25519 key")
	}
	return provenance.KeyID(pub), nil
}
