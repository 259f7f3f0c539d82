//go:build c2pa

package api

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"selvage/provenance/c2pa/c2patest"
)

// verdict is a line of tools/c2pa/check.mjs.
type verdict struct {
	Wasm struct {
		State   string
		Active  string
		Failure []string
	}
	TS struct {
		Valid   bool
		Failure []string
	}
}

// others asks the two readers by others what they say of each file, with root as the only
// trust anchor. SELVAGE_C2PA_CHECK is the folder with check.mjs and what it needs.
func others(t *testing.T, root []byte, files ...[]byte) []verdict {
	t.Helper()
	tool := os.Getenv("SELVAGE_C2PA_CHECK")
	if tool == "" {
		t.Fatal("SELVAGE_C2PA_CHECK is not set: run make c2pa")
	}
	dir := t.TempDir()
	anchor := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(anchor, root, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{filepath.Join(tool, "check.mjs")}
	for i, f := range files {
		name := filepath.Join(dir, itoa(i)+".jpg")
		if err := os.WriteFile(name, f, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Env = append(os.Environ(), "ROOT="+anchor)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %v: %v\n%s", args, err, out)
	}
	var all []verdict
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var v verdict
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) != len(files) {
		t.Fatalf("%d verdicts on %d files", len(all), len(files))
	}
	return all
}

// TestOthersAcceptTheRecoveredManifest: the manifest that a stripped, shrunk and compressed
// copy led to is genuine for c2pa-rs and c2pa-ts on the registered picture, under the test's
// own authority; one changed byte, or the copy in its place, is a mismatch of the hard
// binding and of nothing else.
func TestOthersAcceptTheRecoveredManifest(t *testing.T) {
	got := recoverManifest(t)
	again, err := c2patest.Embed(got.plain, got.store)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, got.signed) {
		t.Error("the stripped original with the recovered manifest is not the registered file")
	}
	files := [][]byte{got.signed, again}
	genuine := len(files)
	onCopy, err := c2patest.Embed(got.copy, got.store)
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, onCopy)
	for i := range 16 {
		changed := bytes.Clone(again)
		// In the picture's coded data, which is the last part of the file.
		changed[len(changed)-3-i*(len(got.plain)/20)] ^= 0x10
		files = append(files, changed)
	}
	for i, v := range others(t, got.root, files...) {
		if v.Wasm.Active != got.id {
			t.Errorf("file %d: the active manifest is %q", i, v.Wasm.Active)
		}
		if i < genuine {
			if v.Wasm.State != "Trusted" || len(v.Wasm.Failure) > 0 || !v.TS.Valid || len(v.TS.Failure) > 0 {
				t.Errorf("genuine file %d: %+v", i, v)
			}
			continue
		}
		mismatch := []string{"assertion.dataHash.mismatch"}
		if v.Wasm.State != "Invalid" || !slices.Equal(v.Wasm.Failure, mismatch) || v.TS.Valid || !slices.Equal(v.TS.Failure, mismatch) {
			t.Errorf("changed file %d: %+v", i, v)
		}
	}
}
