package provenance_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"selvage/provenance"
	"selvage/provenance/timestamp"
)

// authority is a time authority with a clock of its own.
type authority struct {
	issuer timestamp.Issuer
	root   *x509.Certificate
	now    func() time.Time
}

var stampingUsage = pkix.Extension{
	Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true,
	Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08},
}

// newAuthority makes an authority whose certificates are valid between two times.
func newAuthority(t testing.TB, name string, from, to time.Time, now func() time.Time) *authority {
	t.Helper()
	make := func(tpl, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		tpl.NotBefore, tpl.NotAfter, tpl.BasicConstraintsValid = from, to, true
		tpl.SignatureAlgorithm = x509.ECDSAWithSHA512
		tpl.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
		must(t, err)
		if parent == nil {
			parent, parentKey = tpl, key
		}
		der, err := x509.CreateCertificate(rand.Reader, tpl, parent, &key.PublicKey, parentKey)
		must(t, err)
		c, err := x509.ParseCertificate(der)
		must(t, err)
		return c, key
	}
	ca, caKey := make(&x509.Certificate{
		Subject: pkix.Name{CommonName: name + " root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	tsa, key := make(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{stampingUsage},
	}, ca, caKey)
	return &authority{
		issuer: timestamp.Issuer{Certificate: tsa, Key: key, Policy: asn1.ObjectIdentifier{2, 25, 7}, Accuracy: time.Second},
		root:   ca, now: now,
	}
}

func (a *authority) stamp(_ context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
	return a.issuer.Respond(timestamp.Imprint{Hash: h, Digest: digest}, a.now())
}

func (a *authority) roots() []*x509.Certificate { return []*x509.Certificate{a.root} }

func certKey(c *x509.Certificate) string {
	id := sha256.Sum256(c.Raw)
	return "cert:" + hex.EncodeToString(id[:])
}

// clock is a clock that stands still until it is set.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func date(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }

func items(data [][]byte) (list []provenance.EvidenceItem) {
	for _, d := range data {
		list = append(list, provenance.EvidenceItem{Objects: []provenance.Object{provenance.ObjectBytes(d)}})
	}
	return list
}

func numbered(n int) (data [][]byte) {
	for i := range n {
		data = append(data, fmt.Appendf(nil, "object %d", i))
	}
	return data
}

func objects(data ...[]byte) (list []provenance.Object) {
	for _, d := range data {
		list = append(list, provenance.ObjectBytes(d))
	}
	return list
}

// reparse writes a record and reads it again, which must be the same.
func reparse(t testing.TB, r *provenance.EvidenceRecord) *provenance.EvidenceRecord {
	t.Helper()
	der := r.Marshal()
	again, err := provenance.ParseEvidenceRecord(der)
	must(t, err)
	if !bytes.Equal(again.Marshal(), der) {
		t.Fatal("a record was written differently after it was read")
	}
	return again
}

func want(t testing.TB, e provenance.Evidence, o provenance.Outcome, reason string) {
	t.Helper()
	if e.Outcome != o || !strings.Contains(e.Reason, reason) {
		t.Fatalf("%v; want %s: ...%s", e, o, reason)
	}
	if (e.Outcome == provenance.Proved) == e.NotAfter.IsZero() || (e.Err() == nil) != (o == provenance.Proved) {
		t.Fatalf("%v: time %v, error %v", e, e.NotAfter, e.Err())
	}
}

func TestOneTokenCoversMany(t *testing.T) {
	c := &clock{date(2030)}
	a := newAuthority(t, "A", date(2026), date(2036), c.now)
	opts := provenance.EvidenceOptions{Roots: a.roots(), At: date(2031)}
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512} {
		for _, n := range []int{1, 2, 3, 5, 8, 17} {
			data := numbered(n)
			records, err := provenance.Renew(ctx, h, items(data), a.roots(), a.stamp)
			must(t, err)
			for i, r := range records {
				r = reparse(t, r)
				e := r.Verify(objects(data[i]), opts)
				want(t, e, provenance.Proved, "it existed by 2030-01-01T00:00:01Z, stamped by A")
				if !e.NotAfter.Equal(c.t.Add(time.Second)) || len(e.Stamps) != 1 || e.Stamps[0].Hash != h {
					t.Errorf("%v of %d: %+v", h, n, e)
				}
				want(t, r.Verify(objects([]byte("another")), opts), provenance.Contradicted, "is not over the data object")
				if n > 1 {
					want(t, r.Verify(objects(data[i], data[(i+1)%n], data[(i+2)%n], []byte("x")), opts), provenance.Contradicted, "all the data objects")
				}
			}
		}
	}
}

func TestGroups(t *testing.T) {
	c := &clock{date(2030)}
	a := newAuthority(t, "A", date(2026), date(2036), c.now)
	opts := provenance.EvidenceOptions{Roots: a.roots()}
	work := objects([]byte("contract"), []byte("its signature"), []byte("its annex"))
	list := append(items(numbered(4)), provenance.EvidenceItem{Objects: work})
	records, err := provenance.Renew(ctx, crypto.SHA256, list, a.roots(), a.stamp)
	must(t, err)
	group := reparse(t, records[4])
	want(t, group.Verify(work, opts), provenance.Proved, "")
	want(t, group.Verify(work[1:2], opts), provenance.Proved, "")
	want(t, group.Verify(append(work[:1:1], provenance.ObjectBytes([]byte("object 0"))), opts), provenance.Contradicted, "all the data objects")

	// A new hash tree joins each of the group's documents with the chains before.
	c.t = date(2032)
	renewed, err := provenance.Renew(ctx, crypto.SHA512, []provenance.EvidenceItem{{Record: group, Objects: work}}, a.roots(), a.stamp)
	must(t, err)
	want(t, reparse(t, renewed[0]).Verify(work, opts), provenance.Proved, "renewed 1 time(s), last on 2032-01-01")
	want(t, renewed[0].Verify(objects([]byte("contract"), []byte("x")), opts), provenance.Contradicted, "all the data objects")
}

func TestObjects(t *testing.T) {
	c := &clock{date(2030)}
	a := newAuthority(t, "A", date(2026), date(2036), c.now)
	opts := provenance.EvidenceOptions{Roots: a.roots()}
	data := []byte("a film")
	film := provenance.ObjectReader(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
	d := sha256.Sum256(data)
	digest := provenance.ObjectDigests(map[crypto.Hash][]byte{crypto.SHA256: d[:]})

	first, err := provenance.Renew(ctx, crypto.SHA256, []provenance.EvidenceItem{{Objects: []provenance.Object{digest}}}, a.roots(), a.stamp)
	must(t, err)
	want(t, first[0].Verify([]provenance.Object{film}, opts), provenance.Proved, "")
	second, err := provenance.Renew(ctx, crypto.SHA512, []provenance.EvidenceItem{{Record: first[0], Objects: []provenance.Object{film}}}, a.roots(), a.stamp)
	must(t, err)
	want(t, second[0].Verify([]provenance.Object{film}, opts), provenance.Proved, "")
	// Of a digest alone the second tree cannot be judged.
	want(t, second[0].Verify([]provenance.Object{digest}, opts), provenance.CannotTell, "not known")
	broken := provenance.ObjectReader(func() (io.ReadCloser, error) { return nil, errors.New("disk gone") })
	want(t, second[0].Verify([]provenance.Object{broken}, opts), provenance.CannotTell, "disk gone")
	want(t, second[0].Verify(nil, opts), provenance.CannotTell, "no data object")
	opts.Sunsets = provenance.Sunsets{"SHA256": date(2050)}
	want(t, second[0].Verify([]provenance.Object{film}, opts), provenance.CannotTell, "use a hash like")
}

// The root and every way to it, against a tree made by recursion over halves.
func TestTreeAgainstOracle(t *testing.T) {
	var oracle func(leaves [][]byte) []byte
	oracle = func(leaves [][]byte) []byte {
		if len(leaves) == 1 {
			return leaves[0]
		}
		half := 1
		for half*2 < len(leaves) {
			half *= 2
		}
		l, r := oracle(leaves[:half]), oracle(leaves[half:])
		if bytes.Compare(l, r) > 0 {
			l, r = r, l
		}
		h := sha256.Sum256(append(bytes.Clone(l), r...))
		return h[:]
	}
	c := &clock{date(2030)}
	a := newAuthority(t, "A", date(2026), date(2036), c.now)
	opts := provenance.EvidenceOptions{Roots: a.roots()}
	rapid.Check(t, func(rt *rapid.T) {
		groups := rapid.SliceOfN(rapid.SliceOfN(rapid.Uint16Range(0, 400), 1, 4), 1, 40).Draw(rt, "groups")
		var list []provenance.EvidenceItem
		var leaves [][]byte
		for _, g := range groups {
			var it provenance.EvidenceItem
			var hs [][]byte
			for _, n := range g {
				data := fmt.Appendf(nil, "%d", n)
				it.Objects = append(it.Objects, provenance.ObjectBytes(data))
				h := sha256.Sum256(data)
				hs = append(hs, h[:])
			}
			slices.SortFunc(hs, bytes.Compare)
			hs = slices.CompactFunc(hs, bytes.Equal)
			leaf := hs[0]
			if len(hs) > 1 {
				h := sha256.Sum256(slices.Concat(hs...))
				leaf = h[:]
			}
			list, leaves = append(list, it), append(leaves, leaf)
		}
		slices.SortFunc(leaves, bytes.Compare)
		leaves = slices.CompactFunc(leaves, bytes.Equal)
		b, err := provenance.NewBatch(crypto.SHA256, list)
		must(t, err)
		if !bytes.Equal(b.Digest(), oracle(leaves)) {
			rt.Fatalf("root %x, by the oracle %x", b.Digest(), oracle(leaves))
		}
		// Tried again in another order it is the same tree.
		turned := slices.Clone(list)
		slices.Reverse(turned)
		again, err := provenance.NewBatch(crypto.SHA256, turned)
		must(t, err)
		if !bytes.Equal(again.Digest(), b.Digest()) {
			rt.Fatal("the order of the items changes the root")
		}
		token, err := a.stamp(ctx, b.Hash(), b.Digest())
		must(t, err)
		records, err := b.Records(token, a.roots())
		must(t, err)
		i := rapid.IntRange(0, len(list)-1).Draw(rt, "record")
		want(t, reparse(t, records[i]).Verify(list[i].Objects, opts), provenance.Proved, "")
		// No number outside the group is covered, unless it is the neighbour of a single one.
		absent := provenance.ObjectBytes([]byte("401"))
		want(t, records[i].Verify([]provenance.Object{absent}, opts), provenance.Contradicted, "")
	})
}

// story is a record through two authorities and three hash functions, and all it needs.
type story struct {
	data   []byte
	record *provenance.EvidenceRecord
	opts   provenance.EvidenceOptions
}

// newStory is made 2026, stamped again 2028 and 2030 (A, then B), has a new tree by
// SHA-512 in 2032, a stamp in 2034, and a tree by SHA3-512 in 2036.
func newStory(t testing.TB) story {
	c := &clock{}
	a := newAuthority(t, "A", date(2025), date(2029), c.now)
	b := newAuthority(t, "B", date(2027), date(2040), c.now)
	s := story{data: []byte("the checkpoint"), opts: provenance.EvidenceOptions{
		Roots: append(a.roots(), b.root), At: date(2037),
		Sunsets: provenance.Sunsets{"SHA-256": date(2050), "SHA-512": date(2060)},
	}}
	digest := sha256.Sum256(s.data)
	c.t = date(2026)
	token, err := a.stamp(ctx, crypto.SHA256, digest[:])
	must(t, err)
	s.record, err = provenance.EvidenceFromToken(token)
	must(t, err)
	for _, step := range []struct {
		year int
		by   *authority
		hash crypto.Hash
	}{{2028, a, crypto.SHA256}, {2029, b, crypto.SHA256}, {2032, b, crypto.SHA512}, {2034, b, crypto.SHA512}, {2036, b, crypto.SHA3_512}} {
		c.t = date(step.year)
		if step.year == 2029 {
			c.t = c.t.AddDate(0, -1, 0) // before A ends
		}
		others := items(numbered(2))
		list := append(others, provenance.EvidenceItem{Record: s.record, Objects: objects(s.data)})
		if s.record.Hash() == step.hash {
			list[2].Objects = nil
		}
		records, err := provenance.Renew(ctx, step.hash, list, step.by.roots(), step.by.stamp)
		must(t, err)
		s.record = reparse(t, records[2])
	}
	return s
}

func TestRenewals(t *testing.T) {
	s := newStory(t)
	e := s.record.Verify(objects(s.data), s.opts)
	want(t, e, provenance.Proved, "it existed by 2026-01-01T00:00:01Z, stamped by A; renewed 5 time(s), last on 2036-01-01T00:00:00Z by B")
	if s.record.Chains() != 3 || s.record.Stamps() != 6 || s.record.Hash() != crypto.SHA3_512 {
		t.Errorf("%d chains, %d time-stamps, %v", s.record.Chains(), s.record.Stamps(), s.record.Hash())
	}
	for i, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA256, crypto.SHA256, crypto.SHA512, crypto.SHA512, crypto.SHA3_512} {
		if e.Stamps[i].Hash != hash || i > 0 && e.Stamps[i].Time.Before(e.Stamps[i-1].Time) {
			t.Errorf("time-stamp %d: %+v", i, e.Stamps[i])
		}
	}
	// Without a clock the record is judged as of its last time-stamp.
	opts := s.opts
	opts.At = time.Time{}
	want(t, s.record.Verify(objects(s.data), opts), provenance.Proved, "")

	cases := []struct {
		name    string
		change  func(o *provenance.EvidenceOptions)
		outcome provenance.Outcome
		reason  string
	}{
		{"after the last certificate", func(o *provenance.EvidenceOptions) { o.At = date(2041) }, provenance.CannotTell, `the certificate "B" ends`},
		{"before the last time-stamp", func(o *provenance.EvidenceOptions) { o.At = date(2033) }, provenance.CannotTell, "set the clock"},
		{"an authority is not trusted", func(o *provenance.EvidenceOptions) { o.Roots = o.Roots[1:] }, provenance.CannotTell, "none of the trusted roots"},
		{"nobody is trusted", func(o *provenance.EvidenceOptions) { o.Roots = nil }, provenance.CannotTell, "none of the trusted roots"},
		{"the tree's hash was weak before the new tree", func(o *provenance.EvidenceOptions) {
			o.Sunsets = provenance.Sunsets{"SHA-256": date(2031)}
		}, provenance.CannotTell, "no longer held"},
		// The tree was renewed in time, but B signs with SHA-256 to this day.
		{"the signature's hash is weak", func(o *provenance.EvidenceOptions) {
			o.Sunsets = provenance.Sunsets{"SHA-256": date(2035)}
		}, provenance.CannotTell, "SHA-256 is no longer held to be sound"},
		{"the last tree's hash is weak", func(o *provenance.EvidenceOptions) {
			o.Sunsets = provenance.Sunsets{"SHA3-512": date(2036).AddDate(0, 6, 0)}
		}, provenance.CannotTell, "SHA3-512"},
		{"keys are weak", func(o *provenance.EvidenceOptions) {
			o.Sunsets = provenance.Sunsets{"ECDSA 256": date(2027)}
		}, provenance.CannotTell, "ECDSA 256 is no longer"},
		{"an authority found rogue after it was renewed by another", func(o *provenance.EvidenceOptions) {
			o.Sunsets = provenance.Sunsets{certKey(o.Roots[0]): date(2029)}
		}, provenance.Proved, ""},
		{"an authority found rogue before it was renewed by another", func(o *provenance.EvidenceOptions) {
			o.Sunsets = provenance.Sunsets{certKey(o.Roots[0]): date(2028).AddDate(0, 1, 0)}
		}, provenance.CannotTell, `"A root" is no longer trusted`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := s.opts
			o.Sunsets = nil
			c.change(&o)
			want(t, s.record.Verify(objects(s.data), o), c.outcome, c.reason)
		})
	}
	want(t, s.record.Verify(objects([]byte("another")), s.opts), provenance.Contradicted, "is not over the data object")
}

func TestSkippedRenewal(t *testing.T) {
	c := &clock{date(2026)}
	a := newAuthority(t, "A", date(2025), date(2029), c.now)
	b := newAuthority(t, "B", date(2027), date(2040), c.now)
	data := []byte("forgotten")
	records, err := provenance.Renew(ctx, crypto.SHA256, items([][]byte{data}), a.roots(), a.stamp)
	must(t, err)
	c.t = date(2030) // A ended a year ago
	records, err = provenance.Renew(ctx, crypto.SHA256, []provenance.EvidenceItem{{Record: records[0]}}, b.roots(), b.stamp)
	must(t, err)
	opts := provenance.EvidenceOptions{Roots: append(a.roots(), b.root), At: date(2031)}
	want(t, records[0].Verify(objects(data), opts), provenance.CannotTell, "no longer held when it was renewed (2030-01-01T00:00:01Z): the certificate")
}

func TestNeed(t *testing.T) {
	s := newStory(t)
	s.opts.Sunsets["SHA3-512"] = date(2045)
	e := s.record.Verify(objects(s.data), s.opts)
	for year, need := range map[int]provenance.Need{2037: provenance.NeedNothing, 2041: provenance.NeedStamp, 2046: provenance.NeedTree} {
		if got := e.Need(date(year)); got != need {
			t.Errorf("by %d: %v, want %v", year, got, need)
		}
	}
	if (provenance.Evidence{}).Need(date(2030)) != provenance.NeedNothing {
		t.Error("nothing needs nothing")
	}
}

// What a batch refuses to build on.
func TestBatchRefuses(t *testing.T) {
	c := &clock{date(2030)}
	a := newAuthority(t, "A", date(2026), date(2036), c.now)
	stranger := newAuthority(t, "S", date(2026), date(2036), c.now)
	data := []byte("data")
	good, err := provenance.Renew(ctx, crypto.SHA512, items([][]byte{data, []byte("other")}), a.roots(), a.stamp)
	must(t, err)
	for reason, it := range map[string][]provenance.EvidenceItem{
		"nothing to stamp":    nil,
		"need the data":       {{}},
		"which is shorter":    {{Record: good[0], Objects: objects(data)}},
		"no digest is known ": {{Objects: []provenance.Object{func(crypto.Hash) ([]byte, error) { return nil, errors.New("no digest is known here") }}}},
	} {
		if _, err := provenance.NewBatch(crypto.SHA256, it); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(reason)) {
			t.Errorf("%s: %v", reason, err)
		}
	}
	if _, err := provenance.NewBatch(crypto.SHA1, items([][]byte{data})); err == nil {
		t.Error("SHA-1 was taken")
	}
	if _, err := provenance.NewBatch(crypto.SHA3_512, []provenance.EvidenceItem{{Record: good[0], Objects: objects([]byte("x"))}}); err == nil {
		t.Error("a hash tree was renewed over another object")
	}
	b, err := provenance.NewBatch(crypto.SHA256, items([][]byte{data}))
	must(t, err)
	for name, token := range map[string]func() ([]byte, error){
		"other digest":    func() ([]byte, error) { return a.stamp(ctx, crypto.SHA256, make([]byte, 32)) },
		"other function":  func() ([]byte, error) { return a.stamp(ctx, crypto.SHA3_256, b.Digest()) },
		"other authority": func() ([]byte, error) { return stranger.stamp(ctx, crypto.SHA256, b.Digest()) },
		"nothing":         func() ([]byte, error) { return nil, nil },
	} {
		response, err := token()
		must(t, err)
		if _, err := b.Records(response, a.roots()); err == nil {
			t.Errorf("%s: the token was taken", name)
		}
	}
	if _, err := provenance.Renew(ctx, crypto.SHA256, items([][]byte{data}), a.roots(), func(context.Context, crypto.Hash, []byte) ([]byte, error) {
		return nil, errors.New("no route")
	}); err == nil || !strings.Contains(err.Error(), "no route") {
		t.Errorf("%v", err)
	}
}

// A batch that breaks off half stored is finished by doing again what is due.
func TestRenewalBreaksOff(t *testing.T) {
	c := &clock{date(2026)}
	a := newAuthority(t, "A", date(2025), date(2029), c.now)
	b := newAuthority(t, "B", date(2027), date(2040), c.now)
	opts := provenance.EvidenceOptions{Roots: append(a.roots(), b.root)}
	data := numbered(9)
	stored, err := provenance.Renew(ctx, crypto.SHA256, items(data), a.roots(), a.stamp)
	must(t, err)
	c.t = date(2028)
	renew := func(store int) {
		t.Helper()
		var due []provenance.EvidenceItem
		var at []int
		opts.At = c.t
		for i, r := range stored {
			e := r.Verify(objects(data[i]), opts)
			must(t, e.Err())
			if e.Need(date(2030)) != provenance.NeedNothing {
				due, at = append(due, provenance.EvidenceItem{Record: r}), append(at, i)
			}
		}
		if len(due) == 0 {
			return
		}
		records, err := provenance.Renew(ctx, crypto.SHA256, due, b.roots(), b.stamp)
		must(t, err)
		for n := range min(store, len(records)) {
			stored[at[n]] = records[n]
		}
	}
	renew(4) // killed after four
	renew(99)
	renew(99) // nothing left to do
	opts.At = date(2035)
	for i, r := range stored {
		want(t, r.Verify(objects(data[i]), opts), provenance.Proved, "renewed 1 time(s)")
	}
}

// Whatever byte of a record is changed, it is not proved any more.
func TestRecordBytesChanged(t *testing.T) {
	s := newStory(t)
	der := s.record.Marshal()
	want(t, provenance.VerifyEvidenceRecord(der, objects(s.data), s.opts), provenance.Proved, "")
	contradicted := 0
	changes := 0
	for i := 0; i < len(der); i += *every {
		for _, x := range []byte{1, 0x20, 0xff} {
			changes++
			der[i] ^= x
			e := provenance.VerifyEvidenceRecord(der, objects(s.data), s.opts)
			if e.Outcome == provenance.Proved {
				t.Errorf("byte %d of %d changed by %#x: %v", i, len(der), x, e)
			}
			if e.Outcome == provenance.Contradicted {
				contradicted++
			}
			der[i] ^= x
		}
	}
	for n := 0; n < len(der); n += *every {
		if e := provenance.VerifyEvidenceRecord(der[:n], objects(s.data), s.opts); e.Outcome == provenance.Proved {
			t.Errorf("the first %d bytes are proved", n)
		}
	}
	if e := provenance.VerifyEvidenceRecord(append(bytes.Clone(der), 0), objects(s.data), s.opts); e.Outcome == provenance.Proved {
		t.Error("a byte behind the record is not noticed")
	}
	t.Logf("%d bytes, %d of %d changes contradicted, the others cannot be told", len(der), contradicted, changes)
}

// The golden record stays readable; it is what newStory made.
func TestGoldenEvidence(t *testing.T) {
	der, opts := goldenEvidence(t)
	e := provenance.VerifyEvidenceRecord(der, objects([]byte("the checkpoint")), opts)
	want(t, e, provenance.Proved, "it existed by 2026-01-01T00:00:01Z, stamped by A; renewed 5 time(s), last on 2036-01-01T00:00:00Z by B")
	r, err := provenance.ParseEvidenceRecord(der)
	must(t, err)
	if !bytes.Equal(r.Marshal(), der) {
		t.Error("the golden record is written differently")
	}
	want(t, r.Verify(objects([]byte("another")), opts), provenance.Contradicted, "")
}

// A receipt's own token is the first time-stamp of a record over the checkpoint, which a
// later token renews.
func TestReceiptBecomesEvidence(t *testing.T) {
	receipt := getScene(t).work
	proof, err := provenance.ParseLogProof([]byte(receipt.Proof))
	must(t, err)
	log, err := note.NewVerifier(receipt.LogKey)
	must(t, err)
	_, checkpoint, err := provenance.OpenCheckpoint(proof.Checkpoint, log)
	must(t, err)
	roots, err := receipt.Tokens[0].Authority.Certificates()
	must(t, err)

	first, err := provenance.EvidenceFromToken(receipt.Tokens[0].Token)
	must(t, err)
	opts := provenance.EvidenceOptions{Roots: roots}
	e := reparse(t, first).Verify(objects(checkpoint), opts)
	want(t, e, provenance.Proved, "stamped by "+timestamp.LocalName)

	c := &clock{time.Now().AddDate(10, 0, 0)}
	b := newAuthority(t, "B", time.Now(), time.Now().AddDate(20, 0, 0), c.now)
	renewed, err := provenance.Renew(ctx, crypto.SHA256, []provenance.EvidenceItem{{Record: first}}, b.roots(), b.stamp)
	must(t, err)
	opts.Roots, opts.At = append(opts.Roots, b.root), time.Now().AddDate(19, 0, 0)
	e2 := reparse(t, renewed[0]).Verify(objects(checkpoint), opts)
	want(t, e2, provenance.Proved, "renewed 1 time(s)")
	if !e2.NotAfter.Equal(e.NotAfter) {
		t.Errorf("the bound moved from %v to %v", e.NotAfter, e2.NotAfter)
	}
	if _, err := provenance.EvidenceFromToken(receipt.Tokens[0].Token[:len(receipt.Tokens[0].Token)-1]); err == nil {
		t.Error("half a token became a record")
	}
}

// The costs of a year in which ten million records are due: what one record takes of a
// batch, and of a check.
func BenchmarkEvidence(b *testing.B) {
	const n = 10_000
	c := &clock{date(2027)}
	a := newAuthority(b, "A", date(2026), date(2060), c.now)
	data := numbered(n)
	var held []*provenance.EvidenceRecord
	for year := 2027; year < 2057; year += 3 { // ten time-stamps in one chain
		c.t = date(year)
		list := items(data)
		for i := range held {
			list[i].Record = held[i]
		}
		var err error
		held, err = provenance.Renew(ctx, crypto.SHA256, list, a.roots(), a.stamp)
		must(b, err)
	}
	der := make([][]byte, n)
	for i, r := range held {
		der[i] = r.Marshal()
	}
	c.t = date(2057)
	opts := provenance.EvidenceOptions{Roots: a.roots(), At: date(2058)}
	for _, renewal := range []struct {
		name string
		hash crypto.Hash
	}{{"renew/stamp", crypto.SHA256}, {"renew/tree", crypto.SHA512}} {
		b.Run(renewal.name, func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				list := items(data)
				for i := range list {
					r, err := provenance.ParseEvidenceRecord(der[i])
					must(b, err)
					list[i].Record = r
				}
				out, err := provenance.Renew(ctx, renewal.hash, list, a.roots(), a.stamp)
				must(b, err)
				for _, r := range out {
					r.Marshal()
				}
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N)/n, "cpu-µs/record")
			b.ReportMetric(float64(len(der[0])), "B/record")
		})
	}
	b.Run("verify", func(b *testing.B) {
		i, before := 0, cpu(b)
		for b.Loop() {
			must(b, provenance.VerifyEvidenceRecord(der[i%n], objects(data[i%n]), opts).Err())
			i++
		}
		b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(i), "cpu-µs/record")
	})
}

// cpu is the processor time used so far, which other people's work does not change.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
