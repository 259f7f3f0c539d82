package provenance

import (
	"bytes"
	"fmt"
	"strings"
	"text/template"
	"time"
)

// guide is what README.txt says, see readmeTemplate.
type guide struct {
	Format       string
	Work         *WorkStatement
	ID           string
	Title, Owner string
	Match        *MatchStatement
	MatchID      string
	Sentence     string
	Parts        []guidePart
	// Originals and Accused say that those files are in the bundle, Report that report.pdf is.
	Originals, Accused, Report bool
	// Tools says that verify.sh and verify.html are.
	Tools bool
	// Lower is the lower bound of the registration's time, Outside where it comes from.
	Lower, Outside string
	Claim          *ClaimStatement
	Signed         guideSignature // of the claim
	// Cut is the name of the cut, Withheld how many files of the case are not in it.
	Cut      string
	Withheld int
}

// guidePart is one statement in the log.
type guidePart struct {
	Dir, Name, What         string
	Salt, Commitment        string
	Signed                  []guideSignature
	Time, Authority, Origin string
	Tokens                  []guideToken
	Index, Size             uint64
	Received                string
	Witnesses, Quorum       int
}

// guideSignature is what the commands for one signature need.
type guideSignature struct {
	Payload, Key, Sig, Type string
	Length                  int
}

type guideToken struct {
	File string
	Unix int64
}

// readme writes README.txt: what the bundle claims and does not claim, and each command
// that checks it without our tools, with its expected output. It follows from the other
// files alone, so that the verifier can write it again. It also returns the day of the
// latest token, which dates the bag.
func (v *verifier) readme() (text []byte, date string, err error) {
	work := v.work.statement.(*WorkStatement)
	g := guide{
		Format: bundleFormat, Work: work, ID: printable(work.Work), Title: printable(work.Title), Owner: printable(work.Owner.Name + " (" + work.Owner.ID + ")"),
		Originals: true, Report: v.bag[reportName] != nil,
		Tools: v.bag[toolsDir+"verify.sh"] != nil && v.bag[toolsDir+"verify.html"] != nil,
	}
	for i := range work.Assets {
		g.Originals = g.Originals && v.bag[originalName(work, i)] != nil
	}
	g.add("data/work", "work", "the registration", v.work)
	if nb := work.NotBefore; nb != nil {
		g.Outside = fmt.Sprintf("%s of %s, %s", nb.Kind, printable(nb.Source), nb.Time)
		if v.work.notBefore != nil {
			g.Lower = v.work.notBefore.Format(time.RFC3339)
		}
	}
	if k := v.work.key; k != nil {
		pub, err := k.statement.(*KeyStatement).PublicKey()
		if err != nil {
			return nil, "", err
		}
		g.Claim = v.work.claim
		g.Signed = signatureOf(claimText, keyDir+"key.pem", v.work.claimed, KeyID(pub))
		g.add("data/key", "key", "the designer's key", k)
	}
	if v.match != nil {
		g.Match = v.match.statement.(*MatchStatement)
		g.MatchID = printable(g.Match.Match)
		g.Sentence = printable(g.Match.Sentence)
		g.Accused = v.bag[accusedName(g.Match)] != nil
		g.add("data/match", "match", "the match", v.match)
	}
	if v.kase != nil {
		g.Cut, g.Withheld = v.cut, v.withheld
		g.add("data/case", "case", "the case", v.kase)
	}
	for _, f := range []*facts{v.work, v.work.key, v.match, v.kase} {
		if f != nil {
			date = max(date, f.notAfter().Format(time.DateOnly))
		}
	}
	var out bytes.Buffer
	if err := readmeTemplate.Execute(&out, g); err != nil {
		return nil, "", err
	}
	return out.Bytes(), date, nil
}

func (g *guide) add(dir, name, what string, f *facts) {
	p := guidePart{
		Dir: dir, Name: name, What: what, Salt: fmt.Sprintf("%x", f.salt), Commitment: fmt.Sprintf("%x", f.commitment), Received: statementTime(f.statement),
		Time: f.notAfter().Format(time.RFC3339), Authority: printable(f.authorities()),
		Index: f.index, Size: f.size, Origin: printable(f.log.Name()), Witnesses: f.witnesses, Quorum: f.quorum,
		Signed: []guideSignature{signatureOf(dir+"/statement.jcs", "trust/service-key.pem", f.envelope, KeyID(f.serviceKey))},
	}
	if k, ok := f.statement.(*KeyStatement); ok {
		if pub, err := k.PublicKey(); err == nil {
			p.Signed = append(p.Signed, signatureOf(dir+"/statement.jcs", keyDir+"key.pem", f.envelope, KeyID(pub)))
		}
	}
	for i, tok := range f.tokens {
		p.Tokens = append(p.Tokens, guideToken{dir + "/" + tokenName(i), tok.Time.Unix()})
	}
	g.Parts = append(g.Parts, p)
}

func signatureOf(payload, key string, e *Envelope, id string) guideSignature {
	out := guideSignature{Payload: payload, Key: key, Type: PayloadType, Length: len(e.Payload)}
	for _, s := range e.Signatures {
		if s.KeyID == id {
			out.Sig = encodeBase64(s.Sig)
		}
	}
	return out
}

var readmeTemplate = template.Must(template.New("readme").Funcs(template.FuncMap{
	"base": func(p string) string { return p[strings.LastIndex(p, "/")+1:] },
	"next": func(i int) int { return i + 3 },
}).Parse(`EVIDENCE BUNDLE ({{.Format}})

What is claimed
  Work         {{.ID}}, version {{.Work.Version}}
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
{{- if .Cut}}
  Cut          {{.Cut}}: {{.Withheld}} file(s) of the case are withheld
{{- end}}
{{- if .Report}}
  For people   report.pdf says the same with pictures
{{- end}}
{{- if .Match}}
  Match        {{.MatchID}}: {{.Match.Verdict}}, probability {{.Match.Probability}}
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
{{- if .Tools}}

Two more verifiers, which share no code with that one, are in tools/:
  sh tools/verify.sh
in the folder "bundle" of the unpacked zip, and tools/verify.html, which a browser opens
and which takes the zip. Both check all that selvage-verify checks, but for this README.
They were packed by whoever packed the bundle: better take them from elsewhere, see
tools/SOURCES.txt.
{{- end}}

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
{{- if .Cut}}
The case: data/case/statement.jcs names each file by an HMAC under a salt.
data/case/salts.txt holds the salts of the files that are in this cut.
    $ while read salt file; do c=$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$salt" -r "$file" | cut -c 1-64); grep -qF "\"commitment\":\"$c\",\"name\":\"$file\"" data/case/statement.jcs || echo "not of the case: $file"; done < data/case/salts.txt; echo checked
    checked
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
