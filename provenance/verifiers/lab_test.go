package verifiers_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math/big"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	digitorus "github.com/digitorus/timestamp"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/fixtures"
	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/provenance/timestamp"
	"selvage/registry"
	"selvage/store"
	"selvage/store/mem"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bundle is an evidence bundle with what a test needs to know about it.
type bundle struct {
	name     string
	zip      []byte
	original []byte // one of the registered files
	policy   *provenance.Policy
}

// lab is what most tests share: seven works of the first service and the bundles of the
// others, and the browser.
type lab struct {
	bundles []bundle
	browser *browser
}

var (
	labOnce sync.Once
	theLab  *lab
	// endings close what the lab opened.
	endings []func()
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range slices.Backward(endings) {
		end()
	}
	os.Exit(code)
}

func getLab(t testing.TB) *lab {
	t.Helper()
	labOnce.Do(func() { theLab = &lab{bundles: makeBundles(t, 7), browser: openBrowser(t)} })
	if theLab == nil {
		t.Fatal("the lab could not be built")
	}
	if theLab.browser == nil {
		t.Skip("no chromium on this machine: verify.html was not run")
	}
	return theLab
}

// tempDir is a folder that lasts as long as the lab.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "verifiers")
	must(t, err)
	endings = append(endings, func() {
		// A browser's helpers may still write for a moment.
		for range 50 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return dir
}

// kind is what a bundle of a registered work holds.
type kind struct {
	cut                         provenance.Cut
	claim, match, accused, both bool // both: two files
}

// kinds of bundle, in turn; a work and the sixth after it are of one kind.
var kinds = []kind{
	{cut: provenance.CourtCut, claim: true, match: true, accused: true},
	{cut: provenance.OfficerCut, claim: true, match: true},
	{cut: provenance.PartyCut, claim: true, match: true, accused: true},
	{cut: provenance.DigestsCut, claim: true},
	{cut: provenance.CourtCut, match: true, both: true},
	{cut: provenance.CourtCut, claim: true, both: true},
}

func (k kind) String() string {
	name := string(k.cut)
	for _, part := range []struct {
		name string
		has  bool
	}{{" claim", k.claim}, {" match", k.match}, {" accused", k.accused}, {" two-files", k.both}} {
		if part.has {
			name += part.name
		}
	}
	return name
}

// makeBundles registers n generated pictures with a real registry, each with a key and a
// claim of its designer, under two time authorities and a checkpoint of another log, and
// compares edits of them; each work gives one bundle, of a kind that goes by its number. To
// them come the bundle of format v1 that is kept, one whose checkpoints are cosigned by a
// quorum of witnesses, those of a second service with time authorities of other key types,
// and one whose work and match are signed under different keys.
func makeBundles(t testing.TB, n int) []bundle {
	t.Helper()
	notary, _ := openNotary(t, "test.selvage/log")
	outside, witness := outsideCheckpoint(time.Now().Add(-time.Minute))
	service, err := registry.Open(ctx, registry.Config{
		KV: mem.NewKV(), Blobs: store.NewBlobs(mem.NewObjects()), Notary: notary,
		Hashers: fingerprint.Set{photo.New(photo.Options{})}, DataDir: tempDir(t), ReceiptWait: 5 * time.Minute,
		Tools: map[string][]byte{"verify.sh": []byte("#!/bin/sh\n"), "SOURCES.txt": []byte("elsewhere\n")},
		Outside: func(context.Context) (registry.OutsideValue, error) {
			nb, err := provenance.NewCheckpointValue(outside, []string{witness})
			return registry.OutsideValue{NotBefore: nb, Value: outside, Witnesses: []string{witness}}, err
		},
	})
	must(t, err)
	endings = append(endings, func() { _ = service.Close(ctx) })
	policy := notary.Policy()
	policy.Witnesses = []string{witness}

	var all []bundle
	for i := range n {
		k := kinds[i%len(kinds)]
		picture := fixtures.Original(fixtures.Families()[i%8].Name, uint64(i), 160, 120)
		original := asPNG(t, picture)
		q := registry.RegisterRequest{Owner: "ann", Visibility: registry.Matchable, Files: []registry.File{{Name: "a.png", Data: original}}}
		if k.both {
			q.Files = append(q.Files, registry.File{Name: "b.jpg", Data: asJPEG(t, fixtures.Original(fixtures.Families()[8].Name, uint64(i), 160, 120))})
		}
		// A title that looks like fields of the statement must stay a title.
		const title = `Twill №5 <&> "digest":"00" \ "type":"selvage.match.v1"`
		if q.Title = title; k.claim {
			q.Title = ""
			designer := keyOf(byte(1 + i/len(kinds))) // sixty keys are more than an owner may have
			_, err := service.RegisterKey(ctx, "ann", selfSigned(t, "selvage", "ann", designer))
			must(t, err)
			q.Claim = claimOf(t, title, q.Files, designer)
		}
		reg, err := service.Register(ctx, q)
		must(t, err)
		e := registry.EvidenceRequest{Owner: "ann", Work: reg.Work.ID, Cut: k.cut}
		if k.match {
			accused := registry.File{Name: "q.jpg", Data: asJPEG(t, picture)}
			rep, err := service.Compare(ctx, "ann", reg.Work.ID, accused)
			must(t, err)
			if e.Match = rep.ID; k.accused {
				e.Accused = &accused
			}
		}
		var buf bytes.Buffer
		must(t, service.Evidence(ctx, e, &buf))
		all = append(all, bundle{k.String(), buf.Bytes(), original, policy})
	}
	all = append(all, kept(t), witnessed(t))
	return append(all, otherAuthorities(t, notary)...)
}

// openNotary is a notary with two time authorities.
func openNotary(t testing.TB, origin string) (*sequencer.Notary, sequencer.Stamper) {
	t.Helper()
	local, err := timestamp.OpenLocal(tempDir(t), nil)
	must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	both, err := timestamp.NewSeveral(2, local, newAuthority(t, key, authorityOptions{}))
	must(t, err)
	notary, err := sequencer.OpenNotary(ctx, sequencer.NotaryConfig{Dir: tempDir(t), Origin: origin, BatchAge: time.Millisecond, Time: both})
	must(t, err)
	endings = append(endings, func() { _ = notary.Close(ctx) })
	return notary, both
}

// kept is the bundle of format selvage.bundle.v1 in package provenance's testdata.
func kept(t testing.TB) bundle {
	t.Helper()
	zip, err := os.ReadFile("../testdata/bundle-v1.zip")
	must(t, err)
	f := unpack(t, zip)
	p, err := provenance.ParsePolicy(f["trust/policy.json"])
	must(t, err)
	return bundle{"v1", zip, f["data/work/original.png"], p}
}

// otherAuthorities are bundles of services whose time authority has an RSA or P-384 key
// and an intermediate certificate.
func otherAuthorities(t testing.TB, first *sequencer.Notary) []bundle {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	var all []bundle
	for name, key := range map[string]crypto.Signer{"rsa": rsaKey, "p384": p384} {
		notary, err := sequencer.OpenNotary(ctx, sequencer.NotaryConfig{
			Dir: tempDir(t), Origin: name + ".example/log", BatchAge: time.Millisecond, Time: only(t, newAuthority(t, key, authorityOptions{})),
		})
		must(t, err)
		endings = append(endings, func() { _ = notary.Close(ctx) })
		original := []byte("warp and weft, " + name)
		issue := func(n *sequencer.Notary, st provenance.Statement) *provenance.Receipt {
			sealed, err := n.Seal(st)
			must(t, err)
			r, err := n.Issue(ctx, sealed)
			must(t, err)
			return r
		}
		// Two entries before it, so that the path has left and right turns.
		issue(notary, work("w-0", []byte("another")))
		issue(notary, work("w-1", []byte("yet another")))
		w := issue(notary, work("w-2", original))
		b := provenance.Bundle{Work: w, Originals: map[string]provenance.File{digest(original): opens(original)}}
		var buf bytes.Buffer
		must(t, provenance.WriteBundle(&buf, b))
		all = append(all, bundle{"authority " + name, buf.Bytes(), original, notary.Policy()})

		if name != "rsa" {
			continue
		}
		sealed, err := w.Sealed()
		must(t, err)
		commitment := sealed.Commitment()
		record := []byte(`{"match":"m-1"}`)
		recordDigest, err := provenance.RecordDigest(record)
		must(t, err)
		accused := []byte("a copy")
		b.Match = &provenance.MatchEvidence{Record: record, Receipt: issue(first, &provenance.MatchStatement{
			Type: provenance.MatchType, Service: "selvage.example", Match: "m-1", Time: provenance.FormatTime(time.Now()),
			Query: provenance.QueryFile{Digest: digest(accused), Size: int64(len(accused)), MediaType: "image/jpeg"},
			Work:  "w-2", WorkCommitment: hex.EncodeToString(commitment[:]), Asset: digest(original), Verdict: "copy", Probability: 0.25,
			Segments: []provenance.MatchSegment{{Query: [2]float64{0, 3.25}, Work: [2]float64{5.5, 8.75}}},
			Passages: []provenance.MatchPassage{{Query: [2]int64{0, 120}, Work: [2]int64{400, 520}}},
			Kinds:    []string{}, Policy: "p", Record: recordDigest, Sentence: "the same",
		})}
		buf = bytes.Buffer{}
		must(t, provenance.WriteBundle(&buf, b))
		both, one := notary.Policy(), first.Policy()
		both.Logs, both.Services = append(both.Logs, one.Logs...), append(both.Services, one.Services...)
		both.Authorities = append(both.Authorities, one.Authorities...)
		all = append(all, bundle{"two services", buf.Bytes(), original, both})
	}
	return all
}

func work(id string, original []byte) *provenance.WorkStatement {
	return &provenance.WorkStatement{
		Type: provenance.WorkType, Service: "selvage.example", Work: id, Version: 1, Kind: "photo",
		Owner: provenance.Owner{ID: "o-1", Name: "Ada"}, Dates: provenance.Dates{Received: provenance.FormatTime(time.Now())},
		Assets: []provenance.Asset{{Digest: digest(original), Size: int64(len(original)), MediaType: "image/png"}},
	}
}

// authority is an RFC 3161 authority: root, intermediate, signer.
type authority struct {
	signer   *x509.Certificate
	key      crypto.Signer
	rest     []*x509.Certificate
	roots    string
	rootCert *x509.Certificate
	hash     crypto.Hash
	now      func() time.Time
}

// authorityOptions make an authority that must be refused.
type authorityOptions struct {
	usageNotCritical, moreUsages, noUsage, expired, shortPath, otherRoot bool
	hash                                                                 crypto.Hash // of the imprint; SHA-256
}

func newAuthority(t testing.TB, key crypto.Signer, o authorityOptions) *authority {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	midKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	serial := int64(1)
	sign := func(name string, c *x509.Certificate, pub crypto.PublicKey, parent *x509.Certificate, by crypto.Signer) *x509.Certificate {
		serial++
		c.SerialNumber, c.Subject = big.NewInt(serial), pkix.Name{CommonName: name}
		c.NotBefore, c.BasicConstraintsValid = time.Now().Add(-48*time.Hour), true
		if c.NotAfter.IsZero() {
			c.NotAfter = time.Now().Add(48 * time.Hour)
		}
		if parent == nil {
			parent = c
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, by)
		must(t, err)
		made, err := x509.ParseCertificate(der)
		must(t, err)
		return made
	}
	ca := func() *x509.Certificate { return &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign} }
	top := ca()
	top.MaxPathLenZero = o.shortPath
	root := sign("Test root", top, caKey.Public(), nil, caKey)
	// The longer certificate stands second in the token, where the one that signs is the
	// first: DER wants a set in order.
	comment, err := asn1.MarshalWithParams(strings.Repeat("x", 700), "ia5")
	must(t, err)
	longer := ca()
	longer.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 13}, Value: comment}}
	mid := sign("Test intermediate", longer, midKey.Public(), root, caKey)
	usages := []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}
	if o.moreUsages {
		usages = append(usages, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3})
	}
	value, err := asn1.Marshal(usages)
	must(t, err)
	leaf := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}
	if !o.noUsage {
		leaf.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: !o.usageNotCritical, Value: value}}
	}
	if o.expired {
		leaf.NotAfter = time.Now().Add(-time.Hour)
	}
	a := &authority{
		signer: sign("Test authority", leaf, key.Public(), mid, midKey), key: key, rest: []*x509.Certificate{mid},
		rootCert: root, hash: crypto.SHA256, now: time.Now,
	}
	if o.hash != 0 {
		a.hash = o.hash
	}
	if o.otherRoot {
		root = sign("Test root", ca(), midKey.Public(), nil, midKey)
	}
	a.roots = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}))
	return a
}

// only is an authority alone.
func only(t testing.TB, a *authority) sequencer.Stamper {
	t.Helper()
	s, err := timestamp.NewSeveral(1, a)
	must(t, err)
	return s
}

// stamp is a token over data, by whichever hash the authority is made to take.
func (a *authority) stamp(data []byte) ([]byte, error) {
	h := a.hash.New()
	h.Write(data)
	return a.StampDigest(ctx, a.hash, h.Sum(nil))
}

// StampDigest implements timestamp.Source.
func (a *authority) StampDigest(_ context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
	ts := digitorus.Timestamp{
		HashAlgorithm: h, HashedMessage: digest, Time: a.now().UTC().Truncate(time.Second), Accuracy: 1500 * time.Millisecond,
		Policy: asn1.ObjectIdentifier{1, 2, 3, 4}, AddTSACertificate: true, Certificates: a.rest,
	}
	return ts.CreateResponseWithOpts(a.signer, a.key, crypto.SHA256)
}

// Authority implements timestamp.Source.
func (a *authority) Authority() provenance.Authority {
	return provenance.Authority{Name: "Test authority", Roots: a.roots}
}

func asPNG(t testing.TB, m image.Image) []byte {
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return b.Bytes()
}

func asJPEG(t testing.TB, m image.Image) []byte {
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 60}))
	return b.Bytes()
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func opens(b []byte) provenance.File {
	return provenance.File{Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// unpack reads a bundle's files with the standard library, names below bundle/.
func unpack(t testing.TB, b []byte) files {
	t.Helper()
	zr, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	all := files{}
	for _, f := range zr.File {
		r, err := f.Open()
		must(t, err)
		data, err := io.ReadAll(r)
		must(t, err)
		all[f.Name[len("bundle/"):]] = data
	}
	return all
}
