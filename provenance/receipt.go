package provenance

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// The formats of a receipt.
const (
	ReceiptFormat   = "selvage.receipt.v2"
	ReceiptFormatV1 = "selvage.receipt.v1" // one token, and nothing that is marked v2
)

const maxReceipt = 4 << 20

// maxTokens is how many time authorities may stamp one checkpoint.
const maxTokens = 8

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
	// Tokens are over the log-signed checkpoint, each by another authority (v2).
	Tokens []TimeToken `json:"tokens,omitempty"`
	// Token, AuthorityName and Authority are the one token of v1.
	Token         []byte `json:"token,omitempty"`
	AuthorityName string `json:"authorityName,omitempty"`
	Authority     string `json:"authority,omitempty"`
	// LogKey and ServiceKey are the keys the receipt was made under: a note verifier key and
	// an Ed25519 key in PEM.
	LogKey     string `json:"logKey"`
	ServiceKey string `json:"serviceKey"`
	// Witnesses are the cosignature keys that the service relied on, Quorum how many of
	// them have cosigned the checkpoint (v2).
	Witnesses []string `json:"witnesses,omitempty"`
	Quorum    int      `json:"quorum,omitempty"`
	// Claim is the envelope of the designer's own claim, and Key the receipt of the
	// [KeyStatement] of the key that signed it (v2).
	Claim []byte   `json:"claim,omitempty"`
	Key   *Receipt `json:"key,omitempty"`
	// Outside is the value of outside that the statement's NotBefore names (v2).
	Outside []byte `json:"outside,omitempty"`
}

// TimeToken is an RFC 3161 response (DER) and the authority that gave it.
type TimeToken struct {
	Token     []byte    `json:"token"`
	Authority Authority `json:"authority"`
}

// Notarisation is what a notary adds to a sealed statement.
type Notarisation struct {
	Proof      LogProof
	Tokens     []TimeToken
	LogKey     string
	ServiceKey string
	Witnesses  []string
	Quorum     int
}

// NewReceipt puts the parts together. It checks nothing; call Verify before handing it out.
func NewReceipt(s Sealed, n Notarisation) *Receipt {
	n.Proof.Extra = s.Salt[:]
	return &Receipt{
		Format:     ReceiptFormat,
		Envelope:   s.Envelope,
		Salt:       fmt.Sprintf("%x", s.Salt),
		Proof:      string(n.Proof.Marshal()),
		Tokens:     n.Tokens,
		LogKey:     n.LogKey,
		ServiceKey: n.ServiceKey,
		Witnesses:  merged(n.Witnesses, s.OutsideWitnesses),
		Quorum:     n.Quorum,
		Claim:      s.Claim,
		Key:        s.Key,
		Outside:    s.Outside,
	}
}

// tokens are the tokens of either format.
func (r *Receipt) tokens() []TimeToken {
	if r.Format == ReceiptFormatV1 {
		return []TimeToken{{r.Token, Authority{Name: r.AuthorityName, Roots: r.Authority}}}
	}
	return r.Tokens
}

// checkFormat refuses fields of the other format.
func (r *Receipt) checkFormat() error {
	v1 := r.Token != nil || r.AuthorityName != "" || r.Authority != ""
	v2 := r.Tokens != nil || r.Witnesses != nil || r.Quorum != 0 || r.Claim != nil || r.Key != nil || r.Outside != nil
	switch r.Format {
	case ReceiptFormatV1:
		if v2 {
			return fmt.Errorf("a %s has a field of %s", ReceiptFormatV1, ReceiptFormat)
		}
	case ReceiptFormat:
		if v1 {
			return fmt.Errorf("a %s has a field of %s", ReceiptFormat, ReceiptFormatV1)
		}
		if len(r.Tokens) == 0 || len(r.Tokens) > maxTokens {
			return fmt.Errorf("%d time tokens: want 1 to %d", len(r.Tokens), maxTokens)
		}
		if r.Key != nil && r.Key.Key != nil {
			return errors.New("the receipt of a key has a key of its own")
		}
	default:
		return fmt.Errorf("format %q: want %q", clip(r.Format), ReceiptFormat)
	}
	return nil
}

// Marshal writes the receipt as canonical JSON.
func (r *Receipt) Marshal() ([]byte, error) { return canonical(r) }

// ParseReceipt reads a receipt: known fields only, in any JSON layout. It verifies nothing.
func ParseReceipt(b []byte) (*Receipt, error) {
	var r Receipt
	if err := decodeStrict(b, &r, maxReceipt); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	for _, part := range []*Receipt{&r, r.Key} {
		if part == nil {
			continue
		}
		if err := part.checkFormat(); err != nil {
			return nil, fmt.Errorf("receipt: %w", err)
		}
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
	p := &Policy{
		Format: PolicyFormat, Logs: []string{r.LogKey}, Services: []string{r.ServiceKey},
		Witnesses: r.Witnesses, Quorum: r.Quorum,
	}
	for _, t := range r.tokens() {
		a := t.Authority
		a.Independent = false // that is for the reader to say
		if !slices.Contains(p.Authorities, a) {
			p.Authorities = append(p.Authorities, a)
		}
	}
	if r.Key != nil {
		k := r.Key.carried()
		p.Logs, p.Services = merged(p.Logs, k.Logs), merged(p.Services, k.Services)
		p.Authorities = merged(p.Authorities, k.Authorities)
		// The quorum is that of the work's own checkpoint; the key's needs the one of its day.
		p.Witnesses = merged(p.Witnesses, k.Witnesses)
	}
	return p
}

// merged is a with what of b is not in it.
func merged[T comparable](a, b []T) []T {
	a = slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
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
	if err := r.checkFormat(); err != nil {
		rep.add(CannotTell, "format", "%v", err)
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
		if err := t.checkUsed([]*facts{f, f.key}, nil); err != nil {
			rep.add(Contradicted, "keys", "the receipt carries %v", err)
		}
		rep.given(f.statement, opts.Original)
		rep.trusted(f, opts.Policy)
		rep.describe(f)
	}
	return rep.close(headline("receipt", f, opts.Policy))
}

// describe copies what a proved statement says into the report.
func (r *reporter) describe(f *facts) {
	na := f.notAfter()
	r.NotAfter, r.NotBefore = &na, f.notBefore
	if w, ok := f.statement.(*WorkStatement); ok {
		r.Work, r.Title, r.Received = printable(w.Work), printable(w.Title), w.Dates.Received
	}
}

// headline is the first line of a good report.
func headline(what string, f *facts, p *Policy) string {
	if f == nil {
		return ""
	}
	if p == nil {
		return fmt.Sprintf("proved under the keys in this %s; time authority: %s (local)", what, f.authorities())
	}
	local := " (local)"
	if f.independent {
		local = ""
	}
	return fmt.Sprintf("proved under the given policy; time authority: %s%s", f.authorities(), local)
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
	d := &dossier{envelope: r.Envelope, salt: salt, proof: proof, claim: r.Claim, outside: r.Outside}
	for _, t := range r.tokens() {
		d.tokens = append(d.tokens, t.Token)
	}
	if r.Key != nil {
		before := rep.prefix
		rep.prefix += "designer's key: "
		k, ok := r.Key.parts(rep)
		rep.prefix = before
		if !ok {
			return nil, false
		}
		d.key = k
	}
	return d, true
}

// dossier is one registration as it stands in a receipt or a bundle.
type dossier struct {
	envelope []byte
	salt     [SaltSize]byte
	proof    LogProof
	tokens   [][]byte
	claim    []byte   // envelope of the designer's claim; nil if there is none
	key      *dossier // of the key that signed it
	outside  []byte
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
	salt        [SaltSize]byte
	index, size uint64
	witnesses   int // that have cosigned, of quorum needed
	quorum      int
	tokens      []Token
	rawTokens   [][]byte
	outside     []byte
	notBefore   *time.Time // nil: no lower bound
	claim       *ClaimStatement
	claimed     *Envelope // of claim
	key         *facts    // of the designer's key
	renewal     []byte    // evidence record that carries the first token on; nil: none
	independent bool
}

// notAfter is the upper bound of the statement's time: the latest of the tokens', so that
// it holds even if all authorities but one have set their clocks back.
func (f *facts) notAfter() time.Time {
	var last time.Time
	for _, t := range f.tokens {
		if na := t.NotAfter(); na.After(last) {
			last = na
		}
	}
	return last
}

// authorities are the names of those whose tokens were checked.
func (f *facts) authorities() string {
	var names []string
	for _, t := range f.tokens {
		names = append(names, t.Authority)
	}
	return strings.Join(names, ", ")
}

// verify runs every check of one registration under t and adds a line for each. It
// returns nil if a line is not proved.
func (d *dossier) verify(rep *reporter, t *trust) *facts {
	f := &facts{commitment: Commit(d.salt, d.envelope), rawTokens: d.tokens, salt: d.salt, index: d.proof.Index, outside: d.outside}
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
	known := 1
	if k, ok := f.statement.(*KeyStatement); ok {
		if !rep.check("possession", k.signedBySelf(f.envelope), "the designer's key has signed its own registration") {
			return nil
		}
		known++
	}
	if n := len(f.envelope.Signatures) - known; n > 0 {
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
	f.log, f.logSigned, f.cosigs, f.size = by, logSigned, cosigs, c.Size
	f.noteText = string(logSigned[:bytes.Index(logSigned, []byte("\n\n"))+1])
	if !rep.check("inclusion", d.proof.checkInclusion(f.commitment[:], c), "the commitment is entry %d of that tree", d.proof.Index) {
		return nil
	}

	if t.quorum > 0 {
		n := t.cosignatures(f.noteText, f.cosigs)
		f.witnesses, f.quorum = n, t.quorum
		if n < t.quorum {
			err = fmt.Errorf("%d of the witnesses have cosigned, %d needed", n, t.quorum)
		}
		if !rep.check("witnesses", err, "%d of %d witnesses have cosigned the checkpoint, %d needed", n, len(t.witnesses), t.quorum) {
			return nil
		}
	}

	for _, raw := range d.tokens {
		tok, err := VerifyToken(raw, logSigned, t.roots)
		if !rep.check("time token", err, "RFC 3161 token over the checkpoint, %s ± %s, by %s",
			tok.Time.Format(time.RFC3339), tok.Accuracy, tok.Authority) {
			return nil
		}
		f.tokens = append(f.tokens, tok)
	}
	if len(f.tokens) == 0 {
		rep.add(Contradicted, "time token", "there is none")
		return nil
	}
	said := statementTime(f.statement)
	if at, err := ParseTime(said); err != nil || at.After(f.notAfter().Add(clockSlack)) {
		rep.add(Contradicted, "time order", "the statement says %s, which is after the token", said)
		return nil
	}
	rep.add(Proved, "time order", "the service's clock (%s) is not after the token", said)
	if !d.lowerBound(rep, t, f) || !d.claimed(rep, t, f) {
		return nil
	}
	return f
}

// lowerBound checks the value of outside, if the statement names one.
func (d *dossier) lowerBound(rep *reporter, t *trust, f *facts) bool {
	w, _ := f.statement.(*WorkStatement)
	if w == nil || w.NotBefore == nil {
		if d.outside != nil {
			rep.add(Contradicted, "not before", "there is a value of outside that the statement does not name")
			return false
		}
		return true
	}
	bound, aside, err := t.lowerBound(w.NotBefore, d.outside)
	if err == nil && bound != nil && bound.After(f.notAfter().Add(clockSlack)) {
		err = fmt.Errorf("the value of outside is of %s, after the time token", FormatTime(*bound))
	}
	if err != nil {
		rep.add(Contradicted, "not before", "%v", err)
		return false
	}
	if f.notBefore = bound; bound == nil {
		rep.note("%s", aside)
		return true
	}
	rep.add(Proved, "not before", "the statement contains what %s made known at %s", w.NotBefore.Source, FormatTime(*bound))
	return true
}

// claimed checks the designer's own claim, if the statement names one.
func (d *dossier) claimed(rep *reporter, t *trust, f *facts) bool {
	w, _ := f.statement.(*WorkStatement)
	if w == nil || w.Claim == nil {
		if d.claim != nil || d.key != nil {
			rep.add(Contradicted, "claim", "there is a designer's claim or key that the statement does not name")
			return false
		}
		return true
	}
	if d.claim == nil || d.key == nil {
		rep.add(Contradicted, "claim", "the statement names a designer's claim that is missing, or its key")
		return false
	}
	before := rep.prefix
	rep.prefix += "designer's key: "
	// The quorum of the policy is for the work's checkpoint; what was demanded on the day
	// of the key may have been less.
	relaxed := *t
	relaxed.quorum = 0
	f.key = d.key.verify(rep, &relaxed)
	rep.prefix = before
	if f.key == nil {
		return false
	}
	key, ok := f.key.statement.(*KeyStatement)
	if !ok {
		rep.add(Contradicted, "claim", "what stands for the designer's key is a %s statement", f.key.statement.statementType())
		return false
	}
	return rep.check("claim", d.checkClaim(w, key, f), "signed by the designer's own key %s, which is in the log before the work", w.Claim.Key)
}

func (d *dossier) checkClaim(w *WorkStatement, key *KeyStatement, f *facts) error {
	pub, err := key.PublicKey()
	if err != nil {
		return err
	}
	switch {
	case hex.EncodeToString(f.key.commitment[:]) != w.Claim.Registration:
		return errors.New("the statement names another registration of the designer's key")
	case KeyID(pub) != w.Claim.Key:
		return errors.New("the statement names another key of the designer")
	case key.Owner != w.Owner.ID || key.Service != w.Service:
		return errors.New("the designer's key is another owner's")
	case f.key.log.Name() != f.log.Name():
		return errors.New("the designer's key is in another log, so that nothing tells which of the two was first")
	case f.key.index >= f.index:
		return errors.New("the designer's key came into the log after the work")
	case DigestOf(d.claim) != w.Claim.Digest:
		return errors.New("the statement names another claim of the designer")
	}
	if f.claim, err = OpenClaim(d.claim, pub); err != nil {
		return err
	}
	if f.claimed, err = ParseEnvelope(d.claim); err != nil {
		return err
	}
	return f.claim.agrees(w)
}

func statementTime(s Statement) string {
	switch s := s.(type) {
	case *WorkStatement:
		return s.Dates.Received
	case *MatchStatement:
		return s.Time
	case *KeyStatement:
		return s.Made
	case *CaseStatement:
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
	// One trusted authority is enough; the others' tokens then count for nothing.
	var trusted []Token
	for _, raw := range f.rawTokens {
		if tok, err := VerifyToken(raw, f.logSigned, t.roots); err == nil {
			trusted = append(trusted, tok)
			f.independent = f.independent || t.authority(tok.Root).Independent
		}
	}
	name := f.authorities()
	if len(trusted) > 0 {
		f.tokens = trusted
		if at, err := ParseTime(statementTime(f.statement)); err != nil || at.After(f.notAfter().Add(clockSlack)) {
			r.add(Contradicted, "policy: time order", "the statement says %s, which is after the trusted tokens", statementTime(f.statement))
		}
	}
	ask("policy: authority", len(trusted) > 0, "the policy trusts the time authority "+f.authorities(), "the policy does not trust the time authority "+name)
	if w, _ := f.statement.(*WorkStatement); w != nil && w.NotBefore != nil {
		// What the material's own witnesses say counts no longer.
		bound, aside, err := t.lowerBound(w.NotBefore, f.outside)
		f.notBefore = nil
		switch {
		case err != nil:
			r.add(Contradicted, "policy: not before", "%v", err)
		case bound == nil:
			r.note("%s", aside)
		case bound.After(f.notAfter().Add(clockSlack)):
			r.add(Contradicted, "policy: not before", "the value of outside is of %s, after the time token", FormatTime(*bound))
		default:
			f.notBefore = bound
		}
	}
	if f.renewal != nil {
		e := VerifyEvidenceRecord(f.renewal, []Object{ObjectBytes(f.logSigned)}, EvidenceOptions{Roots: t.roots})
		ask("policy: time, renewed", e.Outcome == Proved, e.Reason, e.Reason)
	}
	if f.key != nil {
		before := r.prefix
		r.prefix += "designer's key: "
		// As in claimed: the work's own checkpoint has the quorum, and holds the key's entry too.
		relaxed := *p
		relaxed.Quorum = 0
		r.trusted(f.key, &relaxed)
		r.prefix = before
	}
	if t.quorum > 0 {
		n := t.cosignatures(f.noteText, f.cosigs)
		ask("policy: witnesses", n >= t.quorum,
			fmt.Sprintf("%d trusted witnesses cosigned, %d needed", n, t.quorum),
			fmt.Sprintf("%d trusted witnesses cosigned, %d needed", n, t.quorum))
	}
}
