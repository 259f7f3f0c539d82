package paper_test

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"image"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"selvage/provenance/paper"
)

// TestSameBytes: from fresh values, and from several goroutines at once, the same bytes.
func TestSameBytes(t *testing.T) {
	make := func() [2][]byte {
		r, d := registration(t), dispute(t)
		r.Title = nasty["cjk"] + nasty["arabic"] + nasty["hangul parts"]
		d.Registration = r
		for i := range 5 { // of one width, which fpdf does not put in order
			r.Pictures = append(r.Pictures, paper.Picture{Image: weave(320, 300+i)})
		}
		c, err := paper.Certificate(r)
		must(t, err)
		p, err := paper.Report(d)
		must(t, err)
		return [2][]byte{c, p}
	}
	want := make()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2 {
				got := make()
				for i, name := range []string{"certificate", "report"} {
					if !bytes.Equal(got[i], want[i]) {
						t.Errorf("%s: %d and %d bytes that differ", name, len(got[i]), len(want[i]))
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestTextIsReadBack: what was put in is what search and copying find, in every script.
func TestTextIsReadBack(t *testing.T) {
	need(t, "pdftotext")
	r := registration(t)
	r.Title = "Blätter und Äste, ἄνθος Ω, Цветы, 叶子 花 はな ハナ 꽃무늬, Hoa lá"
	r.Owner.Name = "Zoë Þórsdóttir-Nguyễn"
	r.Disclosed.Place = "Kraków, Łódź; שלום עולם 12"
	r.Files = nil
	for i := range 3 {
		r.Files = append(r.Files, paper.File{Name: fmt.Sprintf("e\u0301tude-%d 🍂.png", i), SHA256: strings.Repeat(hex.EncodeToString([]byte{byte(0xa0 + i)}), 32), Size: 1234567, MediaType: "image/png"})
	}
	pdf, err := paper.Certificate(r)
	must(t, err)
	got := text(t, pdf)
	want := []string{
		r.Title, r.Owner.Name, "Kraków, Łódź", "שלום", "עולם", r.Work, r.Record.Digest, r.Record.Commitment, r.Record.Log, r.Record.Authority, r.Record.ServiceKey,
		"22 November 2026, 17:39:54 UTC", "not earlier than", "unknown", "It is no proof of authorship", "selvage-verify receipt.json --file ORIGINAL", "1,234,567 bytes",
	}
	for _, f := range r.Files {
		want = append(want, f.SHA256, norm.NFC.String(f.Name))
	}
	for _, w := range want {
		if !strings.Contains(got, squeeze(w)) {
			t.Errorf("%q is not in the certificate", w)
		}
	}

	d := dispute(t)
	pdf, err = paper.Report(d)
	must(t, err)
	got = text(t, pdf)
	for _, w := range []string{
		"What is claimed", "What is not claimed", "substantially similar in law", d.Match.Sentence, d.Match.ID, "0.9987", "Of 770 findings with this probability, about one is expected to be wrong.",
		"pdq256.v1: 8 of 256 bits differ", "turned a quarter anticlockwise", "80, 60 to 700, 600", d.Match.Policy, d.Match.Query.SHA256, d.Match.Record.Digest,
		"Both show the same traditional weave.", "Frame by frame", "1. 0:00.0 to 0:03.5 shows 0:05.5 to 0:09.0", "compared, 0:02.0", "work, 0:08.5",
		"0.00 s to 3.50 s of the compared file is 5.50 s to 9.00 s of the work", "4.00 s to 6.00 s of the compared file is the work", "Probability 0.0200.", "Share of strangers", "took the compared file", "With a shell and OpenSSL", "Page 1 of",
	} {
		if !strings.Contains(got, squeeze(w)) {
			t.Errorf("%q is not in the report", w)
		}
	}
}

// TestHiddenCharacters: what is invisible or acts on text is seen.
func TestHiddenCharacters(t *testing.T) {
	need(t, "pdftotext")
	r := registration(t)
	r.Title = "photo\u202egnp.exe\x00\n\u200b\xff"
	pdf, err := paper.Certificate(r)
	must(t, err)
	got := text(t, pdf)
	for _, w := range []string{"photo[U+202E]gnp.exe[U+0000][U+000A][U+200B]", "given by their number"} {
		if !strings.Contains(got, squeeze(w)) {
			t.Errorf("%q is not in %s", w, got[:200])
		}
	}
	if strings.ContainsAny(got, "\x00\u202e\u200b") {
		t.Error("a hidden character came through")
	}
}

// TestQR: the code of a page printed at 150 dots an inch is read, with a link as long as it
// may be, and without one.
func TestQR(t *testing.T) {
	need(t, "pdftoppm", "zbarimg")
	for name, link := range map[string]string{"link": "https://selvage.example/verify", "none": "", "longest": "https://selvage.example/" + strings.Repeat("v", 200-24)} {
		t.Run(name, func(t *testing.T) {
			r := registration(t)
			r.Link, r.Work = link, "w_06h08y2rbqwd7rf2ekmyrjvkv0"
			pdf, err := paper.Certificate(r)
			must(t, err)
			base := filepath.Join(t.TempDir(), "page")
			output(t, "pdftoppm", "-r", "150", "-gray", "-png", save(t, pdf), base)
			pages, err := filepath.Glob(base + "*.png")
			must(t, err)
			found := false
			for _, p := range pages {
				c := exec.Command("zbarimg", "-q", "--raw", p)
				out, _ := c.Output() // exit status 4: no code on this page
				found = found || strings.TrimSpace(string(out)) == r.QR()
			}
			if !found {
				t.Errorf("no page has the code %q", r.QR())
			}
		})
	}
	r := registration(t)
	r.Link = "https://selvage.example/" + strings.Repeat("v", 200)
	if _, err := paper.Certificate(r); err == nil {
		t.Error("a link of 224 bytes passes")
	}
	r = registration(t)
	r.Work = strings.Repeat("w", 101)
	if _, err := paper.Report(&paper.Dispute{Registration: r}); err == nil {
		t.Error("a work of 101 bytes passes")
	}
}

// TestNothingLeavesThePage puts each nasty text everywhere.
func TestNothingLeavesThePage(t *testing.T) {
	need(t, "pdftotext")
	for name, s := range nasty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dispute(t)
			r := d.Registration
			r.Title, r.Service, r.Owner = s, s, paper.Party{ID: s, Name: s + "x"}
			r.Fixed = &paper.Date{Claimed: true, Text: s, By: s}
			r.Disclosed.Place, r.Disclosed.Channel, r.Disclosed.Reach = s, s, s
			r.Files = []paper.File{{Name: s, MediaType: s, SHA256: r.Files[0].SHA256, Size: 1}, {Name: "b"}, {SHA256: s}}
			r.Pictures = []paper.Picture{{Image: weave(10, 300), Caption: s}, {Why: s}, {Image: weave(1, 1), Caption: s}}
			r.Work, r.Kind = s[:min(len(s), 100)], s
			r.Record.Log, r.Record.Authority, r.Record.ServiceKey = s, s, s
			m := d.Match
			m.Sentence, m.Transform, m.Policy, m.Verdict, m.ID = s, s, s, s, s
			m.Signals = []paper.Signal{{Name: s, Text: s}}
			m.Query.Name, m.QueryPicture.Caption, m.QueryPicture.Image, m.QueryPicture.Why = s, s, nil, s
			m.Innocent.Text, m.Innocent.Basis = s, s
			d.Custody[0].Who, d.Custody[0].What, d.Custody[0].With = s, s, s
			d.Checks = []paper.Check{{Title: s, Text: s, Steps: []paper.Step{{Command: s, Prints: s}}}}
			c, err := paper.Certificate(r)
			must(t, err)
			inside(t, c)
			p, err := paper.Report(d)
			must(t, err)
			inside(t, p)
			r.Pictures, r.Kind = r.Pictures[:1], "photo"
			c, err = paper.Certificate(r)
			must(t, err)
			inside(t, c)
		})
	}
}

// inside demands every word within the margins, the foot included.
func inside(t *testing.T, pdf []byte) {
	t.Helper()
	const mm = 72 / 25.4
	var doc struct {
		Pages []struct {
			Words []struct {
				XMin float64 `xml:"xMin,attr"`
				YMin float64 `xml:"yMin,attr"`
				XMax float64 `xml:"xMax,attr"`
				YMax float64 `xml:"yMax,attr"`
				Text string  `xml:",chardata"`
			} `xml:"word"`
		} `xml:"body>doc>page"`
	}
	must(t, xml.Unmarshal([]byte(output(t, "pdftotext", "-bbox", save(t, pdf), "-")), &doc))
	if len(doc.Pages) == 0 {
		t.Fatal("no page")
	}
	for n, p := range doc.Pages {
		for _, w := range p.Words {
			// Boxes are of the font's whole height, so they reach a little above a line.
			if w.XMin < 24.9*mm || w.XMax > 190.6*mm || w.YMin < 20*mm || w.YMax > 285*mm {
				t.Errorf("page %d: %q stands at %.0f–%.0f, %.0f–%.0f mm", n+1, w.Text, w.XMin/mm, w.XMax/mm, w.YMin/mm, w.YMax/mm)
				return
			}
		}
		if len(p.Words) == 0 {
			t.Errorf("page %d is empty", n+1)
		}
	}
}

// TestManyFiles: a hundred files go over pages, none is lost, and pages are numbered.
func TestManyFiles(t *testing.T) {
	need(t, "pdftotext", "pdfinfo")
	r := registration(t)
	r.Files, r.Pictures = nil, nil
	for i := range 100 {
		r.Files = append(r.Files, paper.File{Name: fmt.Sprintf("plate %d.png", i), SHA256: fmt.Sprintf("%064x", i*i*7919), Size: int64(i), MediaType: "image/png"})
		r.Pictures = append(r.Pictures, paper.Picture{Image: weave(60, 40+i), Caption: fmt.Sprint(i + 1)})
	}
	pdf, err := paper.Certificate(r)
	must(t, err)
	inside(t, pdf)
	got := text(t, pdf)
	for _, f := range r.Files {
		if !strings.Contains(got, f.SHA256) || !strings.Contains(got, squeeze(f.Name)) {
			t.Fatalf("%s is missing", f.Name)
		}
	}
	info := output(t, "pdfinfo", save(t, pdf))
	if !strings.Contains(info, "Pages:           8\n") || !strings.Contains(info, "A4") {
		t.Errorf("pdfinfo: %s", info)
	}
	for n := 1; n <= 8; n++ {
		if !strings.Contains(got, fmt.Sprintf("Page%dof8", n)) {
			t.Errorf("no foot says page %d of 8", n)
		}
	}
	if !strings.Contains(got, "8of100fileshaveapicturehere.") {
		t.Error("it is not said that pictures were left out")
	}
}

// TestOutline: every heading of a report can be gone to.
func TestOutline(t *testing.T) {
	pdf, err := paper.Report(dispute(t))
	must(t, err)
	for _, h := range []string{"What is claimed", "What is not claimed", "When", "The match", "The strongest innocent explanation", "The dates", "The registered files", "Custody", "How anybody can check this", "With our verifier"} {
		var b []byte
		for _, c := range utf16.Encode([]rune(h)) {
			b = append(b, byte(c>>8), byte(c))
		}
		if !bytes.Contains(pdf, append([]byte("/Title (\xfe\xff"), append(b, ')')...)) {
			t.Errorf("the outline lacks %q", h)
		}
	}
}

// TestNothingIsInvented: what was not given is said not to be there.
func TestNothingIsInvented(t *testing.T) {
	need(t, "pdftotext")
	d := dispute(t)
	d.Custody, d.Match.Innocent, d.Match.Record, d.Match.Signals, d.Match.Transform = nil, nil, nil, nil, ""
	d.Registration.Fixed, d.Registration.Disclosed = nil, nil
	pdf, err := paper.Report(d)
	must(t, err)
	got := text(t, pdf)
	for _, w := range []string{"The strongest innocent explanation was not assessed.", "No record of who had the files in hand", "not claimed", "not told", "none told", "earliest time unknown"} {
		if !strings.Contains(got, squeeze(w)) {
			t.Errorf("%q is not said", w)
		}
	}
	for _, w := range []string{"Where the match is recorded", "dates marked as claimed"} {
		if strings.Contains(got, squeeze(w)) {
			t.Errorf("%q is said", w)
		}
	}
	d = &paper.Dispute{Registration: registration(t)}
	pdf, err = paper.Report(d)
	must(t, err)
	if got := text(t, pdf); strings.Contains(got, squeeze("The match")) || strings.Contains(got, "innocent") {
		t.Error("a report about the work alone speaks of a match")
	}
	d = dispute(t)
	d.Match.Innocent.Probability = nil
	pdf, err = paper.Report(d)
	must(t, err)
	if !strings.Contains(text(t, pdf), squeeze("How probable that is was not assessed.")) {
		t.Error("an explanation without a probability has one")
	}
}

// TestOddPictures: sizes, polygons and times that nobody expects make a document.
func TestOddPictures(t *testing.T) {
	need(t, "pdftotext")
	inf, nan := math.Inf(1), math.NaN()
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, change := range map[string]func(d *paper.Dispute){
		"a line": func(d *paper.Dispute) { d.Registration.Pictures = []paper.Picture{{Image: weave(1, 5000)}} },
		"flat":   func(d *paper.Dispute) { d.Registration.Pictures = []paper.Picture{{Image: weave(5000, 1)}} },
		"no pixels": func(d *paper.Dispute) {
			d.Registration.Pictures = []paper.Picture{{Image: image.NewGray(image.Rectangle{})}}
		},
		"see-through": func(d *paper.Dispute) { d.Match.QueryPicture.Image = image.NewNRGBA(image.Rect(-5, -5, 30, 30)) },
		"polygons": func(d *paper.Dispute) {
			for range 90 {
				d.Match.Regions = append(d.Match.Regions, paper.Region{Query: [][2]float64{{inf, nan}, {-1e300, 1e300}, {5, 5}}, Work: make([][2]float64, 5000)})
			}
			d.Match.Regions = append(d.Match.Regions, paper.Region{})
		},
		"negative size": func(d *paper.Dispute) { d.Match.AssetPicture.Width = -4 },
		"probability":   func(d *paper.Dispute) { d.Match.Probability = nan },
		"backwards": func(d *paper.Dispute) {
			d.Registration.Fixed.From, d.Registration.Fixed.To = d.Registration.Fixed.To, d.Registration.Fixed.From
		},
		"far away": func(d *paper.Dispute) { d.Registration.Fixed.From, d.Registration.Fixed.To = &time.Time{}, &far },
		"undated":  func(d *paper.Dispute) { d.Registration.Registered, d.Match.Made = paper.Date{}, paper.Date{} },
		"many parts": func(d *paper.Dispute) {
			d.Match.Segments, d.Match.Passages = make([]paper.Segment, 999), make([]paper.Passage, 999)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := dispute(t)
			change(d)
			pdf, err := paper.Report(d)
			must(t, err)
			inside(t, pdf)
			pdf, err = paper.Certificate(d.Registration)
			must(t, err)
			inside(t, pdf)
		})
	}
}

// TestOnlyWhatVerifies: a receipt that proves nothing makes no certificate.
func TestOnlyWhatVerifies(t *testing.T) {
	r := golden(t, "receipt-v1.json")
	r.Salt = strings.Repeat("0", 64)
	if _, err := paper.RegistrationOf(r); err == nil {
		t.Error("a receipt with another salt is read")
	}
	if _, err := paper.RegistrationOf(golden(t, "match-receipt-v1.json")); err == nil {
		t.Error("the receipt of a match is read as that of a work")
	}
	if _, err := paper.MatchOf(golden(t, "receipt-v1.json")); err == nil {
		t.Error("the receipt of a work is read as that of a match")
	}
}

// TestClaimedDates: how coarse a claim is stays to be seen.
func TestClaimedDates(t *testing.T) {
	r := registration(t)
	if d := r.Fixed; !d.Claimed || d.Text != "2026-01" || d.From.Format(time.DateOnly) != "2026-01-01" || d.To.Format(time.DateOnly) != "2026-02-01" {
		t.Errorf("%+v", d)
	}
	if d := r.Registered; d.Claimed || d.From != nil || d.To.Format(time.RFC3339) != "2026-11-22T17:39:54Z" {
		t.Errorf("%+v", d)
	}
}

// TestAnyText sets what nobody thought of. FuzzText asks the lines themselves, for which it
// need not cut fonts.
func TestAnyText(t *testing.T) {
	r := registration(t)
	r.Pictures = nil
	tests := 0
	rapid.Check(t, func(rt *rapid.T) {
		if tests++; tests > 20 {
			return // a document takes tens of milliseconds
		}
		c, d := *r, *r.Disclosed
		c.Title, c.Disclosed = rapid.String().Draw(rt, "title"), &d
		d.Place = string(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "place"))
		c.Files = []paper.File{{Name: rapid.String().Draw(rt, "name"), SHA256: r.Files[0].SHA256}}
		pdf, err := paper.Certificate(&c)
		if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.HasSuffix(pdf, []byte("%%EOF\n")) {
			rt.Fatalf("%d bytes, %v", len(pdf), err)
		}
	})
}

func BenchmarkCertificate(b *testing.B) {
	r := registration(b)
	for b.Loop() {
		if _, err := paper.Certificate(r); err != nil {
			b.Fatal(err)
		}
	}
}
