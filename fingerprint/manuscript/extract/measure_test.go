//go:build unix

package extract_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"selvage/fingerprint/manuscript/extract"
)

var measured = flag.Int("pages", 0, "pages of the document that TestMeasure reads beside pdftotext and pdftoppm; 0 skips it")

// used is the processor time of this process, or of the children that it waited for.
func used(t testing.TB, who int) time.Duration {
	t.Helper()
	var r syscall.Rusage
	must(t, syscall.Getrusage(who, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// TestMeasure prints what a page costs, text and raster, beside Poppler in the same run:
//
//	go test -tags nodynamic -run TestMeasure -v ./fingerprint/manuscript/extract -pages 1000
func TestMeasure(t *testing.T) {
	if *measured == 0 {
		t.Skip("-pages is 0")
	}
	need(t, "pdftotext", "pdftoppm")
	w := newPDF()
	for i := range *measured {
		var content strings.Builder
		for k := range 45 {
			content.WriteString(line(72, 780-16*float64(k), 11, fmt.Sprintf("Page %d, line %d: the weft crosses the warp %d times in a yard of cloth.", i+1, k+1, i*k%97)))
		}
		w.page(content.String(), "", "")
	}
	data := w.bytes()
	file := filepath.Join(t.TempDir(), "pages.pdf")
	must(t, os.WriteFile(file, data, 0o600))
	report := func(what string, who int, f func()) {
		before, start := used(t, who), time.Now()
		f()
		t.Logf("%-42s %7.2f ms of processor a page, %7.2f ms by the clock", what,
			(used(t, who)-before).Seconds()*1000/float64(*measured), time.Since(start).Seconds()*1000/float64(*measured))
	}
	before := used(t, syscall.RUSAGE_SELF)
	read(t, onePage())
	t.Logf("start of the engine: %.1f s of processor", (used(t, syscall.RUSAGE_SELF) - before).Seconds())
	var d *extract.Document
	report("text with places", syscall.RUSAGE_SELF, func() { d = read(t, data) })
	report("raster, 1400 pixels", syscall.RUSAGE_SELF, func() {
		for i := range d.Pages {
			_, err := d.Pages[i].Raster(t.Context())
			must(t, err)
		}
	})
	report("pdftotext", syscall.RUSAGE_CHILDREN, func() { must(t, exec.Command("pdftotext", file, os.DevNull).Run()) })
	report("pdftotext -bbox-layout", syscall.RUSAGE_CHILDREN, func() { must(t, exec.Command("pdftotext", "-bbox-layout", file, os.DevNull).Run()) })
	report("pdftoppm -scale-to 1400", syscall.RUSAGE_CHILDREN, func() {
		c := exec.Command("pdftoppm", "-scale-to", "1400", file)
		must(t, c.Run())
	})
	must(t, d.Close())
}
