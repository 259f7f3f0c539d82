package sequencer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is that of C2SP tlog-tiles.
const tileHeight = 8

// tiles reads hash tiles from a log directory for golang.org/x/mod/sumdb/tlog: code
// that shares nothing with the code that wrote them.
type tiles struct{ dir string }

func (t tiles) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader; nothing is cached.
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader. A partial tile may have been replaced by its
// full one, whose beginning it is.
func (t tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, tile := range want {
		data, err := os.ReadFile(filepath.Join(t.dir, tilePath(tile)))
		if errors.Is(err, fs.ErrNotExist) && tile.W < 1<<tileHeight {
			full := tile
			full.W = 1 << tileHeight
			data, err = os.ReadFile(filepath.Join(t.dir, tilePath(full)))
		}
		if err != nil {
			return nil, fmt.Errorf("tile: %w", err)
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %s holds %d bytes, want %d", tilePath(tile), len(data), tile.W*tlog.HashSize)
		}
		out[i] = data[:tile.W*tlog.HashSize]
	}
	return out, nil
}

// tilePath is the tlog-tiles path; that of package tlog names the height as well.
func tilePath(t tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
}

// hashes reads stored hashes of the given tree; each is checked against the tree's root.
func (t tiles) hashes(tree tlog.Tree) tlog.HashReader { return tlog.TileHashReader(tree, t) }

// entries reads the log entries of one full or partial bundle: each a big-endian uint16
// length and the bytes (tlog-tiles, Log Entries).
func (t tiles) entries(bundle int64, width int) ([][]byte, error) {
	tile := tlog.Tile{H: tileHeight, L: -1, N: bundle, W: width}
	path := strings.Replace(tilePath(tile), "tile/data/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(t.dir, path))
	if errors.Is(err, fs.ErrNotExist) && width < 1<<tileHeight {
		tile.W = 1 << tileHeight
		path = strings.Replace(tilePath(tile), "tile/data/", "tile/entries/", 1)
		data, err = os.ReadFile(filepath.Join(t.dir, path))
	}
	if err != nil {
		return nil, fmt.Errorf("entries: %w", err)
	}
	var out [][]byte
	for len(out) < width {
		if len(data) < 2 || len(data) < 2+int(data[0])<<8+int(data[1]) {
			return nil, fmt.Errorf("entries: %s is cut off", path)
		}
		n := int(data[0])<<8 + int(data[1])
		out, data = append(out, data[2:2+n]), data[2+n:]
	}
	return out, nil
}
