// Package c2patest signs pictures and videos with C2PA, for tests: a certificate authority,
// a signer and just enough of a writer that readers by others accept what it makes. Begin
// with [New] and [Signer.Sign].
//
// It is written from the specification and shares no code with package c2pa, so that the
// two check each other. It is no writer for the product: keys live for one test.
package c2patest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Signer signs with a certificate of its own authority.
type Signer struct {
	// Root is the authority's certificate as PEM: the trust anchor for others.
	Root []byte
	leaf []byte // DER
	key  *ecdsa.PrivateKey
}

// New makes an authority and a signer whose certificate names commonName; both are valid
// from an hour ago for a day.
func New(commonName string) (*Signer, error) {
	now := time.Now().UTC()
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Selvage Tests"}, CommonName: "Selvage Test Root"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	if root, err = x509.ParseCertificate(rootDER); err != nil {
		return nil, err
	}
	s := &Signer{Root: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})}
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{Organization: []string{"Selvage Tests"}, CommonName: commonName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		BasicConstraintsValid: true,
	}
	s.leaf, err = x509.CreateCertificate(rand.Reader, leaf, root, s.key.Public(), rootKey)
	return s, err
}

// Claim is what is to be signed. The zero value is a claim without title, made by a program
// without a name.
type Claim struct {
	Label      string // of the manifest; empty: a new urn:c2pa: URN
	Title      string
	Ingredient string // title of one ingredient; empty: none
	// Unprotected are further unprotected headers of the signature.
	Unprotected map[string]any
	// Padding is the size of an assertion that does nothing but make the store larger.
	Padding int
}

// Sign puts a manifest store into a JPEG, PNG, WebP or MP4 file.
func (s *Signer) Sign(file []byte, c Claim) ([]byte, error) {
	if c.Label == "" {
		var u [16]byte
		if _, err := rand.Read(u[:]); err != nil {
			return nil, err
		}
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
		h := hex.EncodeToString(u[:])
		c.Label = fmt.Sprintf("urn:c2pa:%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
	}
	put, at, err := place(file)
	if err != nil {
		return nil, err
	}
	if string(file[4:8]) == "ftyp" {
		return s.signBMFF(file, c)
	}
	// The binding names where the store stands and how long it is, which changes how long it
	// is: a few rounds settle it.
	length, pad := 0, 0
	for range 8 {
		rest := sha256.New()
		rest.Write(file[:at])
		if string(file[:4]) == "RIFF" {
			// The length of the form stands before the store and is hashed too.
			rest.Reset()
			rest.Write(put(make([]byte, length))[:at])
		}
		rest.Write(file[at:])
		store, err := s.Store(c, "c2pa.hash.data", map[string]any{
			"exclusions": []any{map[string]any{"start": at, "length": len(put(make([]byte, length))) - len(file)}},
			"alg":        "sha256", "hash": rest.Sum(nil), "pad": make([]byte, pad),
		})
		if err != nil {
			return nil, err
		}
		if string(file[:4]) == "RIFF" && len(store)%2 == 1 {
			pad = 1 // chunks of odd length have a byte behind them, which readers count differently
			continue
		}
		if len(store) == length {
			return put(store), nil
		}
		length = len(store)
	}
	return nil, errors.New("c2patest: the length of the store does not settle")
}

// Embed puts a store into a JPEG, PNG or WebP file as Sign does.
func Embed(file, store []byte) ([]byte, error) {
	put, _, err := place(file)
	if err == nil && put == nil {
		err = errors.New("c2patest: only pictures have a store put into them")
	}
	if err != nil {
		return nil, err
	}
	return put(store), nil
}

// signBMFF appends the store as a uuid box.
func (s *Signer) signBMFF(file []byte, c Claim) ([]byte, error) {
	h := sha256.New()
	for at := 0; at+8 <= len(file); {
		end := at + int(binary.BigEndian.Uint32(file[at:]))
		if string(file[at+4:at+8]) != "ftyp" {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(at)))
			h.Write(file[at:end])
		}
		at = end
	}
	store, err := s.Store(c, "c2pa.hash.bmff.v2", map[string]any{
		"exclusions": []any{
			map[string]any{"xpath": "/uuid", "data": []any{map[string]any{"offset": 8, "value": c2paUUID}}},
			map[string]any{"xpath": "/ftyp"}, map[string]any{"xpath": "/mfra"},
		},
		"alg": "sha256", "hash": h.Sum(nil), "name": "jumbf manifest",
	})
	if err != nil {
		return nil, err
	}
	content := append(bytes.Clone(c2paUUID), 0, 0, 0, 0)
	content = append(append(content, "manifest\x00"...), make([]byte, 8)...)
	return append(bytes.Clone(file), box("uuid", content, store)...), nil
}

var c2paUUID = []byte{0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81}

// place returns what puts a store into the file, and at which offset.
func place(file []byte) (put func(store []byte) []byte, at int, err error) {
	insert := func(at int, what []byte) []byte {
		return append(append(bytes.Clone(file[:at]), what...), file[at:]...)
	}
	switch {
	case bytes.HasPrefix(file, []byte{0xff, 0xd8}):
		return func(store []byte) []byte { return insert(2, segments(store)) }, 2, nil
	case bytes.HasPrefix(file, []byte("\x89PNG")):
		const afterHeader = 8 + 25
		return func(store []byte) []byte { return insert(afterHeader, pngChunk("caBX", store)) }, afterHeader, nil
	case bytes.HasPrefix(file, []byte("RIFF")):
		return func(store []byte) []byte {
			chunk := binary.LittleEndian.AppendUint32([]byte("C2PA"), uint32(len(store)))
			out := append(append(bytes.Clone(file), chunk...), store...)
			binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
			return out
		}, len(file), nil
	case len(file) > 8 && string(file[4:8]) == "ftyp":
		return nil, 0, nil
	}
	return nil, 0, errors.New("c2patest: the file is no JPEG, PNG, WebP or MP4")
}

// segments spreads a box over APP11 segments (ISO/IEC 19566-5, annex D).
func segments(store []byte) []byte {
	const room = 65535 - 2 - 2 - 2 - 4 - 8
	var out []byte
	head, rest := []byte(nil), store
	if len(store) >= 8 {
		head, rest = store[:8], store[8:]
	}
	for seq := uint32(1); seq == 1 || len(rest) > 0; seq++ {
		n := min(room, len(rest))
		s := append([]byte("JP"), 0, 1)
		s = binary.BigEndian.AppendUint32(s, seq)
		s = append(append(s, head...), rest[:n]...)
		out = binary.BigEndian.AppendUint16(append(out, 0xff, 0xeb), uint16(2+len(s)))
		out, rest = append(out, s...), rest[n:]
	}
	return out
}

func pngChunk(name string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, name...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// box writes one box.
func box(kind string, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))
	return append(append(b, kind...), content...)
}

// super writes a JUMBF superbox, whose body is what hashes are over.
func super(letters, label string, parts ...[]byte) (whole, body []byte) {
	d := append([]byte(letters), 0, 0x11, 0, 0x10, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71, 3)
	d = append(append(d, label...), 0)
	body = append(box("jumd", d), bytes.Join(parts, nil)...)
	return box("jumb", body), body
}

// Store makes a manifest store of one signed manifest with the given hard binding.
func (s *Signer) Store(c Claim, bindingLabel string, binding map[string]any) ([]byte, error) {
	var boxes [][]byte
	var refs []any
	add := func(label string, v any) error {
		text, err := encoding.Marshal(v)
		if err != nil {
			return err
		}
		whole, body := super("cbor", label, box("cbor", text))
		h := sha256.Sum256(body)
		boxes = append(boxes, whole)
		refs = append(refs, map[string]any{"url": "self#jumbf=c2pa.assertions/" + label, "hash": h[:]})
		return nil
	}
	errs := []error{
		add("c2pa.actions.v2", map[string]any{"actions": []any{map[string]any{
			"action":            "c2pa.created",
			"when":              cbor.Tag{Number: 0, Content: "2026-03-01T09:00:00Z"},
			"softwareAgent":     map[string]any{"name": "Selvage test brush"},
			"digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation",
		}}}),
		add(bindingLabel, binding),
	}
	if c.Ingredient != "" {
		errs = append(errs, add("c2pa.ingredient.v3", map[string]any{
			"dc:title": c.Ingredient, "dc:format": "image/jpeg", "relationship": "inputTo",
		}))
	}
	if c.Padding > 0 {
		errs = append(errs, add("org.selvage.test.padding", map[string]any{"pad": make([]byte, c.Padding)}))
	}
	claim := map[string]any{
		"instanceID":           "xmp:iid:" + c.Label[len(c.Label)-min(len(c.Label), 36):],
		"claim_generator_info": map[string]any{"name": "Selvage test signer", "version": "1"},
		"signature":            "self#jumbf=/c2pa/" + c.Label + "/c2pa.signature",
		"created_assertions":   refs,
		"alg":                  "sha256",
	}
	if c.Title != "" {
		claim["dc:title"] = c.Title
	}
	text, err := encoding.Marshal(claim)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	sig, err := s.sign1(text, c.Unprotected)
	if err != nil {
		return nil, err
	}
	assertions, _ := super("c2as", "c2pa.assertions", boxes...)
	claimBox, _ := super("c2cl", "c2pa.claim.v2", box("cbor", text))
	sigBox, _ := super("c2cs", "c2pa.signature", box("cbor", sig))
	manifest, _ := super("c2ma", c.Label, assertions, claimBox, sigBox)
	store, _ := super("c2pa", "c2pa", manifest)
	return store, nil
}

// encoding writes maps in a fixed order, so that the same claim has the same length.
var encoding = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // the options are constants
	}
	return m
}()

// sign1 is a COSE_Sign1 (RFC 9052, 4.2) with a detached payload, ES256 and x5chain.
func (s *Signer) sign1(claim []byte, unprotected map[string]any) ([]byte, error) {
	protected, err := encoding.Marshal(map[int]any{1: -7, 33: s.leaf})
	if err != nil {
		return nil, err
	}
	signed, err := encoding.Marshal([]any{"Signature1", protected, []byte{}, claim})
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(signed)
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return nil, err
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	v.FillBytes(sig[32:])
	if unprotected == nil {
		unprotected = map[string]any{}
	}
	return encoding.Marshal(cbor.Tag{Number: 18, Content: []any{protected, unprotected, nil, sig}})
}
