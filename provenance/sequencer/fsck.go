package sequencer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// Check is what Fsck found in a sound log.
type Check struct {
	Origin string
	Size   uint64
	Root   [32]byte
}

// Fsck re-hashes the whole log in dir (a [Config].Dir) from its entries with Tessera's
// own checker: every entry bundle, every tile and the checkpoint's root. It then checks
// that entries are commitments and that the log continues what was last signed. key is
// the log's verifier key, former are those it replaced. It takes no lock, so it may run
// beside a writer.
func Fsck(ctx context.Context, dir, key string, former ...string) (Check, error) {
	keys, err := verifiers(append([]string{key}, former...))
	if err != nil {
		return Check{}, fmt.Errorf("fsck: %w", err)
	}
	logDir := filepath.Join(dir, "log")
	g := &guard{verifier: keys[0], former: keys[1:], dir: logDir, path: filepath.Join(dir, "last-signed")}
	if err := g.load(); err != nil {
		return Check{}, fmt.Errorf("fsck: %w", err)
	}
	source := &frozen{FileFetcher: client.FileFetcher{Root: logDir}}
	if source.checkpoint, err = source.FileFetcher.ReadCheckpoint(ctx); err != nil {
		return Check{}, fmt.Errorf("fsck: %w", err)
	}
	tree, err := g.open(source.checkpoint)
	if err != nil {
		return Check{}, fmt.Errorf("fsck: %w", err)
	}
	v := keys[0]
	for _, k := range keys {
		if _, err := note.Open(source.checkpoint, note.VerifierList(k)); err == nil {
			v = k // the one Tessera is to open the checkpoint with
		}
	}
	// Check's error is the answer; Tessera's command line loses it.
	if err := fsck.New(v.Name(), v, source, leafHashes, fsck.Opts{N: 2}).Check(ctx); err != nil {
		return Check{}, fmt.Errorf("fsck: %w", err)
	}
	return Check{Origin: v.Name(), Size: uint64(tree.N), Root: [32]byte(tree.Hash)}, nil
}

// frozen gives one and the same checkpoint however the log grows meanwhile.
type frozen struct {
	client.FileFetcher
	checkpoint []byte
}

func (f *frozen) ReadCheckpoint(context.Context) ([]byte, error) { return f.checkpoint, nil }

func leafHashes(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	out := make([][]byte, len(b.Entries))
	for i, e := range b.Entries {
		if len(e) != 32 {
			return nil, errors.New("an entry is not a 32-byte commitment")
		}
		out[i] = rfc6962.DefaultHasher.HashLeaf(e)
	}
	return out, nil
}
