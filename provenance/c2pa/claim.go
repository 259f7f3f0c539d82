package c2pa

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// decoder reads a stranger's CBOR: no key twice, no deep nesting, no endless list.
var decoder = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxNestedLevels: 32, MaxArrayElements: 1 << 16, MaxMapPairs: 1 << 12,
		UTF8: cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		panic(err) // the options above are constants
	}
	return m
}()

// hashedURI is the reference of a claim to an assertion or a manifest.
type hashedURI struct {
	URL  string `cbor:"url"`
	Alg  string `cbor:"alg"`
	Hash []byte `cbor:"hash"`
}

// claim is the claim map of version 1 (c2pa.claim) and 2 (c2pa.claim.v2).
type claim struct {
	Generator  string          `cbor:"claim_generator"`
	Info       cbor.RawMessage `cbor:"claim_generator_info"` // a list in version 1, a map in 2
	Assertions []hashedURI     `cbor:"assertions"`           // version 1
	Created    []hashedURI     `cbor:"created_assertions"`   // version 2
	Gathered   []hashedURI     `cbor:"gathered_assertions"`
	Title      string          `cbor:"dc:title"`
	Format     string          `cbor:"dc:format"`
	Instance   string          `cbor:"instanceID"`
	Alg        string          `cbor:"alg"`
}

// reader reads one active manifest.
type reader struct {
	out        *Claims
	manifest   *superbox
	assertions *superbox
	claim      claim
	seen       map[string]bool // labels of assertions
	file       []byte          // nil: the store alone
	in         *embedded       // where the store stands in file
}

func readStore(store []byte, in *embedded, file []byte) (*Claims, error) {
	root, err := parseStore(store)
	if err != nil {
		return nil, err
	}
	if len(root.children) == 0 {
		return nil, errors.New("the manifest store is empty")
	}
	// The active manifest is the last one (specification, 11.1.4.2).
	m := root.children[len(root.children)-1]
	switch {
	case m.uuid == typeCompressed:
		return nil, errors.New("the active manifest is compressed, which is not read")
	case m.uuid != typeManifest && m.uuid != typeUpdate:
		return nil, errors.New("the last box of the manifest store is no manifest")
	case !goodLabel(m.label):
		return nil, errors.New("the label of the active manifest has characters that cannot be in one, or none at all")
	}
	if _, err := root.child(m.label); err != nil {
		return nil, err
	}
	r := &reader{out: &Claims{Manifest: m.label, Manifests: len(root.children), Trust: NotAssessed}, manifest: m, seen: map[string]bool{}, file: file, in: in}
	if err := r.read(); err != nil {
		return nil, err
	}
	return r.out, nil
}

func (r *reader) read() error {
	box, err := r.claimBox()
	if err != nil {
		return err
	}
	text, err := box.cbor()
	if err != nil {
		return err
	}
	if err := decoder.Unmarshal(text, &r.claim); err != nil {
		return fmt.Errorf("the claim cannot be read: %w", err)
	}
	if r.assertions, err = r.manifest.child("c2pa.assertions"); err != nil {
		return err
	}
	if r.assertions.uuid != typeAssertions {
		return errors.New("c2pa.assertions is no assertion store")
	}
	o := r.out
	o.Generator, o.Title, o.Format, o.Instance = clean(r.generator()), clean(r.claim.Title), clean(r.claim.Format), clean(r.claim.Instance)
	o.Binding = Binding{Check: NotChecked, Note: "the claim has no hard binding that is known here"}
	refs := append(append(r.claim.Assertions, r.claim.Created...), r.claim.Gathered...)
	for _, ref := range refs {
		r.assertion(ref)
	}
	o.Signature = r.signature(text)
	if r.manifest.uuid == typeUpdate {
		o.Binding = Binding{Check: NotChecked, Note: "an update manifest is bound to the file through its parent, which is not followed"}
	}
	return nil
}

// claimBox is the claim of the manifest, whatever its version.
func (r *reader) claimBox() (*superbox, error) {
	var found *superbox
	for _, c := range r.manifest.children {
		if c.uuid != typeClaim {
			continue
		}
		if found != nil {
			return nil, errors.New("the manifest has more than one claim")
		}
		found = c
	}
	if found == nil || found.label != "c2pa.claim" && found.label != "c2pa.claim.v2" {
		return nil, errors.New("the manifest has no claim of version 1 or 2")
	}
	return found, nil
}

// generator names the program that made the claim.
func (r *reader) generator() string {
	type info struct {
		Name    string `cbor:"name"`
		Version string `cbor:"version"`
	}
	var one info
	var list []info
	if decoder.Unmarshal(r.claim.Info, &one) != nil && decoder.Unmarshal(r.claim.Info, &list) == nil && len(list) > 0 {
		one = list[0]
	}
	if one.Name == "" {
		return r.claim.Generator
	}
	return strings.TrimSpace(one.Name + " " + one.Version)
}

func (r *reader) note(format string, args ...any) {
	n := fmt.Sprintf(format, args...)
	if len(r.out.Notes) < maxList {
		r.out.Notes = append(r.out.Notes, clean(n))
	}
}

// newHash makes the hash of a name of the specification (13.1), or nil.
func newHash(name string) hash.Hash {
	switch name {
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// alg is the algorithm of a hash: its own, else that of the claim. There is no default.
func (r *reader) alg(own string) string { return cmp.Or(own, r.claim.Alg) }

func (r *reader) checkHash(ref hashedURI, body []byte) Check {
	h := newHash(r.alg(ref.Alg))
	if h == nil {
		return NotChecked
	}
	h.Write(body)
	if !bytes.Equal(h.Sum(nil), ref.Hash) {
		return Mismatch
	}
	return Match
}
