package provenance

import (
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// PolicyFormat is the format field of a policy file.
const PolicyFormat = "selvage.policy.v1"

const (
	maxPolicy     = 1 << 20
	maxPolicyKeys = 256
	maxBeacons    = 10_000
)

// Policy says whom a verifier trusts. As a file it is JSON with exactly these fields:
//
//	{
//	  "format": "selvage.policy.v1",
//	  "logs": ["example.org/log+1a2b3c4d+AbC..."],       note verifier keys, Ed25519
//	  "services": ["-----BEGIN PUBLIC KEY-----\n..."],    Ed25519, PEM
//	  "authorities": [{                                   RFC 3161 time authorities
//	    "name": "Example TSA",
//	    "roots": "-----BEGIN CERTIFICATE-----\n...",
//	    "independent": true                               false: said to be "(local)"
//	  }],
//	  "witnesses": ["witness.example+5e6f7a8b+BAb..."],   cosignature/v1 keys, optional
//	  "quorum": 2,                                        how many of them must have signed
//	  "beacons": [{                                       values of outside you found yourself, optional
//	    "source": "https://beacon.example",
//	    "digest": "9f86d081...",                          SHA-256 of the value's bytes
//	    "time": "2026-01-02T03:04:05.000Z"
//	  }]
//	}
//
// At least one log, service and authority must be named; what the material carries but
// the policy does not trust makes the answer "cannot tell".
type Policy struct {
	Format      string      `json:"format"`
	Logs        []string    `json:"logs"`
	Services    []string    `json:"services"`
	Authorities []Authority `json:"authorities"`
	Witnesses   []string    `json:"witnesses,omitempty"`
	Quorum      int         `json:"quorum,omitempty"`
	Beacons     []Beacon    `json:"beacons,omitempty"`
}

// Beacon is a value that was published at a time, as the policy's author knows for
// themselves; see [NotBefore].
type Beacon struct {
	Source string `json:"source"`
	Digest string `json:"digest"`
	Time   string `json:"time"`
}

// Authority is a trusted time authority.
type Authority struct {
	Name  string `json:"name"`
	Roots string `json:"roots"`
	// Independent says that the authority is not run by the registering service.
	Independent bool `json:"independent,omitempty"`
}

// Certificates are the authority's roots, parsed.
func (a Authority) Certificates() ([]*x509.Certificate, error) {
	certs, err := parseRoots(a.Roots)
	if err != nil {
		return nil, fmt.Errorf("authority %q: %w", clip(a.Name), err)
	}
	return certs, nil
}

// ParsePolicy reads a policy file.
func ParsePolicy(b []byte) (*Policy, error) {
	var p Policy
	if err := decodeStrict(b, &p, maxPolicy); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if _, err := p.trust(); err != nil {
		return nil, err
	}
	return &p, nil
}

// Marshal writes the policy as canonical JSON.
func (p *Policy) Marshal() ([]byte, error) { return canonical(p) }

// trust is a policy with its keys parsed.
type trust struct {
	logs      []note.Verifier
	services  []ed25519.PublicKey
	roots     []*x509.Certificate
	rootOf    []Authority // same order as roots
	witnesses []*WitnessKey
	quorum    int
	beacons   []Beacon
}

func (p *Policy) trust() (*trust, error) {
	if p.Format != PolicyFormat {
		return nil, fmt.Errorf("policy: format %q: want %q", clip(p.Format), PolicyFormat)
	}
	for _, n := range []int{len(p.Logs), len(p.Services), len(p.Authorities)} {
		if n == 0 || n > maxPolicyKeys {
			return nil, fmt.Errorf("policy: want 1 to %d each of logs, services and authorities", maxPolicyKeys)
		}
	}
	if len(p.Witnesses) > maxPolicyKeys {
		return nil, fmt.Errorf("policy: %d witnesses: at most %d", len(p.Witnesses), maxPolicyKeys)
	}
	if len(p.Beacons) > maxBeacons {
		return nil, fmt.Errorf("policy: %d beacons: at most %d", len(p.Beacons), maxBeacons)
	}
	for _, b := range p.Beacons {
		if _, err := ParseTime(b.Time); err != nil || !isDigest(b.Digest) {
			return nil, fmt.Errorf("policy: beacon %q: want a digest of 64 hex digits and a time", clip(b.Source))
		}
	}
	t := &trust{quorum: p.Quorum, beacons: p.Beacons}
	for _, k := range p.Logs {
		v, err := note.NewVerifier(k)
		if err != nil {
			return nil, fmt.Errorf("policy: log key %q: %w", clip(k), err)
		}
		if t.hasLog(v) {
			return nil, fmt.Errorf("policy: log key %q twice", clip(k))
		}
		t.logs = append(t.logs, v)
	}
	for _, k := range p.Services {
		pub, err := parsePublicKey(k)
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		t.services = append(t.services, pub)
	}
	for _, a := range p.Authorities {
		certs, err := a.Certificates()
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		for _, c := range certs {
			t.roots, t.rootOf = append(t.roots, c), append(t.rootOf, a)
		}
	}
	keys := 0 // one under two names counts once
	for _, k := range p.Witnesses {
		w, err := ParseWitnessKey(k)
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		if !slices.ContainsFunc(t.witnesses, w.Equal) {
			keys++
		}
		t.witnesses = append(t.witnesses, w)
	}
	if p.Quorum < 0 || p.Quorum > keys {
		return nil, fmt.Errorf("policy: a quorum of %d among the keys of %d witnesses", p.Quorum, keys)
	}
	return t, nil
}

func (t *trust) hasLog(v note.Verifier) bool {
	for _, l := range t.logs {
		if l.Name() == v.Name() && l.KeyHash() == v.KeyHash() {
			return true
		}
	}
	return false
}

func (t *trust) authority(root *x509.Certificate) Authority {
	for i, c := range t.roots {
		if c.Equal(root) {
			return t.rootOf[i]
		}
	}
	return Authority{}
}

// signer returns the first service key that signed e.
func (t *trust) signer(e *Envelope) (ed25519.PublicKey, error) {
	first := errUnknownKey
	for _, pub := range t.services {
		err := e.SignedBy(pub)
		if err == nil {
			return pub, nil
		}
		if !errors.Is(err, errUnknownKey) {
			first = err
		}
	}
	return nil, first
}

// cosignatures counts the trusted witnesses that cosigned the checkpoint, by their keys.
func (t *trust) cosignatures(text string, sigs []note.Signature) int {
	var have []*WitnessKey
	for _, w := range t.witnesses {
		if slices.ContainsFunc(have, w.Equal) {
			continue
		}
		if slices.ContainsFunc(sigs, func(s note.Signature) bool { return w.cosigned(text, s) }) {
			have = append(have, w)
		}
	}
	return len(have)
}

// checkUsed names a log, service or authority that made nothing of what was proved: its key
// can only be there to be believed. Witnesses may have been asked in vain. Parts that are nil
// are left out; the tokens are those of renewals.
func (t *trust) checkUsed(parts []*facts, renewals []Token) error {
	tokens := slices.Clone(renewals)
	services, logs := map[string]bool{}, map[string]bool{}
	for _, f := range parts {
		if f == nil {
			continue
		}
		services[string(f.serviceKey)] = true
		logs[fmt.Sprintf("%s+%08x", f.log.Name(), f.log.KeyHash())] = true
		tokens = append(tokens, f.tokens...)
	}
	for _, k := range t.services {
		if !services[string(k)] {
			return fmt.Errorf("the service key %s, which signed nothing here", KeyID(k))
		}
		delete(services, string(k)) // twice is once too often
	}
	for _, l := range t.logs {
		if !logs[fmt.Sprintf("%s+%08x", l.Name(), l.KeyHash())] {
			return fmt.Errorf("a key of log %s that signed nothing here", l.Name())
		}
	}
	used := map[Authority]bool{}
	for i, root := range t.roots {
		used[t.rootOf[i]] = used[t.rootOf[i]] || slices.ContainsFunc(tokens, func(tok Token) bool { return root.Equal(tok.Root) })
	}
	for _, a := range t.rootOf {
		if !used[a] {
			return fmt.Errorf("the certificate of the time authority %q, which stamped nothing here", clip(a.Name))
		}
	}
	return nil
}
