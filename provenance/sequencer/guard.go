package sequencer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/provenance"
	"selvage/provenance/internal/durable"
)

// ErrInconsistent is returned once the log would have to sign a tree that is smaller
// than, or inconsistent with, one it signed before. The log then signs nothing more: it
// must be restored from the copy that holds the larger tree, never repaired.
var ErrInconsistent = errors.New("the log on disk is not a continuation of what was signed")

// guard is the note.Signer given to Tessera. It signs a checkpoint only after proving
// from the tiles on disk that the new tree continues the last one signed, and keeps that
// last one durably before the signature leaves it. A tree it has signed is therefore
// safe to build proofs on, even if the process dies before Tessera publishes it.
type guard struct {
	note.Signer
	verifier note.Verifier
	dir      string
	path     string

	mu     sync.Mutex // guards what follows
	last   tlog.Tree
	signed []byte // last as a signed note
	// sticky is ErrInconsistent once that was found; transient is the last other failure.
	sticky, transient error
	// ended says that nothing will be signed any more.
	ended bool
	// changed is closed and replaced whenever one of the above changes.
	changed chan struct{}
}

// openGuard loads the last signed checkpoint of the log in dir, kept in path, and proves
// that the log on disk still continues it.
func openGuard(s note.Signer, v note.Verifier, dir, path string) (*guard, error) {
	g := &guard{Signer: s, verifier: v, dir: dir, path: path, changed: make(chan struct{})}
	// Published before kept: beside a running writer the kept one is never the older.
	published, publishedErr := os.ReadFile(filepath.Join(dir, "checkpoint"))
	kept, err := os.ReadFile(path)
	switch {
	case err == nil:
		if g.last, err = g.open(kept); err != nil {
			return nil, fmt.Errorf("last signed checkpoint %s: %w", path, err)
		}
		g.signed = kept
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("last signed checkpoint: %w", err)
	}
	if errors.Is(publishedErr, fs.ErrNotExist) {
		// A crash in the very first start; with entries it is a loss.
		if g.last.N > 0 {
			return nil, fmt.Errorf("%w: a tree of %d entries was signed, but %s holds no checkpoint", ErrInconsistent, g.last.N, dir)
		}
		return g, nil
	}
	if publishedErr != nil {
		return nil, fmt.Errorf("checkpoint: %w", publishedErr)
	}
	tree, err := g.open(published)
	if err != nil {
		return nil, err
	}
	if g.signed == nil {
		return nil, fmt.Errorf("%w: %s is gone, so it is unknown what was signed last", ErrInconsistent, path)
	}
	// A crash between keeping and publishing leaves the published one behind; the next
	// publication catches up. It must be a beginning of what was signed all the same.
	return g, g.continues(tree, g.last)
}

func (g *guard) open(signed []byte) (tlog.Tree, error) {
	c, _, err := provenance.OpenCheckpoint(signed, g.verifier)
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
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sticky != nil {
		return nil, g.sticky
	}
	sig, err := g.sign(msg)
	if errors.Is(err, ErrInconsistent) {
		g.sticky = err
	}
	g.transient = err
	close(g.changed)
	g.changed = make(chan struct{})
	return sig, err
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

// head is the last signed tree.
func (g *guard) head() (tlog.Tree, []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last, g.signed
}

// end releases everybody who waits for a signature.
func (g *guard) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	close(g.changed)
	g.changed = make(chan struct{})
}

// await returns when a tree of more than index entries is signed, and with ErrClosed when
// that will not be.
func (g *guard) await(ctx context.Context, index uint64) error {
	for {
		g.mu.Lock()
		done, err, transient, changed := uint64(g.last.N) > index, g.sticky, g.transient, g.changed
		if err == nil && g.ended {
			err = ErrClosed
		}
		g.mu.Unlock()
		if done {
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
