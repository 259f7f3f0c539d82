package api

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var requestIDs = regexp.MustCompile(`r_[a-z2-7]{26}`)

// sameness is what a stranger can tell of an answer: status, headers and body, without
// the identifier of the request.
func sameness(r reply) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(r.header)) {
		b.WriteString(k + ": " + strings.Join(r.header[k], ",") + "\n")
	}
	return requestIDs.ReplaceAllString(itoa(r.status)+"\n"+b.String()+"\n"+string(r.body), "ID")
}

// TestPrivateWorksDoNotExistForStrangers: on every route that names a work, a private
// work of another owner is answered byte for byte like one that was never registered.
func TestPrivateWorksDoNotExistForStrangers(t *testing.T) {
	testPrivacy(t, newEnv(t, nil).seed())
}

func testPrivacy(t *testing.T, e *env) {
	json := map[string]string{"Content-Type": "application/json"}
	for _, c := range []call{
		{method: "GET", path: "/v1/works/ID"},
		{method: "GET", path: "/v1/works/ID?fingerprints=true"},
		{method: "PATCH", path: "/v1/works/ID", header: json, body: []byte(`{"visibility":"public"}`)},
		{method: "DELETE", path: "/v1/works/ID"},
		{method: "GET", path: "/v1/works/ID/receipt"},
		{method: "GET", path: "/v1/works/ID/certificate.pdf"},
		{method: "GET", path: "/v1/works/ID/evidence"},
		{method: "GET", path: "/v1/works/ID/evidence?match={M}"},
		{method: "POST", path: "/v1/works/ID/evidence?match={M}", body: picture(3)},
		{method: "POST", path: "/v1/works/ID/compare", body: picture(3)},
		{method: "POST", path: "/v1/works/ID/compare", body: picture(8)},
		{method: "GET", path: "/v1/matches/{M}/overlay.png?work=ID"},
		{method: "DELETE", path: "/v1/matches/{M}/feedback?work=ID"},
		{method: "PUT", path: "/v1/matches/{M}/feedback", header: json, sent: `{"work":"ID","verdict":"rejected"}`},
	} {
		path := c.path
		for _, key := range []string{"anna", "admin"} {
			c.key, c.header = key, maps.Clone(c.header)
			if key == "admin" { // in anna's place
				if c.header == nil {
					c.header = map[string]string{}
				}
				c.header["Selvage-Owner"] = "anna"
			}
			about := func(id string) reply {
				c := c
				c.path, c.sent = strings.Replace(path, "ID", id, 1), strings.Replace(c.sent, "ID", id, 1)
				return e.do(c)
			}
			private, nothing, malformed := about("{B}"), about("{NO}"), about("nonsense")
			if private.status != 404 {
				t.Errorf("%s %s: status %d", c.method, path, private.status)
			}
			if a, b := sameness(private), sameness(nothing); a != b {
				t.Errorf("%s %s tells of a private work:\n%s\nagainst\n%s", c.method, path, a, b)
			}
			if a, b := sameness(malformed), sameness(nothing); a != b {
				t.Errorf("%s %s: a malformed identifier is answered differently:\n%s\nagainst\n%s", c.method, path, a, b)
			}
		}
	}

	// A match and a registration of a stranger's private bytes look like those of new bytes.
	blur := regexp.MustCompile(`"(id|box|time|received|digest|size|proven|asset|millis|salt)":("[^"]*"|\d+|\{[^}]*\})`)
	ask := func(data []byte) string {
		r := e.do(call{method: "POST", path: "/v1/matches", key: "anna", form: form2(file("q.png", data))})
		return itoa(r.status) + blur.ReplaceAllString(string(r.body), `"$1":0`)
	}
	if a, b := ask(picture(3)), ask(picture(1003)); a != b {
		t.Errorf("a match tells of a private work:\n%s\nagainst\n%s", a, b)
	}
	if r := e.do(call{method: "GET", path: "/v1/events", key: "bert"}); r.str("items", "0", "kind") != "work.matched" {
		t.Errorf("the owner of the private work got no event: %s", r.body)
	}
}
