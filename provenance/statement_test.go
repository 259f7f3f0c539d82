package provenance_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"selvage/provenance"
)

func TestStatementRoundTrip(t *testing.T) {
	s := getScene(t)
	for _, r := range []*provenance.Receipt{s.work, s.match} {
		st, err := r.Statement()
		must(t, err)
		b, err := provenance.EncodeStatement(st)
		must(t, err)
		env, err := provenance.ParseEnvelope(r.Envelope)
		must(t, err)
		if !bytes.Equal(b, env.Payload) {
			t.Errorf("encoded again: %s\nsigned: %s", b, env.Payload)
		}
	}
}

// The canonical form is that of RFC 8785: keys sorted, ES6 numbers, minimal escapes.
func TestStatementIsCanonical(t *testing.T) {
	b, err := provenance.EncodeStatement(matchStatement(t, getScene(t).work, "m", []byte("o"), []byte("a"), []byte("{}")))
	must(t, err)
	for _, want := range []string{
		`{"asker":"o-2","asset":`, `"probability":0.9987,`, `"signals":{"pdq":12.5}`, `"transform":{"flip":false,"rotate":90}`,
		`[[0,0],[10.25,0]]`, `[2,1e+21]`, `"segments":[{"query":[0,3.25],"work":[5.5,8.75]}]`, `"passages":[{"query":[0,120],"work":[400,520]}]`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s does not contain %s", b, want)
		}
	}
	b, err = provenance.EncodeStatement(workStatement("w", []byte("o")))
	must(t, err)
	if !strings.Contains(string(b), `"title":"Twill №5 <&>"`) {
		t.Errorf("title is escaped: %s", b)
	}
}

func TestStatementStrictness(t *testing.T) {
	good, err := provenance.EncodeStatement(workStatement("w", []byte("o")))
	must(t, err)
	g := string(good)
	for name, text := range map[string]string{
		"unknown field":  strings.Replace(g, `"work":"w"`, `"work":"w","zzz":1`, 1),
		"duplicate key":  strings.Replace(g, `"work":"w"`, `"work":"v","work":"w"`, 1),
		"spelling":       strings.Replace(g, `"work":`, `"Work":`, 1),
		"white space":    strings.Replace(g, `,"work"`, `, "work"`, 1),
		"escape":         strings.Replace(g, `"Ada"`, `"\u0041da"`, 1),
		"number":         strings.Replace(g, `"version":1`, `"version":1.0`, 1),
		"trailing text":  g + "{}",
		"newline":        g + "\n",
		"unknown type":   strings.Replace(g, "work.v2", "work.v9", 1),
		"no owner":       strings.Replace(g, `"id":"o-1"`, `"id":""`, 1),
		"digest":         strings.Replace(g, `"digest":"`, `"digest":"A`, 1),
		"received":       strings.Replace(g, `Z"}`, `+00:00"}`, 1),
		"not UTF-8":      strings.Replace(g, "Ada", "\xff", 1),
		"lone surrogate": strings.Replace(g, "Ada", `\ud800`, 1),
		"kind":           strings.Replace(g, `"photo"`, `"song"`, 1),
		"claimed date":   strings.Replace(g, `"2026-01"`, `"last year"`, 1),
		"deep":           strings.Repeat("[", 100_000),
		"empty":          "",
	} {
		if text == g {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if _, err := provenance.ParseStatement([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := provenance.ParseStatement(good); err != nil {
		t.Error(err)
	}
}

func TestStatementCheck(t *testing.T) {
	for name, change := range map[string]func(*provenance.WorkStatement){
		"version":       func(s *provenance.WorkStatement) { s.Version = 0 },
		"previous of 1": func(s *provenance.WorkStatement) { s.Previous = strings.Repeat("0", 64) },
		"no assets":     func(s *provenance.WorkStatement) { s.Assets = nil },
		"same twice":    func(s *provenance.WorkStatement) { s.Assets = append(s.Assets, s.Assets[0]) },
		"size":          func(s *provenance.WorkStatement) { s.Assets[0].Size = 1 << 60 },
		"long title":    func(s *provenance.WorkStatement) { s.Title = strings.Repeat("x", 5000) },
		"fingerprint":   func(s *provenance.WorkStatement) { s.Assets[0].Fingerprints[0].Digest = strings.Repeat("0", 64) },
	} {
		s := workStatement("w", []byte("o"))
		change(s)
		if _, err := provenance.EncodeStatement(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, change := range map[string]func(*provenance.MatchStatement){
		"verdict":     func(s *provenance.MatchStatement) { s.Verdict = "none" },
		"probability": func(s *provenance.MatchStatement) { s.Probability = 1.1 },
		"signals":     func(s *provenance.MatchStatement) { s.Signals = json.RawMessage(`[1]`) },
		"broken json": func(s *provenance.MatchStatement) { s.Signals = json.RawMessage(`{`) },
		"bad text":    func(s *provenance.MatchStatement) { s.Signals = json.RawMessage("{\"a\":\"\xff\"}") },
		"kinds":       func(s *provenance.MatchStatement) { s.Kinds = nil },
		"commitment":  func(s *provenance.MatchStatement) { s.WorkCommitment = "" },
		"policy":      func(s *provenance.MatchStatement) { s.Policy = "" },
		"segment":     func(s *provenance.MatchStatement) { s.Segments[0].Work = [2]float64{3, 2} },
		"no time":     func(s *provenance.MatchStatement) { s.Segments[0].Query[0] = -1 },
		"passage":     func(s *provenance.MatchStatement) { s.Passages[0].Query = [2]int64{8, 7} },
	} {
		s := matchStatement(t, getScene(t).work, "m", []byte("o"), []byte("a"), []byte("{}"))
		change(s)
		if _, err := provenance.EncodeStatement(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFormatTime(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 2, 3, 999_999_999, time.FixedZone("x", 3600))
	if got := provenance.FormatTime(at); got != "2026-11-22T00:02:03.999Z" {
		t.Error(got)
	}
	for _, bad := range []string{"", "2026-11-22T00:02:03Z", "2026-11-22T00:02:03.999+00:00", "2026-13-22T00:02:03.999Z"} {
		if _, err := provenance.ParseTime(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}
