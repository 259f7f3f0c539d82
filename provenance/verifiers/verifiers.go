// Package verifiers holds two further verifiers of evidence bundles that share no code
// with package provenance, nor with each other: whoever distrusts one asks the next.
//
//	verify.sh    on an unpacked bundle, with a POSIX shell, openssl and coreutils
//	verify.html  on the zip, in any current browser, as one file with the network off
//
// Both give the three answers of [selvage/provenance.Verify] and accept one form of each
// file only. A new kind of file or a further dossier needs a call each: dossier and
// expect in the script, dossier and Bag.small in the page; a file that nobody asked for
// is a contradiction. A verifier that lies in a bundle was packed by whoever packed the
// bundle, so the service also hands them out by themselves.
package verifiers

import (
	"crypto/sha256"
	_ "embed" // for the files
	"fmt"
	"regexp"
)

// Shell is verify.sh.
//
//go:embed verify.sh
var Shell []byte

// HTML is verify.html.
//
//go:embed verify.html
var HTML []byte

//go:embed SOURCES.txt
var sources string

// Files are what goes into tools/ of a bundle: the two verifiers, and SOURCES.txt, which
// says what they are, under which licence, and how to get and build the third. The same
// version of this package gives the same bytes.
func Files() map[string][]byte {
	return map[string][]byte{
		"verify.sh": Shell, "verify.html": HTML,
		"SOURCES.txt": fmt.Appendf(nil, sources, sha256.Sum256(Shell), sha256.Sum256(HTML)),
	}
}

var policyTag = regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`)

// ContentSecurityPolicy is the policy that verify.html states for itself: its own script
// and style by their hashes, and nothing else, above all no connection. A server that
// sends a policy of its own must allow no less than this.
func ContentSecurityPolicy() string { return string(policyTag.FindSubmatch(HTML)[1]) }
