package verifiers_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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
	// dash is the strictest of the common shells.
	shell, err := exec.LookPath("dash")
	if err != nil {
		shell = "sh"
	}
	cmd := exec.Command(shell, append(append([]string{path}, args...), dir)...)
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
	if p.Witnesses != nil {
		must(t, os.WriteFile(filepath.Join(dir, "witnesses.vkey"), []byte(strings.Join(p.Witnesses, "\n")+"\n"), 0o644))
		must(t, os.WriteFile(filepath.Join(dir, "quorum"), fmt.Appendln(nil, p.Quorum), 0o644))
	}
	beacons := ""
	for _, b := range p.Beacons {
		beacons += b.Digest + " " + b.Time + "\n"
	}
	must(t, os.WriteFile(filepath.Join(dir, "beacons"), []byte(beacons), 0o644))
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
	// noScript leaves verify.sh out, which takes a second; its answer counts as ours.
	noScript bool
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

// ask runs the verifiers on a bundle and on its files.
func ask(t testing.TB, b *browser, f files, q asking) (a answers) {
	t.Helper()
	zip := f.pack()
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
	var err error
	a.html, err = b.verify(zip, policy, q.original)
	must(t, err)
	if a.script = string(a.ours.Outcome); !q.noScript {
		a.script, a.output = script(f.write(t), args...)
	}
	return a
}

// All three verifiers accept every kind of bundle, under the keys it carries and under a
// policy; with another file they contradict, and under a stranger's policy they cannot tell.
func TestAllAgree(t *testing.T) {
	l := getLab(t)
	t.Parallel()
	for i, x := range l.bundles {
		f := unpack(t, x.zip)
		if !bytes.Equal(f.clone().pack(), x.zip) {
			t.Fatalf("%s: the attacker of the tests does not pack like WriteBundle", x.name)
		}
		// The first has all there can be, but a quorum of witnesses.
		sample := i == 0 || x.name == "witnessed" || x.name == "v1" || x.name == "authority p384"
		a := ask(t, l.browser, f, asking{policy: x.policy, original: x.original, noScript: !sample})
		if !a.all("proved") || a.html.Headline != a.ours.Headline {
			t.Errorf("%s:\n%s", x.name, a)
			continue
		}
		bounded := x.policy.Witnesses != nil
		if bounded != (a.ours.NotBefore != nil) || bounded != (a.html.NotBefore != "") || sample && bounded != !strings.Contains(a.output, "not earlier than unknown") {
			t.Errorf("%s: want a lower bound: %v\n%s", x.name, bounded, a)
		}
	}
	x, stranger := kept(t), strangersPolicy(t, l.bundles) // the one that verify.sh is quickest with
	for name, c := range map[string]struct {
		q    asking
		want string
	}{
		"nothing given":       {asking{noScript: true}, "proved"},
		"another file":        {asking{original: []byte("other")}, "contradicted"},
		"a stranger's policy": {asking{policy: stranger}, "cannot tell"},
	} {
		if a := ask(t, l.browser, unpack(t, x.zip), c.q); !a.all(c.want) {
			t.Errorf("%s:\n%s", name, a)
		}
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

// hostileBundles are the work of a bundle of v1, whose README no verifier reads, with the
// tokens of such authorities. The keys in the bundle are made to fit, so that only the token
// can be at fault.
func hostileBundles(t testing.TB, f files) map[string]files {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	all := map[string]files{}
	maps.DeleteFunc(f, func(n string, _ []byte) bool {
		return strings.HasPrefix(n, "data/match/") || strings.HasPrefix(n, "data/accused/")
	})
	f["bag-info.txt"] = regexp.MustCompile(`(?m)^Bagging-Date: .*`).ReplaceAll(f["bag-info.txt"], []byte("Bagging-Date: "+time.Now().UTC().Format(time.DateOnly)))
	for name, o := range hostile {
		a := newAuthority(t, key, o)
		c := f.clone()
		token, err := a.stamp(c["data/work/checkpoint"])
		must(t, err)
		c["data/work/checkpoint.tsr"] = token
		c.trustIn(t, func(p *provenance.Policy) { p.Authorities = []provenance.Authority{a.Authority()} })
		all[name] = c
	}
	return all
}

func TestHostileAuthorities(t *testing.T) {
	l := getLab(t)
	t.Parallel()
	tryHostile(t, l.browser, false)
}

func tryHostile(t testing.TB, b *browser, scripts bool) {
	t.Helper()
	for name, f := range hostileBundles(t, unpack(t, kept(t).zip)) {
		want := "contradicted"
		if hostile[name] == (authorityOptions{}) {
			want = "proved"
		}
		sample := scripts || hostile[name].otherRoot
		if a := ask(t, b, f, asking{noScript: !sample}); !a.all(want) {
			t.Errorf("%s: want %s\n%s", name, want, a)
		}
	}
}

// A bundle put together from parts of others is refused by each verifier; here a sample
// for verify.html and verify.sh, with "make mutate" all.
func TestSwaps(t *testing.T) {
	l := getLab(t)
	t.Parallel()
	b := l.browser
	list := allSwaps(t, l.bundles)
	if len(list) < 200 {
		t.Fatalf("%d swaps, want 200", len(list))
	}
	t.Logf("%d swaps", len(list))
	for i, s := range list {
		zip := s.f.pack()
		if r := goVerify(zip, nil); r.Outcome == provenance.Proved || r.NotAfter != nil {
			t.Errorf("%s: selvage-verify: %s", s.name, r)
		}
		if i%10 == 0 || strings.Contains(s.name, "beside the own") {
			r, err := b.verify(zip, nil, nil)
			must(t, err)
			if r.Outcome != "contradicted" && r.Outcome != "cannot tell" || r.NotAfter != "" {
				t.Errorf("%s: verify.html: %+v", s.name, r)
			}
		}
		if i%100 == 50 || strings.Contains(s.name, "beside the own") {
			if outcome, out := script(s.f.write(t)); outcome != "contradicted" && outcome != "cannot tell" {
				t.Errorf("%s: verify.sh: %s", s.name, out)
			}
		}
	}
}

// A service that lies with good signatures is caught by each verifier, or it was no lie.
func TestLies(t *testing.T) {
	l := getLab(t)
	t.Parallel()
	for i, s := range lies(t) {
		rep := goVerify(s.f.pack(), nil)
		page, err := l.browser.verify(s.f.pack(), nil, nil)
		must(t, err)
		// The tests cannot write README.txt, so selvage-verify complains of it in any case;
		// it must have complained of something else.
		others := slices.ContainsFunc(rep.Lines, func(l provenance.Line) bool { return l.Outcome == provenance.Contradicted && l.Check != "readme" })
		if others != (i > 0) {
			t.Errorf("%s: selvage-verify: %s", s.name, rep)
		}
		want := "contradicted"
		if i == 0 {
			want = "proved"
		}
		if page.Outcome != want {
			t.Errorf("%s: verify.html: %+v", s.name, page)
		}
		if i%12 == 0 {
			if outcome, out := script(s.f.write(t)); outcome != want {
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
	t.Parallel()
	b := l.browser
	for _, x := range l.bundles[:3] {
		changes := randomChanges(x.zip, 30, r)
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
		changeFiles(t, unpack(t, x.zip), 5, r, func() bool { return false }, func(name string, c change, outcome string) {
			if outcome != "contradicted" && outcome != "cannot tell" {
				t.Errorf("%s: %s: byte %d set to %d: verify.sh: %s", x.name, name, c.At, c.Value, outcome)
			}
		})
	}
}

// changeFiles runs verify.sh n times, each with one byte of one file changed; every
// file has its turn before any has another. It ends early when the time is over.
func changeFiles(t testing.TB, f files, n int, r *mrand.Rand, over func() bool, answer func(name string, c change, outcome string)) {
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
		if over() {
			return
		}
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
