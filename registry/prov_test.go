package registry

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piprate/json-gold/ld"

	"selvage/fingerprint"
	"selvage/provenance"
)

// The graph is read by a JSON-LD processor of others, without a network, and says in RDF
// what the custody record says.
func TestCustodyGraph(t *testing.T) {
	a, b := fingerprint.DigestOf([]byte("a")), fingerprint.DigestOf([]byte("b"))
	work := &Work{ID: "w_1", Owner: "ada", Title: "Twill \"5\"", Version: 2, Replaces: "w_0", Assets: []Asset{{Digest: a, Name: "a.png"}}}
	match := &provenance.MatchStatement{Match: "m_1", Time: provenance.FormatTime(time.Now()), Asset: a.String(), Query: provenance.QueryFile{Digest: b.String()}, Sentence: "copy"}
	events := []custodyEvent{
		{N: 1, Time: "2026-01-02T03:04:05.000Z", What: custodyRegistered, By: "ada", Detail: "matchable"},
		{N: 2, Time: "2026-01-03T03:04:05.000Z", What: custodyCase, By: "ada", Actor: &Actor{Role: "officer", Key: "k_1"}},
	}
	text, err := custodyGraph("selvage.example", work, match, events)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	opts := ld.NewJsonLdOptions("")
	opts.DocumentLoader = nowhere{}
	opts.Format = "application/n-quads"
	rdf, err := ld.NewJsonLdProcessor().ToRDF(doc, opts)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(rdf.(string)), "\n")
	const prov = "http://www.w3.org/ns/prov#"
	for _, want := range []string{
		"<urn:sha256:" + a.String() + "> <" + prov + "wasAttributedTo> <urn:selvage:owner:ada> .",
		"<urn:selvage:work:w_1> <" + prov + "hadMember> <urn:sha256:" + a.String() + "> .",
		"<urn:selvage:work:w_1> <" + prov + "wasRevisionOf> <urn:selvage:work:w_0> .",
		"<urn:selvage:work:w_1#2> <" + prov + "wasInformedBy> <urn:selvage:work:w_1#1> .",
		`<urn:selvage:work:w_1#1> <` + prov + `startedAtTime> "2026-01-02T03:04:05.000Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .`,
		"<urn:selvage:match:m_1> <" + prov + "used> <urn:sha256:" + b.String() + "> .",
		"<urn:selvage:match:m_1> <" + prov + "wasAssociatedWith> <urn:selvage:service:selvage.example> .",
		"<urn:selvage:work:w_1#1> <" + prov + "wasAssociatedWith> <urn:selvage:owner:ada> .", // of before, when nobody said who
		"<urn:selvage:work:w_1#2> <" + prov + "wasAssociatedWith> <urn:selvage:key:k_1> .",
		"<urn:selvage:key:k_1> <" + prov + "actedOnBehalfOf> <urn:selvage:owner:ada> .",
		`<urn:selvage:work:w_1> <http://www.w3.org/2000/01/rdf-schema#label> "Twill \"5\"" .`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no triple %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	if again, err := custodyGraph("selvage.example", work, match, events); err != nil || string(again) != string(text) {
		t.Error("the same record gives another graph")
	}
}

// nowhere is a document loader that must not be asked.
type nowhere struct{}

func (nowhere) LoadDocument(u string) (*ld.RemoteDocument, error) {
	return nil, ld.NewJsonLdError(ld.LoadingDocumentFailed, "asked for "+u)
}
