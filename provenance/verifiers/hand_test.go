package verifiers_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/registry"
)

// keyOf is a key that follows from a number.
func keyOf(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func keyStatement(t testing.TB, service, owner string, key ed25519.PrivateKey) *provenance.KeyStatement {
	t.Helper()
	text, err := provenance.EncodePublicKey(public(key))
	must(t, err)
	return &provenance.KeyStatement{Type: provenance.KeyType, Service: service, Owner: owner, Key: text, Made: provenance.FormatTime(time.Now())}
}

// selfSigned is the statement of a designer's key, as the designer sends it.
func selfSigned(t testing.TB, service, owner string, key ed25519.PrivateKey) []byte {
	t.Helper()
	env, err := provenance.SignKey(keyStatement(t, service, owner, key), key)
	must(t, err)
	return env
}

// claimOf is a designer's claim of files.
func claimOf(t testing.TB, title string, list []registry.File, key ed25519.PrivateKey) []byte {
	t.Helper()
	c := &provenance.ClaimStatement{
		Type: provenance.ClaimType, Made: provenance.FormatTime(time.Now()), Owner: "ann", Title: title,
		Fixed:          &provenance.ClaimedDate{Date: "2026-03"},
		FirstDisclosed: &provenance.ClaimedDate{Date: "2026-05-02", Place: "Como", Channel: "trade fair", Reach: "buyers"},
		Authors:        []provenance.Author{{Name: "Ada Weaver", Role: "designer"}, {Name: "织女"}}, Rights: []string{"copyright", "unregistered-design"},
	}
	for _, f := range list {
		c.Files = append(c.Files, provenance.ClaimedFile{Digest: digest(f.Data), Size: int64(len(f.Data))})
	}
	env, err := provenance.SignClaim(c, key)
	must(t, err)
	return env
}

// vkey is a witness's key, NAME+HASH+KEY (C2SP tlog-cosignature).
func vkey(name string, key ed25519.PrivateKey) string {
	raw := append([]byte{4}, public(key)...)
	h := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return fmt.Sprintf("%s+%x+%s", name, h[:4], base64.StdEncoding.EncodeToString(raw))
}

// cosign adds a witness's line to a signed checkpoint.
func cosign(checkpoint, name string, key ed25519.PrivateKey, at time.Time) string {
	text := checkpoint[:strings.Index(checkpoint, "\n\n")+1]
	raw := append([]byte{4}, public(key)...)
	h := sha256.Sum256(append([]byte(name+"\n"), raw...))
	sig := binary.BigEndian.AppendUint64(h[:4], uint64(at.Unix()))
	sig = append(sig, ed25519.Sign(key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at.Unix(), text))...)
	return checkpoint + "— " + name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}

// outsideCheckpoint is one of another log, and the key of the witness that has cosigned it.
func outsideCheckpoint(at time.Time) (checkpoint []byte, witness string) {
	c := "other.example/log\n7\n" + strings.Repeat("A", 43) + "=\n\n— other.example/log AAAAAAAA\n"
	return []byte(cosign(c, "outside.example", keyOf(100), at)), vkey("outside.example", keyOf(100))
}

// service registers without looking: it logs and stamps whatever it is told to, and never
// verifies what comes of it.
type service struct {
	notary *sequencer.Notary
	time   sequencer.Stamper
}

// issue is a receipt of a sealed statement, sound or not.
func (s *service) issue(t testing.TB, sealed provenance.Sealed) *provenance.Receipt {
	t.Helper()
	index, err := s.notary.Log.Append(ctx, sealed.Commitment())
	must(t, err)
	proof, err := s.notary.Log.Prove(ctx, index, sealed.Commitment())
	must(t, err)
	_, logSigned, err := provenance.OpenCheckpoint(proof.Checkpoint, verifierOf(t, s.notary.LogKey()))
	must(t, err)
	tokens, err := s.time.Stamp(ctx, logSigned)
	must(t, err)
	p := s.notary.Policy()
	return provenance.NewReceipt(sealed, provenance.Notarisation{Proof: proof, LogKey: p.Logs[0], ServiceKey: p.Services[0], Tokens: tokens})
}

func (s *service) seal(t testing.TB, st provenance.Statement) provenance.Sealed {
	t.Helper()
	sealed, err := s.notary.Seal(st)
	must(t, err)
	return sealed
}

// put lays a receipt's parts into files as a bundle has them.
func (f files) put(t testing.TB, dir, name string, r *provenance.Receipt) {
	t.Helper()
	sealed, err := r.Sealed()
	must(t, err)
	env, err := provenance.ParseEnvelope(r.Envelope)
	must(t, err)
	proof, err := provenance.ParseLogProof([]byte(r.Proof))
	must(t, err)
	_, logSigned, err := provenance.OpenCheckpoint(proof.Checkpoint, verifierOf(t, r.LogKey))
	must(t, err)
	f[dir+"statement.jcs"], f[dir+"statement.dsse"] = env.Payload, r.Envelope
	f[dir+"opening.txt"] = fmt.Appendf(nil, "selvage.opening.v1\nsalt %s\ncommitment %x\n", r.Salt, sealed.Commitment())
	f[dir+name+".tlog-proof"], f[dir+"checkpoint"] = []byte(r.Proof), logSigned
	for i, tok := range r.Tokens {
		file := "checkpoint.tsr"
		if i > 0 {
			file = fmt.Sprintf("checkpoint-%d.tsr", i+1)
		}
		f[dir+file] = tok.Token
	}
}

func verifierOf(t testing.TB, logKey string) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(logKey)
	must(t, err)
	return v
}

// ofCase are the names of the files that a case names.
func (f files) ofCase() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f)), func(n string) bool {
		return n != "report.pdf" && !strings.HasPrefix(n, "tools/") && (!strings.HasPrefix(n, "data/") || strings.HasPrefix(n, "data/case/"))
	})
}

// day is that of the latest token, which dates a bag.
func (f files) day(t testing.TB) (day string) {
	t.Helper()
	p, err := provenance.ParsePolicy(f["trust/policy.json"])
	must(t, err)
	var roots []*x509.Certificate
	for _, a := range p.Authorities {
		certs, err := a.Certificates()
		must(t, err)
		roots = append(roots, certs...)
	}
	for name, data := range f {
		if strings.HasSuffix(name, ".tsr") {
			tok, err := provenance.VerifyToken(data, f[name[:strings.LastIndex(name, "/")]+"/checkpoint"], roots)
			must(t, err)
			day = max(day, tok.NotAfter().UTC().Format(time.DateOnly))
		}
	}
	return day
}

// witnessed is a bundle without a registry, a whole case whose checkpoints are cosigned by
// two of three witnesses, with a beacon as the value of outside.
func witnessed(t testing.TB) bundle {
	t.Helper()
	notary, _ := openNotary(t, "witnessed.example/log")
	original, value := []byte("seen by two"), []byte("pulse 42")
	at := provenance.FormatTime(time.Now().Add(-time.Hour))
	witnesses := []string{vkey("w1.example", keyOf(101)), vkey("w2.example", keyOf(102)), vkey("w3.example", keyOf(103))}
	issue := func(st provenance.Statement, named provenance.Named) *provenance.Receipt {
		sealed, err := notary.Seal(st)
		must(t, err)
		sealed.Named = named
		r, err := notary.Issue(ctx, sealed)
		must(t, err)
		head, signed, _ := strings.Cut(r.Proof, "\n\n")
		signed = cosign(cosign(signed, "w1.example", keyOf(101), time.Now()), "w3.example", keyOf(103), time.Now())
		r.Proof, r.Witnesses, r.Quorum = head+"\n\n"+signed, witnesses, 2
		return r
	}
	w := work("w-w", original)
	w.NotBefore = &provenance.NotBefore{Kind: provenance.BeaconValue, Source: "https://beacon.example", Digest: provenance.DigestOf(value), Time: at}
	b := provenance.Bundle{
		Work: issue(w, provenance.Named{Outside: value}), Originals: map[string]provenance.File{digest(original): opens(original)},
		Report: []byte("%PDF-1.7 ..."), Custody: []byte(`{"n":1,"what":"registered"}` + "\n"),
	}
	st, err := provenance.CaseOf(b, "selvage.example", provenance.FormatTime(time.Now()), [32]byte{1})
	must(t, err)
	b.Case = &provenance.CaseEvidence{Receipt: issue(st, provenance.Named{}), Secret: [32]byte{1}, Cut: provenance.CourtCut}
	var buf bytes.Buffer
	must(t, provenance.WriteBundle(&buf, b))
	p := notary.Policy()
	p.Witnesses, p.Quorum = witnesses, 2
	p.Beacons = []provenance.Beacon{{Source: "its archive", Digest: provenance.DigestOf(value), Time: at}}
	return bundle{"witnessed", buf.Bytes(), original, p}
}

// lies are bundles of a service that logs and stamps what is not so. All signatures, proofs
// and tokens in them are good; what is wrong is what they say of each other. The first is
// the honest one, to compare by.
func lies(t testing.TB) []swap {
	t.Helper()
	notary, authorities := openNotary(t, "lies.example/log")
	s := &service{notary: notary, time: authorities}
	original := []byte("warp and weft, and lies")
	designer, other := keyOf(50), keyOf(51)
	outside, witness := outsideCheckpoint(time.Now().Add(-time.Minute))
	early, err := provenance.NewCheckpointValue(outside, []string{witness})
	must(t, err)
	future, _ := outsideCheckpoint(time.Now().Add(time.Hour))
	late, err := provenance.NewCheckpointValue(future, []string{witness})
	must(t, err)

	// story is one registration; a lie changes it.
	type story struct {
		key     ed25519.PrivateKey
		owner   string // of the key
		alone   bool   // the service signs the key's statement alone
		after   bool   // the key comes into the log after the work
		claimBy []ed25519.PrivateKey
		work    func(w *provenance.WorkStatement)
		outside []byte
		custody string
		caseOf  func(st *provenance.CaseStatement)
	}
	chain := func(lines ...string) string {
		text, last := "", ""
		for i, l := range lines {
			l = fmt.Sprintf(`{"n":%d,"what":%q`, i+1, l)
			if last != "" {
				l += fmt.Sprintf(`,"previous":%q`, last)
			}
			l += "}"
			text, last = text+l+"\n", digest([]byte(l))
		}
		return text
	}
	tell := func(name string, change func(s *story)) swap {
		x := story{key: designer, owner: "o-1", claimBy: []ed25519.PrivateKey{designer}, outside: outside, custody: chain("registered", "withdrawn"), work: func(*provenance.WorkStatement) {}, caseOf: func(*provenance.CaseStatement) {}}
		change(&x)
		sealedKey := s.seal(t, keyStatement(t, "selvage.example", x.owner, x.key))
		if !x.alone {
			var err error
			sealedKey, err = notary.SealKey(selfSigned(t, "selvage.example", x.owner, x.key))
			must(t, err)
		}
		var key *provenance.Receipt
		if !x.after {
			key = s.issue(t, sealedKey)
		}
		w := work("w-lie", original)
		w.Title, w.NotBefore = "Twill", early
		c := &provenance.ClaimStatement{
			Type: provenance.ClaimType, Made: provenance.FormatTime(time.Now()), Owner: "o-1", Title: "Twill",
			Files: []provenance.ClaimedFile{{Digest: digest(original), Size: int64(len(original))}},
		}
		text, err := provenance.EncodeStatement(c)
		must(t, err)
		claim, err := provenance.Sign(text, x.claimBy...)
		must(t, err)
		commitment := sealedKey.Commitment()
		w.Claim = &provenance.ClaimRef{Digest: digest(claim), Key: provenance.KeyID(public(designer)), Registration: hex.EncodeToString(commitment[:])}
		x.work(w)
		r := s.issue(t, s.seal(t, w))
		if x.after {
			key = s.issue(t, sealedKey)
		}
		f := files{
			"bagit.txt": []byte("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"), "README.txt": []byte("x"), "report.pdf": []byte("%PDF"),
			"data/custody.jsonl": []byte(x.custody), "data/work/original.png": original, "data/work/not-before.txt": x.outside,
			"data/work/claim.dsse": claim, "data/work/claim.jcs": text, "data/key/key.pem": []byte(keyStatement(t, "", "o", x.key).Key),
			"data/work/digests.txt": fmt.Appendf(nil, "%s  original.png\n", digest(original)), "trust/policy.json": marshal(t, notary.Policy()),
		}
		f.trustIn(t, func(p *provenance.Policy) { p.Witnesses = []string{witness} })
		f.put(t, "data/work/", "work", r)
		f.put(t, "data/key/", "key", key)
		sealedWork, err := r.Sealed()
		must(t, err)
		commitment = sealedWork.Commitment()
		st := &provenance.CaseStatement{Type: provenance.CaseType, Service: "selvage.example", Time: provenance.FormatTime(time.Now()), WorkCommitment: hex.EncodeToString(commitment[:])}
		salts := ""
		for _, n := range f.ofCase() {
			salt := sha256.Sum256([]byte(n))
			c := provenance.Commit(salt, f[n])
			st.Files = append(st.Files, provenance.CaseFile{Name: n, Commitment: hex.EncodeToString(c[:])})
			salts += fmt.Sprintf("%x %s\n", salt, n)
		}
		x.caseOf(st)
		f["data/case/salts.txt"], f["data/case/cut.txt"] = []byte(salts), []byte("court\n")
		f.put(t, "data/case/", "case", s.issue(t, s.seal(t, st)))
		f["bag-info.txt"] = fmt.Appendf(nil, "Bundle-Format: selvage.bundle.v2\nBag-Software-Agent: Selvage\nBagging-Date: %s\nPayload-Oxum: 0.0\n", f.day(t))
		f.seal()
		return swap{name, f}
	}
	return []swap{
		tell("nothing", func(*story) {}),
		tell("the key registered after the work", func(x *story) { x.after = true }),
		tell("a key that has not signed its registration", func(x *story) { x.alone = true }),
		tell("another owner's key", func(x *story) { x.owner = "o-2" }),
		tell("another key than the statement names", func(x *story) { x.key, x.claimBy = other, []ed25519.PrivateKey{other} }),
		tell("a claim by another key", func(x *story) { x.claimBy = []ed25519.PrivateKey{other} }),
		tell("a claim by two keys", func(x *story) { x.claimBy = []ed25519.PrivateKey{designer, other} }),
		tell("another title than claimed", func(x *story) { x.work = func(w *provenance.WorkStatement) { w.Title = "Satin" } }),
		tell("another owner than claimed", func(x *story) { x.work = func(w *provenance.WorkStatement) { w.Owner.ID = "o-2" } }),
		tell("an author who was not claimed", func(x *story) {
			x.work = func(w *provenance.WorkStatement) { w.Authors = []provenance.Author{{Name: "Eve"}} }
		}),
		tell("a right that was not claimed", func(x *story) { x.work = func(w *provenance.WorkStatement) { w.Rights = []string{"patent"} } }),
		tell("a date that was not claimed", func(x *story) {
			x.work = func(w *provenance.WorkStatement) { w.Dates.Fixed = &provenance.ClaimedDate{Date: "1999"} }
		}),
		tell("a predecessor that was not claimed", func(x *story) {
			x.work = func(w *provenance.WorkStatement) { w.Version, w.Previous = 2, digest(nil) }
		}),
		tell("a value of outside of after the token", func(x *story) { x.outside = future; x.work = func(w *provenance.WorkStatement) { w.NotBefore = late } }),
		tell("a checkpoint of another log", func(x *story) {
			x.work = func(w *provenance.WorkStatement) { nb := *early; nb.Source = "third.example"; w.NotBefore = &nb }
		}),
		tell("another value of outside", func(x *story) { x.outside = future }),
		tell("a case of another work", func(x *story) { x.caseOf = func(st *provenance.CaseStatement) { st.WorkCommitment = digest(nil) } }),
		tell("a case with a match that is not there", func(x *story) { x.caseOf = func(st *provenance.CaseStatement) { st.MatchCommitment = digest(nil) } }),
		tell("a case of other files", func(x *story) { x.caseOf = func(st *provenance.CaseStatement) { st.Files[3].Commitment = digest(nil) } }),
		tell("a case that names a file less", func(x *story) {
			x.caseOf = func(st *provenance.CaseStatement) { st.Files = st.Files[:len(st.Files)-1] }
		}),
		tell("a custody record with a line left out", func(x *story) {
			l := strings.SplitAfter(chain("registered", "shown", "withdrawn"), "\n")
			x.custody = l[0] + l[2]
		}),
		tell("a custody record with its beginning left out", func(x *story) {
			l := strings.SplitAfter(chain("registered", "withdrawn"), "\n")
			x.custody = l[1]
		}),
		tell("a custody record without its chain", func(x *story) { x.custody = "{\"n\":1}\n{\"n\":2}\n" }),
	}
}
