package provenance

import (
	"bytes"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// ReceiptFormat is the format field of a receipt.
const ReceiptFormat = "selvage.receipt.v1"

const maxReceipt = 4 << 20

// clockSlack is how far the service's clock may run ahead of the time authority's.
const clockSlack = 5 * time.Minute

// Receipt is what a designer leaves with: one statement and everything needed to prove
// it offline. As JSON its []byte fields are base64. A receipt holds the salt, so who
// holds the receipt can show what the log entry stands for.
type Receipt struct {
	Format string `json:"format"`
	// Envelope is the exact bytes the log commits to.
	Envelope []byte `json:"envelope"`
	// Salt is 64 hex digits.
	Salt string `json:"salt"`
	// Proof is the text of a [LogProof].
	Proof string `json:"proof"`
	// Token is an RFC 3161 response (DER) over the log-signed checkpoint.
	Token []byte `json:"token"`
	// LogKey, ServiceKey and Authority are the keys the receipt was made under: a note
	// verifier key, an Ed25519 key in PEM, and the time authority's root in PEM.
	LogKey        string `json:"logKey"`
	ServiceKey    string `json:"serviceKey"`
	AuthorityName string `json:"authorityName"`
	Authority     string `json:"authority"`
}

// NewReceipt puts the parts together. It checks nothing; call Verify before handing it out.
func NewReceipt(s Sealed, p LogProof, token []byte, logKey, serviceKey string, authority Authority) *Receipt {
	p.Extra = s.Salt[:]
	return &Receipt{
		Format:        ReceiptFormat,
		Envelope:      s.Envelope,
		Salt:          fmt.Sprintf("%x", s.Salt),
		Proof:         string(p.Marshal()),
		Token:         token,
		LogKey:        logKey,
		ServiceKey:    serviceKey,
		AuthorityName: authority.Name,
		Authority:     authority.Roots,
	}
}

// Marshal writes the receipt as canonical JSON.
func (r *Receipt) Marshal() ([]byte, error) { return canonical(r) }

// ParseReceipt reads a receipt: known fields only, in any JSON layout. It verifies nothing.
func ParseReceipt(b []byte) (*Receipt, error) {
	var r Receipt
	if err := decodeStrict(b, &r, maxReceipt); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	if r.Format != ReceiptFormat {
		return nil, fmt.Errorf("receipt: format %q: want %q", clip(r.Format), ReceiptFormat)
	}
	return &r, nil
}

// Sealed returns the receipt's envelope and salt.
func (r *Receipt) Sealed() (Sealed, error) {
	salt, err := parseSalt(r.Salt)
	return Sealed{Envelope: r.Envelope, Salt: salt}, err
}

// Statement returns the statement, parsed strictly but not verified.
func (r *Receipt) Statement() (Statement, error) {
	e, err := ParseEnvelope(r.Envelope)
	if err != nil {
		return nil, err
	}
	return ParseStatement(e.Payload)
}

// Index returns the entry's index in the log, not verified.
func (r *Receipt) Index() (uint64, error) {
	p, err := ParseLogProof([]byte(r.Proof))
	return p.Index, err
}

// carried is the policy that trusts exactly the keys the receipt carries.
func (r *Receipt) carried() *Policy {
	return &Policy{
		Format:      PolicyFormat,
		Logs:        []string{r.LogKey},
		Services:    []string{r.ServiceKey},
		Authorities: []Authority{{Name: r.AuthorityName, Roots: r.Authority}},
	}
}

// Verify proves the receipt, under the keys it carries and, if p is not nil, under p.
func (r *Receipt) Verify(p *Policy) Report { return r.verify(VerifyOptions{Policy: p}) }

// VerifyReceipt proves a receipt as a file, like [Verify] a bundle.
func VerifyReceipt(text []byte, opts VerifyOptions) Report {
	r, err := ParseReceipt(text)
	if err != nil {
		rep := &reporter{}
		rep.add(CannotTell, "receipt", "%v", err)
		return rep.close("")
	}
	return r.verify(opts)
}

func (r *Receipt) verify(opts VerifyOptions) Report {
	rep := &reporter{}
	if r.Format != ReceiptFormat {
		rep.add(CannotTell, "format", "%q is not %q", clip(r.Format), ReceiptFormat)
		return rep.close("")
	}
	t, err := r.carried().trust()
	if !rep.check("keys", err, "log, service and authority keys are readable") {
		return rep.close("")
	}
	d, ok := r.parts(rep)
	if !ok {
		return rep.close("")
	}
	f := d.verify(rep, t)
	if f != nil {
		rep.describe(f.statement, f.token)
		rep.given(f.statement, opts.Original)
		rep.trusted(f, opts.Policy)
	}
	return rep.close(headline("receipt", f, opts.Policy))
}

// describe copies what a proved statement says into the report.
func (r *reporter) describe(s Statement, tok Token) {
	w, ok := s.(*WorkStatement)
	if !ok {
		return
	}
	r.Work, r.Title, r.Received = printable(w.Work), printable(w.Title), w.Dates.Received
	na := tok.NotAfter()
	r.NotAfter = &na
}

// headline is the first line of a good report.
func headline(what string, f *facts, p *Policy) string {
	if f == nil {
		return ""
	}
	if p == nil {
		return fmt.Sprintf("proved under the keys in this %s; time authority: %s (local)", what, f.token.Authority)
	}
	local := " (local)"
	if f.independent {
		local = ""
	}
	return fmt.Sprintf("proved under the given policy; time authority: %s%s", f.token.Authority, local)
}

// parts splits the receipt into what a bundle holds as files.
func (r *Receipt) parts(rep *reporter) (*dossier, bool) {
	salt, err := parseSalt(r.Salt)
	if !rep.check("salt", err, "32 bytes") {
		return nil, false
	}
	proof, err := ParseLogProof([]byte(r.Proof))
	if !rep.check("log proof", err, "reads as tlog-proof@v1") {
		return nil, false
	}
	return &dossier{envelope: r.Envelope, salt: salt, proof: proof, token: r.Token}, true
}

// dossier is one registration as it stands in a receipt or a bundle.
type dossier struct {
	envelope []byte
	salt     [SaltSize]byte
	proof    LogProof
	token    []byte
}

// facts is what a dossier proves.
type facts struct {
	statement   Statement
	envelope    *Envelope
	commitment  [32]byte
	serviceKey  []byte
	log         note.Verifier
	noteText    string
	logSigned   []byte
	cosigs      []note.Signature
	token       Token
	rawToken    []byte
	independent bool
}

// verify runs every check of one registration under t and adds a line for each. It
// returns nil if a line is not proved.
func (d *dossier) verify(rep *reporter, t *trust) *facts {
	f := &facts{commitment: Commit(d.salt, d.envelope), rawToken: d.token}
	var err error
	if f.envelope, err = ParseEnvelope(d.envelope); err != nil {
		rep.add(Contradicted, "envelope", "%v", err)
		return nil
	}
	if f.statement, err = ParseStatement(f.envelope.Payload); err != nil {
		rep.add(Contradicted, "statement", "%v", err)
		return nil
	}
	rep.add(Proved, "statement", "canonical %s of %d bytes", f.statement.statementType(), len(f.envelope.Payload))

	signer, err := t.signer(f.envelope)
	if !rep.check("signature", err, "signed by the service, key %s", KeyID(signer)) {
		return nil
	}
	f.serviceKey = signer
	if n := len(f.envelope.Signatures) - 1; n > 0 {
		rep.note("%d further signature(s) in the envelope are by keys this verifier does not know and were not checked", n)
	}

	ok := bytes.Equal(d.proof.Extra, d.salt[:])
	if !ok {
		rep.add(Contradicted, "commitment", "the salt in the log proof is not the salt of the opening")
		return nil
	}
	rep.add(Proved, "commitment", "HMAC-SHA-256 of the envelope under the salt is %x", f.commitment)

	c, logSigned, by, cosigs, err := openCheckpoint(d.proof.Checkpoint, t.logs)
	if !rep.check("checkpoint", err, "tree of %d entries signed by log %s", c.Size, c.Origin) {
		return nil
	}
	f.log, f.logSigned, f.cosigs = by, logSigned, cosigs
	f.noteText = string(logSigned[:bytes.Index(logSigned, []byte("\n\n"))+1])
	if !rep.check("inclusion", d.proof.checkInclusion(f.commitment[:], c), "the commitment is entry %d of that tree", d.proof.Index) {
		return nil
	}

	f.token, err = VerifyToken(d.token, logSigned, t.roots)
	if !rep.check("time token", err, "RFC 3161 token over the checkpoint, %s ± %s, by %s",
		f.token.Time.Format(time.RFC3339), f.token.Accuracy, f.token.Authority) {
		return nil
	}
	said := statementTime(f.statement)
	if at, err := ParseTime(said); err != nil || at.After(f.token.NotAfter().Add(clockSlack)) {
		rep.add(Contradicted, "time order", "the statement says %s, which is after the token", said)
		return nil
	}
	rep.add(Proved, "time order", "the service's clock (%s) is not after the token", said)
	return f
}

func statementTime(s Statement) string {
	switch s := s.(type) {
	case *WorkStatement:
		return s.Dates.Received
	case *MatchStatement:
		return s.Time
	}
	return ""
}

// trusted adds the lines that ask whether a given policy trusts what was proved.
func (r *reporter) trusted(f *facts, p *Policy) {
	if p == nil {
		return
	}
	t, err := p.trust()
	if err != nil {
		r.add(CannotTell, "policy", "%v", err)
		return
	}
	ask := func(check string, ok bool, yes, no string) {
		if ok {
			r.add(Proved, check, "%s", yes)
			return
		}
		r.add(CannotTell, check, "%s", no)
	}
	// Of several signers the policy may know another one than the material names.
	_, err = t.signer(f.envelope)
	ask("policy: service", err == nil, "the policy trusts the service key", "the policy does not name the service key "+KeyID(f.serviceKey))
	// A log is its key: the signature is checked again under the policy's own copy.
	_, _, err = OpenCheckpoint(f.logSigned, t.logs...)
	ask("policy: log", err == nil, "the policy trusts log "+f.log.Name(), "the policy does not name the key of log "+f.log.Name())
	tok, err := VerifyToken(f.rawToken, f.logSigned, t.roots)
	if err == nil {
		f.independent = t.authority(tok.Root).Independent
	}
	ask("policy: authority", err == nil, "the policy trusts the time authority "+tok.Authority, "the policy does not trust the time authority "+f.token.Authority)
	if t.quorum > 0 {
		n := t.cosignatures(f.noteText, f.cosigs)
		ask("policy: witnesses", n >= t.quorum,
			fmt.Sprintf("%d trusted witnesses cosigned, %d needed", n, t.quorum),
			fmt.Sprintf("%d trusted witnesses cosigned, %d needed", n, t.quorum))
	}
}
