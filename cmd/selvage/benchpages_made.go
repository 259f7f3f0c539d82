package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image/jpeg"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript/text"
	"selvage/fixtures"
)

const (
	pagesPerDocument = 10
	sampleDocuments  = 6 // that are real
)

// pageMaker is a hasher of manuscripts that makes the fingerprints of documents out of their
// numbers.
//
// The first sampleDocuments are real: PDFs of generated text and pictures, read and drawn as any
// upload is. All others have
//
//   - text of their own, of words as frequent as in a natural language (the k-th one 1/k), a
//     standing notice in every fifth document, and so the hashes of real text;
//   - in each of six bands of a page the local features of the band of some real page, with their
//     words, places, sizes and angles, and of the signatures 3 of 8 bits chosen anew: the words are
//     as frequent as on real pages, and more alike, since only 60 pages lend them;
//   - of some real page the whole-picture codes, with 3 of 8 bits chosen anew, and proof picture and
//     colours as they are.
//
// That is harder than real pages: more candidates look alike, and the lists of the words are longer.
type pageMaker struct {
	real    fingerprint.Hasher
	words   []string
	chance  []float64 // that a word with this number or a lower one comes
	notice  string
	lent    []*fingerprint.Result // the real documents; empty until they are needed
	samples []fingerprint.Part
	bands   [][bandsPerPage][]local.Feature // features of each sample
	asked   map[fingerprint.Digest]*fingerprint.Result
}

const (
	bandsPerPage = 6
	vocabulary   = 20_000
	madeMark     = "selvage bench: document "
)

func newPageMaker(dir string) *pageMaker {
	m := &pageMaker{real: hashers(dir)[1], asked: map[fingerprint.Digest]*fingerprint.Result{}}
	r := rand.New(rand.NewPCG(1, 2))
	sum := 0.0
	for k := range vocabulary {
		w := ""
		for range 1 + r.IntN(2) + k%3 {
			w += []string{"b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "sh", ""}[r.IntN(17)] +
				[]string{"a", "e", "i", "o", "u", "ea", "ou"}[r.IntN(7)] + []string{"", "", "n", "r", "l", "s"}[r.IntN(6)]
		}
		sum += 1 / float64(k+1)
		m.words, m.chance = append(m.words, w), append(m.chance, sum)
	}
	m.notice = m.prose(r, 400)
	return m
}

// borrow makes the real documents.
func (m *pageMaker) borrow(ctx context.Context) error {
	for n := len(m.lent); n < sampleDocuments; n++ {
		data, err := m.pdf(n, allPages(), "registered")
		if err != nil {
			return err
		}
		r, err := m.real.Hash(ctx, data)
		if err != nil {
			return err
		}
		m.lent = append(m.lent, r)
		for _, p := range r.Parts {
			if p.Kind != fingerprint.PagePart {
				continue
			}
			if err := m.sample(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *pageMaker) sample(p fingerprint.Part) error {
	print, ok := p.Result.Print(fingerprint.Local, fingerprint.Full)
	if !ok {
		return nil
	}
	features, err := local.Decode(print.Payload)
	if err != nil {
		return err
	}
	high := uint16(1)
	for _, f := range features {
		high = max(high, f.Y)
	}
	var bands [bandsPerPage][]local.Feature
	for _, f := range features {
		at := int(f.Y) * bandsPerPage / (int(high) + 1)
		bands[at] = append(bands[at], f)
	}
	m.samples, m.bands = append(m.samples, p), append(m.bands, bands)
	return nil
}

// prose is about so many letters of text.
func (m *pageMaker) prose(r *rand.Rand, letters int) string {
	var b strings.Builder
	for b.Len() < letters {
		k, _ := slices.BinarySearch(m.chance, r.Float64()*m.chance[len(m.chance)-1])
		b.WriteString(m.words[min(k, len(m.words)-1)])
		if r.IntN(12) == 0 {
			b.WriteByte('.')
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// allPages are the pages of a document.
func allPages() (all []int) {
	for i := range pagesPerDocument {
		all = append(all, i)
	}
	return all
}

// pdf writes pages of real document n, with a title of the file's own. Every document has a face, a
// size and margins; half of its pages have a picture, and one is little else.
func (m *pageMaker) pdf(n int, pages []int, title string) ([]byte, error) {
	doc := fpdf.New("P", "mm", "A4", "")
	doc.SetCreationDate(time.Unix(0, 0))
	doc.SetTitle(title, true)
	face, size, margin := []string{"Helvetica", "Times", "Courier"}[n%3], 9+float64(n%4), 15+float64(n%5)*5
	doc.SetMargins(margin, margin, margin)
	doc.SetAutoPageBreak(false, 0)
	for _, p := range pages {
		r := rand.New(rand.NewPCG(uint64(n)+1000, uint64(p)))
		doc.AddPage()
		doc.SetFont(face, "", size)
		letters := 2800
		if p%2 == 1 {
			if letters = 1600; p == 5 {
				letters = 200
			}
			name := fmt.Sprintf("%d-%d", n, p)
			var b bytes.Buffer
			if err := jpeg.Encode(&b, fixtures.DistractorAt(uint64(n*pagesPerDocument+p)).Image, &jpeg.Options{Quality: 85}); err != nil {
				return nil, err
			}
			doc.RegisterImageOptionsReader(name, fpdf.ImageOptions{ImageType: "JPG"}, &b)
			doc.ImageOptions(name, margin, margin, 90, 0, true, fpdf.ImageOptions{ImageType: "JPG"}, 0, "")
			doc.Ln(5)
		}
		doc.MultiCell(0, size*.45, m.prose(r, letters), "", "L", false)
	}
	var b bytes.Buffer
	err := doc.Output(&b)
	return b.Bytes(), err
}

// file is the bytes under which a document is registered.
func (m *pageMaker) file(name string) []byte { return []byte(madeMark + name[len(name)-6:]) }

// made is the number of a document that file wrote.
func made(data []byte) (n int, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(madeMark))
	if !ok {
		return 0, false
	}
	_, err := fmt.Sscanf(string(rest), "%06d", &n)
	return n, err == nil
}

func (m *pageMaker) Work() fingerprint.WorkKind { return fingerprint.Manuscript }

func (m *pageMaker) Accepts([]byte) bool { return true }

// Hash implements fingerprint.Hasher.
func (m *pageMaker) Hash(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	n, ok := made(data)
	if !ok {
		return m.real.Hash(ctx, data)
	}
	if err := m.borrow(ctx); err != nil {
		return nil, err
	}
	if n < sampleDocuments {
		return m.lent[n], nil
	}
	return m.make(n), nil
}

func (m *pageMaker) make(n int) *fingerprint.Result {
	r := rand.New(rand.NewPCG(uint64(n), 3))
	out := &fingerprint.Result{Work: fingerprint.Manuscript, Format: "pdf", Pages: pagesPerDocument}
	var texts []string
	for p := range pagesPerDocument {
		words := m.prose(r, 2400)
		if n%5 == 0 && p == 0 {
			words = m.notice + words
		}
		texts = append(texts, words)
		out.Parts = append(out.Parts, fingerprint.Part{Kind: fingerprint.PagePart, Page: p + 1, Result: m.page(r)})
	}
	t, _ := text.Normalise(texts)
	out.Prints = append(out.Prints, fingerprint.Fingerprint{Kind: fingerprint.Text, View: fingerprint.Full, Payload: t.Encode(), Quality: 100})
	first := out.Parts[0].Result
	out.Width, out.Height, out.Box = first.Width, first.Height, first.Box
	return out
}

// page is made of the bands of real ones.
func (m *pageMaker) page(r *rand.Rand) *fingerprint.Result {
	base := *m.samples[r.IntN(len(m.samples))].Result
	base.Prints = slices.Clone(base.Prints)
	var features []local.Feature
	for band := range bandsPerPage {
		features = append(features, m.bands[r.IntN(len(m.bands))][band]...)
	}
	for i := range features {
		f := &features[i]
		f.Sig[0] ^= scatter(r)
		f.Sig[1] ^= scatter(r)
	}
	r.Shuffle(len(features), func(i, j int) { features[i], features[j] = features[j], features[i] })
	for i := range base.Prints {
		p := &base.Prints[i]
		switch p.Kind {
		case fingerprint.Local:
			p.Payload = local.Encode(features[:min(len(features), 288)])
		case fingerprint.PDQ256:
			code := slices.Clone(p.Payload)
			for at := 0; at+8 <= len(code); at += 8 {
				binary.LittleEndian.PutUint64(code[at:], binary.LittleEndian.Uint64(code[at:])^scatter(r))
			}
			p.Payload = code
		}
	}
	return &base
}

// scatter has each bit set with a chance of 3 in 8.
func scatter(r *rand.Rand) uint64 { return r.Uint64() & (r.Uint64() | r.Uint64()) }

// pageQuery is a kind of file to ask about.
type pageQuery struct {
	name     string
	pages    []int
	stranger bool // of no registered document
}

func (m *pageMaker) queries() []pageQuery {
	back := allPages()
	slices.Reverse(back)
	return []pageQuery{
		{"one page of text", []int{4}, false},
		{"one page with a picture", []int{3}, false},
		{"ten pages, half of them with pictures, in another order", back, false},
		{"one page of nobody's", []int{4}, true},
		{"ten pages of nobody's", allPages(), true},
	}
}

// ask makes a file to ask about and remembers its fingerprints, so that Match makes none.
func (m *pageMaker) ask(ctx context.Context, q pageQuery, round int) ([]byte, *fingerprint.Result, error) {
	n := round % sampleDocuments
	if q.stranger {
		n += 1 << 20
	}
	data, err := m.pdf(n, q.pages, q.name)
	if err != nil {
		return nil, nil, err
	}
	d := fingerprint.DigestOf(data)
	if m.asked[d] == nil {
		r, err := m.real.(fingerprint.Previewer).HashQuery(ctx, data)
		if err != nil {
			return nil, nil, err
		}
		m.asked[d] = r
	}
	return data, m.asked[d], nil
}

// HashQuery implements fingerprint.Previewer.
func (m *pageMaker) HashQuery(_ context.Context, data []byte) (*fingerprint.Result, error) {
	r, ok := m.asked[fingerprint.DigestOf(data)]
	if !ok {
		return nil, fmt.Errorf("nobody has made the fingerprints of this file")
	}
	one := *r // Match writes into it
	return &one, nil
}

// Preview implements fingerprint.Previewer; drawing is not what is measured.
func (m *pageMaker) Preview(context.Context, []byte) ([]byte, error) { return nil, nil }
