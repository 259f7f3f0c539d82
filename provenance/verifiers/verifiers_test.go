package verifiers_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// asking is one way to ask the three verifiers about a bundle.
type asking struct {
	policy   *provenance.Policy
	original []byte
}

// answers are what the three say.
type answers struct {
	ours   provenance.Report
	html   report
	script string
	output string // of the script
}

func (a answers) all(outcome string) bool {
	return string(a.ours.Outcome) == outcome && a.html.Outcome == outcome && a.script == outcome
}

func (a answers) String() string {
	return fmt.Sprintf("selvage-verify: %s\nverify.html: %+v\nverify.sh: %s\n%s", a.ours, a.html, a.script, a.output)
}

// ask runs all three verifiers; b may be nil.
func ask(t testing.TB, b *browser, zip []byte, dir string, q asking) (a answers) {
	t.Helper()
	opts := provenance.VerifyOptions{Policy: q.policy}
	var args []string
	var policy []byte
	if q.policy != nil {
		args, policy = append(args, "--policy-dir", policyDir(t, q.policy)), marshal(t, q.policy)
	}
	if q.original != nil {
		path := filepath.Join(t.TempDir(), "original")
		must(t, os.WriteFile(path, q.original, 0o644))
		args, opts.Original = append(args, "--file", path), bytes.NewReader(q.original)
	}
	a.ours = provenance.Verify(bytes.NewReader(zip), int64(len(zip)), opts)
	a.script, a.output = script(dir, args...)
	a.html = report{Outcome: string(a.ours.Outcome), Headline: a.ours.Headline}
	if b != nil {
		var err error
		a.html, err = b.verify(zip, policy, q.original)
		must(t, err)
	}
	return a
}

// All three verifiers accept every kind of bundle, under the keys it carries and under a
// policy; with another file they contradict, and under a stranger's policy they cannot tell.
func TestAllAgree(t *testing.T) {
	l := getLab(t)
	// One of each kind.
	all, b := append(slices.Clone(l.bundles[:4]), l.bundles[7:]...), l.browser
	for i, x := range all {
		dir := unpack(t, x.zip).write(t)
		for _, q := range []asking{{}, {x.policy, x.original}} {
			if q.policy == nil && i > 0 {
				continue // said by the other question too
			}
			a := ask(t, b, x.zip, dir, q)
			if !a.all("proved") || a.html.Headline != a.ours.Headline {
				t.Errorf("%s:\n%s", x.name, a)
			}
		}
	}
	x, stranger := all[2], all[len(all)-1].policy
	if stranger == x.policy {
		t.Fatal("no stranger")
	}
	dir := unpack(t, x.zip).write(t)
	if a := ask(t, b, x.zip, dir, asking{original: []byte("other")}); !a.all("contradicted") {
		t.Errorf("another file:\n%s", a)
	}
	if a := ask(t, b, x.zip, dir, asking{policy: stranger}); !a.all("cannot tell") {
		t.Errorf("a stranger's policy:\n%s", a)
	}
}

// hostile are authorities whose tokens prove nothing, although their roots are trusted.
var hostile = map[string]authorityOptions{
	"usage not critical":               {usageNotCritical: true},
	"more usages than time stamping":   {moreUsages: true},
	"no usage":                         {noUsage: true},
	"certificate ended":                {expired: true},
	"chain longer than the root wants": {shortPath: true},
	"another root of the same name":    {otherRoot: true},
	"imprint of another hash":          {hash: crypto.SHA512},
	"sound, as the one to compare by":  {},
}

// hostileBundles are f with the tokens of such authorities. The keys in the bundle are
// made to fit, so that only the token can be at fault.
func hostileBundles(t testing.TB, f files) map[string]files {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	all := map[string]files{}
	for name, o := range hostile {
		a := newAuthority(t, key, o)
		c := f.clone()
		token, err := a.Stamp(ctx, c["data/work/checkpoint"])
		must(t, err)
		c["data/work/checkpoint.tsr"] = token
		c.trustIn(t, func(p *provenance.Policy) { p.Authorities = []provenance.Authority{a.Authority()} })
		all[name] = c
	}
	return all
}

func TestHostileAuthorities(t *testing.T) {
	l := getLab(t)
	for name, f := range hostileBundles(t, unpack(t, l.bundles[0].zip)) {
		zip := f.pack()
		want := "contradicted"
		if hostile[name] == (authorityOptions{}) {
			want = "proved"
		}
		if a := ask(t, l.browser, zip, f.write(t), asking{}); !a.all(want) {
			t.Errorf("%s: want %s\n%s", name, want, a)
		}
	}
}

// A bundle put together from parts of others is refused by each verifier; here a sample
// for verify.sh, with "make mutate" all.
func TestSwaps(t *testing.T) {
	l := getLab(t)
	all, b := l.bundles, l.browser
	list := swaps(t, unpack(t, all[2].zip), unpack(t, all[6].zip), all[len(all)-1].policy)
	if len(list) < 200 {
		t.Fatalf("%d swaps, want 200", len(list))
	}
	for i, s := range list {
		zip := s.f.pack()
		if r := goVerify(zip, nil); r.Outcome == provenance.Proved || r.NotAfter != nil {
			t.Errorf("%s: selvage-verify: %s", s.name, r)
		}
		r, err := b.verify(zip, nil, nil)
		must(t, err)
		if r.Outcome != "contradicted" && r.Outcome != "cannot tell" || r.NotAfter != "" {
			t.Errorf("%s: verify.html: %+v", s.name, r)
		}
		if i%40 == 0 {
			if outcome, out := script(s.f.write(t)); outcome != "contradicted" && outcome != "cannot tell" {
				t.Errorf("%s: verify.sh: %s", s.name, out)
			}
		}
	}
}

// randomChanges are n single bytes of a file of that size, each set to another value.
func randomChanges(data []byte, n int, r *mrand.Rand) []change {
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
	r := mrand.New(mrand.NewPCG(1, 2))
	l := getLab(t)
	b := l.browser
	for _, x := range l.bundles[:3] {
		changes := randomChanges(x.zip, 100, r)
		outcomes, err := b.verifyChanged(x.zip, changes)
		must(t, err)
		for i, o := range outcomes {
			if o != "contradicted" && o != "cannot tell" {
				t.Errorf("%s: byte %d set to %d: verify.html: %s", x.name, changes[i].At, changes[i].Value, o)
			}
		}
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
func changeFiles(t testing.TB, f files, n int, r *mrand.Rand, answer func(name string, c change, outcome string)) {
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
