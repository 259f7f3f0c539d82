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
	type part struct {
		Dir, Name, What         string
		Salt, Commitment        string
		PAELen                  int
		Sig, Type               string
		Time, Authority, Origin string
		Unix                    int64
		Index, Size             uint64
		Received                string
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
		sig := ""
		for _, s := range f.envelope.Signatures {
			if s.KeyID == KeyID(f.serviceKey) {
				sig = encodeBase64(s.Sig)
			}
		}
		c, _, err := OpenCheckpoint(d.proof.Checkpoint, t.logs...)
		if err != nil {
			return err
		}
		v.Parts = append(v.Parts, part{
			Dir: dir, Name: name, What: what, Salt: r.Salt, Commitment: fmt.Sprintf("%x", f.commitment),
			PAELen: len(f.envelope.Payload), Sig: sig, Type: PayloadType, Received: received,
			Time: f.token.NotAfter().Format(time.RFC3339), Authority: printable(f.token.Authority), Unix: f.token.Time.Unix(),
			Index: d.proof.Index, Size: c.Size, Origin: printable(c.Origin),
		})
		date = max(date, f.token.Time.Format(time.DateOnly))
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
}).Parse(`EVIDENCE BUNDLE ({{.Format}})

What is claimed
  Work         {{.Work.Work}}, version {{.Work.Version}}
  Title        {{.Title}}
  Owner        {{.Owner}}
{{- range .Parts}}
  Proved time  {{.What}} existed at {{.Time}} at the latest,
               by the time authority "{{.Authority}}";
               the service's own clock says {{.Received}}
{{- end}}
{{- if .Match}}
  Match        {{.Match.Match}}: {{.Match.Verdict}}, probability {{.Match.Probability}}
               {{.Sentence}}
{{- end}}

What is not claimed
  A proof of time is not a proof of authorship. The bundle proves that the
  statement existed by the time named, and which files it names. Who made the
  work, the dates under "fixed" and "firstDisclosed", and the owner's name are
  claims of the owner. There is no lower bound: the work may be older.

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
{{if eq $i 0}}3. The registration: data/work{{else}}4. The match: data/match{{end}}
  a. statement.jcs is what the envelope statement.dsse carries.
    $ sed 's/^{"payload":"\([^"]*\)".*/\1/' {{.Dir}}/statement.dsse | base64 -d | cmp - {{.Dir}}/statement.jcs && echo same
    same
  b. The service signed it (DSSE: Ed25519 over a header and the statement).
    $ (printf 'DSSEv1 {{len .Type}} {{.Type}} {{.PAELen}} '; cat {{.Dir}}/statement.jcs) > /tmp/selvage-pae.$$; echo {{.Sig}} | base64 -d > /tmp/selvage-sig.$$; openssl pkeyutl -verify -pubin -inkey trust/service-key.pem -rawin -in /tmp/selvage-pae.$$ -sigfile /tmp/selvage-sig.$$; rm -f /tmp/selvage-pae.$$ /tmp/selvage-sig.$$
    Signature Verified Successfully
  c. The log entry is the HMAC of the envelope under the salt in opening.txt.
    $ openssl dgst -sha256 -mac HMAC -macopt hexkey:{{.Salt}} {{.Dir}}/statement.dsse
    HMAC-SHA2-256({{.Dir}}/statement.dsse)= {{.Commitment}}
  d. That entry is number {{.Index}} of the {{.Size}} in log {{.Origin}}.
     {{.Name}}.tlog-proof is C2SP tlog-proof@v1: the leaf is SHA-256 of a zero
     byte and the 32 bytes of c; the path lines lead from it to the root hash
     in the checkpoint, each step SHA-256 of a byte 01, left, right (RFC 6962).
     The checkpoint is a signed note; its key is in trust/log.vkey.
  e. The time token is over the checkpoint.
    $ openssl ts -verify -attime {{.Unix}} -in {{.Dir}}/checkpoint.tsr -data {{.Dir}}/checkpoint -CAfile trust/tsa-ca.pem 2>&1 | grep '^Verif'
    Verification: OK
    $ openssl ts -reply -in {{.Dir}}/checkpoint.tsr -text 2>/dev/null | grep -c '^Time stamp:'
    1
{{end}}
The order of things: the checkpoint cannot be older than the entries in it,
the token cannot be older than the checkpoint, and nobody can make the token's
time earlier without the authority's key.
`))
