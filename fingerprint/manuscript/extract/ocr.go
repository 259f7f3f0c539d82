package extract

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
)

// Limits of OCR: a page of dense text takes tesseract about 2 s of CPU.
const (
	ocrTimeout = 60 * time.Second
	ocrMemory  = 2 << 30
	ocrPixels  = 12_000_000
	ocrOutput  = 8 << 20
	tesseract  = "tesseract"
	ocrInstall = "tesseract-ocr with tesseract-ocr-eng and tesseract-ocr-chi-sim (Debian), tesseract (Fedora, Homebrew)"
)

var languages struct {
	mu    sync.Mutex
	known []string
}

// OCRLanguages are the languages that the machine's tesseract reads, by its names ("eng",
// "chi_sim"). The error is of kind NoProgram where there is none.
// It is asked once in a process.
func OCRLanguages() ([]string, error) {
	languages.mu.Lock()
	defer languages.mu.Unlock()
	if languages.known != nil {
		return languages.known, nil
	}
	out, err := guarded(context.Background(), "", program{
		name: tesseract, install: ocrInstall, args: []string{"--list-langs"}, memory: ocrMemory, output: 64 << 10, timeout: 30 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	for l := range strings.Lines(string(out)) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasSuffix(l, ":") {
			languages.known = append(languages.known, l)
		}
	}
	return languages.known, nil
}

// OCR reads the text of a picture, each line a run with its box in pixels of the picture. It
// uses those of the languages that are installed, English and Simplified Chinese where none is named. Without
// tesseract, or without any of the languages, the error is of kind NoProgram. A picture
// without text gives no runs. sure is how sure tesseract is of the letters, 0..1.
func OCR(ctx context.Context, img image.Image, langs ...string) (runs []Run, sure float64, err error) {
	have, err := OCRLanguages()
	if err != nil {
		return nil, 0, err
	}
	if len(langs) == 0 {
		langs = []string{"eng", "chi_sim"}
	}
	use := slices.DeleteFunc(slices.Clone(langs), func(l string) bool { return !slices.Contains(have, l) })
	if len(use) == 0 {
		return nil, 0, bad("", NoProgram, "tesseract has none of the languages %s: they are in %s", strings.Join(langs, ", "), ocrInstall)
	}
	if n := img.Bounds().Dx() * img.Bounds().Dy(); n > ocrPixels {
		return nil, 0, bad("", decode.TooManyPixels, "the picture has %d pixels, %d are allowed for reading its text", n, ocrPixels)
	}
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&file, img); err != nil {
		return nil, 0, corrupt("", err)
	}
	out, err := guarded(ctx, "", program{
		name: tesseract, install: ocrInstall,
		args: []string{"stdin", "stdout", "-l", strings.Join(use, "+"), "--psm", "3", "tsv"},
		// Its threads wait for each other by spinning, which costs more than it gains.
		env: []string{"OMP_THREAD_LIMIT=1"}, input: file.Bytes(),
		memory: ocrMemory, output: ocrOutput, timeout: ocrTimeout,
	})
	if err != nil {
		return nil, 0, err
	}
	runs, sure = parseTSV(string(out))
	return runs, sure, nil
}

// parseTSV reads tesseract's table: level, page, block, paragraph, line, word, left, top,
// width, height, confidence, text. Words are level 5, their confidence 0 to 100.
func parseTSV(table string) (runs []Run, sure float64) {
	total, letters := 0.0, 0
	last := ""
	for row := range strings.Lines(table) {
		col := strings.Split(strings.TrimRight(row, "\r\n"), "\t")
		if len(col) != 12 || col[0] != "5" || strings.TrimSpace(col[11]) == "" {
			continue
		}
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(col[6+i])
		}
		if c, err := strconv.ParseFloat(col[10], 64); err == nil && c >= 0 && c <= 100 {
			total += float64(c * float64(len(col[11])))
			letters += len(col[11])
		}
		box := fingerprint.Rect{X0: n[0], Y0: n[1], X1: n[0] + n[2], Y1: n[1] + n[3]}
		line := strings.Join(col[1:5], " ")
		if k := len(runs) - 1; k >= 0 && line == last {
			runs[k].Text += " " + col[11]
			runs[k].Box = union(runs[k].Box, box)
			continue
		}
		if k := len(runs) - 1; k >= 0 {
			runs[k].Text += "\n"
		}
		last = line
		runs = append(runs, Run{Text: col[11], Box: box})
	}
	return runs, total / 100 / float64(max(1, letters))
}
