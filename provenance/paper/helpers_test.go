package paper_test

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"selvage/provenance"
	"selvage/provenance/paper"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// golden reads a receipt of the frozen set.
func golden(t testing.TB, name string) *provenance.Receipt {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", name))
	must(t, err)
	r, err := provenance.ParseReceipt(b)
	must(t, err)
	return r
}

// registration is the golden one with two pictures.
func registration(t testing.TB) *paper.Registration {
	t.Helper()
	r, err := paper.RegistrationOf(golden(t, "receipt-v1.json"))
	must(t, err)
	r.Link = "https://selvage.example/verify"
	r.Pictures = []paper.Picture{{Image: weave(320, 400)}}
	return r
}

// dispute is the golden match with all that a caller adds.
func dispute(t testing.TB) *paper.Dispute {
	t.Helper()
	m, err := paper.MatchOf(golden(t, "match-receipt-v1.json"))
	must(t, err)
	p := 0.02
	m.Transform = "turned a quarter anticlockwise"
	m.Signals = []paper.Signal{{Name: "pdq256.v1", Text: "8 of 256 bits differ"}, {Name: "agreement", Text: "the aligned pictures correlate 0.98"}}
	m.QueryPicture = paper.Picture{Image: weave(400, 320), Width: 800, Height: 640}
	m.AssetPicture = paper.Picture{Image: weave(320, 400), Width: 640, Height: 800}
	m.Regions = []paper.Region{{Query: [][2]float64{{80, 60}, {700, 60}, {700, 600}, {80, 600}}, Work: [][2]float64{{60, 720}, {60, 100}, {600, 100}, {600, 720}}}}
	m.Segments = []paper.Segment{{Query: [2]float64{0, 3.5}, Work: [2]float64{5.5, 9}}, {Query: [2]float64{4, 6}}}
	m.Frames = []paper.Frames{{
		Text: "0:00.0 to 0:03.5 shows 0:05.5 to 0:09.0", Region: &paper.Region{Query: m.Regions[0].Query, Work: m.Regions[0].Work},
		Pairs: []paper.FramePair{
			{Query: paper.Picture{Image: weave(320, 256), Width: 800, Height: 640, Caption: "compared, 0:00.5"}, Work: paper.Picture{Image: weave(256, 320), Width: 640, Height: 800, Caption: "work, 0:06.0"}},
			{Query: paper.Picture{Why: "no picture of it was kept", Width: 800, Height: 640, Caption: "compared, 0:02.0"}, Work: paper.Picture{Image: weave(256, 320), Caption: "work, 0:07.5"}},
			{Query: paper.Picture{Image: weave(320, 256), Caption: "compared, 0:03.0"}, Work: paper.Picture{Image: weave(256, 320), Caption: "work, 0:08.5"}},
		},
	}}
	m.Innocent = &paper.Explanation{Text: "Both show the same traditional weave.", Probability: &p, Basis: "Share of strangers of this family that look as alike."}
	return &paper.Dispute{
		Registration: registration(t), Match: m,
		Custody: []paper.Custody{{Time: time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC), Who: "the service", What: "took the compared file", With: "selvage 1"}},
	}
}

// weave is a picture with something in it.
func weave(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := 128 + 100*math.Sin(float64(x)/9)*math.Cos(float64(y)/13)
			m.SetRGBA(x, y, color.RGBA{uint8(v), uint8(v / 2), uint8(255 - v), 255})
		}
	}
	return m
}

// nasty are texts that have broken somebody's layout.
var nasty = map[string]string{
	"empty":        "",
	"one word":     strings.Repeat("Gobelin", 585), // 4 KiB without a space
	"many words":   strings.Repeat("warp and weft ", 290),
	"cjk":          strings.Repeat("青花瓷纹样设计（第三版），", 100),
	"controls":     "a\x00b\nc\r\nd\te\x1b[31mf\x7f" + strings.Repeat("\n", 300),
	"bidi":         "photo\u202egnp.exe\u202c\u2066x\u2069",
	"not utf-8":    "a\xff\xfe\xc3b",
	"marks":        "a" + strings.Repeat("\u0301\u0327", 800) + "b",
	"emoji":        strings.Repeat("🍂👩‍🎨", 40),
	"wide":         strings.Repeat("ﷺ⸻", 40),
	"spaces":       strings.Repeat(" \u3000", 900) + "end",
	"arabic":       strings.Repeat("تصميم النسيج 2026 (أحمر) ", 30),
	"pdf syntax":   `\(unbalanced ) << /Type /Page >> BT ET endstream ` + strings.Repeat(`)`, 50),
	"private":      "\ue000\uf8ff\U0010ffff\ufffe\uffff",
	"hangul parts": strings.Repeat("한글 ", 40),
}

// need skips a test whose tool is missing, unless it must not be.
func need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("SELVAGE_REQUIRE_PDF") != "" || os.Getenv("CI") != "" {
				t.Fatalf("%s is missing: install it, or see tools/setup.sh", tool)
			}
			t.Skipf("%s is missing (Debian: poppler-utils, zbar-tools)", tool)
		}
	}
}

func save(t testing.TB, pdf []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paper.pdf")
	must(t, os.WriteFile(path, pdf, 0o600))
	return path
}

func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	b, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, errs.String())
	}
	// A damaged PDF shows in what the tools complain of.
	if strings.Contains(errs.String(), "Syntax") {
		t.Errorf("%s: %s", name, errs.String())
	}
	return string(b)
}

// text is what a reader copies out of a PDF, without any white space: lines break anywhere.
func text(t testing.TB, pdf []byte) string {
	t.Helper()
	return squeeze(output(t, "pdftotext", save(t, pdf), "-"))
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}
