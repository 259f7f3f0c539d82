package fsobjects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"selvage/store"
)

// List implements store.Objects. It holds one folder's names in memory at a time for
// each level; objects that come or go meanwhile may be left out.
func (o *Objects) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		folder := ""
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			folder = prefix[:i]
			if store.CheckObjectKey(folder) != nil {
				return // no key has that prefix
			}
			folder += "/"
		}
		o.walk(ctx, folder, prefix, yield)
	}
}

// walk yields what lies in folder ("" or ending in a slash) and below, and reports
// whether to go on.
func (o *Objects) walk(ctx context.Context, folder, prefix string, yield func(store.Object, error) bool) bool {
	fail := func(err error) bool {
		yield(store.Object{}, fmt.Errorf("list %q: %w", prefix, err))
		return false
	}
	entries, err := os.ReadDir(filepath.Join(o.dir, filepath.FromSlash(folder)))
	if err != nil {
		if err = mapError(err); errors.Is(err, store.ErrNotFound) {
			return true
		}
		return fail(err)
	}
	// In key order "a-b" comes before what lies in folder "a": compare "a/".
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return fail(err)
		}
		key := folder + e.Name()
		if store.CheckObjectKey(key) != nil {
			continue // +tmp, or a file that is none of ours
		}
		if e.IsDir() {
			if below := key + "/"; strings.HasPrefix(below, prefix) || strings.HasPrefix(prefix, below) {
				if !o.walk(ctx, below, prefix, yield) {
					return false
				}
			}
			continue
		}
		if !strings.HasPrefix(key, prefix) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fail(mapError(err))
		}
		if !yield(store.Object{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil) {
			return false
		}
	}
	return true
}

func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}
