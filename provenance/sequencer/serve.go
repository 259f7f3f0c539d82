package sequencer

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
)

// publicPath holds the paths of C2SP tlog-tiles, so that nothing else in the directory
// can be reached.
var publicPath = regexp.MustCompile(`^/(checkpoint|tile/(entries|[0-9]{1,2})/(x[0-9]{3}/)*[0-9]{3}(\.p/[0-9]{1,3})?)$`)

// Handler serves the public files of the log in dir (see [Log.Dir]) as C2SP tlog-tiles
// asks: /checkpoint, /tile/LEVEL/..., /tile/entries/... below wherever it is mounted with
// http.StripPrefix. It needs no open Log: static files survive a dead writer.
func Handler(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		if !publicPath.MatchString(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close() // only read
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.URL.Path == "/checkpoint" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
		} else {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
}
