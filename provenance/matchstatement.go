package provenance

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// MatchStatement says what the service found when a file was compared with a
// registered work.
type MatchStatement struct {
	Type    string `json:"type"` // MatchType
	Service string `json:"service"`
	Match   string `json:"match"`
	// Time is when the match was made, by the service's clock, as [FormatTime] writes it.
	Time string `json:"time"`
	// Asker is who asked; it may be left out.
	Asker string    `json:"asker,omitempty"`
	Query QueryFile `json:"query"`
	// Work and WorkCommitment (hex) name the registration, Asset the registered file.
	Work           string `json:"work"`
	WorkCommitment string `json:"workCommitment"`
	Asset          string `json:"asset"`
	// Verdict is identical, copy, part or alike; Probability is calibrated, 0 to 1.
	Verdict     string  `json:"verdict"`
	Probability float64 `json:"probability"`
	// Transform and Signals are JSON objects whose fields the policy version defines.
	Transform json.RawMessage `json:"transform,omitempty"`
	Signals   json.RawMessage `json:"signals,omitempty"`
	// Regions, Segments and Passages are what corresponds in two pictures, videos and texts.
	// Statements of before December 2026 have segments and passages in their sentence only.
	Regions  []MatchRegion  `json:"regions,omitempty"`
	Segments []MatchSegment `json:"segments,omitempty"`
	Passages []MatchPassage `json:"passages,omitempty"`
	// Kinds are the fingerprint kinds that agreed, Policy the version of the thresholds.
	Kinds  []string `json:"kinds"`
	Policy string   `json:"policy"`
	// Record is the SHA-256 (hex) of the whole match record in canonical JSON.
	Record string `json:"record,omitempty"`
	// Sentence is the finding in plain words.
	Sentence string `json:"sentence"`
}

// QueryFile is the file that was compared (in a dispute: the accused one).
type QueryFile struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType"`
	Name      string `json:"name,omitempty"`
}

// MatchRegion is one pair of polygons, in pixels after orientation.
type MatchRegion struct {
	Query [][2]float64 `json:"query"`
	Work  [][2]float64 `json:"work"`
}

// MatchSegment is one pair of [start, end] in seconds; [0, 0] of a file that is a picture.
type MatchSegment struct {
	Query [2]float64 `json:"query"`
	Work  [2]float64 `json:"work"`
}

// MatchPassage is one pair of [start, end) character ranges: code points of the text as it was
// extracted.
type MatchPassage struct {
	Query [2]int64 `json:"query"`
	Work  [2]int64 `json:"work"`
}

// Check implements [Statement].
func (s *MatchStatement) Check() error {
	switch {
	case s.Type != MatchType:
		return fmt.Errorf("type %q: want %q", clip(s.Type), MatchType)
	case s.Service == "" || s.Match == "" || s.Work == "" || s.Policy == "":
		return errors.New("service, match, work and policy must not be empty")
	case !isDigest(s.Query.Digest) || !isDigest(s.Asset) || !isDigest(s.WorkCommitment):
		return errors.New("query.digest, asset and workCommitment: want 64 lower-case hex digits")
	case s.Record != "" && !isDigest(s.Record):
		return errors.New("record: want 64 lower-case hex digits")
	case s.Query.Size < 0 || s.Query.Size > maxInteger:
		return fmt.Errorf("query.size %d is impossible", s.Query.Size)
	case !slices.Contains([]string{"identical", "copy", "part", "alike"}, s.Verdict):
		return fmt.Errorf("verdict %q: want identical, copy, part or alike", clip(s.Verdict))
	case math.IsNaN(s.Probability) || s.Probability < 0 || s.Probability > 1:
		return fmt.Errorf("probability %v: want 0 to 1", s.Probability)
	case s.Kinds == nil:
		return errors.New("kinds: want a list, which may be empty")
	}
	for _, o := range []json.RawMessage{s.Transform, s.Signals} {
		if len(o) > 0 && o[0] != '{' {
			return errors.New("transform and signals: want json objects")
		}
	}
	for _, x := range s.Segments {
		for _, t := range [][2]float64{x.Query, x.Work} {
			if !(t[0] >= 0 && t[0] <= t[1]) || math.IsInf(t[1], 0) {
				return fmt.Errorf("segment %v: want a start and an end in seconds", t)
			}
		}
	}
	for _, x := range s.Passages {
		for _, t := range [][2]int64{x.Query, x.Work} {
			if t[0] < 0 || t[0] > t[1] || t[1] > maxInteger {
				return fmt.Errorf("passage %v: want a start and an end in characters", t)
			}
		}
	}
	if _, err := ParseTime(s.Time); err != nil {
		return err
	}
	return shortTexts(s.Service, s.Match, s.Asker, s.Work, s.Policy, s.Sentence, s.Query.MediaType, s.Query.Name)
}

func (s *MatchStatement) statementType() string { return MatchType }
