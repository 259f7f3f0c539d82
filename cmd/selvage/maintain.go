package main

import (
	"bufio"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"selvage/provenance"
	"selvage/registry"
	"selvage/store"
)

// directory is the --data of commands that work on a registry themselves.
type directory struct {
	Data string `placeholder:"DIR" help:"Directory of the registry; default $SELVAGE_DATA or ~/.local/share/selvage."`
}

func (d directory) settings(e *env) (Settings, error) {
	s, err := loadSettings(e.config)
	if d.Data != "" {
		s.Data = d.Data
	}
	return s, err
}

// open opens the registry, which must be there.
func (d directory) open(e *env) (*system, error) {
	s, err := d.settings(e)
	if err != nil {
		return nil, err
	}
	return e.openExisting(s)
}

type fsckCmd struct {
	directory
	Quick bool `help:"Look at presence and size of the originals only, not at their bytes."`
	JSON  bool `name:"json" help:"Print the report as JSON."`
}

func (c *fsckCmd) Run(e *env) error {
	y, err := c.open(e)
	if err != nil {
		return err
	}
	defer y.quit(e.ctx)
	rep, err := y.registry.Fsck(e.ctx, registry.FsckOptions{Originals: !c.Quick, Progress: func(t string) { fmt.Fprintln(e.stderr, "fsck:", t) }})
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(e.stdout).Encode(rep); err != nil {
			return err
		}
	} else {
		for _, p := range rep.Problems {
			fmt.Fprintln(e.stdout, "PROBLEM", p)
		}
		fmt.Fprintf(e.stdout, "%d works (%d withdrawn), %d originals, %d receipts proved, %d pending, %d log entries, %d orphans\n",
			rep.Works, rep.Withdrawn, rep.Assets, rep.Proved, rep.Pending, rep.LogSize, rep.Orphans)
	}
	if len(rep.Problems) > 0 {
		return &exit{1, fmt.Sprintf("the registry is damaged: %d problem(s)", len(rep.Problems))}
	}
	if !c.JSON {
		fmt.Fprintln(e.stdout, "clean")
	}
	return nil
}

type reindexCmd struct{ directory }

func (c *reindexCmd) Run(e *env) error {
	s, err := c.settings(e)
	if err != nil {
		return err
	}
	if !s.exists() {
		return s.missing()
	}
	// The record store's lock is taken first, so that no running server loses its files.
	kv, err := openRecords(s, e.log)
	if err != nil {
		return err
	}
	err = os.RemoveAll(filepath.Join(s.Data, "index"))
	if err := errors.Join(err, kv.Close()); err != nil {
		return err
	}
	y, err := e.open(s, nil)
	if err != nil {
		return err
	}
	n, err := y.registry.Reindex(e.ctx)
	if err := errors.Join(err, y.close(e.ctx)); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%d works indexed\n", n)
	return nil
}

// A backup is a directory: records.backup (every record, checksummed), log/ (log, keys
// and time authority as they are) and objects/ (originals, where they are not in a
// bucket, which has copies of its own). The index is derived and left out.
const recordsBackup = "records.backup"

type backupCmd struct {
	directory
	To string `arg:"" name:"dir" help:"New directory for the backup."`
}

func (c *backupCmd) Run(e *env) error {
	y, err := c.open(e)
	if err != nil {
		return err
	}
	defer y.quit(e.ctx)
	s := y.settings
	if err := freshDir(c.To); err != nil {
		return err
	}
	// It gets its name last: a backup that broke off cannot be taken for a whole one.
	records := filepath.Join(c.To, recordsBackup)
	err = writeStream(records+".part", func(w io.Writer) error { return store.Backup(e.ctx, y.kv, w) })
	if err != nil {
		return err
	}
	if err := y.close(e.ctx); err != nil {
		return err
	}
	for _, sub := range []string{"log", "objects"} {
		if err := copyTree(e.ctx, filepath.Join(s.Data, sub), filepath.Join(c.To, sub)); err != nil {
			return err
		}
	}
	if err := os.Rename(records+".part", records); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s backed up to %s\n", s.Data, c.To)
	if s.Objects == "s3" {
		fmt.Fprintf(e.stdout, "originals are in the bucket %s and were not copied\n", s.S3.Bucket)
	}
	return nil
}

type restoreCmd struct {
	directory
	From string `arg:"" name:"dir" help:"Directory of the backup."`
}

func (c *restoreCmd) Run(e *env) error {
	s, err := c.settings(e)
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(c.From, recordsBackup))
	if err != nil {
		return fmt.Errorf("%s is no backup: %s: %w", c.From, recordsBackup, cause(err))
	}
	defer f.Close()
	if err := freshDir(s.Data); err != nil {
		return err
	}
	n, err := c.restore(e, s, f)
	if err != nil {
		// The directory was empty: half a registry must not be taken for a whole one.
		for _, sub := range []string{"records", "log", "objects", "index"} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.Data, sub)))
		}
		return err
	}
	fmt.Fprintf(e.stdout, "%s restored to %s: %d works\n", c.From, s.Data, n)
	return nil
}

func (c *restoreCmd) restore(e *env, s Settings, records io.Reader) (works int, err error) {
	for _, sub := range []string{"log", "objects"} {
		if err := copyTree(e.ctx, filepath.Join(c.From, sub), filepath.Join(s.Data, sub)); err != nil {
			return 0, err
		}
	}
	kv, err := openRecords(s, e.log)
	if err != nil {
		return 0, err
	}
	err = store.Restore(e.ctx, kv, bufio.NewReaderSize(records, 1<<20))
	if err := errors.Join(err, kv.Close()); err != nil {
		return 0, err
	}
	// Opening rebuilds the index.
	y, err := e.open(s, nil)
	if err != nil {
		return 0, err
	}
	works, err = y.registry.Reindex(e.ctx)
	return works, errors.Join(err, y.close(e.ctx))
}

// freshDir makes a directory that is not there yet, or is empty.
func freshDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: name a new directory", dir)
	}
	return os.MkdirAll(dir, 0o700)
}

func writeStream(path string, f func(io.Writer) error) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f(out), out.Sync()); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// copyTree copies regular files with their modes; a missing source is nothing to copy.
func copyTree(ctx context.Context, from, to string) error {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(target, info.Mode().Perm())
		case !info.Mode().IsRegular():
			return nil
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		return errors.Join(err, out.Sync(), out.Close())
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

type healthcheckCmd struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8080" help:"Where the service listens."`
}

func (c *healthcheckCmd) Run(e *env) error {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(strings.TrimSuffix(c.URL, "/") + "/readyz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready: %s", c.URL, resp.Status)
	}
	fmt.Fprintln(e.stdout, "ready")
	return nil
}

type renewCmd struct {
	directory
	Ahead  time.Duration     `default:"4320h" placeholder:"TIME" help:"Renew what ends within this time (Go duration); default 4320h, half a year."`
	Hash   string            `default:"SHA-256" placeholder:"NAME" help:"Hash function of the new tokens: SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-512."`
	Sunset map[string]string `placeholder:"WHAT=DATE" help:"What is no longer sound since when, like SHA-256=2035-01-01; may be repeated."`
	JSON   bool              `name:"json" help:"Print the report as JSON."`
}

var renewHashes = map[string]crypto.Hash{
	"SHA-256": crypto.SHA256, "SHA-384": crypto.SHA384, "SHA-512": crypto.SHA512, "SHA3-256": crypto.SHA3_256, "SHA3-512": crypto.SHA3_512,
}

// Run renews the time tokens that end soon; run it by a timer, say every week.
func (c *renewCmd) Run(e *env) error {
	h, ok := renewHashes[c.Hash]
	if !ok {
		return &exit{2, fmt.Sprintf("--hash %q: use SHA-256, SHA-384, SHA-512, SHA3-256 or SHA3-512", c.Hash)}
	}
	sunsets := provenance.Sunsets{}
	for what, date := range c.Sunset {
		t, err := time.Parse(time.DateOnly, date)
		if err != nil {
			return &exit{2, fmt.Sprintf("--sunset %s=%s: write the date as 2035-01-01", what, date)}
		}
		sunsets[what] = t
	}
	if err := sunsets.Check(); err != nil {
		return &exit{2, fmt.Sprintf("--sunset: %v", err)}
	}
	y, err := c.open(e)
	if err != nil {
		return err
	}
	defer y.quit(e.ctx)
	rep, err := y.registry.Renew(e.ctx, registry.RenewRequest{Ahead: c.Ahead, Hash: h, Sunsets: sunsets})
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(e.stdout).Encode(rep); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(e.stdout, "%d time tokens, %d due, %d renewed\n", rep.Checked, rep.Due, rep.Renewed)
		for _, l := range rep.Lost {
			fmt.Fprintln(e.stdout, "LOST", l)
		}
	}
	if n := rep.Due - rep.Renewed; n > 0 {
		return &exit{1, fmt.Sprintf("%d time tokens were not renewed: a further one by the same authority would end no later; have them renewed by another authority", n)}
	}
	if len(rep.Lost) > 0 {
		return &exit{1, fmt.Sprintf("%d time tokens can no longer be renewed: their chain broke before it was", len(rep.Lost))}
	}
	return nil
}
