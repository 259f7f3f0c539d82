package api

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
)

// The custody record names the key that acted, whoever it acted for, and each line holds on
// to the one before.
func TestCustodyNamesWhoActed(t *testing.T) {
	e := newRealEnv(t).seed()
	evidence := func(key, query string) (record, graph string) {
		t.Helper()
		r := e.do(call{method: "GET", path: "/v1/works/{A}/evidence" + query, key: key})
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		zr, err := zip.NewReader(bytes.NewReader(r.body), int64(len(r.body)))
		if err != nil {
			t.Fatal(err)
		}
		read := func(name string) string {
			f, err := zr.Open("bundle/data/" + name)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(f)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		return read("custody.jsonl"), read("custody.jsonld")
	}
	first, _ := evidence("officer", "")
	if again, _ := evidence("anna", ""); again != first {
		t.Error("the owner is given another record of the same case")
	}
	if again, _ := evidence("officer", ""); again != first {
		t.Error("taking the evidence again changes it")
	}
	// Another case of the work tells what came before, so of the evidence taken.
	record, graph := evidence("admin", "?match={M}")
	var events []string
	for line := range strings.Lines(record) {
		var event struct {
			What, By string
			Actor    struct {
				Role, Key string
				Own       bool
			}
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(event.Actor.Key, "k_") || !strings.Contains(graph, "urn:selvage:key:"+event.Actor.Key) {
			t.Errorf("no key in the record or in the graph: %s", line)
		}
		who := event.Actor.Role
		if event.Actor.Own {
			who += ", the owner's"
		}
		events = append(events, event.What+" by "+who)
	}
	want := []string{"registered by designer, the owner's", "case put together by officer", "evidence taken by officer", "case put together by admin"}
	if !slices.Equal(events, want) {
		t.Errorf("%q, want %q", events, want)
	}
	if !strings.Contains(graph, "actedOnBehalfOf") {
		t.Error("the graph does not say on whose behalf")
	}
}
