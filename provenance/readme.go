package provenance

import (
	"bytes"
	"fmt"
	"strings"
	"text/template"
	"time"
)

// readme writes README.txt: what the bundle claims and does not claim, and each command
// that checks it without our tools, with its expected output. It also returns the day
// of the latest token, which dates the bag.
func readme(b bag, src Bundle, work *WorkStatement, match *MatchStatement) (text []byte, date string, err error) {
	type signed struct { // what the commands for one signature need
		Payload, Key, Sig, Type string
		Length                  int
	}
	type token struct {
		File string
		Unix int64
	}
	type part struct {
		Dir, Name, What         string
		Salt, Commitment        string
		Signed                  []signed
		Time, Authority, Origin string
		Tokens                  []token
		Index, Size             uint64
		Received                string
		Witnesses, Quorum       int
	}
	var v struct {
		Work      *WorkStatement
		Title     string
		Owner     string
		Match     *MatchStatement
		Sentence  string
		Parts     []part
		Originals bool
		Accused   bool
		Format    string
		// Lower is the lower bound of the registration's time, Outside where it comes from.
		Lower, Outside string
		Claim          *ClaimStatement
		Signed         signed // of the claim
	}
	sign := func(payload, key string, e *Envelope, id string) signed {
		out := signed{Payload: payload, Key: key, Type: PayloadType, Length: len(e.Payload)}
		for _, s := range e.Signatures {
			if s.KeyID == id {
				out.Sig = encodeBase64(s.Sig)
			}
		}
		return out
	}
	add := func(dir, name, what, received string, r *Receipt) error {
		d, ok := r.parts(&reporter{})
		t, err := r.carried().trust()
		if !ok || err != nil {
			return fmt.Errorf("receipt cannot be read again: %w", err)
		}
		f := d.verify(&reporter{}, t)
		if f == nil {
			return fmt.Errorf("receipt of %s does not verify", name)
		}
		c, _, err := OpenCheckpoint(d.proof.Checkpoint, t.logs...)
		if err != nil {
			return err
		}
		p := part{
			Dir: dir, Name: name, What: what, Salt: r.Salt, Commitment: fmt.Sprintf("%x", f.commitment), Received: received,
			Time: f.notAfter().Format(time.RFC3339), Authority: printable(f.authorities()),
			Index: d.proof.Index, Size: c.Size, Origin: printable(c.Origin),
			Witnesses: t.cosignatures(f.noteText, f.cosigs), Quorum: t.quorum,
			Signed: []signed{sign(dir+"/statement.jcs", "trust/service-key.pem", f.envelope, KeyID(f.serviceKey))},
		}
		if k, ok := f.statement.(*KeyStatement); ok {
			pub, err := k.PublicKey()
			if err != nil {
				return err
			}
			p.Signed = append(p.Signed, sign(dir+"/statement.jcs", keyDir+"key.pem", f.envelope, KeyID(pub)))
		}
		for i, tok := range f.tokens {
			p.Tokens = append(p.Tokens, token{dir + "/" + tokenName(i), tok.Time.Unix()})
		}
		v.Parts = append(v.Parts, p)
		if f.notBefore != nil {
			v.Lower = f.notBefore.Format(time.RFC3339)
		}
		date = max(date, f.notAfter().Format(time.DateOnly))
		return nil
	}
	v.Work, v.Match, v.Format = work, match, bundleFormat
	v.Title, v.Owner = printable(work.Title), printable(work.Owner.Name+" ("+work.Owner.ID+")")
	v.Originals = true
	for i := range work.Assets {
		v.Originals = v.Originals && b[originalName(work, i)] != nil
	}
	if err := add("data/work", "work", "the registration", work.Dates.Received, src.Work); err != nil {
		return nil, "", err
	}
	if nb := work.NotBefore; nb != nil {
		v.Outside = fmt.Sprintf("%s of %s, %s", nb.Kind, printable(nb.Source), nb.Time)
	}
	if src.Work.Claim != nil {
		key, err := verifiedStatement[*KeyStatement](src.Work.Key)
		if err != nil {
			return nil, "", err
		}
		e, err := ParseEnvelope(src.Work.Claim)
		if err != nil {
			return nil, "", err
		}
		pub, err := key.PublicKey()
		if err != nil {
			return nil, "", err
		}
		if v.Claim, err = OpenClaim(src.Work.Claim, pub); err != nil {
			return nil, "", err
		}
		v.Signed = sign(claimText, keyDir+"key.pem", e, KeyID(pub))
		if err := add("data/key", "key", "the designer's key", key.Made, src.Work.Key); err != nil {
			return nil, "", err
		}
	}
	if match != nil {
		v.Sentence = printable(match.Sentence)
		v.Accused = b[accusedName(match)] != nil
		if err := add("data/match", "match", "the match", match.Time, src.Match.Receipt); err != nil {
			return nil, "", err
		}
	}
	var out bytes.Buffer
	if err := readmeTemplate.Execute(&out, v); err != nil {
		return nil, "", err
	}
	return out.Bytes(), date, nil
}

var readmeTemplate = template.Must(template.New("readme").Funcs(template.FuncMap{
	"base": func(p string) string { return p[strings.LastIndex(p, "/")+1:] },
	"next": func(i int) int { return i + 3 },
}).Parse(`EVIDENCE BUNDLE ({{.Format}})

What is claimed
  Work         {{.Work.Work}}, version {{.Work.Version}}
  Title        {{.Title}}
  Owner        {{.Owner}}
{{- range .Parts}}
  Proved time  {{.What}} existed at the latest
               at {{.Time}}
               by the time authority "{{.Authority}}";
               the service's own clock says {{.Received}}
{{- end}}
{{- if .Lower}}
  Not earlier  than {{.Lower}}: the statement contains a
               {{.Outside}}
{{- else if .Outside}}
  Not earlier  than whoever finds it published can tell: the statement contains a
               {{.Outside}}
{{- end}}
{{- if .Claim}}
  Claimed by   the designer's own key, by the designer's clock
               at {{.Claim.Made}}
{{- end}}
{{- if .Match}}
  Match        {{.Match.Match}}: {{.Match.Verdict}}, probability {{.Match.Probability}}
               {{.Sentence}}
{{- end}}

What is not claimed
  A proof of time is not a proof of authorship. The bundle proves that the
  statement existed by the time named, and which files it names. Who made the
  work, the dates under "fixed" and "firstDisclosed", the authors, the rights
  and the owner's name are claims of the owner. The work itself may be older
  than the statement about it.

The quick check, with the network off (exit status 0 means proved):
  selvage-verify BUNDLE.zip
  selvage-verify BUNDLE.zip --file ORIGINAL
  selvage-verify BUNDLE.zip --policy POLICY.json
Without --policy the keys in trust/ are taken at their word. Compare them with
copies published elsewhere, or name your own in a policy file.

The check without our tools
  Unpack the zip and go into the folder "bundle". Lines that begin with $ are
  commands for a POSIX shell with coreutils and OpenSSL 3; what follows a
  command is the expected output.

1. Nothing is missing and nothing was changed after packing.
    $ sha256sum --quiet -c manifest-sha256.txt && echo complete
    complete
    $ sha256sum --quiet -c tagmanifest-sha256.txt && echo complete
    complete
    $ sha512sum --quiet -c manifest-sha512.txt && echo complete
    complete

2. The files are the registered ones.
{{- if .Originals}}
    $ (cd data/work && sha256sum --quiet -c digests.txt) && echo registered
    registered
{{- else}}
  Not all originals are in this bundle. Whoever holds them puts them into
  data/work under the names in digests.txt and runs: sha256sum -c digests.txt
{{- end}}
{{- if .Accused}}
    $ (cd data/accused && sha256sum --quiet -c digest.txt) && echo accused
    accused
{{- end}}
  The same digests stand in statement.jcs, which is signed:
{{- range .Work.Assets}}
    $ grep -c {{.Digest}} data/work/statement.jcs
    1
{{- end}}
{{range $i, $p := .Parts}}
{{next $i}}. {{.What}}: {{.Dir}}
  a. statement.jcs is what the envelope statement.dsse carries.
    $ sed 's/^{"payload":"\([^"]*\)".*/\1/' {{.Dir}}/statement.dsse | base64 -d | cmp - {{.Dir}}/statement.jcs && echo same
    same
  b. It is signed (DSSE: Ed25519 over a header and the statement).
{{- range .Signed}}
{{template "signed" .}}
{{- end}}
  c. The log entry is the HMAC of the envelope under the salt in opening.txt.
    $ openssl dgst -sha256 -mac HMAC -macopt hexkey:{{.Salt}} {{.Dir}}/statement.dsse
    HMAC-SHA2-256({{.Dir}}/statement.dsse)= {{.Commitment}}
  d. That entry is number {{.Index}} of the {{.Size}} in log {{.Origin}}.
     {{.Name}}.tlog-proof is C2SP tlog-proof@v1: the leaf is SHA-256 of a zero
     byte and the 32 bytes of c; the path lines lead from it to the root hash
     in the checkpoint, each step SHA-256 of a byte 01, left, right (RFC 6962).
     The checkpoint is a signed note; its key is in trust/log.vkey.
{{- if .Quorum}}
     {{.Witnesses}} witnesses of trust/witnesses.vkey have cosigned it, {{.Quorum}} needed: they
     have seen no other tree of this log (C2SP tlog-cosignature).
{{- end}}
  e. Each time token is over the checkpoint.
{{- range .Tokens}}
    $ openssl ts -verify -attime {{.Unix}} -in {{.File}} -data {{$p.Dir}}/checkpoint -CAfile trust/tsa-ca.pem 2>&1 | grep '^Verif'
    Verification: OK
    $ openssl ts -reply -in {{.File}} -text 2>/dev/null | grep -c '^Time stamp:'
    1
{{- end}}
{{end}}
{{- if .Claim}}
The designer's own claim: data/work/claim.dsse
    $ sed 's/^{"payload":"\([^"]*\)".*/\1/' data/work/claim.dsse | base64 -d | cmp - data/work/claim.jcs && echo same
    same
{{- template "signed" .Signed}}
  The registration names it; the key's entry in the log is older.
    $ grep -c "$(sha256sum data/work/claim.dsse | cut -c 1-64)" data/work/statement.jcs
    1
{{end}}
{{- if .Outside}}
The value of outside: data/work/not-before.txt
    $ grep -c "$(sha256sum data/work/not-before.txt | cut -c 1-64)" data/work/statement.jcs
    1
{{end}}
The order of things: the checkpoint cannot be older than the entries in it,
the token cannot be older than the checkpoint, and nobody can make the token's
time earlier without the authority's key.
{{define "signed"}}
    $ (printf 'DSSEv1 {{len .Type}} {{.Type}} {{.Length}} '; cat {{.Payload}}) > /tmp/selvage-pae.$$; echo {{.Sig}} | base64 -d > /tmp/selvage-sig.$$; openssl pkeyutl -verify -pubin -inkey {{.Key}} -rawin -in /tmp/selvage-pae.$$ -sigfile /tmp/selvage-sig.$$; rm -f /tmp/selvage-pae.$$ /tmp/selvage-sig.$$
    Signature Verified Successfully
{{- end}}`))
