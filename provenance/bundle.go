package provenance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bundle is what goes into an evidence bundle. The same Bundle always gives the same bytes.
type Bundle struct {
	// Work is the receipt of the registered work.
	Work *Receipt
	// Originals are the work's files by digest (hex). A file that is left out is named
	// by its digest only, and whoever holds it can still check it.
	Originals map[string]File
	// Match is set when the bundle is about a match.
	Match *MatchEvidence
	// Report is report.pdf, for people; nil: none.
	Report []byte
	// Custody is who did what with the case, one JSON object a line; nil: none.
	Custody []byte
	// CustodyGraph is the same as a W3C PROV graph in JSON-LD; nil: none.
	CustodyGraph []byte
	// Tools are verifiers to go with the bundle, by name.
	Tools map[string][]byte
	// Renewals are the evidence records (RFC 4998, DER) that carry the first time token of a
	// statement on: by "work", "key", "match" or "case". Renewers are the authorities of the
	// further tokens in them.
	Renewals map[string][]byte
	Renewers []Authority
	// Case binds all files together and allows a cut of them; nil: neither.
	Case *CaseEvidence
}

// CaseEvidence is what makes a bundle a cut of a case.
type CaseEvidence struct {
	// Receipt is of the [CaseStatement] that [CaseOf] gives for the bundle.
	Receipt *Receipt
	// Secret is what the salts follow from. It is in no bundle.
	Secret [32]byte
	Cut    Cut
}

// MatchEvidence is the part of a bundle that is about a match.
type MatchEvidence struct {
	// Receipt is of a [MatchStatement] whose WorkCommitment is the work's.
	Receipt *Receipt
	// Record is the whole match record as JSON; the statement's Record field is the
	// SHA-256 of its canonical form.
	Record []byte
	// Accused is the file that was compared, if it may be handed on; else nil.
	Accused *File
}

// File gives access to a file's bytes. Open is called more than once and must give the
// same bytes each time.
type File struct {
	Open func() (io.ReadCloser, error)
}

// RecordDigest is the value of a match statement's Record field for a record.
func RecordDigest(record []byte) (string, error) {
	c, err := Canonical(record, maxSmall)
	if err != nil {
		return "", fmt.Errorf("match record: %w", err)
	}
	h := sha256.Sum256(c)
	return hex.EncodeToString(h[:]), nil
}

// WriteBundle verifies the receipts and files and writes the bundle to w. Nothing is
// written if a receipt does not verify or a file is not what the statement says.
func WriteBundle(w io.Writer, b Bundle) error {
	files, err := b.files()
	if err != nil {
		return err
	}
	receipts := []*Receipt{b.Work}
	if b.Match != nil {
		receipts = append(receipts, b.Match.Receipt)
	}
	if b.Case != nil {
		if err := files.addCase(b.Case); err != nil {
			return fmt.Errorf("bundle: case: %w", err)
		}
		receipts = append(receipts, b.Case.Receipt)
	}
	for name, record := range b.Renewals {
		files.add(renewalName(name), record)
	}
	if err := files.addTrust(receipts, b.Renewers); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return files.finish(w)
}

// files are those of the whole case, before any cut.
func (b Bundle) files() (bag, error) {
	if b.Work == nil {
		return nil, errors.New("bundle: no receipt of the work")
	}
	work, err := verifiedStatement[*WorkStatement](b.Work)
	if err != nil {
		return nil, fmt.Errorf("bundle: work: %w", err)
	}
	files := bag{}
	if err := files.addReceipt("data/work/", "work", b.Work); err != nil {
		return nil, fmt.Errorf("bundle: work: %w", err)
	}
	files.add("data/work/digests.txt", digestLines(work))
	for i, a := range work.Assets {
		if f, ok := b.Originals[a.Digest]; ok {
			files[originalName(work, i)] = &bagFile{name: originalName(work, i), open: f.Open}
		}
	}
	if b.Match != nil {
		match, err := files.addMatch(b.Match)
		if err != nil {
			return nil, fmt.Errorf("bundle: match: %w", err)
		}
		if err := matchFitsWork(match, work, b.Work.commitment()); err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
	}
	if b.Report != nil {
		files.add(reportName, b.Report)
	}
	if b.Custody != nil {
		files.add(custodyName, b.Custody)
	}
	if b.CustodyGraph != nil {
		files.add(graphName, b.CustodyGraph)
	}
	for name, data := range b.Tools {
		files.add(toolsDir+name, data)
	}
	return files, nil
}

// finish hashes everything, compares the media with the statements and writes.
func (b bag) finish(w io.Writer) error {
	for _, f := range b {
		if err := f.hash(); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	}
	// What the README says is read from the files as a stranger would read them.
	v := verifier{bag: b, rep: &reporter{}, used: map[string]bool{}}
	v.statements()
	if err := v.rep.close("").Err(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	readme, date, err := v.readme()
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	b.add("README.txt", readme)
	b.add("bagit.txt", []byte(bagitText))
	b.add("bag-info.txt", bagInfo(date, b.oxum()))
	for _, name := range []string{"README.txt", "bagit.txt", "bag-info.txt"} {
		if err := b[name].hash(); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	}
	return b.write(w)
}

// checkMedia compares each original and the accused file with what was signed.
func (b bag) checkMedia(work *WorkStatement, match *MatchStatement) error {
	for i, a := range work.Assets {
		name := originalName(work, i)
		if f := b[name]; f != nil && (hex.EncodeToString(f.sha256[:]) != a.Digest || f.size != a.Size) {
			return fmt.Errorf("%s is not the registered file %s", name, a.Digest)
		}
	}
	if match == nil {
		return nil
	}
	if f := b[accusedName(match)]; f != nil && (hex.EncodeToString(f.sha256[:]) != match.Query.Digest || f.size != match.Query.Size) {
		return fmt.Errorf("%s is not the compared file %s", f.name, match.Query.Digest)
	}
	return nil
}

func verifiedStatement[S Statement](r *Receipt) (S, error) {
	var none S
	if err := r.Verify(nil).Err(); err != nil {
		return none, err
	}
	st, err := r.Statement()
	if err != nil {
		return none, err
	}
	s, ok := st.(S)
	if !ok {
		return none, fmt.Errorf("the receipt is of a %s statement", st.statementType())
	}
	return s, nil
}

func (r *Receipt) commitment() [32]byte {
	s, err := r.Sealed()
	if err != nil {
		return [32]byte{}
	}
	return s.Commitment()
}

// Names of files that follow from nothing else.
const (
	keyDir      = "data/key/"
	claimName   = "data/work/claim.dsse"
	claimText   = "data/work/claim.jcs"
	outsideName = "data/work/not-before.txt"
)

// renewalName is the file of an evidence record.
func renewalName(of string) string { return "renewals/" + of + ".ers" }

// tokenName is the file of time token i, counted from 0.
func tokenName(i int) string {
	if i == 0 {
		return "checkpoint.tsr"
	}
	return fmt.Sprintf("checkpoint-%d.tsr", i+1)
}

// addReceipt adds a verified receipt's parts as files.
func (b bag) addReceipt(dir, name string, r *Receipt) error {
	s, err := r.Sealed()
	if err != nil {
		return err
	}
	env, err := ParseEnvelope(r.Envelope)
	if err != nil {
		return err
	}
	proof, err := ParseLogProof([]byte(r.Proof))
	if err != nil {
		return err
	}
	t, err := r.carried().trust()
	if err != nil {
		return err
	}
	_, logSigned, err := OpenCheckpoint(proof.Checkpoint, t.logs...)
	if err != nil {
		return err
	}
	b.add(dir+"statement.jcs", env.Payload)
	b.add(dir+"statement.dsse", r.Envelope)
	b.add(dir+"opening.txt", opening(s.Salt, r.Envelope))
	b.add(dir+name+".tlog-proof", []byte(r.Proof))
	b.add(dir+"checkpoint", logSigned)
	for i, tok := range r.tokens() {
		b.add(dir+tokenName(i), tok.Token)
	}
	if r.Outside != nil {
		b.add(outsideName, r.Outside)
	}
	if r.Claim == nil {
		return nil
	}
	claim, err := ParseEnvelope(r.Claim)
	if err != nil {
		return err
	}
	b.add(claimName, r.Claim)
	b.add(claimText, claim.Payload)
	key, err := verifiedStatement[*KeyStatement](r.Key)
	if err != nil {
		return fmt.Errorf("designer's key: %w", err)
	}
	b.add(keyDir+"key.pem", []byte(key.Key))
	return b.addReceipt(keyDir, "key", r.Key)
}

func (b bag) addMatch(m *MatchEvidence) (*MatchStatement, error) {
	if m.Receipt == nil {
		return nil, errors.New("no receipt")
	}
	st, err := verifiedStatement[*MatchStatement](m.Receipt)
	if err != nil {
		return nil, err
	}
	record, err := Canonical(m.Record, maxSmall)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if h := sha256.Sum256(record); hex.EncodeToString(h[:]) != st.Record {
		return nil, errors.New("the record is not the one the statement names")
	}
	if err := b.addReceipt("data/match/", "match", m.Receipt); err != nil {
		return nil, err
	}
	b.add("data/match/match.json", record)
	b.add("data/accused/digest.txt", accusedLine(st))
	if m.Accused != nil {
		b[accusedName(st)] = &bagFile{name: accusedName(st), open: m.Accused.Open}
	}
	return st, nil
}

// matchFitsWork checks that a match is about this registration.
func matchFitsWork(m *MatchStatement, w *WorkStatement, commitment [32]byte) error {
	switch {
	case m.Work != w.Work:
		return fmt.Errorf("the match is with work %s, not with %s", m.Work, w.Work)
	case m.WorkCommitment != hex.EncodeToString(commitment[:]):
		return errors.New("the match names another registration of the work")
	case w.Asset(m.Asset) == nil:
		return errors.New("the match names a file that is not of the work")
	}
	return nil
}

// addTrust adds the keys of the receipts: one policy, and each kind of key in the form
// that its own tools read.
func (b bag) addTrust(receipts []*Receipt, more []Authority) error {
	p := Policy{Format: PolicyFormat}
	for _, r := range receipts {
		c := r.carried()
		p.Logs, p.Services, p.Authorities = merged(p.Logs, c.Logs), merged(p.Services, c.Services), merged(p.Authorities, c.Authorities)
		p.Witnesses = merged(p.Witnesses, c.Witnesses)
	}
	for _, a := range more {
		a.Independent = false
		p.Authorities = merged(p.Authorities, []Authority{a})
	}
	p.Quorum = receipts[0].Quorum
	for _, r := range receipts {
		p.Quorum = min(p.Quorum, r.Quorum)
	}
	text, err := p.Marshal()
	if err != nil {
		return err
	}
	b.add("trust/policy.json", text)
	for name, data := range trustFiles(&p) {
		b.add(name, data)
	}
	return nil
}

// trustFiles is what stands beside policy.json, and follows from it.
func trustFiles(p *Policy) map[string][]byte {
	var roots bytes.Buffer
	for _, a := range p.Authorities {
		roots.WriteString(a.Roots)
	}
	files := map[string][]byte{
		"trust/log.vkey":        []byte(strings.Join(p.Logs, "\n") + "\n"),
		"trust/service-key.pem": []byte(strings.Join(p.Services, "")),
		"trust/tsa-ca.pem":      roots.Bytes(),
	}
	if len(p.Witnesses) > 0 {
		files["trust/witnesses.vkey"] = []byte(strings.Join(p.Witnesses, "\n") + "\n")
	}
	return files
}

// digestLines are the registered files as sha256sum reads them.
func digestLines(w *WorkStatement) []byte {
	var b bytes.Buffer
	for i, a := range w.Assets {
		fmt.Fprintf(&b, "%s  %s\n", a.Digest, strings.TrimPrefix(originalName(w, i), "data/work/"))
	}
	return b.Bytes()
}

func accusedLine(m *MatchStatement) []byte {
	return fmt.Appendf(nil, "%s  %s\n", m.Query.Digest, strings.TrimPrefix(accusedName(m), "data/accused/"))
}

// originalName is where asset i stands in a bundle. It follows from the statement.
func originalName(w *WorkStatement, i int) string {
	if len(w.Assets) == 1 {
		return "data/work/original." + extension(w.Assets[0].MediaType)
	}
	return fmt.Sprintf("data/work/original-%04d.%s", i+1, extension(w.Assets[i].MediaType))
}

func accusedName(m *MatchStatement) string {
	return "data/accused/file." + extension(m.Query.MediaType)
}

// extensions never change: they are part of the bundle's format.
var extensions = map[string]string{
	"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp",
	"image/bmp": "bmp", "image/tiff": "tif", "image/avif": "avif", "image/heic": "heic",
	"image/jxl": "jxl", "image/vnd.adobe.photoshop": "psd", "image/svg+xml": "svg",
	"video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov", "video/x-matroska": "mkv",
	"application/pdf": "pdf", "text/plain": "txt", "text/markdown": "md",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}

func extension(mediaType string) string {
	if e, ok := extensions[mediaType]; ok {
		return e
	}
	return "bin"
}
