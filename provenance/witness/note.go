package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxCheckpoint = 64 << 10
	// maxProof is the most lines of a consistency proof (C2SP tlog-witness).
	maxProof = 63
	maxBody  = maxCheckpoint + maxProof*48 + 64
)

// head is what a checkpoint says. Other logs than ours may have extension lines in it,
// which are cosigned with the rest and mean nothing here.
type head struct {
	origin string
	tree   tlog.Tree
}

func parseHead(text string) (head, error) {
	var h head
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || slices.Contains(lines[:len(lines)-1], "") || lines[len(lines)-1] != "" {
		return h, errors.New("checkpoint: want the lines origin, size, root hash")
	}
	size, err := parseSize(lines[1])
	if err != nil {
		return h, fmt.Errorf("checkpoint: %w", err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return h, fmt.Errorf("checkpoint: root hash: %w", err)
	}
	if empty, _ := tlog.TreeHash(0, nil); size == 0 && root != empty {
		return h, errors.New("checkpoint: the root hash is not that of the empty tree")
	}
	return head{lines[0], tlog.Tree{N: size, Hash: root}}, nil
}

// openHead verifies a checkpoint under any of the keys: one valid signature is enough,
// whatever else there is. The note returned has the verified signature only.
func openHead(signed []byte, keys []note.Verifier) (head, *note.Note, error) {
	var first error
	for _, k := range keys {
		n, err := note.Open(signed, note.VerifierList(k))
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		h, err := parseHead(n.Text)
		if err == nil && h.origin != k.Name() {
			err = fmt.Errorf("checkpoint: of origin %q, signed by a key of %q", clip(h.origin), k.Name())
		}
		return h, &note.Note{Text: n.Text, Sigs: n.Sigs}, err
	}
	if first == nil {
		first = errors.New("no key")
	}
	return head{}, nil, fmt.Errorf("checkpoint: %w", first)
}

// render writes a note with the signatures it has.
func render(n *note.Note) []byte {
	b := []byte(n.Text + "\n")
	for _, s := range n.Sigs {
		b = append(b, signatureLine(s)...)
	}
	return b
}

func signatureLine(s note.Signature) []byte { return fmt.Appendf(nil, "— %s %s\n", s.Name, s.Base64) }

// request is the body of add-checkpoint (C2SP tlog-witness).
type request struct {
	old        int64
	proof      tlog.TreeProof
	checkpoint []byte
}

func (r request) marshal() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.old)
	for _, h := range r.proof {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), r.checkpoint...)
}

// parseRequest reads what marshal writes and nothing else. It checks no signature.
func parseRequest(b []byte) (request, error) {
	var r request
	top, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok || len(checkpoint) == 0 {
		return r, errors.New("no checkpoint after an empty line")
	}
	if len(checkpoint) > maxCheckpoint {
		return r, fmt.Errorf("checkpoint of %d bytes: the limit is %d", len(checkpoint), maxCheckpoint)
	}
	lines := strings.Split(string(top), "\n")
	old, ok := strings.CutPrefix(lines[0], "old ")
	if !ok {
		return r, errors.New("the first line is not \"old SIZE\"")
	}
	var err error
	if r.old, err = parseSize(old); err != nil {
		return r, fmt.Errorf("old size: %w", err)
	}
	if len(lines)-1 > maxProof {
		return r, fmt.Errorf("proof of %d lines: the limit is %d", len(lines)-1, maxProof)
	}
	for _, l := range lines[1:] {
		h, err := parseHash(l)
		if err != nil {
			return r, fmt.Errorf("proof: %w", err)
		}
		r.proof = append(r.proof, h)
	}
	r.checkpoint = checkpoint
	return r, nil
}

// originOf is the first line of a checkpoint nobody has verified yet.
func originOf(checkpoint []byte) string {
	line, _, _ := bytes.Cut(checkpoint, []byte("\n"))
	return string(line)
}

func parseSize(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%q is not a plain decimal number", clip(s))
	}
	return int64(n), nil
}

func parseHash(s string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tlog.HashSize || len(s) != 44 {
		return tlog.Hash{}, fmt.Errorf("%q is not the base64 of 32 bytes", clip(s))
	}
	return tlog.Hash(b), nil
}

// consistent proves that the tree next begins with the tree prev (RFC 6962, 2.1.2).
func consistent(prev, next tlog.Tree, proof tlog.TreeProof) error {
	switch {
	case prev.N == 0 && len(proof) > 0:
		return errors.New("a proof from the empty tree has no lines")
	case prev.N == 0:
		return nil
	}
	return tlog.CheckTree(proof, next.N, next.Hash, prev.N, prev.Hash)
}

// clip shortens outside text for an error.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
