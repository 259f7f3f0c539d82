package extract_test

import (
	"context"
	"strings"
	"testing"

	"selvage/fingerprint/manuscript/extract"
)

// TestControls: text copied out of a PDF has a few control characters; a binary file has many.
func TestControls(t *testing.T) {
	copied := strings.Repeat("Cut the sleeve on the bias, then ease the fullness. ", 10) + "Okapi at TREC\x02\x15 of\x0ftext"
	doc, err := extract.Extract(context.Background(), []byte(copied), extract.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer doc.Close()
	if !strings.Contains(doc.Pages[0].Text(), "Okapi") {
		t.Errorf("text %q", doc.Pages[0].Text())
	}
	for _, bad := range []string{strings.Repeat("a\x01", 40), copied + "\x00"} {
		if _, ok := extract.Sniff([]byte(bad)); ok {
			t.Errorf("%q is taken for text", bad)
		}
	}
}
