package verifycli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selvage/provenance"
	"selvage/provenance/verifycli"
)

// golden was written by an earlier version; see its room's tests.
const golden = "../testdata/bundle-v1.zip"

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// policy is the policy that trusts the golden bundle's keys, changed by edit.
func policy(t *testing.T, edit func(*provenance.Policy)) string {
	t.Helper()
	text, err := os.ReadFile("../testdata/receipt-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := provenance.ParseReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	p := &provenance.Policy{
		Format: provenance.PolicyFormat, Logs: []string{r.LogKey}, Services: []string{r.ServiceKey},
		Authorities: []provenance.Authority{{Name: "ours", Roots: r.Authority, Independent: true}},
	}
	edit(p)
	if text, err = p.Marshal(); err != nil {
		t.Fatal(err)
	}
	return write(t, "policy.json", text)
}

func TestExitStatuses(t *testing.T) {
	original := write(t, "original", bytes.Repeat([]byte("warp and weft "), 10))
	other := write(t, "other", []byte("something else"))
	bundle, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(bundle)
	changed[len(changed)/2] ^= 1
	broken := write(t, "broken.zip", changed)
	trusting := policy(t, func(*provenance.Policy) {})
	// The text of another log key; its hash fits its own bytes.
	distrusting := policy(t, func(p *provenance.Policy) {
		p.Logs = []string{"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"}
	})
	const own = "proved under the keys in this bundle; time authority: Selvage local time authority (not independent) (local)"
	for _, c := range []struct {
		name   string
		args   []string
		status int
		first  string
	}{
		{"bundle", []string{golden}, 0, own},
		{"file after", []string{golden, "--file", original}, 0, own},
		{"file before", []string{"--file=" + original, golden}, 0, own},
		{"double dash", []string{"--", golden}, 0, own},
		{"receipt", []string{"../testdata/receipt-v1.json", "--file", original}, 0, "proved under the keys in this receipt; time authority: Selvage local time authority (not independent) (local)"},
		{"policy", []string{golden, "--policy", trusting}, 0, "proved under the given policy; time authority: Selvage local time authority (not independent)"},
		{"help", []string{"--help"}, 0, "usage: selvage-verify BUNDLE [--file ORIGINAL] [--policy FILE] [--json]"},
		{"other file", []string{golden, "--file", other}, 1, "contradicted: file: "},
		{"changed", []string{broken}, 1, "contradicted: zip: "},
		{"distrusted", []string{golden, "--policy", distrusting}, 3, "cannot tell: policy: log: "},
		{"no bundle", []string{original}, 3, "cannot tell: bundle: not an evidence bundle"},
		{"empty", []string{write(t, "empty", nil)}, 3, "cannot tell: bundle: "},
		{"nothing", nil, 2, ""},
		{"two", []string{golden, golden}, 2, ""},
		{"unknown flag", []string{golden, "--nope"}, 2, ""},
		{"missing", []string{"no-such.zip"}, 2, ""},
		{"directory", []string{"."}, 2, ""},
		{"missing original", []string{golden, "--file", "no-such"}, 2, ""},
		{"bad policy", []string{golden, "--policy", original}, 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := verifycli.Main(c.args, &stdout, &stderr)
			first, _, _ := strings.Cut(stdout.String(), "\n")
			if status != c.status || !strings.HasPrefix(first, c.first) || c.status == 0 && first != c.first {
				t.Errorf("status %d, want %d; first line %q, want %q\n%s", status, c.status, first, c.first, stderr.String())
			}
			if (status == 2) == (stderr.Len() == 0) || (status == 2) == (stdout.Len() > 0) {
				t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
			}
		})
	}
}

func TestJSON(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := verifycli.Main([]string{golden, "--json"}, &stdout, &stderr); status != 0 {
		t.Fatal(status, stderr.String())
	}
	var r provenance.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Outcome != provenance.Proved || len(r.Lines) < 20 || r.NotAfter == nil || strings.Count(stdout.String(), "\n") != 1 {
		t.Errorf("%s", stdout.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestUnprintedIsNotProved(t *testing.T) {
	var stderr bytes.Buffer
	if status := verifycli.Main([]string{golden}, full{}, &stderr); status != 3 {
		t.Errorf("status %d", status)
	}
}
