package verifiers_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"

	"selvage/provenance/verifiers"
)

var update = flag.Bool("update", false, "write the hashes of verify.html's script and style into its policy")

// verify.html forbids itself everything but its one script and its one style sheet,
// each named by its hash.
func TestPagePolicy(t *testing.T) {
	html := verifiers.HTML
	hash := func(tag string) string {
		parts := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllSubmatch(html, -1)
		if len(parts) != 1 {
			t.Fatalf("%d elements %s, want one", len(parts), tag)
		}
		h := sha256.Sum256(parts[0][1])
		return "'sha256-" + base64.StdEncoding.EncodeToString(h[:]) + "'"
	}
	want := fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; base-uri 'none'; form-action 'none'", hash("script"), hash("style"))
	if have := verifiers.ContentSecurityPolicy(); have != want {
		if !*update {
			t.Fatalf("policy %q, want %q: run this test with -update", have, want)
		}
		html = bytes.Replace(html, []byte(have), []byte(want), 1)
		if err := os.WriteFile("verify.html", html, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if bad := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]|\bfetch\(|XMLHttpRequest|WebSocket|\beval\(|new Function|innerHTML|\son[a-z]+=|\sstyle=`).FindAll(html, -1); bad != nil {
		t.Errorf("the page must not hold %q", bad)
	}
}
