package provenance_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/provenance/sequencer"
)

// scene is one notary with two registered works and a match with the first.
type scene struct {
	notary          *sequencer.Notary
	original        []byte
	accused         []byte
	work, other     *provenance.Receipt
	match           *provenance.Receipt
	otherMatch      *provenance.Receipt
	record          []byte
	bundle, matched []byte // bundle of the work alone, and of the match
}

var (
	sceneOnce sync.Once
	theScene  *scene
	sceneDir  string
)

func TestMain(m *testing.M) {
	code := m.Run()
	if theScene != nil {
		_ = theScene.notary.Close(ctx)
	}
	_ = os.RemoveAll(sceneDir)
	os.Exit(code)
}

func getScene(t testing.TB) *scene {
	t.Helper()
	sceneOnce.Do(func() {
		dir, err := os.MkdirTemp("", "provenance")
		must(t, err)
		sceneDir = dir
		theScene = newScene(t, dir)
	})
	if theScene == nil {
		t.Fatal("the scene could not be built")
	}
	return theScene
}

func newScene(t testing.TB, dir string) *scene {
	n, err := sequencer.OpenNotary(ctx, sequencer.NotaryConfig{Dir: dir, Origin: "selvage.example/log"})
	must(t, err)
	s := &scene{notary: n, original: bytes.Repeat([]byte("warp and weft "), 10), accused: []byte("a copy of warp and weft")}
	issue := func(st provenance.Statement) *provenance.Receipt {
		sealed, err := n.Seal(st)
		must(t, err)
		r, err := n.Issue(ctx, sealed)
		must(t, err)
		return r
	}
	s.other = issue(workStatement("w-other", []byte("another picture")))
	s.work = issue(workStatement("w-1", s.original))
	s.record = []byte(`{"match":"m-1","signals":{"pdq":12},"verdict":"copy"}`)
	s.match = issue(matchStatement(t, s.work, "m-1", s.original, s.accused, s.record))
	s.otherMatch = issue(matchStatement(t, s.other, "m-2", []byte("another picture"), s.accused, s.record))
	s.bundle = packed(t, s.bundleOf(false))
	s.matched = packed(t, s.bundleOf(true))
	return s
}

func (s *scene) bundleOf(match bool) provenance.Bundle {
	b := provenance.Bundle{Work: s.work, Originals: map[string]provenance.File{digest(s.original): file(s.original)}}
	if match {
		accused := file(s.accused)
		b.Match = &provenance.MatchEvidence{Receipt: s.match, Record: s.record, Accused: &accused}
	}
	return b
}

func packed(t testing.TB, b provenance.Bundle) []byte {
	t.Helper()
	var buf bytes.Buffer
	must(t, provenance.WriteBundle(&buf, b))
	return buf.Bytes()
}

func verify(zip []byte, opts provenance.VerifyOptions) provenance.Report {
	return provenance.Verify(bytes.NewReader(zip), int64(len(zip)), opts)
}

func workStatement(id string, original []byte) *provenance.WorkStatement {
	return &provenance.WorkStatement{
		Type: provenance.WorkType, Service: "selvage.example", Work: id, Version: 1, Title: "Twill №5 <&>", Kind: "photo",
		Owner: provenance.Owner{ID: "o-1", Name: "Ada"},
		Dates: provenance.Dates{
			Fixed:          &provenance.ClaimedDate{Date: "2026-01"},
			FirstDisclosed: &provenance.ClaimedDate{Date: "2026-02-03", Place: "Lyon", Channel: "trade fair"},
			Received:       provenance.FormatTime(time.Now()),
		},
		Assets: []provenance.Asset{{
			Digest: digest(original), Size: int64(len(original)), MediaType: "image/png", Name: "twill.png",
			Fingerprints: []provenance.FingerprintClaim{{Kind: "pdq256.v1", View: "full", Quality: 100, Value: "0f0f"}},
		}},
	}
}

func matchStatement(t testing.TB, work *provenance.Receipt, id string, original, accused, record []byte) *provenance.MatchStatement {
	sealed, err := work.Sealed()
	must(t, err)
	st, err := work.Statement()
	must(t, err)
	c := sealed.Commitment()
	d, err := provenance.RecordDigest(record)
	must(t, err)
	return &provenance.MatchStatement{
		Type: provenance.MatchType, Service: "selvage.example", Match: id, Time: provenance.FormatTime(time.Now()), Asker: "o-2",
		Query: provenance.QueryFile{Digest: digest(accused), Size: int64(len(accused)), MediaType: "image/jpeg"},
		Work:  st.(*provenance.WorkStatement).Work, WorkCommitment: hex.EncodeToString(c[:]), Asset: digest(original),
		Verdict: "copy", Probability: 0.9987, Transform: json.RawMessage(`{"rotate": 90, "flip": false}`),
		Signals:  json.RawMessage(`{"pdq": 12.50}`),
		Regions:  []provenance.MatchRegion{{Query: [][2]float64{{0, 0}, {10.25, 0}}, Work: [][2]float64{{1, 1}, {2, 1e21}}}},
		Segments: []provenance.MatchSegment{{Query: [2]float64{0, 3.25}, Work: [2]float64{5.5, 8.75}}},
		Passages: []provenance.MatchPassage{{Query: [2]int64{0, 120}, Work: [2]int64{400, 520}}},
		Kinds:    []string{"pdq256.v1"}, Policy: "thresholds.v1", Record: d, Sentence: "the same picture, turned",
	}
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func file(b []byte) provenance.File {
	return provenance.File{Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a shell command and returns stdout and stderr together, and whether it succeeded.
func run(t *testing.T, dir, command string) (string, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// needOpenSSL fails, not skips: an outsider's check that did not run is no check.
func needOpenSSL(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is needed as the independent verifier; install the package openssl")
	}
}

func certificates(t testing.TB, text string) (certs []*x509.Certificate) {
	t.Helper()
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		must(t, err)
		certs = append(certs, c)
	}
	return certs
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
