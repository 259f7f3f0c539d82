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
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math/big"
	"os"
	"slices"
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

// makeBundles registers n generated pictures with a real registry and matches edits of
// them; each work gives one bundle, of a kind that goes by its number. To them come
// bundles of a second service with time authorities of other key types, and one whose
// work and match are signed under different keys.
func makeBundles(t testing.TB, n int) []bundle {
	t.Helper()
	notary, err := sequencer.OpenNotary(ctx, sequencer.NotaryConfig{Dir: tempDir(t), Origin: "test.selvage/log", BatchAge: time.Millisecond})
	must(t, err)
	service, err := registry.Open(ctx, registry.Config{
		KV: mem.NewKV(), Blobs: store.NewBlobs(mem.NewObjects()), Notary: notary,
		Hashers: fingerprint.Set{photo.New(photo.Options{})}, DataDir: tempDir(t), ReceiptWait: time.Minute,
	})
	must(t, err)
	endings = append(endings, func() { _ = errors.Join(service.Close(ctx), notary.Close(ctx)) })

	families := fixtures.Families()
	var all []bundle
	for i := range n {
		picture := fixtures.Original(families[i%8].Name, uint64(i), 160, 120)
		original := asPNG(t, picture)
		// A title that looks like fields of the statement must stay a title.
		title := `Twill №5 <&> "digest":"00" \ "type":"selvage.match.v1"`
		files := []registry.File{{Name: "a.png", Data: original}}
		if i%4 == 3 {
			files = append(files, registry.File{Name: "b.jpg", Data: asJPEG(t, fixtures.Original(families[8].Name, uint64(i), 160, 120))})
		}
		reg, err := service.Register(ctx, registry.RegisterRequest{Owner: "ann", Title: title, Visibility: registry.Matchable, Files: files})
		must(t, err)
		q := registry.EvidenceRequest{Owner: "ann", Work: reg.Work.ID, DigestsOnly: i%4 == 1}
		if i%4 == 2 || i%4 == 3 {
			accused := registry.File{Name: "q.jpg", Data: asJPEG(t, picture)}
			rep, err := service.Compare(ctx, "ann", reg.Work.ID, accused)
			must(t, err)
			q.Match = rep.ID
			if i%4 == 2 {
				q.Accused = &accused
			}
		}
		var buf bytes.Buffer
		must(t, service.Evidence(ctx, q, &buf))
		kind := []string{"work", "digests only", "match", "two files and a match"}[i%4]
		all = append(all, bundle{kind, buf.Bytes(), original, notary.Policy()})
	}
	return append(all, otherAuthorities(t, notary)...)
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
			Kinds: []string{}, Policy: "p", Record: recordDigest, Sentence: "the same",
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
	mid := sign("Test intermediate", ca(), midKey.Public(), root, caKey)
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
