package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "selvage"

// arrows lists the rooms and the other rooms that each may import outside of its tests.
// A package belongs to the room with the longest name that is its path or a parent of
// it, and may always import its own room and internal. "*" is every room but cmd.
var arrows = map[string][]string{
	"fingerprint": nil,
	"index":       {"fingerprint"},

	// The contracts know none of the back-ends, and a back-end none of the others.
	"store":           {"fingerprint"},
	"store/mem":       {"store", "fingerprint"},
	"store/badgerkv":  {"store", "fingerprint"},
	"store/fsobjects": {"store", "fingerprint"},
	"store/s3objects": {"store", "fingerprint"},
	"store/storetest": {"store", "fingerprint"},

	// Whoever verifies needs no code of the service.
	"provenance":           nil,
	"provenance/witness":   {"provenance"},
	"provenance/sequencer": {"provenance", "provenance/witness", "store"},
	"provenance/paper":     {"provenance"}, // with its fonts, which no verifier needs

	// The story names the store's contracts; cmd chooses the back-ends.
	"registry": {"fingerprint", "index", "provenance", "provenance/sequencer", "provenance/paper", "store"},
	"casework": {"registry", "provenance", "store"},

	// The interface needs the error types of store and fingerprint for its one table from
	// error to status, and store's KV for the records of the API keys.
	"api": {"registry", "casework", "provenance", "store", "fingerprint"},
	"web": {"registry", "casework"},

	"fixtures": {"fingerprint"},
	"internal": nil,

	"cmd":                {"*"},
	"cmd/selvage-verify": {"provenance"},
}

// homes lists the dependencies that only some rooms may name: import path prefix, rooms
// (with what is below them), and whether tests elsewhere may name it all the same.
var homes = []struct {
	prefix  string
	rooms   []string
	inTests bool
}{
	{"github.com/labstack/", []string{"api", "cmd"}, false},
	{"github.com/dgraph-io/", []string{"store/badgerkv"}, false},
	{"github.com/minio/minio-go/", []string{"store/s3objects"}, false},
	{"codeberg.org/go-pdf/", []string{"provenance/paper", "cmd/selvage"}, false},
	{"github.com/klippa-app/", []string{"fingerprint/manuscript/extract"}, false},
	{"github.com/skip2/go-qrcode", []string{"provenance/paper"}, false},
	{"net/http", []string{"api", "web", "cmd", "store/s3objects", "store/storetest", "provenance/sequencer", "provenance/beacon", "provenance/timestamp", "provenance/witness"}, true},
	{"C", nil, false}, // no cgo: the product builds with Go alone
}

// room returns the name of the room that a package (its path below the module) is in,
// or "" when the table has none.
func room(pkg string) string {
	for name := pkg; name != "."; name = path.Dir(name) {
		if _, known := arrows[name]; known {
			return name
		}
	}
	return ""
}

// violation says what is wrong with an import, or "".
func violation(pkg, imported string, test bool) string {
	from := room(pkg)
	if from == "" {
		return "package " + pkg + " is in no room: give it a line in the table of internal/archtest"
	}
	for _, h := range homes {
		if imported != h.prefix && !strings.HasPrefix(imported, strings.TrimSuffix(h.prefix, "/")+"/") {
			continue
		}
		home := slices.ContainsFunc(h.rooms, func(r string) bool { return pkg == r || strings.HasPrefix(pkg, r+"/") })
		if !home && !(test && h.inTests) {
			return fmt.Sprintf("%s must not import %s: only %v may", pkg, imported, h.rooms)
		}
	}
	target, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return ""
	}
	to := room(target)
	switch {
	case to == "":
		return fmt.Sprintf("%s imports %s, which is in no room", pkg, imported)
	case to == from || to == "internal":
		return ""
	case to == "cmd" || strings.HasPrefix(to, "cmd/"):
		return fmt.Sprintf("%s must not import %s: nobody imports a command", pkg, imported)
	case test:
		return "" // a test may bring its own store, index and pictures
	case slices.Contains(arrows[from], to), slices.Contains(arrows[from], "*"):
		return ""
	}
	return fmt.Sprintf("%s must not import %s: %s may import %v", pkg, imported, from, arrows[from])
}

// source is one Go file of the module.
type source struct {
	pkg     string // path of its package below the module
	path    string
	test    bool
	imports []string
	doc     bool // it carries the package comment
}

// sources parses the heads of the module's files; modules inside it (tools) are not its.
func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if file == root {
				return nil
			}
			name := d.Name()
			_, nested := os.Stat(filepath.Join(file, "go.mod"))
			if nested == nil || name == "testdata" || name == "bin" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		head, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		s := source{
			pkg:  filepath.ToSlash(rel),
			path: file,
			test: strings.HasSuffix(file, "_test.go"),
			doc:  strings.TrimSpace(docText(head.Doc)) != "",
		}
		for _, spec := range head.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func docText(group *ast.CommentGroup) string {
	if group == nil {
		return ""
	}
	return group.Text()
}

func TestArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[room(s.pkg)] = true
		for _, imported := range s.imports {
			if v := violation(s.pkg, imported, s.test); v != "" {
				t.Errorf("%s: %s", s.path, v)
			}
		}
	}
	for _, must := range []string{"fingerprint", "index", "store", "registry", "internal"} {
		if !seen[must] {
			t.Errorf("no file of room %s was read: the test looks in the wrong place", must)
		}
	}
}

// The offline verifier must stay small enough to be read by whoever distrusts us: what
// it reaches, through every package of ours, is provenance alone.
func TestVerifierReachesOnlyProvenance(t *testing.T) {
	imports := map[string][]string{}
	for _, s := range sources(t) {
		if !s.test {
			imports[s.pkg] = append(imports[s.pkg], s.imports...)
		}
	}
	reached := map[string]bool{}
	queue := []string{"cmd/selvage-verify"}
	if len(imports[queue[0]]) == 0 {
		t.Fatal("cmd/selvage-verify has no files")
	}
	for len(queue) > 0 {
		pkg := queue[0]
		queue = queue[1:]
		if reached[pkg] {
			continue
		}
		reached[pkg] = true
		for _, imported := range imports[pkg] {
			if next, ours := strings.CutPrefix(imported, module+"/"); ours {
				queue = append(queue, next)
			}
			if imported == "net" || strings.HasPrefix(imported, "net/http") {
				t.Errorf("%s imports %s: verifying needs no network", pkg, imported)
			}
		}
	}
	for pkg := range reached {
		if r := room(pkg); r != "provenance" && r != "cmd/selvage-verify" && r != "internal" {
			t.Errorf("selvage-verify reaches %s", pkg)
		}
	}
}

func TestEveryPackageIsExplained(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			documented[s.pkg] = documented[s.pkg] || s.doc
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment: say what to use first and what is promised", pkg)
		}
	}
}

func TestViolationIsFound(t *testing.T) {
	tests := []struct {
		pkg, imported string
		test          bool
		bad           bool
	}{
		{"registry", "selvage/index", false, false},
		{"registry", "selvage/fingerprint/photo", false, false},
		{"registry", "selvage/provenance/sequencer", false, false},
		{"registry", "selvage/store/badgerkv", false, true},
		{"registry", "selvage/store/badgerkv", true, false},
		{"registry", "github.com/dgraph-io/badger/v4", true, true},
		{"registry", "net/http", false, true},
		{"registry", "selvage/api", false, true},
		{"fingerprint/photo", "selvage/fingerprint", false, false},
		{"fingerprint/photo", "selvage/index", false, true},
		{"index/mih", "selvage/index/flat", false, false},
		{"index/mih", "selvage/store", false, true},
		{"store/badgerkv", "github.com/dgraph-io/badger/v4", false, false},
		{"store/badgerkv", "selvage/store/mem", false, true},
		{"store/fsobjects", "github.com/minio/minio-go/v7", false, true},
		{"provenance", "selvage/provenance/sequencer", false, true},
		{"provenance", "selvage/fingerprint", false, true},
		{"provenance/sequencer", "selvage/store", false, false},
		{"provenance", "selvage/provenance/paper", false, true},
		{"provenance/paper", "selvage/provenance", false, false},
		{"registry", "selvage/provenance/paper", false, false},
		{"registry", "codeberg.org/go-pdf/fpdf", false, true},
		{"provenance/sequencer", "selvage/provenance/witness", false, false},
		{"provenance/witness", "net/http", false, false},
		{"provenance/witness", "selvage/provenance/sequencer", false, true},
		{"provenance", "selvage/provenance/witness", false, true},
		{"provenance", "net/http", false, true},
		{"api", "github.com/labstack/echo/v4/middleware", false, false},
		{"web", "github.com/labstack/echo/v4", false, true},
		{"cmd/selvage", "selvage/store/badgerkv", false, false},
		{"cmd/selvage-verify", "selvage/provenance", false, false},
		{"cmd/selvage-verify", "selvage/registry", false, true},
		{"api", "selvage/cmd/selvage", true, true},
		{"api", "C", false, true},
		{"api", "net/http/httptest", true, false},
		{"gallery", "fmt", false, true},
	}
	for _, tt := range tests {
		if got := violation(tt.pkg, tt.imported, tt.test); (got != "") != tt.bad {
			t.Errorf("violation(%q, %q, test=%v) = %q", tt.pkg, tt.imported, tt.test, got)
		}
	}
}
