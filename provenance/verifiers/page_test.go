package verifiers_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
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

// The page as a person uses it: choose a bundle, read the answer, open a line.
func TestPage(t *testing.T) {
	l := getLab(t)
	t.Parallel()
	b := openBrowser(t) // of its own, as the page keeps what was chosen
	path := filepath.Join(t.TempDir(), "bundle.zip")
	must(t, os.WriteFile(path, l.bundles[0].zip, 0o644))
	var doc struct{ Root struct{ NodeID int } }
	must(t, b.call("DOM.getDocument", nil, &doc))
	var input struct{ NodeID int }
	must(t, b.call("DOM.querySelector", map[string]any{"nodeId": doc.Root.NodeID, "selector": "#bundle"}, &input))
	must(t, b.call("DOM.setFileInputFiles", map[string]any{"nodeId": input.NodeID, "files": []string{path}}, nil))
	var shown struct {
		Word, Facts, Focus string
		Lines, Loaded      int
		Styled             bool
	}
	must(t, b.eval(`(async () => {
		const result = document.getElementById('result');
		while (result.hidden) await new Promise(r => setTimeout(r, 50));
		return {
			Word: document.getElementById('word').textContent, Facts: document.getElementById('facts').textContent,
			Focus: document.activeElement.id, Lines: document.querySelectorAll('#lines details').length,
			Styled: getComputedStyle(document.querySelector('main')).maxWidth !== 'none',
			Loaded: performance.getEntriesByType('resource').length,
		};
	})()`, &shown))
	if shown.Word != "Proved" || shown.Focus != "word" || shown.Lines < 20 || shown.Loaded != 0 || !shown.Styled || !strings.Contains(shown.Facts, "Not laterthan 20") || !strings.Contains(shown.Facts, "Not earlierthan 20") {
		t.Errorf("%+v", shown)
	}
	var forbidden string
	must(t, b.eval(`new Promise(resolve => {
		addEventListener('securitypolicyviolation', e => resolve(e.effectiveDirective));
		fetch('https://localhost/').catch(() => setTimeout(() => resolve(''), 1000));
	})`, &forbidden))
	if forbidden != "connect-src" {
		t.Errorf("a connection is not forbidden by the page's own policy: %q", forbidden)
	}
}
