package provenance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// VerifyOptions says what to hold a bundle against.
type VerifyOptions struct {
	// Policy names whom to trust; nil trusts the keys in the bundle.
	Policy *Policy
	// Original is a file that must be one of the registered ones; nil asks nothing.
	Original io.Reader
}

// Verify proves an evidence bundle of size bytes, reading no clock and no network. It
// never fails: whatever is wrong with the bundle is a line of the report. Media are
// streamed, so memory stays small whatever the bundle's size.
func Verify(r io.ReaderAt, size int64, opts VerifyOptions) Report {
	rep := &reporter{}
	var magic [4]byte
	if n, err := r.ReadAt(magic[:], 0); n < 4 || string(magic[:]) != "PK\x03\x04" {
		if err != nil && !errors.Is(err, io.EOF) {
			rep.add(CannotTell, "bundle", "cannot be read: %v", err)
		} else {
			rep.add(CannotTell, "bundle", "not an evidence bundle: not a zip file")
		}
		return rep.close("")
	}
	b, err := readBag(r, size)
	if !rep.check("zip", err, "canonical, every byte accounted for") {
		return rep.close("")
	}
	v := verifier{bag: b, rep: rep, used: map[string]bool{}}
	f := v.run(opts)
	return rep.close(headline("bundle", f, opts.Policy))
}

// verifier walks over a bag and marks what it used, so that nothing is left unexplained.
type verifier struct {
	bag  bag
	rep  *reporter
	used map[string]bool
	v1   bool

	// What was proved; nil where it was not, or is not in the bundle.
	work, match, kase *facts
	renewals          []Token // of the evidence records
	cut               string
	withheld          int
}

func (v *verifier) read(name string) ([]byte, error) {
	v.used[name] = true
	return v.bag.small(name)
}

// run returns the facts about the work if nothing stopped it; the report's lines have the say.
func (v *verifier) run(opts VerifyOptions) *facts {
	if !v.layout() || !v.statements() || v.rep.failed() {
		return nil
	}
	if v.v1 {
		if v.kase != nil || v.work.claim != nil || v.work.outside != nil || len(v.work.tokens) > 1 || v.has("renewals/") {
			v.rep.add(Contradicted, "bundle", "it holds what %s does not have", bundleFormatV1)
			return nil
		}
		v.rep.note("README.txt and bag-info.txt are not checked in bundles of %s", bundleFormatV1)
	} else {
		v.rewrite()
	}
	v.rep.given(v.work.statement, opts.Original)
	for _, part := range []struct {
		prefix string
		facts  *facts
	}{{"", v.work}, {"match: ", v.match}, {"case: ", v.kase}} {
		if part.facts != nil {
			v.rep.prefix = part.prefix
			v.rep.trusted(part.facts, opts.Policy)
		}
	}
	v.rep.prefix = ""
	v.rep.describe(v.work)
	for _, f := range v.bag.sorted() {
		if !v.used[f.name] {
			v.rep.add(Contradicted, "contents", "%s does not belong in a bundle", f.name)
			return nil
		}
	}
	return v.work
}

// statements proves what the bundle states, and reports whether there is a work to go on with.
func (v *verifier) statements() bool {
	t, ok := v.trust()
	if !ok {
		return false
	}
	v.rep.prefix = "work: "
	defer func() { v.rep.prefix = "" }()
	d := v.dossier("data/work/", "work")
	if d != nil {
		v.claim(d)
	}
	f := v.prove(d, "data/work/", t)
	if f == nil {
		return false
	}
	work, ok := f.statement.(*WorkStatement)
	if !ok {
		v.rep.add(Contradicted, "statement", "it is not of a work")
		return false
	}
	if v.v1 && work.Type != WorkTypeV1 {
		// README.txt of such a bundle is not compared, so that it must not pass for one.
		v.rep.add(Contradicted, "statement", "a bundle of %s cannot hold a %s", bundleFormatV1, work.Type)
		return false
	}
	v.work = f
	v.originals(work)
	v.rep.prefix = ""
	if v.has("data/match/", "data/accused/") {
		v.matched(work, f, t)
	}
	if !v.v1 && v.has(caseDir) {
		v.theCase(t)
	}
	v.rep.prefix = ""
	v.renewed(t)
	v.others()
	all := []*facts{v.work, v.match, v.kase}
	if v.work.key != nil {
		all = append(all, v.work.key)
	}
	if err := t.checkUsed(all, v.renewals); err != nil {
		v.rep.add(Contradicted, "keys", "trust/ holds %v", err)
	}
	return true
}

// renewed proves the evidence records, as of their last time-stamp.
func (v *verifier) renewed(t *trust) {
	for _, part := range []struct {
		name  string
		facts *facts
	}{{"work", v.work}, {"key", v.work.key}, {"match", v.match}, {"case", v.kase}} {
		name := renewalName(part.name)
		if v.bag[name] == nil {
			continue
		}
		if part.facts == nil {
			v.rep.add(Contradicted, "renewals", "%s is of a statement that is not in the bundle", name)
			continue
		}
		der, err := v.read(name)
		if err != nil {
			v.rep.add(Contradicted, "renewals", "%v", err)
			continue
		}
		if !startsWith(der, part.facts.rawTokens[0]) {
			v.rep.add(Contradicted, "renewals", "%s does not begin with the token that it is to carry on", name)
			continue
		}
		part.facts.renewal = der
		e := VerifyEvidenceRecord(der, []Object{ObjectBytes(part.facts.logSigned)}, EvidenceOptions{Roots: t.roots})
		for _, s := range e.Stamps {
			v.renewals = append(v.renewals, s.Token)
		}
		v.rep.add(e.Outcome, part.name+": time, renewed", "%s", e.Reason)
	}
}

// startsWith reports whether the first time-stamp of an evidence record is the token of a
// response.
func startsWith(record, response []byte) bool {
	r, err := ParseEvidenceRecord(record)
	first, err2 := EvidenceFromToken(response)
	return err == nil && err2 == nil && bytes.Equal(r.chains[0].stamps[0].token, first.chains[0].stamps[0].token)
}

// others accounts for what no statement but that of a case speaks of.
func (v *verifier) others() {
	if v.bag[reportName] == nil && !v.has("data/custody.", toolsDir) {
		return
	}
	if v.kase == nil {
		v.rep.add(Contradicted, "contents", "a report, a custody record or tools need the statement of a case, which is missing")
		return
	}
	for name := range v.bag {
		if name == reportName || name == custodyName || name == graphName || strings.HasPrefix(name, toolsDir) {
			v.used[name] = true
		}
	}
}

// rewrite demands that README.txt says what the other files give.
func (v *verifier) rewrite() {
	have, err := v.read("README.txt")
	info, err2 := v.read("bag-info.txt")
	if err = errors.Join(err, err2); err == nil {
		var want []byte
		var date string
		want, date, err = v.readme()
		switch {
		case err != nil:
		case !bytes.Equal(have, want):
			err = errors.New("README.txt does not say what the statements say")
		case !bytes.Equal(info, bagInfo(date, v.bag.oxum())):
			err = errors.New("bag-info.txt says more, or something else, than it must")
		}
	}
	v.rep.check("readme", err, "README.txt says what the statements say")
}

// layout checks the bag itself.
func (v *verifier) layout() bool {
	info, err := v.read("bag-info.txt")
	if err != nil {
		v.rep.add(CannotTell, "bundle", "not an evidence bundle: %v", err)
		return false
	}
	format, rest, _ := strings.Cut(string(info), "\n")
	if format != "Bundle-Format: "+bundleFormat && format != "Bundle-Format: "+bundleFormatV1 {
		v.rep.add(CannotTell, "bundle", "%q is not a format this verifier knows (%s)", clip(format), bundleFormat)
		return false
	}
	v.v1 = format == "Bundle-Format: "+bundleFormatV1
	if !v.rep.check("manifests", v.bag.checkManifests(), "sha256 and sha512 of all %d files fit", len(v.bag)) {
		return false
	}
	bagit, err := v.read("bagit.txt")
	if err == nil && string(bagit) != bagitText {
		err = errors.New("bagit.txt is not that of BagIt 1.0")
	}
	if err == nil && !strings.HasSuffix(rest, "\nPayload-Oxum: "+v.bag.oxum()+"\n") {
		err = errors.New("bag-info.txt counts other files (Payload-Oxum)")
	}
	if err == nil {
		_, err = v.read("README.txt")
	}
	for _, m := range []string{"manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt", "tagmanifest-sha512.txt"} {
		v.used[m] = true
	}
	return v.rep.check("bag", err, "BagIt 1.0, complete")
}

// trust reads the keys the bundle carries.
func (v *verifier) trust() (*trust, bool) {
	text, err := v.read("trust/policy.json")
	var p Policy
	if err == nil {
		err = decodeCanonical(text, &p, maxPolicy)
	}
	var t *trust
	if err == nil {
		t, err = p.trust()
	}
	switch {
	case err != nil:
	case p.Beacons != nil:
		err = errors.New("policy.json: that a value of outside was published is for the reader to find, not for the bundle to say")
	case v.v1 && p.Witnesses != nil:
		err = errors.New("policy.json: " + bundleFormatV1 + " has no witnesses")
	}
	if err == nil {
		for name, want := range trustFiles(&p) {
			have, e := v.read(name)
			if e == nil && !bytes.Equal(have, want) {
				e = fmt.Errorf("%s does not hold the keys of trust/policy.json", name)
			}
			err = errors.Join(err, e)
		}
	}
	return t, v.rep.check("keys", err, "log, service and authority keys are readable")
}

// dossier reads one registration from its files; nil if something is missing or damaged.
func (v *verifier) dossier(dir, name string) *dossier {
	file := func(n string) []byte {
		b, err := v.read(dir + n)
		if err != nil {
			v.rep.add(Contradicted, "files", "%v", err)
		}
		return b
	}
	dsse, open, proofText := file("statement.dsse"), file("opening.txt"), file(name+".tlog-proof")
	d := &dossier{envelope: dsse, tokens: [][]byte{file(tokenName(0))}}
	for i := 1; i < maxTokens && !v.v1 && v.bag[dir+tokenName(i)] != nil; i++ {
		d.tokens = append(d.tokens, file(tokenName(i)))
	}
	if v.rep.failed() {
		return nil
	}
	var commitment [32]byte
	var err error
	d.salt, commitment, err = parseOpening(open)
	if err == nil && commitment != Commit(d.salt, dsse) {
		err = errors.New("the commitment in opening.txt is not that of the envelope under the salt")
	}
	if !v.rep.check("opening", err, "opening.txt opens the commitment") {
		return nil
	}
	d.proof, err = ParseLogProof(proofText)
	if !v.rep.check("log proof", err, "reads as tlog-proof@v1") {
		return nil
	}
	return d
}

// prove proves a registration and compares the files that repeat a part of it. A nil
// dossier has been complained about.
func (v *verifier) prove(d *dossier, dir string, t *trust) *facts {
	if d == nil {
		return nil
	}
	f := d.verify(v.rep, t)
	if f == nil || !v.repeats(f, dir) {
		return nil
	}
	if f.key != nil {
		key := f.key.statement.(*KeyStatement)
		pem, err := v.read(keyDir + "key.pem")
		if err == nil && string(pem) != key.Key {
			err = errors.New("key.pem is not the key of the statement")
		}
		if !v.rep.check("designer's key: key", err, "key.pem is the key of the statement") || !v.repeats(f.key, keyDir) {
			return nil
		}
	}
	return f
}

// repeats compares what stands in files of its own so that other tools find it.
func (v *verifier) repeats(f *facts, dir string) bool {
	for _, part := range []struct {
		name string
		want []byte
		what string
	}{
		{"statement.jcs", f.envelope.Payload, "statement.jcs is not what the envelope carries"},
		{"checkpoint", f.logSigned, "the file checkpoint is not the log proof's"},
	} {
		have, err := v.read(dir + part.name)
		if err == nil && !bytes.Equal(have, part.want) {
			err = errors.New(part.what)
		}
		if err != nil {
			v.rep.add(Contradicted, part.name, "%v", err)
			return false
		}
	}
	return true
}

// claim reads the designer's own claim and key, and the value of outside, where the bundle
// has them.
func (v *verifier) claim(d *dossier) {
	file := func(name string) []byte {
		if v.bag[name] == nil {
			return nil
		}
		b, err := v.read(name)
		if err != nil {
			v.rep.add(Contradicted, "files", "%v", err)
		}
		return b
	}
	d.outside = file(outsideName)
	if d.claim = file(claimName); d.claim == nil {
		return
	}
	jcs := file(claimText)
	e, err := ParseEnvelope(d.claim)
	if err == nil && !bytes.Equal(jcs, e.Payload) {
		err = errors.New("claim.jcs is not what the envelope claim.dsse carries")
	}
	if err != nil {
		v.rep.add(Contradicted, "claim", "%v", err)
		return
	}
	before := v.rep.prefix
	v.rep.prefix = "designer's key: "
	d.key = v.dossier(keyDir, "key")
	v.rep.prefix = before
}

// failed reports whether a line already says contradicted.
func (r *reporter) failed() bool {
	return slices.ContainsFunc(r.Lines, func(l Line) bool { return l.Outcome == Contradicted })
}

// originals compares the files in the bundle with the statement.
func (v *verifier) originals(work *WorkStatement) {
	lines, err := v.read("data/work/digests.txt")
	if err == nil && !bytes.Equal(lines, digestLines(work)) {
		err = errors.New("digests.txt does not list the digests of the statement")
	}
	if !v.rep.check("digests", err, "digests.txt lists the %d registered file(s)", len(work.Assets)) {
		return
	}
	present := 0
	for i := range work.Assets {
		if name := originalName(work, i); v.bag[name] != nil {
			v.used[name] = true
			present++
		}
	}
	if present > 0 {
		v.rep.check("originals", v.bag.checkMedia(work, nil), "%d file(s) in the bundle are the registered ones", present)
	}
	if n := len(work.Assets) - present; n > 0 {
		v.rep.note("%d registered file(s) are named by digest only; compare one with --file", n)
	}
}

// given compares the caller's own copy.
func (r *reporter) given(st Statement, original io.Reader) {
	if original == nil {
		return
	}
	work, ok := st.(*WorkStatement)
	if !ok {
		r.add(CannotTell, "file", "a match names no registered file; verify the work's own receipt or a bundle")
		return
	}
	h := sha256.New()
	if _, err := io.Copy(h, original); err != nil {
		r.add(CannotTell, "file", "the given file cannot be read: %v", err)
		return
	}
	digest := hex.EncodeToString(h.Sum(nil))
	if work.Asset(digest) == nil {
		r.add(Contradicted, "file", "the given file (sha256 %s) is not a registered one", digest)
		return
	}
	r.add(Proved, "file", "the given file (sha256 %s) is a registered one", digest)
}

// has reports whether a file's name begins with one of the prefixes.
func (v *verifier) has(prefixes ...string) bool {
	for name := range v.bag {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return true
		}
	}
	return false
}

// matched proves the match part and that it is about this work.
func (v *verifier) matched(work *WorkStatement, workFacts *facts, t *trust) {
	v.rep.prefix = "match: "
	f := v.prove(v.dossier("data/match/", "match"), "data/match/", t)
	if f == nil {
		return
	}
	m, ok := f.statement.(*MatchStatement)
	if !ok {
		v.rep.add(Contradicted, "statement", "it is not of a match")
		return
	}
	v.match = f
	v.rep.check("work", matchFitsWork(m, work, workFacts.commitment), "it names this registration and one of its files")
	record, err := v.read("data/match/match.json")
	if err == nil {
		var c []byte
		if c, err = Canonical(record, maxSmall); err == nil && !bytes.Equal(c, record) {
			err = errors.New("match.json is not canonical")
		}
		if h := sha256.Sum256(record); err == nil && hex.EncodeToString(h[:]) != m.Record {
			err = errors.New("match.json is not the record that was signed")
		}
	}
	v.rep.check("record", err, "match.json is the record that was signed")
	line, err := v.read("data/accused/digest.txt")
	if err == nil && !bytes.Equal(line, accusedLine(m)) {
		err = errors.New("digest.txt does not name the compared file")
	}
	v.rep.check("accused", err, "sha256 %s", m.Query.Digest)
	if name := accusedName(m); v.bag[name] != nil {
		v.used[name] = true
		v.rep.check("accused file", v.bag.checkMedia(work, m), "the file in the bundle is the compared one")
	}
	v.rep.note("the match says: %s, probability %v: %s", m.Verdict, m.Probability, m.Sentence)
}
