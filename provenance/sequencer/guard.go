package sequencer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/internal/durable"
	"selvage/provenance"
	"selvage/provenance/witness"
)

// ErrInconsistent is returned once the log would have to sign a tree that is smaller
// than, or inconsistent with, one it signed before. The log then signs nothing more: it
// must be restored from the copy that holds the larger tree, never repaired.
var ErrInconsistent = errors.New("the log on disk is not a continuation of what was signed")

// guard is the note.Signer given to Tessera. It signs a checkpoint only after proving
// from the tiles on disk that the new tree continues the last one signed, and keeps that
// last one durably before the signature leaves it. A tree it has signed is therefore
// safe to build proofs on, even if the process dies before Tessera publishes it.
//
// With witnesses it then gathers their cosignatures, and below quorum it fails, so that
// Tessera publishes nothing. The log hands out the last tree that has its quorum; signed
// trees may be ahead of it.
type guard struct {
	note.Signer
	verifier note.Verifier   // of Signer
	former   []note.Verifier // keys of the log that were replaced
	dir      string
	path     string
	// witnesses is nil where none are asked; asking ends with ctx.
	witnesses *witness.Client
	ctx       context.Context
	gathered  gathered // what Tessera is to publish with the signature

	signing sync.Mutex // held while signing, cosigning included

	mu     sync.Mutex // guards what follows
	last   tlog.Tree
	signed []byte // last as a signed note
	// head is the last tree that may be handed out, noted its note; without witnesses
	// they are last and signed. noted is nil where there is none yet.
	head  tlog.Tree
	noted []byte
	// sticky is ErrInconsistent once that was found; transient is the last other failure.
	sticky, transient error
	// refused counts the rounds of cosigning that failed; refusedN is the tree's size in the
	// last of them, refusal its error.
	refused  int
	refusedN int64
	refusal  error
	// ended says that nothing will be signed any more.
	ended bool
	// changed is closed and replaced whenever one of the above changes.
	changed chan struct{}
}

// load reads the last signed checkpoint of the log in g.dir, kept in g.path, and proves
// that the log on disk still continues it.
func (g *guard) load() error {
	g.changed = make(chan struct{})
	// Published before kept: beside a running writer the kept one is never the older.
	published, publishedErr := os.ReadFile(filepath.Join(g.dir, "checkpoint"))
	kept, err := os.ReadFile(g.path)
	switch {
	case err == nil:
		if g.last, err = g.open(kept); err != nil {
			return fmt.Errorf("last signed checkpoint %s: %w", g.path, err)
		}
		if g.signed, err = g.renew(kept); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("last signed checkpoint: %w", err)
	}
	if errors.Is(publishedErr, fs.ErrNotExist) {
		// A crash in the very first start; with entries it is a loss.
		if g.last.N > 0 {
			return fmt.Errorf("%w: a tree of %d entries was signed, but %s holds no checkpoint", ErrInconsistent, g.last.N, g.dir)
		}
		return nil
	}
	if publishedErr != nil {
		return fmt.Errorf("checkpoint: %w", publishedErr)
	}
	tree, err := g.open(published)
	if err != nil {
		return err
	}
	if g.signed == nil {
		return fmt.Errorf("%w: %s is gone, so it is unknown what was signed last", ErrInconsistent, g.path)
	}
	switch {
	case g.witnesses == nil:
		g.head, g.noted = g.last, g.signed
	case g.mayHandOut(published, tree):
		g.head, g.noted = tree, published
	}
	// A crash between keeping and publishing leaves the published one behind; the next
	// publication catches up. It must be a beginning of what was signed all the same.
	return g.continues(tree, g.last)
}

// renew signs a kept checkpoint with the log's key if a former one did.
func (g *guard) renew(kept []byte) ([]byte, error) {
	if _, _, err := provenance.OpenCheckpoint(kept, g.verifier); err == nil || g.Signer == nil {
		return kept, nil
	}
	text, _, _ := bytes.Cut(kept, []byte("\n\n"))
	signed, err := note.Sign(&note.Note{Text: string(text) + "\n"}, g.Signer)
	if err != nil {
		return nil, err
	}
	return signed, durable.WriteFile(g.path, signed, 0o644)
}

// mayHandOut reports whether a published checkpoint is signed by the log's present key
// and has its quorum. The empty tree needs none: it proves nothing, and witnesses can know
// the log's key only after its first start.
func (g *guard) mayHandOut(published []byte, tree tlog.Tree) bool {
	if _, _, err := provenance.OpenCheckpoint(published, g.verifier); err != nil {
		return false
	}
	_, err := g.witnesses.Policy().Cosigned(published)
	return err == nil || tree.N == 0
}

func (g *guard) open(signed []byte) (tlog.Tree, error) {
	c, _, err := provenance.OpenCheckpoint(signed, append([]note.Verifier{g.verifier}, g.former...)...)
	return tlog.Tree{N: int64(c.Size), Hash: tlog.Hash(c.Root)}, err
}

// continues proves from the tiles that the tree next begins with the tree prev.
func (g *guard) continues(prev, next tlog.Tree) error {
	switch {
	case next.N < prev.N:
		return fmt.Errorf("%w: %d entries, but %d were signed", ErrInconsistent, next.N, prev.N)
	case prev.N == 0:
		return nil
	case next.N == prev.N && next.Hash != prev.Hash:
		return fmt.Errorf("%w: another root for the same %d entries", ErrInconsistent, next.N)
	case next.N == prev.N:
		return nil
	}
	proof, err := tlog.ProveTree(next.N, prev.N, tiles{g.dir}.hashes(next))
	if path := (*fs.PathError)(nil); errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("consistency proof: %w", err) // the disk, for now, not the log
	}
	if err == nil {
		err = tlog.CheckTree(proof, next.N, next.Hash, prev.N, prev.Hash)
	}
	if err != nil {
		return fmt.Errorf("%w: from %d to %d entries: %w", ErrInconsistent, prev.N, next.N, err)
	}
	return nil
}

// Sign implements note.Signer for checkpoint texts.
func (g *guard) Sign(msg []byte) ([]byte, error) {
	g.signing.Lock()
	defer g.signing.Unlock()
	sig, err := g.signNext(msg)
	if err != nil || g.witnesses == nil {
		return sig, err
	}
	return sig, g.cosign()
}

func (g *guard) signNext(msg []byte) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.sticky != nil:
		return nil, g.sticky
	case g.ended:
		return nil, ErrClosed
	}
	sig, err := g.sign(msg)
	if errors.Is(err, ErrInconsistent) {
		g.sticky = err
	}
	g.transient = err
	if err == nil && g.witnesses == nil {
		g.head, g.noted = g.last, g.signed
	}
	g.notify()
	return sig, err
}

// cosign gathers the cosignatures of the last signed tree.
func (g *guard) cosign() error {
	g.mu.Lock()
	tree, signed := g.last, g.signed
	g.mu.Unlock()
	cosigned, err := signed, error(nil)
	if tree.N > 0 { // see mayHandOut
		cosigned, err = g.witnesses.Cosign(g.ctx, signed, func(old int64) (tlog.TreeProof, error) {
			return tlog.ProveTree(tree.N, old, tiles{g.dir}.hashes(tree))
		})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.notify()
	g.transient = err
	if err != nil {
		g.refused++
		g.refusedN, g.refusal = tree.N, err
		return err
	}
	g.gathered.set(cosigned)
	g.head, g.noted = tree, cosigned
	return nil
}

// notify wakes whoever waits for a change. g.mu is held.
func (g *guard) notify() {
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *guard) sign(msg []byte) ([]byte, error) {
	sig, err := g.Signer.Sign(msg)
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: string(msg)}, g.Signer)
	if err != nil {
		return nil, err
	}
	next, err := g.open(signed)
	if err != nil {
		return nil, err
	}
	if err := g.continues(g.last, next); err != nil {
		return nil, err
	}
	if g.signed == nil || next != g.last {
		if err := durable.WriteFile(g.path, signed, 0o644); err != nil {
			return nil, err
		}
		g.last, g.signed = next, signed
	}
	return sig, nil
}

// handed is the last tree that may be handed out, with its note.
func (g *guard) handed() (tlog.Tree, []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.head, g.noted
}

// size is that of the last signed tree.
func (g *guard) size() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last.N
}

// end releases everybody who waits for a signature, and waits for one under way, so that
// nothing is kept on disk after it. g.ctx has ended.
func (g *guard) end() {
	g.mu.Lock()
	g.ended = true
	g.notify()
	g.mu.Unlock()
	g.signing.Lock()
	defer g.signing.Unlock()
}

// awaitSigned returns when a tree of at least size entries is signed.
func (g *guard) awaitSigned(ctx context.Context, size int64) error {
	return g.wait(ctx, func() (bool, error) { return g.last.N >= size, nil })
}

// await returns when a tree of more than index entries may be handed out, with a
// [witness.QuorumError] when a round of cosigning failed that had the entry in its tree, and
// with ErrClosed when nothing more will be signed.
func (g *guard) await(ctx context.Context, index uint64) error {
	g.mu.Lock()
	refused := g.refused
	g.mu.Unlock()
	return g.wait(ctx, func() (bool, error) {
		if uint64(g.head.N) > index {
			return true, nil
		}
		if g.refused > refused && uint64(g.refusedN) > index {
			return false, g.refusal
		}
		return false, nil
	})
}

// wait asks done, with g.mu held, after every change.
func (g *guard) wait(ctx context.Context, done func() (bool, error)) error {
	for {
		g.mu.Lock()
		ok, err := done()
		transient, changed := g.transient, g.changed
		if err == nil {
			err = g.sticky
		}
		if err == nil && g.ended {
			err = ErrClosed
		}
		g.mu.Unlock()
		if ok {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), transient)
		}
	}
}

func (g *guard) failure() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sticky
}
