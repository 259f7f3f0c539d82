package provenance_test

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selvage/provenance"
)

// bouncyCastle asks testdata/EvidenceRecords.java about many records in one run.
type bouncyCastle struct {
	t     *testing.T
	dir   string
	lines strings.Builder
	names []string
}

// jars is where Debian's libbcprov-java and libbcpkix-java put them.
var jars = []string{"bcprov.jar", "bcutil.jar", "bcpkix.jar"}

// needBouncyCastle skips unless SELVAGE_REQUIRE_JAVA=1, as in "make outsiders": a run of
// Java takes longer than all other tests of a record.
func needBouncyCastle(t *testing.T) {
	t.Helper()
	if os.Getenv("SELVAGE_REQUIRE_JAVA") != "1" {
		t.Skip("Bouncy Castle is asked by \"make outsiders\"")
	}
	missing := ""
	if _, err := exec.LookPath("java"); err != nil {
		missing = "java is not installed"
	}
	for _, jar := range jars {
		if _, err := os.Stat(filepath.Join("/usr/share/java", jar)); err != nil {
			missing = "Bouncy Castle is not installed: libbcprov-java and libbcpkix-java of Debian"
		}
	}
	if missing != "" {
		t.Fatal(missing)
	}
}

// java runs a single-file program of testdata with Bouncy Castle.
func java(t *testing.T, program, dir string) *exec.Cmd {
	var class []string
	for _, jar := range jars {
		class = append(class, filepath.Join("/usr/share/java", jar))
	}
	return exec.CommandContext(t.Context(), "java", "-XX:+UseSerialGC", "-cp", strings.Join(class, ":"), filepath.Join("testdata", program), dir)
}

func newBouncyCastle(t *testing.T, roots []*x509.Certificate) *bouncyCastle {
	t.Helper()
	needBouncyCastle(t)
	b := &bouncyCastle{t: t, dir: t.TempDir()}
	var all []byte
	for _, c := range roots {
		all = append(all, c.Raw...)
	}
	must(t, os.WriteFile(filepath.Join(b.dir, "roots.der"), all, 0o600))
	return b
}

// ask adds a record to the next run.
func (b *bouncyCastle) ask(name string, record, data []byte, at time.Time) {
	n := len(b.names)
	must(b.t, os.WriteFile(filepath.Join(b.dir, fmt.Sprintf("%d.ers", n)), record, 0o600))
	must(b.t, os.WriteFile(filepath.Join(b.dir, fmt.Sprintf("%d.data", n)), data, 0o600))
	fmt.Fprintf(&b.lines, "%d.ers %d.data %d\n", n, n, at.UnixMilli())
	b.names = append(b.names, name)
}

// answers runs Bouncy Castle: "ok" or "refused: ..." in the order of the questions.
func (b *bouncyCastle) answers() []string {
	b.t.Helper()
	cmd := java(b.t, "EvidenceRecords.java", b.dir)
	cmd.Stdin = strings.NewReader(b.lines.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("java: %v\n%s", err, stderr.String())
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(b.names) {
		b.t.Fatalf("%d answers to %d questions\n%s%s", len(answers), len(b.names), out, stderr.String())
	}
	return answers
}

// Somebody else's reading of RFC 4998 accepts our records and refuses altered ones.
func TestBouncyCastle(t *testing.T) {
	c := &clock{date(2030)}
	a := newAuthority(t, "A", date(2026), date(2036), c.now)
	s := newStory(t)
	b := newBouncyCastle(t, append(a.roots(), s.opts.Roots...))
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512} {
		for _, n := range []int{1, 2, 3, 7} {
			data := numbered(n)
			records, err := provenance.Renew(ctx, h, items(data), a.roots(), a.stamp)
			must(t, err)
			for i, r := range records {
				b.ask(fmt.Sprintf("%v, %d of %d", h, i, n), r.Marshal(), data[i], date(2031))
			}
		}
	}
	der := s.record.Marshal()
	b.ask("three chains", der, s.data, date(2037))
	good := len(b.names)

	b.ask("other data", der, []byte("other"), date(2037))
	b.ask("asked before its last token", der, s.data, date(2035))
	// Bouncy Castle does not look at the record's list of hash functions, nor at the bytes
	// of the last token that no signature covers (those of earlier tokens are hashed). We
	// do: TestRecordBytesChanged. So changes there are asked, and may pass.
	last := bytes.LastIndex(der, []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02})
	// Nor does it mind if the last hash function is tagged as the attributes that follow it.
	tag := bytes.LastIndex(der[:last], []byte{0xa0, 0x0b, 0x06, 0x09})
	loose := map[int]bool{}
	for i := 0; i < len(der); i += 31 {
		changed := bytes.Clone(der)
		changed[i] ^= 1
		loose[len(b.names)] = i < 64 || i >= last || i == tag
		b.ask(fmt.Sprintf("byte %d changed", i), changed, s.data, date(2037))
	}
	refused, passed := 0, 0
	for i, answer := range b.answers() {
		switch ok := answer == "ok"; {
		case i < good && !ok, i >= good && ok && !loose[i]:
			t.Errorf("%s: %s", b.names[i], answer)
		case ok && loose[i]:
			passed++
		case !ok:
			refused++
		}
	}
	if refused < 150 || passed > refused/10 {
		t.Errorf("%d altered records refused, %d not", refused, passed)
	}
	t.Logf("Bouncy Castle accepted %d records, refused %d altered ones and passed %d changed in bytes it does not look at", good, refused, passed)
}

// Thirty years of one registry: an authority ends every three years, SHA-256 is given up
// for SHA-512 in 2039, the trees go to SHA3-512 in 2051, one authority turns out rogue. Every
// record is proved at every step; the one that was forgotten once cannot be told.
func TestThirtyYears(t *testing.T) {
	const records, begin, end = 60, 2027, 2057
	c := &clock{date(begin)}
	data := numbered(records)
	forgotten := records - 1
	opts := provenance.EvidenceOptions{Sunsets: provenance.Sunsets{
		"SHA-256": date(2040), "ECDSA 256": date(2080),
	}}
	var held []*provenance.EvidenceRecord
	var tokens int
	for year := begin; year <= end; year += 3 {
		c.t = date(year)
		// Two months of overlap, so that the old certificate still holds.
		a := newAuthority(t, fmt.Sprintf("Authority of %d", year), date(year).AddDate(0, -1, 0), date(year+3).AddDate(0, 1, 0), c.now)
		hash := crypto.SHA256
		if year >= 2039 {
			hash, a.issuer.Hash = crypto.SHA512, crypto.SHA512
		}
		if year >= 2051 {
			hash = crypto.SHA3_512 // of the trees only: nobody signs with SHA3 yet
		}
		opts.Roots = append(opts.Roots, a.root)
		list := items(data)
		for i := range held {
			list[i].Record = held[i]
		}
		if year == 2036 {
			list = list[:forgotten]
		}
		now, err := provenance.Renew(ctx, hash, list, a.roots(), a.stamp)
		must(t, err)
		tokens++
		held = append(now, held[min(len(now), len(held)):]...)
		if year == 2048 { // found rogue just after the next one took over
			opts.Sunsets[certKey(opts.Roots[len(opts.Roots)-2])] = date(2048).AddDate(0, 0, 7)
		}
		for i, r := range held {
			opts.At = c.t.AddDate(0, 0, 1)
			e := reparse(t, r).Verify(objects(data[i]), opts)
			if i == forgotten && year > 2036 {
				want(t, e, provenance.CannotTell, `no longer held`)
				continue
			}
			want(t, e, provenance.Proved, "it existed by 2027-01-01T00:00:01Z")
		}
	}
	t.Logf("%d records, %d tokens, %d bytes a record", records, tokens, len(held[0].Marshal()))

	b := newBouncyCastle(t, opts.Roots)
	for _, i := range []int{0, 1, records / 2, forgotten - 1} {
		b.ask(fmt.Sprintf("record %d", i), held[i].Marshal(), data[i], date(end+1))
	}
	for i, answer := range b.answers() {
		if answer != "ok" {
			t.Errorf("%s: %s", b.names[i], answer)
		}
	}
}

// And we read what Bouncy Castle makes, and can renew it.
func TestRecordsOfBouncyCastle(t *testing.T) {
	needBouncyCastle(t)
	dir := t.TempDir()
	// Bouncy Castle compares with the present time, so this story ends today.
	c := &clock{time.Now().AddDate(-1, 0, 0).Truncate(time.Second)}
	began := c.t
	a := newAuthority(t, "A", began.AddDate(-1, 0, 0), began.AddDate(5, 0, 0), c.now)
	cmd := java(t, "MakeRecords.java", dir)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	tokens := 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); tokens++ {
		name, text, _ := strings.Cut(lines.Text(), " ")
		digest, err := hex.DecodeString(text)
		must(t, err)
		response, err := a.stamp(ctx, map[string]crypto.Hash{"SHA-256": crypto.SHA256, "SHA-512": crypto.SHA512}[name], digest)
		must(t, err)
		file := fmt.Sprintf("%d.tsr", tokens)
		must(t, os.WriteFile(filepath.Join(dir, file), response, 0o600))
		_, err = fmt.Fprintln(stdin, file)
		must(t, err)
		c.t = c.t.AddDate(0, 1, 0)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	opts := provenance.EvidenceOptions{Roots: a.roots(), At: time.Now()}
	renewals := 0
	for name, data := range map[string][]string{
		"many-0": {"object 0"}, "many-1": {"object 1"}, "many-2": {"object 2"}, "many-3": {"object 3"}, "many-4": {"object 4"},
		"group": {"contract", "signature"}, "alone": {"alone"}, "stamped": {"object 0"}, "twice": {"object 0"}, "tree": {"object 0"},
	} {
		der, err := os.ReadFile(filepath.Join(dir, name+".ers"))
		must(t, err)
		var list []provenance.Object
		for _, d := range data {
			list = append(list, provenance.ObjectBytes([]byte(d)))
		}
		e := provenance.VerifyEvidenceRecord(der, list, opts)
		want(t, e, provenance.Proved, "")
		if name != "alone" && !e.NotAfter.Equal(began.Add(time.Second)) {
			t.Errorf("%s: %v", name, e.NotAfter)
		}
		renewals += len(e.Stamps) - 1
		want(t, provenance.VerifyEvidenceRecord(der, objects([]byte("another")), opts), provenance.Contradicted, "")
		for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA512, crypto.SHA3_512} {
			r, err := provenance.ParseEvidenceRecord(der)
			must(t, err)
			if h.Size() < r.Hash().Size() {
				continue
			}
			renewed, err := provenance.Renew(ctx, h, []provenance.EvidenceItem{{Record: r, Objects: list}}, a.roots(), a.stamp)
			must(t, err)
			late := opts
			late.At = c.t
			want(t, reparse(t, renewed[0]).Verify(list, late), provenance.Proved, "")
		}
	}
	if tokens != 5 || renewals != 6 {
		t.Errorf("%d tokens, %d renewals", tokens, renewals)
	}
}
