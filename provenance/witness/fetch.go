package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	maxBundle  = tileWidth * (2 + 0xffff)
)

// errGone says that a server is there and does not have a file.
var errGone = errors.New("not found")

// static reads the public files of a log (C2SP tlog-tiles) or of a witness.
type static struct {
	http *http.Client
	url  string
	// bearer is sent as a bearer token, if there is one.
	bearer string
}

func (s static) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if s.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+s.bearer)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s/%s: %w", s.url, path, errGone)
	default:
		return nil, fmt.Errorf("%s/%s: status %d", s.url, path, res.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s/%s: more than %d bytes", s.url, path, limit)
	}
	return b, err
}

// either reads a partial tile or bundle, or the full one that has replaced it.
func (s static) either(ctx context.Context, t tlog.Tile, limit int64) ([]byte, error) {
	b, err := s.get(ctx, tilePath(t), limit)
	if t.W < tileWidth && errors.Is(err, errGone) {
		t.W = tileWidth
		b, err = s.get(ctx, tilePath(t), limit)
	}
	return b, err
}

// tile reads the hashes of a tile.
func (s static) tile(ctx context.Context, t tlog.Tile) ([]byte, error) {
	b, err := s.either(ctx, t, tileWidth*tlog.HashSize)
	if err != nil {
		return nil, err
	}
	return b[:min(len(b), t.W*tlog.HashSize)], nil
}

// bundle reads the entries beside a level-0 tile: each a big-endian uint16 length and the
// bytes. The answer has at most t.W entries.
func (s static) bundle(ctx context.Context, t tlog.Tile) ([][]byte, error) {
	t.L = -1
	b, err := s.either(ctx, t, maxBundle)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for len(out) < t.W && len(b) >= 2 {
		n := 2 + int(b[0])<<8 + int(b[1])
		if len(b) < n {
			break
		}
		out, b = append(out, b[2:n]), b[n:]
	}
	return out, nil
}

// tilePath is the path of tlog-tiles; that of package tlog names the height as well.
func tilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	if rest, ok := strings.CutPrefix(path, "data/"); ok {
		path = "entries/" + rest
	}
	return "tile/" + path
}
