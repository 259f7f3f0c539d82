package c2pa

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrNone is returned for a file that carries no manifest store.
var ErrNone = errors.New("no content credentials in the file")

// MaxStore is the largest manifest store that is read, in bytes.
const MaxStore = 16 << 20

const (
	maxList = 100 // entries of a list in the claims
	maxText = 300 // characters of a text in the claims
)

// Credentials are what a file brings along.
type Credentials struct {
	// Store is the manifest store as it stands in the file: one JUMBF superbox, the bytes of
	// the media type application/c2pa.
	Store []byte
	// Claims is what its active manifest says.
	Claims Claims
}

// Check is the outcome of one check.
type Check string

// The outcomes. Signatures are valid or invalid, hashes match or not.
const (
	Valid      Check = "valid"
	Invalid    Check = "invalid"
	Match      Check = "match"
	Mismatch   Check = "mismatch"
	NotChecked Check = "not checked"
)

// NotAssessed is what is said of every signer's trust.
const NotAssessed = "not assessed"

// Claims is what the active manifest says: claims of its signer, not findings.
type Claims struct {
	// Manifest is the label of the active manifest, a URN in practice.
	Manifest string `json:"manifest"`
	// Manifests is how many the store holds; those of ingredients are among them.
	Manifests int    `json:"manifests"`
	Generator string `json:"generator,omitempty"` // the program that made the claim
	Title     string `json:"title,omitempty"`
	Format    string `json:"format,omitempty"` // media type
	Instance  string `json:"instance,omitempty"`
	// Actions, Ingredients and Assertions are in the order of the claim.
	Actions     []Action     `json:"actions,omitempty"`
	Ingredients []Ingredient `json:"ingredients,omitempty"`
	Assertions  []Assertion  `json:"assertions,omitempty"`
	Signature   Signature    `json:"signature"`
	Binding     Binding      `json:"binding"`
	// Trust is always NotAssessed.
	Trust string `json:"trust"`
	// Notes are sentences about what was left out or could not be read.
	Notes []string `json:"notes,omitempty"`
}

// Action is one step of the work's making, as claimed.
type Action struct {
	Action  string `json:"action"`         // "c2pa.created", "c2pa.edited", …
	When    string `json:"when,omitempty"` // as written
	Agent   string `json:"agent,omitempty"`
	Source  string `json:"digitalSourceType,omitempty"`
	Changes string `json:"description,omitempty"`
}

// Ingredient is something that went into the work, as claimed.
type Ingredient struct {
	Title        string `json:"title,omitempty"`
	Format       string `json:"format,omitempty"`
	Relationship string `json:"relationship,omitempty"` // "parentOf", "componentOf", "inputTo"
	Instance     string `json:"instance,omitempty"`
	// Manifest is the label of the ingredient's own manifest in the store.
	Manifest string `json:"manifest,omitempty"`
}

// Assertion is one statement that the claim refers to.
type Assertion struct {
	Label string `json:"label"`
	// Check says whether the assertion in the store has the hash that was signed.
	Check Check `json:"check"`
}

// Signature is the COSE signature over the claim.
type Signature struct {
	// Check: Valid if the signature is that of the carried certificate, over this claim.
	Check     Check  `json:"check"`
	Algorithm string `json:"algorithm,omitempty"` // "ES256", …
	// Issuer and CommonName are of the signer's certificate: the organisation that issued it
	// and whom it names. NotAfter is when it ends.
	Issuer     string     `json:"issuer,omitempty"`
	CommonName string     `json:"commonName,omitempty"`
	NotAfter   *time.Time `json:"notAfter,omitempty"`
	// Time is that of the RFC 3161 token in the signature, which is not checked.
	Time *time.Time `json:"time,omitempty"`
	Note string     `json:"note,omitempty"`
}

// Binding ties the claim to the bytes of one file.
type Binding struct {
	Assertion string `json:"assertion,omitempty"` // "c2pa.hash.data", "c2pa.hash.bmff.v3", …
	// Check: Match if the file's bytes are those that the signed claim is bound to. It says
	// nothing of whose signature that is.
	Check Check `json:"check"`
	// Uncovered is how many bytes the binding leaves out beside the manifest store itself.
	Uncovered int64  `json:"uncovered,omitempty"`
	Note      string `json:"note,omitempty"`
}

// Read finds the manifest store of a file, reads its active manifest and checks signature
// and binding. ErrNone where there is none. Any other error says what is damaged; the
// credentials then hold the store if it could be taken out of the file.
func Read(file []byte) (*Credentials, error) {
	e, err := find(file)
	if err != nil {
		return nil, fmt.Errorf("content credentials: %w", err)
	}
	if e == nil {
		return nil, ErrNone
	}
	c := &Credentials{Store: e.store}
	claims, err := readStore(e.store, e, file)
	if err != nil {
		return c, fmt.Errorf("content credentials: %w", err)
	}
	c.Claims = *claims
	return c, nil
}

// ReadStore is Read for a store alone; the binding is then not checked.
func ReadStore(store []byte) (*Claims, error) {
	c, err := readStore(store, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("content credentials: %w", err)
	}
	return c, nil
}

// ActiveManifest returns a store that holds the active manifest of the given one alone.
// What its ingredients refer to is then missing.
func ActiveManifest(store []byte) ([]byte, error) {
	root, err := parseStore(store)
	if err != nil {
		return nil, fmt.Errorf("content credentials: %w", err)
	}
	if len(root.children) == 0 {
		return nil, errors.New("content credentials: the manifest store is empty")
	}
	active := root.children[len(root.children)-1]
	// A box of at most MaxStore bytes has the short header.
	body := append(writeBox("jumd", root.description), writeBox("jumb", active.body)...)
	return writeBox("jumb", body), nil
}

// clean makes a stranger's text fit to be shown.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	n := 0
	for i := range s {
		if n == maxText {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
