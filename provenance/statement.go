package provenance

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The types of statement, as they stand in the "type" field. A type never changes
// meaning; a statement with more fields is a new type.
const (
	WorkTypeV1 = "selvage.work.v1" // without what is marked v2
	WorkType   = "selvage.work.v2"
	MatchType  = "selvage.match.v1"
	ClaimType  = "selvage.claim.v1"
	KeyType    = "selvage.key.v1"
	CaseType   = "selvage.case.v1"
)

const (
	maxStatement = 512 << 10
	maxAssets    = 1000
	maxText      = 4 << 10
	maxAuthors   = 100
	// maxInteger is the largest integer that survives JSON numbers (2^53 - 1).
	maxInteger = 1<<53 - 1
)

// Statement is what is signed: a [WorkStatement], a [MatchStatement], a [ClaimStatement],
// a [KeyStatement] or a [CaseStatement].
type Statement interface {
	// Check reports the first field that is missing or has an impossible value.
	Check() error
	statementType() string
}

// WorkStatement says what was registered. Everything in it is a claim of the owner,
// except Dates.Received, the digests and sizes, and the fingerprints, which are claims
// of the service.
type WorkStatement struct {
	Type string `json:"type"` // WorkType, or WorkTypeV1 in registrations of before
	// Service names the registering service.
	Service string `json:"service"`
	Work    string `json:"work"`
	// Version counts from 1; Previous is the commitment (hex) of version-1.
	Version  int     `json:"version"`
	Previous string  `json:"previous,omitempty"`
	Title    string  `json:"title"`
	Kind     string  `json:"kind"` // photo, video, manuscript
	Owner    Owner   `json:"owner"`
	Dates    Dates   `json:"dates"`
	Assets   []Asset `json:"assets"`
	// Authors and Rights are who made the work and what is claimed in it, in the owner's
	// words (v2).
	Authors []Author `json:"authors,omitempty"`
	Rights  []string `json:"rights,omitempty"`
	// Claim names what the owner signed with a key of their own (v2).
	Claim *ClaimRef `json:"claim,omitempty"`
	// NotBefore names a value of outside that nobody could know earlier (v2).
	NotBefore *NotBefore `json:"notBefore,omitempty"`
}

// Owner is who registers.
type Owner struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Dates keeps three things apart: when the work was fixed and first disclosed (claimed
// by the owner) and when the service received it (the service's own clock). The date
// that is proved is none of these: it is the token's.
type Dates struct {
	Fixed          *ClaimedDate `json:"fixed,omitempty"`
	FirstDisclosed *ClaimedDate `json:"firstDisclosed,omitempty"`
	// Received is in UTC as written by [FormatTime].
	Received string `json:"received"`
}

// ClaimedDate is a date somebody claims: a year, a month, a day or an RFC 3339 time,
// with the place, the channel and the reach (whom it could be known to) where that helps
// to find it again.
type ClaimedDate struct {
	Date    string `json:"date"`
	Place   string `json:"place,omitempty"`
	Channel string `json:"channel,omitempty"`
	Reach   string `json:"reach,omitempty"` // v2
}

// Author is one maker of a work and their role, like "designer" or "photographer".
type Author struct {
	Name string `json:"name"`
	Role string `json:"role,omitempty"`
}

// Rights are the kinds of right that can be claimed in a work.
var Rights = []string{"copyright", "unregistered-design", "registered-design", "trade-mark", "patent", "geographical-indication"}

// Asset is one registered file.
type Asset struct {
	// Digest is the SHA-256 of the file's exact bytes, 64 lower-case hex digits.
	Digest string `json:"digest"`
	// Size is in bytes.
	Size         int64              `json:"size"`
	MediaType    string             `json:"mediaType"`
	Name         string             `json:"name,omitempty"`
	Fingerprints []FingerprintClaim `json:"fingerprints,omitempty"`
}

// FingerprintClaim says which fingerprint the service computed. Value is the payload in
// hex where it is short; Digest is the SHA-256 of a payload too long to carry. One of
// them is set.
type FingerprintClaim struct {
	Kind    string `json:"kind"`
	View    string `json:"view"`
	Quality int    `json:"quality"`
	Value   string `json:"value,omitempty"`
	Digest  string `json:"digest,omitempty"`
}

// timeLayout is RFC 3339 in UTC with milliseconds, always of the same length.
const timeLayout = "2006-01-02T15:04:05.000Z"

// FormatTime writes t as statements carry it: UTC, RFC 3339, milliseconds, cut not rounded.
func FormatTime(t time.Time) string {
	return t.UTC().Truncate(time.Millisecond).Format(timeLayout)
}

// ParseTime reads what [FormatTime] writes and nothing else.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(timeLayout, s)
	if err != nil || FormatTime(t) != s {
		return time.Time{}, fmt.Errorf("time %q: want the form %s", clip(s), timeLayout)
	}
	return t, nil
}

// Check implements [Statement].
func (s *WorkStatement) Check() error {
	switch {
	case s.Type != WorkType && s.Type != WorkTypeV1:
		return fmt.Errorf("type %q: want %q", clip(s.Type), WorkType)
	case s.Type == WorkTypeV1 && s.hasV2():
		return fmt.Errorf("a %s statement has a field of %s", WorkTypeV1, WorkType)
	case s.Service == "" || s.Work == "" || s.Owner.ID == "":
		return errors.New("service, work and owner.id must not be empty")
	case s.Version < 1 || s.Version > math.MaxInt32:
		return fmt.Errorf("version %d: versions count from 1", s.Version)
	case s.Previous != "" && !isDigest(s.Previous):
		return errors.New("previous: want the 64 hex digits of a commitment")
	case s.Version == 1 && s.Previous != "":
		return errors.New("previous: version 1 has no predecessor")
	case !slices.Contains([]string{"photo", "video", "manuscript"}, s.Kind):
		return fmt.Errorf("kind %q: want photo, video or manuscript", clip(s.Kind))
	case len(s.Assets) == 0 || len(s.Assets) > maxAssets:
		return fmt.Errorf("%d assets: want 1 to %d", len(s.Assets), maxAssets)
	}
	if err := shortTexts(s.Service, s.Work, s.Title, s.Owner.ID, s.Owner.Name); err != nil {
		return err
	}
	if _, err := ParseTime(s.Dates.Received); err != nil {
		return fmt.Errorf("dates.received: %w", err)
	}
	if err := checkClaims(s.Dates.Fixed, s.Dates.FirstDisclosed, s.Authors, s.Rights); err != nil {
		return err
	}
	if err := errors.Join(s.Claim.check(), s.NotBefore.check()); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, a := range s.Assets {
		if err := a.check(); err != nil {
			return fmt.Errorf("asset %d: %w", i, err)
		}
		if seen[a.Digest] {
			return fmt.Errorf("asset %d: the same file twice", i)
		}
		seen[a.Digest] = true
	}
	return nil
}

func (s *WorkStatement) statementType() string { return s.Type }

// hasV2 reports whether a field is set that v1 does not have.
func (s *WorkStatement) hasV2() bool {
	return s.Authors != nil || s.Rights != nil || s.Claim != nil || s.NotBefore != nil ||
		s.Dates.Fixed != nil && s.Dates.Fixed.Reach != "" || s.Dates.FirstDisclosed != nil && s.Dates.FirstDisclosed.Reach != ""
}

// checkClaims checks what owners claim of a work, in whichever statement.
func checkClaims(fixed, disclosed *ClaimedDate, authors []Author, rights []string) error {
	for _, d := range []*ClaimedDate{fixed, disclosed} {
		if err := d.check(); err != nil {
			return err
		}
	}
	if len(authors) > maxAuthors {
		return fmt.Errorf("%d authors: at most %d", len(authors), maxAuthors)
	}
	for _, a := range authors {
		if a.Name == "" {
			return errors.New("authors: a name is missing")
		}
		if err := shortTexts(a.Name, a.Role); err != nil {
			return err
		}
	}
	for i, r := range rights {
		if !slices.Contains(Rights, r) {
			return fmt.Errorf("right %q: want one of %s", clip(r), strings.Join(Rights, ", "))
		}
		if slices.Contains(rights[:i], r) {
			return fmt.Errorf("right %q twice", r)
		}
	}
	return nil
}

// Asset returns the asset with that digest, or nil.
func (s *WorkStatement) Asset(digest string) *Asset {
	for i := range s.Assets {
		if s.Assets[i].Digest == digest {
			return &s.Assets[i]
		}
	}
	return nil
}

func (d *ClaimedDate) check() error {
	if d == nil {
		return nil
	}
	for _, layout := range []string{"2006", "2006-01", time.DateOnly, time.RFC3339} {
		if _, err := time.Parse(layout, d.Date); err == nil {
			return shortTexts(d.Place, d.Channel, d.Reach)
		}
	}
	return fmt.Errorf("claimed date %q: want YYYY, YYYY-MM, YYYY-MM-DD or RFC 3339", clip(d.Date))
}

func (a *Asset) check() error {
	if !isDigest(a.Digest) {
		return errors.New("digest: want 64 lower-case hex digits (SHA-256)")
	}
	if a.Size < 0 || a.Size > maxInteger {
		return fmt.Errorf("size %d is impossible", a.Size)
	}
	for _, f := range a.Fingerprints {
		if f.Kind == "" || (f.Value == "") == (f.Digest == "") {
			return errors.New("fingerprint: want a kind and either value or digest")
		}
		if f.Digest != "" && !isDigest(f.Digest) {
			return errors.New("fingerprint digest: want 64 lower-case hex digits")
		}
		if f.Value != "" && !isHex(f.Value) {
			return errors.New("fingerprint value: want lower-case hex digits")
		}
	}
	return shortTexts(a.MediaType, a.Name)
}

// EncodeStatement checks s and returns its canonical JSON.
func EncodeStatement(s Statement) ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	b, err := canonical(s)
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	// What was written must be readable, or the receipt would be worthless.
	if _, err := ParseStatement(b); err != nil {
		return nil, err
	}
	return b, nil
}

// ParseStatement reads a statement strictly: known type, no unknown field, canonical
// encoding, possible values.
func ParseStatement(b []byte) (Statement, error) {
	if len(b) > maxStatement {
		return nil, fmt.Errorf("statement of %d bytes: the limit is %d", len(b), maxStatement)
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	var s Statement
	switch head.Type {
	case WorkType, WorkTypeV1:
		s = &WorkStatement{}
	case ClaimType:
		s = &ClaimStatement{}
	case KeyType:
		s = &KeyStatement{}
	case CaseType:
		s = &CaseStatement{}
	case MatchType:
		s = &MatchStatement{}
	default:
		return nil, fmt.Errorf("statement: unknown type %q; a newer verifier may know it", clip(head.Type))
	}
	if err := decodeCanonical(b, s, maxStatement); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return s, nil
}

func isHex(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && hex.EncodeToString(b) == s
}

func isDigest(s string) bool { return len(s) == 64 && isHex(s) }

func shortTexts(texts ...string) error {
	for _, t := range texts {
		if len(t) > maxText {
			return fmt.Errorf("text %q... is longer than %d bytes", clip(t), maxText)
		}
	}
	return nil
}

// clip shortens outside text for an error.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60]
	}
	return s
}
