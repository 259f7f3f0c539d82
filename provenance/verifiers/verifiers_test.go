package verifiers_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"selvage/provenance"
)

// The answers, as the exit status of verify.sh gives them.
var statuses = map[int]string{0: "proved", 1: "contradicted", 3: "cannot tell"}

// script runs verify.sh under dash on an unpacked bundle.
func script(dir string, args ...string) (outcome, output string) {
	path, err := filepath.Abs("verify.sh")
	if err != nil {
		return err.Error(), ""
	}
	cmd := exec.Command("dash", append(append([]string{path}, args...), dir)...)
	out, err := cmd.CombinedOutput()
	status := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		return err.Error(), string(out)
	}
	if outcome = statuses[status]; outcome == "" {
		outcome = fmt.Sprintf("exit status %d", status)
	}
	return outcome, string(out)
}

func goVerify(zip []byte, p *provenance.Policy) provenance.Report {
	return provenance.Verify(bytes.NewReader(zip), int64(len(zip)), provenance.VerifyOptions{Policy: p})
}

// policyDir writes a policy's keys the way verify.sh reads them.
func policyDir(t testing.TB, p *provenance.Policy) string {
	t.Helper()
	dir := t.TempDir()
	roots := ""
	for _, a := range p.Authorities {
		roots += a.Roots
	}
	must(t, os.WriteFile(filepath.Join(dir, "log.vkey"), []byte(strings.Join(p.Logs, "\n")+"\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "service-key.pem"), []byte(strings.Join(p.Services, "")), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "tsa-ca.pem"), []byte(roots), 0o644))
	return dir
}

func marshal(t testing.TB, p *provenance.Policy) []byte {
	t.Helper()
	text, err := p.Marshal()
	must(t, err)
	return text
}

// All three verifiers accept every kind of bundle, alone, with the original and under a
// policy, and under a stranger's policy they cannot tell.
func TestAllAccept(t *testing.T) {
	all := makeBundles(t, 4)
	b := openBrowser(t)
	stranger := all[len(all)-1].policy
	for _, x := range all {
		strange := stranger
		if x.policy == stranger {
			strange = all[0].policy
		}
		dir := unpack(t, x.zip).write(t)
		original := filepath.Join(t.TempDir(), "original")
		must(t, os.WriteFile(original, x.original, 0o644))
		other := filepath.Join(t.TempDir(), "other")
		must(t, os.WriteFile(other, []byte("other"), 0o644))
		for _, c := range []struct {
			want     string
			policy   *provenance.Policy
			original string
		}{
			{"proved", nil, ""}, {"proved", x.policy, original}, {"contradicted", nil, other}, {"cannot tell", strange, ""},
		} {
			name := fmt.Sprintf("%s: policy %v, file %q", x.name, c.policy != nil, filepath.Base(c.original))
			var args []string
			var policy, data []byte
			opts := provenance.VerifyOptions{Policy: c.policy}
			if c.policy != nil {
				args = append(args, "--policy-dir", policyDir(t, c.policy))
				policy = marshal(t, c.policy)
			}
			if c.original != "" {
				args = append(args, "--file", c.original)
				data, _ = os.ReadFile(c.original)
				opts.Original = bytes.NewReader(data)
			}
			ours := provenance.Verify(bytes.NewReader(x.zip), int64(len(x.zip)), opts)
			if string(ours.Outcome) != c.want {
				t.Errorf("%s: selvage-verify: %s", name, ours)
			}
			if outcome, out := script(dir, args...); outcome != c.want {
				t.Errorf("%s: verify.sh: %s\n%s", name, outcome, out)
			}
			r, err := b.verify(x.zip, policy, data)
			must(t, err)
			if r.Outcome != c.want || r.Outcome == "proved" && r.Headline != ours.Headline {
				t.Errorf("%s: verify.html: %+v\nours: %s", name, r, ours.Headline)
			}
		}
	}
}

// randomChanges are n single bytes of a file of that size, each set to another value.
func randomChanges(data []byte, n int, r *rand.Rand) []change {
	all := make([]change, n)
	for i := range all {
		at := r.IntN(len(data))
		all[i] = change{at, data[at] ^ byte(1+r.IntN(255))}
	}
	return all
}

// A changed byte anywhere in the zip is refused by selvage-verify and verify.html, and
// one anywhere in the unpacked files by verify.sh.
func TestChangedBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, x := range makeBundles(t, 3) {
		changes := randomChanges(x.zip, 100, r)
		for _, c := range changes {
			changed := bytes.Clone(x.zip)
			changed[c.At] = c.Value
			if rep := goVerify(changed, nil); rep.Outcome == provenance.Proved {
				t.Errorf("%s: byte %d set to %d: selvage-verify: %s", x.name, c.At, c.Value, rep)
			}
		}
		changeFiles(t, unpack(t, x.zip), 8, r, func(name string, c change, outcome string) {
			if outcome != "contradicted" && outcome != "cannot tell" {
				t.Errorf("%s: %s: byte %d set to %d: verify.sh: %s", x.name, name, c.At, c.Value, outcome)
			}
		})
	}
}

// changeFiles runs verify.sh n times, each with one byte of one file changed; every
// file has its turn before any has another.
func changeFiles(t testing.TB, f files, n int, r *rand.Rand, answer func(name string, c change, outcome string)) {
	t.Helper()
	dir := f.write(t)
	var names []string
	for n := range f {
		if len(f[n]) > 0 {
			names = append(names, n)
		}
	}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for i := range n {
		name := names[i%len(names)]
		path := filepath.Join(dir, filepath.FromSlash(name))
		c := randomChanges(f[name], 1, r)[0]
		changed := bytes.Clone(f[name])
		changed[c.At] = c.Value
		must(t, os.WriteFile(path, changed, 0o644))
		outcome, _ := script(dir)
		answer(name, c, outcome)
		must(t, os.WriteFile(path, f[name], 0o644))
	}
}
