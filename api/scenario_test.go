package api

import (
	"bytes"
	"crypto/ed25519"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"selvage/provenance"
)

// scenario is one request and what its answer must be like. The table runs over the fake
// registry and over the real service.
type scenario struct {
	name string
	call
	status  int
	problem string   // slug, for errors
	field   string   // of the problem
	has     []string // substrings of the body
	hasNot  []string
}

var png1 = picture(1)

func raw(contentType string) map[string]string { return map[string]string{"Content-Type": contentType} }

// part is a form part with headers of its own.
func part(header map[string]string, data []byte) formPart {
	return func(w *multipart.Writer) error {
		h := textproto.MIMEHeader{}
		for k, v := range header {
			h.Set(k, v)
		}
		p, err := w.CreatePart(h)
		if err == nil {
			_, err = p.Write(data)
		}
		return err
	}
}

func cut(f *formBody) *formBody {
	return &formBody{contentType: f.contentType, body: f.body[:len(f.body)-20]}
}

func files(n int, data []byte) *formBody {
	var parts []formPart
	for range n {
		parts = append(parts, file("x.png", data))
	}
	return form2(parts...)
}

var scenarios = []scenario{
	// keys
	{name: "no key", call: call{method: "GET", path: "/v1/works"}, status: 401, problem: "unauthenticated"},
	{name: "unknown key", call: call{method: "GET", path: "/v1/works", key: "wrong"}, status: 401, problem: "unauthenticated"},
	{name: "key of another scheme", call: call{method: "GET", path: "/v1/works", header: map[string]string{"Authorization": "Basic c2VsdjpzZWx2"}}, status: 401, problem: "unauthenticated"},
	{name: "enormous key", call: call{method: "GET", path: "/v1/works", header: map[string]string{"X-API-Key": "selv_" + strings.Repeat("a", 5000)}}, status: 401, problem: "unauthenticated"},
	{name: "two keys", call: call{method: "GET", path: "/v1/works", key: "anna", header: map[string]string{"X-API-Key": "selv_x"}}, status: 401, problem: "unauthenticated"},
	{name: "unknown path without a key", call: call{method: "GET", path: "/v1/nothing"}, status: 401, problem: "unauthenticated"},
	{name: "log without a key", call: call{method: "GET", path: "/log/checkpoint"}, status: 401, problem: "unauthenticated"},
	{name: "metrics without a key", call: call{method: "GET", path: "/metrics"}, status: 401, problem: "unauthenticated"},

	// routes
	{name: "unknown path", call: call{method: "GET", path: "/v1/nothing", key: "anna"}, status: 404, problem: "not-found"},
	{name: "root", call: call{method: "GET", path: "/", key: "anna"}, status: 404, problem: "not-found"},
	{name: "trailing slash", call: call{method: "GET", path: "/v1/works/", key: "anna"}, status: 404, problem: "not-found"},
	{name: "wrong method", call: call{method: "PUT", path: "/v1/works", key: "anna"}, status: 405, problem: "method-not-allowed"},
	{name: "unheard-of method", call: call{method: "BREW", path: "/v1/works/{A}", key: "anna"}, status: 405, problem: "method-not-allowed"},
	{name: "dots in the path", call: call{method: "GET", path: "/v1/works/../keys", key: "anna"}, status: 404, problem: "not-found"},
	{name: "escaped dots in an identifier", call: call{method: "GET", path: "/v1/works/%2e%2e%2f%2e%2e%2fetc", key: "anna"}, status: 404, problem: "not-found"},
	{name: "slashes after an identifier", call: call{method: "GET", path: "/v1/matches/a/b/c", key: "anna"}, status: 404, problem: "not-found"},
	{name: "zero byte in an identifier", call: call{method: "GET", path: "/v1/works/w_%00", key: "anna"}, status: 404, problem: "not-found"},
	{name: "broken text in an identifier", call: call{method: "GET", path: "/v1/works/w_%ff%fe", key: "anna"}, status: 404, problem: "not-found"},
	{name: "identifier of another sort", call: call{method: "GET", path: "/v1/works/{M}", key: "anna"}, status: 404, problem: "not-found"},

	// works
	{name: "register", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("title", "Blätter 🍂"), field("fixed", "2026-01-02"),
		field("first_disclosed", "2026-02-03T04:05:06+02:00"), field("first_disclosed_place", "messe"), file("叶子.png", picture(11)))}, status: 201,
		has: []string{"Blätter 🍂", "叶子.png", `"visibility":"private"`, "2026-02-03T02:05:06Z", `"receipt":{`, `"related":[]`}},
	{name: "register the same again", call: call{method: "POST", path: "/v1/works", key: "anna", form: files(1, png1)}, status: 200, has: []string{`"duplicate":true`}},
	{name: "register what a stranger keeps private", call: call{method: "POST", path: "/v1/works", key: "bert", form: files(1, png1)}, status: 201, has: []string{`"related":[]`, `"duplicate":false`}},
	{name: "register what a stranger shows", call: call{method: "POST", path: "/v1/works", key: "bert", form: files(1, picture(2))}, status: 201, has: []string{`"related":[{`}},
	{name: "register for another owner", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("owner", "bert"), file("a.png", png1))}, status: 403, problem: "forbidden", field: "owner"},
	{name: "register for another owner by header", call: call{method: "POST", path: "/v1/works", key: "anna", header: map[string]string{"Selvage-Owner": "bert"}, form: files(1, png1)}, status: 403, problem: "forbidden", field: "Selvage-Owner"},
	{name: "register for oneself by name", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("owner", "anna"), file("a.png", png1))}, status: 200},
	{name: "admin registers for an owner", call: call{method: "POST", path: "/v1/works", key: "admin", form: form2(field("owner", "carla"), file("a.png", picture(12)))}, status: 201, has: []string{`"owner":"carla"`}},
	{name: "owner of impossible name", call: call{method: "POST", path: "/v1/works", key: "admin", form: form2(field("owner", "../x"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "owner"},
	{name: "two owners", call: call{method: "POST", path: "/v1/works", key: "admin", header: map[string]string{"Selvage-Owner": "anna"}, form: form2(field("owner", "bert"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "owner"},
	{name: "no file", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("title", "x"))}, status: 422, problem: "invalid-field", field: "file"},
	{name: "misspelt field", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("visiblity", "private"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "visiblity"},
	{name: "field twice", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("visibility", "private"), field("visibility", "public"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "visibility"},
	{name: "unknown visibility", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("visibility", "secret"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "visibility"},
	{name: "unknown kind", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("kind", "song"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "kind"},
	{name: "bad date", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("fixed", "yesterday"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "fixed"},
	{name: "year before 1 in UTC", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("fixed", "0000-01-01T00:00:00+01:00"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "fixed"},
	{name: "year 1 that is none in UTC", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("fixed", "0001-01-01T00:00:00+01:00"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "fixed"},
	{name: "year after 9999 in UTC", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("first_disclosed", "9999-12-31T23:59:59-01:00"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "first_disclosed"},
	{name: "made in the future", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("fixed", "2026-04-02"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "fixed"},
	{name: "shown in the future", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("first_disclosed", "2026-04-01T12:00:01Z"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "first_disclosed"},
	{name: "place without date", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("first_disclosed_place", "here"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "first_disclosed"},
	{name: "field too long", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("description", strings.Repeat("x", maxField+1)), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "description"},
	{name: "field of broken text", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(field("title", "\xff\xfe"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "title"},
	{name: "too many files", call: call{method: "POST", path: "/v1/works", key: "anna", form: files(33, png1)}, status: 422, problem: "invalid-field", field: "file"},
	{name: "raw body to register", call: call{method: "POST", path: "/v1/works", key: "anna", header: raw("image/png"), body: png1}, status: 415, problem: "unsupported-media-type"},
	{name: "form cut short", call: call{method: "POST", path: "/v1/works", key: "anna", form: cut(files(1, png1))}, status: 400, problem: "invalid-request"},
	{name: "form without boundary", call: call{method: "POST", path: "/v1/works", key: "anna", header: raw("multipart/form-data"), body: png1}, status: 400, problem: "invalid-request"},
	{name: "form that is none", call: call{method: "POST", path: "/v1/works", key: "anna", header: raw("multipart/form-data; boundary=x"), body: []byte("hello")}, status: 400, problem: "invalid-request"},
	{name: "no body at all", call: call{method: "POST", path: "/v1/works", key: "anna"}, status: 415, problem: "unsupported-media-type"},
	{name: "other multipart", call: call{method: "POST", path: "/v1/matches", key: "anna", header: raw("multipart/mixed; boundary=x"), body: []byte("--x--")}, status: 415, problem: "unsupported-media-type"},
	{name: "encoded part", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(part(map[string]string{
		"Content-Disposition": `form-data; name="file"; filename="a"`, "Content-Transfer-Encoding": "base64"}, []byte("AAAA")))}, status: 415, problem: "unsupported-media-type", field: "file"},
	{name: "compressed body", call: call{method: "POST", path: "/v1/matches", key: "anna", header: map[string]string{"Content-Encoding": "gzip"}, body: png1}, status: 415, problem: "unsupported-media-type", field: "Content-Encoding"},
	{name: "name that climbs", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(file("../../etc/C:\\x\\pass\u202ewd.png", picture(13)))}, status: 201, has: []string{`"name":"passwd.png"`}, hasNot: []string{"../", `\u202e`, "\u202e"}},
	{name: "empty file", call: call{method: "POST", path: "/v1/works", key: "anna", form: files(1, nil)}, status: 422, has: []string{`"kind":"empty"`}, problem: "unreadable-file", field: "file"},
	{name: "text called picture", call: call{method: "POST", path: "/v1/works", key: "anna", form: form2(file("a.jpg", []byte("just some words, and no picture at all")))}, status: 415, problem: "unsupported-format", field: "file"},
	{name: "picture cut short", call: call{method: "POST", path: "/v1/works", key: "anna", form: files(1, png1[:60])}, status: 422, problem: "unreadable-file", field: "file"},
	{name: "list", call: call{method: "GET", path: "/v1/works?limit=1", key: "anna"}, status: 200, has: []string{`"next":"`}},
	{name: "list with limit 0", call: call{method: "GET", path: "/v1/works?limit=0", key: "anna"}, status: 422, problem: "invalid-field", field: "limit"},
	{name: "list with limit 201", call: call{method: "GET", path: "/v1/works?limit=201", key: "anna"}, status: 422, problem: "invalid-field", field: "limit"},
	{name: "list with limit of words", call: call{method: "GET", path: "/v1/works?limit=many", key: "anna"}, status: 400, problem: "invalid-request", field: "limit"},
	{name: "list with a limit past all numbers", call: call{method: "GET", path: "/v1/works?limit=99999999999999999999", key: "anna"}, status: 400, problem: "invalid-request", field: "limit"},
	{name: "list with a made-up cursor", call: call{method: "GET", path: "/v1/works?cursor=aGVsbG8", key: "anna"}, status: 422, problem: "invalid-field", field: "cursor"},
	{name: "list with the cursor of another list", call: call{method: "GET", path: "/v1/events?cursor=d29ya3M6eA", key: "anna"}, status: 422, problem: "invalid-field", field: "cursor"},
	{name: "read own", call: call{method: "GET", path: "/v1/works/{A}", key: "anna"}, status: 200, has: []string{"leaf.png", `"format":"png"`}, hasNot: []string{"fingerprints", `"seq"`}},
	{name: "read own with fingerprints", call: call{method: "GET", path: "/v1/works/{A}?fingerprints=true", key: "anna"}, status: 200, has: []string{`"fingerprints":[{`, "pdq256.v1"}},
	{name: "read a stranger's public work with fingerprints", call: call{method: "GET", path: "/v1/works/{PUB}?fingerprints=true", key: "bert"}, status: 200, has: []string{"Leaves of anna"}, hasNot: []string{"fingerprints", "payload", "leaf.png"}},
	{name: "officer reads for an owner, without fingerprints", call: call{method: "GET", path: "/v1/works/{A}?fingerprints=true", key: "officer", header: map[string]string{"Selvage-Owner": "anna"}}, status: 200, has: []string{"Leaves of anna"}, hasNot: []string{"payload"}},
	{name: "officer reads any work", call: call{method: "GET", path: "/v1/works/{B}?fingerprints=true", key: "officer"}, status: 200, has: []string{`"owner":"bert"`}, hasNot: []string{"payload"}},
	{name: "admin reads any work", call: call{method: "GET", path: "/v1/works/{B}?fingerprints=true", key: "admin"}, status: 200, has: []string{`"owner":"bert"`}, hasNot: []string{"payload"}},
	{name: "officer looks under the wrong owner", call: call{method: "GET", path: "/v1/works/{B}", key: "officer", header: map[string]string{"Selvage-Owner": "anna"}}, status: 404, problem: "not-found"},
	{name: "officer reads a work that is none", call: call{method: "GET", path: "/v1/works/{NO}", key: "officer"}, status: 404, problem: "not-found"},
	{name: "officer takes evidence of any work", call: call{method: "GET", path: "/v1/works/{B}/evidence", key: "officer"}, status: 200, has: []string{"PK\x03\x04"}},
	{name: "read a stranger's private work", call: call{method: "GET", path: "/v1/works/{B}", key: "anna"}, status: 404, problem: "not-found"},
	{name: "withdraw a stranger's work", call: call{method: "DELETE", path: "/v1/works/{PUB}", key: "bert"}, status: 404, problem: "not-found"},
	{name: "change a stranger's work", call: call{method: "PATCH", path: "/v1/works/{PUB}", key: "bert", header: raw("application/json"), body: []byte(`{"visibility":"private"}`)}, status: 404, problem: "not-found"},
	{name: "receipt of a stranger's private work", call: call{method: "GET", path: "/v1/works/{B}/receipt", key: "anna"}, status: 404, problem: "not-found"},
	{name: "evidence of a stranger's public work", call: call{method: "GET", path: "/v1/works/{PUB}/evidence", key: "bert"}, status: 404, problem: "not-found"},
	{name: "compare with a stranger's private work", call: call{method: "POST", path: "/v1/works/{B}/compare", key: "anna", body: png1}, status: 404, problem: "not-found"},
	{name: "a stranger's match", call: call{method: "GET", path: "/v1/matches/{M}", key: "bert"}, status: 404, problem: "not-found"},
	{name: "change visibility", call: call{method: "PATCH", path: "/v1/works/{A}", key: "anna", header: raw("application/json; charset=utf-8"), body: []byte(`{"visibility":"matchable"}`)}, status: 200, has: []string{`"visibility":"matchable"`}},
	{name: "change to nothing", call: call{method: "PATCH", path: "/v1/works/{A}", key: "anna", header: raw("application/json"), body: []byte(`{}`)}, status: 422, problem: "invalid-field", field: "visibility"},
	{name: "change what cannot be changed", call: call{method: "PATCH", path: "/v1/works/{A}", key: "anna", header: raw("application/json"), body: []byte(`{"visibility":"public","owner":"bert"}`)}, status: 400, problem: "invalid-request"},
	{name: "change with two values", call: call{method: "PATCH", path: "/v1/works/{A}", key: "anna", header: raw("application/json"), body: []byte(`{"visibility":"public"}{}`)}, status: 400, problem: "invalid-request"},
	{name: "change by form", call: call{method: "PATCH", path: "/v1/works/{A}", key: "anna", header: raw("application/x-www-form-urlencoded"), body: []byte(`visibility=public`)}, status: 415, problem: "unsupported-media-type"},
	{name: "change with a huge body", call: call{method: "PATCH", path: "/v1/works/{A}", key: "anna", header: raw("application/json"), body: bytes.Repeat([]byte(" "), maxJSON+1)}, status: 413, problem: "too-large"},
	{name: "receipt", call: call{method: "GET", path: "/v1/works/{A}/receipt", key: "anna"}, status: 200},
	{name: "receipt, as COSE", call: call{method: "GET", path: "/v1/works/{A}/receipt", key: "anna", header: map[string]string{"Accept": "application/cose; cose-type=\"cose-sign1\""}}, status: 200, has: []string{"\xd2\x84"}},
	{name: "COSE receipt of a stranger's work", call: call{method: "GET", path: "/v1/works/{PUB}/receipt", key: "bert", header: map[string]string{"Accept": "application/cose"}}, status: 404, problem: "not-found"},
	{name: "certificate", call: call{method: "GET", path: "/v1/works/{A}/certificate.pdf", key: "anna"}, status: 200, has: []string{"%PDF-"}},
	{name: "certificate of a stranger's public work", call: call{method: "GET", path: "/v1/works/{PUB}/certificate.pdf", key: "bert"}, status: 404, problem: "not-found"},
	{name: "officer takes the certificate of any work", call: call{method: "GET", path: "/v1/works/{B}/certificate.pdf", key: "officer"}, status: 200, has: []string{"%PDF-"}},
	{name: "evidence", call: call{method: "GET", path: "/v1/works/{A}/evidence", key: "anna"}, status: 200, has: []string{"PK\x03\x04"}},
	{name: "evidence of a match, digests only", call: call{method: "GET", path: "/v1/works/{A}/evidence?match={M}&digests_only=true", key: "anna"}, status: 200, has: []string{"PK\x03\x04"}},
	{name: "evidence with the accused file", call: call{method: "POST", path: "/v1/works/{A}/evidence?match={M}", key: "anna", body: png1}, status: 200, has: []string{"PK\x03\x04"}},
	{name: "evidence with a file but no match", call: call{method: "POST", path: "/v1/works/{A}/evidence", key: "anna", body: png1}, status: 400, problem: "invalid-request"},
	{name: "evidence of a match that is none", call: call{method: "GET", path: "/v1/works/{A}/evidence?match={NOM}", key: "anna"}, status: 404, problem: "not-found"},
	{name: "evidence of a match of odd name", call: call{method: "GET", path: "/v1/works/{A}/evidence?match=../../x", key: "anna"}, status: 404, problem: "not-found"},
	{name: "evidence with a muddled flag", call: call{method: "GET", path: "/v1/works/{A}/evidence?digests_only=perhaps", key: "anna"}, status: 400, problem: "invalid-request", field: "digests_only"},

	// matches
	{name: "match a form", call: call{method: "POST", path: "/v1/matches", key: "anna", form: files(1, png1)}, status: 200, has: []string{`"verdict":"identical"`}},
	{name: "match raw bytes", call: call{method: "POST", path: "/v1/matches", key: "anna", header: raw("application/x-www-form-urlencoded"), body: png1}, status: 200, has: []string{`"verdict":"identical"`}},
	{name: "match a stranger's private work", call: call{method: "POST", path: "/v1/matches", key: "anna", body: picture(3)}, status: 200, has: []string{`"verdict":"none"`, `"matches":[]`}},
	{name: "match a stranger's public work", call: call{method: "POST", path: "/v1/matches", key: "detector", body: picture(2)}, status: 200, has: []string{`"verdict":"identical"`, "Leaves of anna"}, hasNot: []string{"payload"}},
	{name: "match two files", call: call{method: "POST", path: "/v1/matches", key: "anna", form: files(2, png1)}, status: 422, problem: "invalid-field", field: "file"},
	{name: "match with a field", call: call{method: "POST", path: "/v1/matches", key: "anna", form: form2(field("alike", "true"), file("a.png", png1))}, status: 422, problem: "invalid-field", field: "alike"},
	{name: "match nothing", call: call{method: "POST", path: "/v1/matches", key: "anna"}, status: 422, problem: "unreadable-file"},
	{name: "read a match", call: call{method: "GET", path: "/v1/matches/{M}", key: "anna"}, status: 200},
	{name: "compare, and it is", call: call{method: "POST", path: "/v1/works/{A}/compare", key: "anna", form: files(1, png1)}, status: 200, has: []string{`"verdict":"identical"`}},
	{name: "compare, and it is not", call: call{method: "POST", path: "/v1/works/{A}/compare", key: "anna", body: picture(5)}, status: 200, has: []string{`"verdict":"none"`}},
	{name: "officer compares for an owner", call: call{method: "POST", path: "/v1/works/{A}/compare", key: "officer", header: map[string]string{"Selvage-Owner": "anna"}, body: png1}, status: 200},
	{name: "batch", call: call{method: "POST", path: "/v1/matches:batch", key: "anna", form: form2(file("a.png", png1), file("b.txt", []byte("some words, no picture")), file("", nil), file("d.png", picture(9)))}, status: 200,
		has: []string{`[{"index":0,"name":"a.png","report":{`, `{"index":1,"name":"b.txt","problem":{`, `{"index":2,"problem":{`, `{"index":3,"name":"d.png","report":{`}},
	{name: "batch of none", call: call{method: "POST", path: "/v1/matches:batch", key: "anna", form: form2()}, status: 422, problem: "invalid-field", field: "file"},
	{name: "batch cut short", call: call{method: "POST", path: "/v1/matches:batch", key: "anna", form: cut(files(2, png1))}, status: 400, problem: "invalid-request"},
	{name: "batch that is none", call: call{method: "POST", path: "/v1/matches:batch", key: "anna", header: raw("multipart/form-data; boundary=x"), body: []byte("hello")}, status: 400, problem: "invalid-request"},
	{name: "batch of 301", call: call{method: "POST", path: "/v1/matches:batch", key: "anna", form: files(301, []byte("x"))}, status: 422, problem: "invalid-field", field: "file"},
	{name: "batch raw", call: call{method: "POST", path: "/v1/matches:batch", key: "anna", body: png1}, status: 415, problem: "unsupported-media-type"},
	{name: "batch under an escaped colon", call: call{method: "POST", path: "/v1/matches%3Abatch", key: "anna", form: files(1, png1)}, status: 404, problem: "not-found"},
	{name: "fingerprints", call: call{method: "POST", path: "/v1/fingerprints", key: "anna", body: png1}, status: 200, has: []string{"pdq256.v1", `"payload"`}},
	{name: "fingerprints of a wrong kind", call: call{method: "POST", path: "/v1/fingerprints?kind=song", key: "anna", body: png1}, status: 422, problem: "invalid-field", field: "kind"},
	// explaining and judging
	{name: "overlay", call: call{method: "GET", path: "/v1/matches/{M}/overlay.png?work={A}", key: "anna"}, status: 200, has: []string{"\x89PNG\r\n"}},
	{name: "overlay of the first match", call: call{method: "GET", path: "/v1/matches/{M}/overlay.png", key: "anna"}, status: 200, has: []string{"\x89PNG\r\n"}},
	{name: "officer explains for an owner", call: call{method: "GET", path: "/v1/matches/{M}/overlay.png", key: "officer", header: map[string]string{"Selvage-Owner": "anna"}}, status: 200, has: []string{"\x89PNG\r\n"}},
	{name: "overlay of a stranger's match", call: call{method: "GET", path: "/v1/matches/{M}/overlay.png", key: "bert"}, status: 404, problem: "not-found"},
	{name: "overlay of a work that was not found", call: call{method: "GET", path: "/v1/matches/{M}/overlay.png?work={B}", key: "anna"}, status: 404, problem: "not-found"},
	{name: "overlay of an odd work", call: call{method: "GET", path: "/v1/matches/{M}/overlay.png?work=..%2f..%2fx", key: "anna"}, status: 404, problem: "not-found"},
	{name: "overlay in another format", call: call{method: "GET", path: "/v1/matches/{M}/overlay.svg", key: "anna"}, status: 404, problem: "not-found"},
	{name: "confirm", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", header: raw("application/json"), sent: `{"work":"{A}","verdict":"confirmed","note":"that is ours"}`}, status: 200,
		has: []string{`"verdict":"confirmed"`, `"note":"that is ours"`, `"as":"asker"`, `"by":"k_`, `"was":{`}},
	{name: "confirm again", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", header: raw("application/json"), sent: `{"work":"{A}","verdict":"confirmed","note":"that is ours"}`}, status: 200, hasNot: []string{`"history"`}},
	{name: "judge a stranger's match", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "bert", header: raw("application/json"), sent: `{"work":"{A}","verdict":"rejected"}`}, status: 404, problem: "not-found"},
	{name: "judge a work that was not found", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", header: raw("application/json"), sent: `{"work":"{B}","verdict":"rejected"}`}, status: 404, problem: "not-found"},
	{name: "judge without a work", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", header: raw("application/json"), sent: `{"verdict":"rejected"}`}, status: 422, problem: "invalid-field", field: "work"},
	{name: "judge an odd work", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", header: raw("application/json"), sent: `{"work":"w_/x","verdict":"rejected"}`}, status: 404, problem: "not-found"},
	{name: "judge otherwise", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", header: raw("application/json"), sent: `{"work":"{A}","verdict":"perhaps"}`}, status: 422, problem: "invalid-field", field: "verdict"},
	{name: "judge at length", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", header: raw("application/json"), sent: `{"work":"{A}","verdict":"rejected","note":"` + strings.Repeat("x", 1001) + `"}`}, status: 422, problem: "invalid-field", field: "note"},
	{name: "judge for somebody", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", header: raw("application/json"), sent: `{"work":"{A}","verdict":"rejected","owner":"bert"}`}, status: 400, problem: "invalid-request"},
	{name: "judge by form", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "anna", form: form2(field("verdict", "rejected"))}, status: 415, problem: "unsupported-media-type"},
	{name: "officer judges", call: call{method: "PUT", path: "/v1/matches/{M}/feedback", key: "officer", header: raw("application/json"), sent: `{"work":"{A}","verdict":"rejected"}`}, status: 403, problem: "forbidden"},
	{name: "feedback of a match", call: call{method: "GET", path: "/v1/matches/{M}/feedback", key: "anna"}, status: 200, has: []string{`"items":[{"id":"f_`}},
	{name: "feedback of a stranger's match", call: call{method: "GET", path: "/v1/matches/{M}/feedback", key: "bert"}, status: 404, problem: "not-found"},
	{name: "all feedback", call: call{method: "GET", path: "/v1/feedback?limit=1", key: "anna"}, status: 200, has: []string{`"items":[{"id":"f_`, "that is ours"}},
	{name: "no feedback", call: call{method: "GET", path: "/v1/feedback", key: "bert"}, status: 200, has: []string{`"items":[]`}},
	{name: "feedback with another list's cursor", call: call{method: "GET", path: "/v1/feedback?cursor=d29ya3M6eA", key: "anna"}, status: 422, problem: "invalid-field", field: "cursor"},
	{name: "feedback report", call: call{method: "GET", path: "/v1/feedback/report", key: "anna"}, status: 200, has: []string{`"confirmed":`, `"bins":[{`}, hasNot: []string{`"confirmed":0,"rejected":0,"bins"`}},
	{name: "feedback report of a stranger", call: call{method: "GET", path: "/v1/feedback/report", key: "bert"}, status: 200, has: []string{`"confirmed":0,"rejected":0,"bins"`}},
	{name: "feedback report over all", call: call{method: "GET", path: "/v1/feedback/report?all=true", key: "officer"}, status: 200, hasNot: []string{`"confirmed":0,"rejected":0,"bins"`}},
	{name: "feedback report over all by a designer", call: call{method: "GET", path: "/v1/feedback/report?all=true", key: "anna"}, status: 403, problem: "forbidden", field: "all"},
	{name: "export feedback", call: call{method: "GET", path: "/v1/feedback/export", key: "admin"}, status: 200, has: []string{`{"source":"feedback","feedback":"f_`, `"owner":"anna"`, "}\n"}, hasNot: []string{"that is ours", "Leaves"}},
	{name: "designer exports feedback", call: call{method: "GET", path: "/v1/feedback/export", key: "anna"}, status: 403, problem: "forbidden"},
	{name: "take feedback back", call: call{method: "DELETE", path: "/v1/matches/{M}/feedback?work={A}", key: "anna"}, status: 204},
	{name: "take feedback back again", call: call{method: "DELETE", path: "/v1/matches/{M}/feedback?work={A}", key: "anna"}, status: 204},
	{name: "taken back, it is still listed", call: call{method: "GET", path: "/v1/feedback", key: "anna"}, status: 200, has: []string{`"withdrawn":"`}},
	{name: "take back what was never said", call: call{method: "DELETE", path: "/v1/matches/{M}/feedback?work={PUB}", key: "anna"}, status: 404, problem: "not-found"},
	{name: "take back a stranger's", call: call{method: "DELETE", path: "/v1/matches/{M}/feedback?work={A}", key: "bert"}, status: 404, problem: "not-found"},
	{name: "take back of no work", call: call{method: "DELETE", path: "/v1/matches/{M}/feedback", key: "anna"}, status: 400, problem: "invalid-request"},

	// ignore bank
	{name: "empty ignore bank", call: call{method: "GET", path: "/v1/ignored", key: "bert"}, status: 200, has: []string{`"items":[]`}},
	{name: "ignore", call: call{method: "POST", path: "/v1/ignored", key: "bert", form: form2(field("label", "unser Logo 🍂"), file("logo.png", picture(40)))}, status: 201, has: []string{`"id":"i_`, "unser Logo 🍂"}, hasNot: []string{"logo.png", "prints"}},
	{name: "ignore again", call: call{method: "POST", path: "/v1/ignored", key: "bert", form: form2(field("label", "unser Logo 🍂"), file("logo.png", picture(40)))}, status: 200, has: []string{`"id":"i_`}},
	{name: "ignore bank", call: call{method: "GET", path: "/v1/ignored", key: "bert"}, status: 200, has: []string{`"items":[{"id":"i_`}},
	{name: "a stranger's ignore bank", call: call{method: "GET", path: "/v1/ignored", key: "anna"}, status: 200, has: []string{`"items":[]`}},
	{name: "ignore without a label", call: call{method: "POST", path: "/v1/ignored", key: "bert", form: files(1, picture(41))}, status: 422, problem: "invalid-field", field: "label"},
	{name: "ignore nothing", call: call{method: "POST", path: "/v1/ignored", key: "bert", form: form2(field("label", "x"))}, status: 422, problem: "invalid-field", field: "file"},
	{name: "ignore two", call: call{method: "POST", path: "/v1/ignored", key: "bert", form: form2(field("label", "x"), file("a.png", picture(41)), file("b.png", picture(42)))}, status: 422, problem: "invalid-field", field: "file"},
	{name: "ignore words", call: call{method: "POST", path: "/v1/ignored", key: "bert", form: form2(field("label", "x"), file("a.txt", []byte("words")))}, status: 415, problem: "unsupported-format"},
	{name: "ignore raw bytes", call: call{method: "POST", path: "/v1/ignored", key: "bert", header: raw("image/png"), body: picture(41)}, status: 415, problem: "unsupported-media-type"},
	{name: "detector ignores", call: call{method: "POST", path: "/v1/ignored", key: "detector", form: form2(field("label", "x"), file("a.png", picture(41)))}, status: 403, problem: "forbidden"},
	{name: "stop ignoring what is not there", call: call{method: "DELETE", path: "/v1/ignored/i_" + strings.Repeat("9", 26), key: "bert"}, status: 404, problem: "not-found"},
	{name: "stop ignoring what can be none", call: call{method: "DELETE", path: "/v1/ignored/{A}", key: "bert"}, status: 404, problem: "not-found"},

	// designers' own keys
	{name: "no keys of one's own", call: call{method: "GET", path: "/v1/designer-keys", key: "bert"}, status: 200, has: []string{`"service":"selvage"`, `"owner":"bert"`, `"items":[]`}},
	{name: "add a key of one's own", call: call{method: "POST", path: "/v1/designer-keys", key: "bert", header: raw("application/json"), body: ownKey("bert")}, status: 201, has: []string{`"id":"SHA256:`, "PUBLIC KEY", `"proven":"`}},
	{name: "keys of one's own", call: call{method: "GET", path: "/v1/designer-keys", key: "bert"}, status: 200, has: []string{`"items":[{"id":"SHA256:`}},
	{name: "a stranger's keys", call: call{method: "GET", path: "/v1/designer-keys", key: "anna"}, status: 200, has: []string{`"items":[]`}},
	{name: "add what is no key", call: call{method: "POST", path: "/v1/designer-keys", key: "bert", header: raw("application/json"), body: []byte(`{"payload":"e30=","payloadType":"x","signatures":[{"keyid":"x","sig":"eA=="}]}`)}, status: 422, problem: "invalid-field", field: "key"},
	{name: "add a key as a form", call: call{method: "POST", path: "/v1/designer-keys", key: "bert", form: form2(field("label", "x"))}, status: 415, problem: "unsupported-media-type"},
	{name: "detector adds a key", call: call{method: "POST", path: "/v1/designer-keys", key: "detector", header: raw("application/json"), body: ownKey("detector")}, status: 403, problem: "forbidden"},
	{name: "revoke a stranger's key", call: call{method: "DELETE", path: "/v1/designer-keys?id=" + url.QueryEscape(ownKeyID()), key: "anna"}, status: 404, problem: "not-found"},
	{name: "revoke a key of one's own", call: call{method: "DELETE", path: "/v1/designer-keys?id=" + url.QueryEscape(ownKeyID()), key: "bert"}, status: 204},
	{name: "revoke no key of one's own", call: call{method: "DELETE", path: "/v1/designer-keys", key: "bert"}, status: 400, problem: "invalid-request"},
	{name: "channel without a date", call: call{method: "POST", path: "/v1/works", key: "bert", form: form2(field("first_disclosed_channel", "fair"), file("a.png", picture(44)))}, status: 422, problem: "invalid-field", field: "first_disclosed"},
	{name: "authors that are no list", call: call{method: "POST", path: "/v1/works", key: "bert", form: form2(field("authors", "Ada"), file("a.png", picture(44)))}, status: 422, problem: "invalid-field", field: "authors"},

	{name: "events", call: call{method: "GET", path: "/v1/events", key: "bert"}, status: 200},

	// keys
	{name: "make a key", call: call{method: "POST", path: "/v1/keys", key: "admin", header: raw("application/json"), body: []byte(`{"name":"shop till","role":"detector","owner":"shop"}`)}, status: 201, has: []string{`"secret":"selv_`}},
	{name: "make a key without a role", call: call{method: "POST", path: "/v1/keys", key: "admin", header: raw("application/json"), body: []byte(`{"owner":"shop"}`)}, status: 422, problem: "invalid-field", field: "role"},
	{name: "make a key without an owner", call: call{method: "POST", path: "/v1/keys", key: "admin", header: raw("application/json"), body: []byte(`{"role":"designer"}`)}, status: 422, problem: "invalid-field", field: "owner"},
	{name: "make a key with control characters", call: call{method: "POST", path: "/v1/keys", key: "admin", header: raw("application/json"), body: []byte(`{"role":"designer","owner":"x","name":"a\u0007"}`)}, status: 422, problem: "invalid-field", field: "name"},
	{name: "list keys", call: call{method: "GET", path: "/v1/keys", key: "admin"}, status: 200, hasNot: []string{"selv_", `"hash"`, `"secret"`}},
	{name: "revoke a key that is none", call: call{method: "DELETE", path: "/v1/keys/k_nothing", key: "admin"}, status: 404, problem: "not-found"},

	// log and service
	{name: "checkpoint", call: call{method: "GET", path: "/log/checkpoint", key: "detector"}, status: 200, has: []string{"\n"}},
	{name: "tile that is none", call: call{method: "GET", path: "/log/tile/0/x999/999", key: "anna"}, status: 404, problem: "not-found"},
	{name: "tile that climbs", call: call{method: "GET", path: "/log/tile/0/../../../keys", key: "anna"}, status: 404, problem: "not-found"},
	{name: "tile that climbs, escaped", call: call{method: "GET", path: "/log/tile/0%2f..%2f..%2fcheckpoint", key: "anna"}, status: 404, problem: "not-found"},
	{name: "health", call: call{method: "GET", path: "/healthz"}, status: 200, has: []string{"ok"}},
	{name: "ready", call: call{method: "GET", path: "/readyz"}, status: 200, has: []string{"ready"}},
	{name: "health with a wrong key", call: call{method: "GET", path: "/healthz", key: "wrong"}, status: 200},
	{name: "metrics", call: call{method: "GET", path: "/metrics", key: "admin"}, status: 200, has: []string{"selvage_http_request_duration_seconds", "selvage_build_info", "go_goroutines", `selvage_matches_total{verdict="identical"}`}},
	{name: "sane request identifier", call: call{method: "GET", path: "/v1/nothing", key: "anna", header: map[string]string{"X-Request-Id": "abc-123"}}, status: 404, problem: "not-found", has: []string{"urn:selvage:request:abc-123"}},
	{name: "insane request identifier", call: call{method: "GET", path: "/v1/nothing", key: "anna", header: map[string]string{"X-Request-Id": "a b\"<"}}, status: 404, problem: "not-found", hasNot: []string{"a b"}},

	// last: it changes what others read
	{name: "withdraw", call: call{method: "DELETE", path: "/v1/works/{A}", key: "anna"}, status: 204},
	{name: "withdraw again", call: call{method: "DELETE", path: "/v1/works/{A}", key: "anna"}, status: 204},
	{name: "withdrawn works stay readable", call: call{method: "GET", path: "/v1/works/{A}", key: "anna"}, status: 200, has: []string{`"withdrawn":"`}},
	{name: "withdrawn works match nothing", call: call{method: "POST", path: "/v1/works/{A}/compare", key: "anna", body: []byte("words instead of a picture")}, status: 415, problem: "unsupported-format"},
}

func runScenarios(t *testing.T, e *env) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			e.t = t
			r := e.do(s.call)
			if r.status != s.status {
				t.Fatalf("status %d, want %d: %.600q", r.status, s.status, r.body)
			}
			if s.status >= 400 {
				if p := r.problem(); p != s.problem {
					t.Errorf("problem %q, want %q: %s", p, s.problem, r.body)
				}
				if f := r.str("field"); s.field != "" && f != s.field {
					t.Errorf("field %q, want %q", f, s.field)
				}
			}
			for _, want := range s.has {
				if !bytes.Contains(r.body, []byte(want)) {
					t.Errorf("no %q in %.900q", want, r.body)
				}
			}
			for _, no := range s.hasNot {
				if bytes.Contains(r.body, []byte(no)) {
					t.Errorf("%q in %.900q", no, r.body)
				}
			}
		})
	}
	for _, key := range e.keys {
		if key != "" && strings.Contains(e.log.String(), key) {
			t.Error("the log holds a secret")
		}
	}
	for _, no := range []string{"leaf.png", "passwd", "Leaves", "fingerprints=true"} {
		if strings.Contains(e.log.String(), no) {
			t.Errorf("the log holds %q", no)
		}
	}
}

func TestScenarios(t *testing.T) { runScenarios(t, newEnv(t, nil).seed()) }

func ownKeyOf() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)) }

func ownKeyID() string { return provenance.KeyID(ownKeyOf().Public().(ed25519.PublicKey)) }

// ownKey is the signed statement of a designer's key.
func ownKey(owner string) []byte {
	text, err := provenance.EncodePublicKey(ownKeyOf().Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	env, err := provenance.SignKey(&provenance.KeyStatement{
		Type: provenance.KeyType, Service: "selvage", Owner: owner, Key: text, Made: provenance.FormatTime(epoch),
	}, ownKeyOf())
	if err != nil {
		panic(err)
	}
	return env
}
