package manuscript_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/manuscript/text"
	"selvage/fingerprint/photo"
)

var vocabulary = strings.Fields(`sleeve collar dart seam hem bias pleat gather facing lining pocket placket yoke waist
	armhole notch grain selvage basting needle thread wool linen cotton silk velvet pattern block draft cut press fold
	turn stitch overlock interface shoulder neckline bodice skirt trouser cuff button buttonhole zip hook the of a with
	under over along before after each until against measure mark sew trim ease stretch shrink steam iron carefully slowly`)

// story is a text of its own for each seed.
func story(seed uint64, words int) string {
	r := rand.New(rand.NewPCG(seed, 7))
	var b strings.Builder
	for i := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(vocabulary[r.IntN(len(vocabulary))])
		if r.IntN(9) == 0 {
			b.WriteByte('.')
		}
	}
	return b.String()
}

func hash(t *testing.T, data []byte, query bool) *fingerprint.Result {
	t.Helper()
	h := manuscript.New(manuscript.Options{NoOCR: true})
	var r *fingerprint.Result
	var err error
	if query {
		r, err = h.(fingerprint.Previewer).HashQuery(context.Background(), data)
	} else {
		r, err = h.Hash(context.Background(), data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func query(t *testing.T, r *fingerprint.Result) *manuscript.Query {
	t.Helper()
	q, err := manuscript.NewQuery(r)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// compare compares all parts of two results.
func compare(t *testing.T, q *manuscript.Query, query, ref *fingerprint.Result) *manuscript.Comparison {
	t.Helper()
	var pairs []manuscript.Pair
	for r := range ref.Parts {
		if query.Work == fingerprint.Photo {
			pairs = append(pairs, manuscript.Pair{PartPair: fingerprint.PartPair{Query: -1, Ref: r}, Variants: photo.Variants[:]})
		}
		for p := range query.Parts {
			pairs = append(pairs, manuscript.Pair{PartPair: fingerprint.PartPair{Query: p, Ref: r}, Variants: photo.Variants[:]})
		}
	}
	c, err := q.Compare(ref, true, pairs, func(i int) (*fingerprint.Result, error) { return ref.Parts[i].Result, nil })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestText(t *testing.T) {
	work := story(1, 900)
	ref := hash(t, []byte(work), false)
	mid := work[len(work)/2:]
	passage := mid[strings.IndexByte(mid, ' '):][:900]
	for _, c := range []struct {
		name, text string
		want       manuscript.Relation
		copied     bool
	}{
		{"the same", work, manuscript.Revision, true},
		{"shouted in narrow lines", strings.ReplaceAll(strings.ToUpper(work), " ", "\n"), manuscript.Revision, true},
		{"a third written anew", story(5, 300) + work[len(work)/3:], manuscript.Revision, true},
		{"one page of it", passage, manuscript.Extract, true},
		{"a paragraph in another text", story(2, 900) + passage + story(3, 900), manuscript.Lifted, true},
		{"sown with invisible characters", strings.ReplaceAll(work, "e", "e\u200b"), manuscript.Revision, true},
		{"with letters that look right", strings.NewReplacer("a", "а", "o", "ο", "e", "е").Replace(work), manuscript.Revision, true},
		{"another text of the same words", story(4, 900), "", false},
	} {
		r := hash(t, []byte(c.text), true)
		got := compare(t, query(t, r), r, ref)
		if copied := got.Probability() >= manuscript.ActThreshold; copied != c.copied || c.copied && got.Relation != c.want {
			t.Errorf("%s: probability %.4f, relation %s (%s)", c.name, got.Probability(), got.Relation, got.Reason(copied))
		}
		if !c.copied && got.Probability() > .1 {
			t.Errorf("%s: probability %.4f", c.name, got.Probability())
		}
		for _, p := range got.Passages {
			if int(p.Query.To) > len([]rune(c.text)) || p.Query.To <= p.Query.From || int(p.Ref.To) > len([]rune(work)) {
				t.Errorf("%s: passage %+v lies outside", c.name, p)
			}
		}
	}
}

// TestTemplate: what several works have in common accuses none of them, and the work whose own
// text was taken is still found.
func TestTemplate(t *testing.T) {
	notice := story(100, 120)
	var refs []*fingerprint.Result
	for i := range uint64(4) {
		refs = append(refs, hash(t, []byte(notice+"\n"+story(10+i, 600)), false))
	}
	ask := func(s string) (all []*manuscript.Comparison) {
		r := hash(t, []byte(s), true)
		q := query(t, r)
		for _, ref := range refs {
			all = append(all, compare(t, q, r, ref))
		}
		if all[0].Probability() < manuscript.ActThreshold {
			t.Fatalf("the notice is too short to matter: %.3f", all[0].Probability())
		}
		q.Discount(all)
		return all
	}
	for i, c := range ask(notice + "\n" + story(50, 600)) {
		if c.Probability() > .5 {
			t.Errorf("work %d: probability %.3f for the notice alone", i, c.Probability())
		}
	}
	for i, c := range ask(notice + "\n" + story(12, 600)) {
		if copied := c.Probability() >= manuscript.ActThreshold; copied != (i == 2) {
			t.Errorf("work %d: probability %.3f for the text of work 2", i, c.Probability())
		}
	}
}

func TestReordered(t *testing.T) {
	a, b := story(21, 200), story(22, 200)
	ref := hash(t, []byte(a+"\n"+b), false)
	for s, want := range map[string]bool{a + "\n" + b: false, b + "\n" + a: true} {
		r := hash(t, []byte(s), true)
		c := compare(t, query(t, r), r, ref)
		if c.Reordered != want {
			t.Errorf("reordered is %v, want %v", c.Reordered, want)
		}
		if strings.Contains(c.Reason(true), "another order") != want {
			t.Errorf("the reason is %q", c.Reason(true))
		}
	}
}

// drawing is a picture of strokes, as a PNG file.
func drawing(t *testing.T, seed uint64, ink color.NRGBA, stroke float64) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 700, 560))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	r := rand.New(rand.NewPCG(seed, 3))
	var px, py float64
	for i := range 30 {
		a, d := 2*math.Pi*float64(i)/15, 90+140*r.Float64()
		if i >= 15 {
			d /= 2
		}
		x, y := 350+d*math.Cos(a), 280+d*math.Sin(a)
		for k := 0.; i > 0 && k <= 1; k += 1. / 400 {
			cx, cy := px+(x-px)*k, py+(y-py)*k
			for dy := -4; dy <= 4; dy++ {
				for dx := -4; dx <= 4; dx++ {
					if math.Hypot(float64(dx), float64(dy)) <= stroke/2 {
						m.SetNRGBA(int(cx)+dx, int(cy)+dy, ink)
					}
				}
			}
		}
		px, py = x, y
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMap: which page stands where.
func TestMap(t *testing.T) {
	a, b := story(41, 120), story(42, 120)
	page := func(s string) string { return `<p>` + s + `</p>` }
	ref := hash(t, []byte("<html><body>"+page(a)+page(b)+"</body></html>"), false)
	r := hash(t, []byte(b), true)
	m := compare(t, query(t, r), r, ref).Map()
	if len(m) != 1 || m[0].Units < 400 {
		t.Errorf("map %+v, want the one page of both", m)
	}
}

// TestSketch: a drawing that is registered as a manuscript is found by a photo of it in other
// colours and strokes, and another one is not.
func TestSketch(t *testing.T) {
	black := color.NRGBA{0, 0, 0, 255}
	ref := hash(t, drawing(t, 1, black, 4), false)
	if len(ref.Parts) < 2 || ref.Parts[0].Kind != fingerprint.PagePart || ref.Parts[1].Kind != fingerprint.LinesPart {
		t.Fatalf("parts %+v", ref.Parts)
	}
	ask := func(data []byte) *manuscript.Comparison {
		r, err := photo.New(photo.Options{}).(fingerprint.Previewer).HashQuery(context.Background(), data)
		if err != nil {
			t.Fatal(err)
		}
		if err := manuscript.AddToQuery(context.Background(), r, data, manuscript.Options{NoOCR: true}); err != nil {
			t.Fatal(err)
		}
		return compare(t, query(t, r), r, ref)
	}
	c := ask(drawing(t, 1, color.NRGBA{200, 60, 30, 255}, 2))
	if c.Probability() < manuscript.ActThreshold || c.Relation != manuscript.Pages {
		t.Errorf("the drawing in red: probability %.4f, relation %s", c.Probability(), c.Relation)
	}
	for _, p := range c.Pairs[0].InRef {
		if p.X < -1 || p.Y < -1 || p.X > 701 || p.Y > 561 {
			t.Errorf("the outline %v lies outside of the page", c.Pairs[0].InRef)
		}
	}
	if c := ask(drawing(t, 2, black, 4)); c.Probability() > .3 {
		t.Errorf("another drawing: probability %.4f", c.Probability())
	}
}

// TestInsufficient: what says nothing is registered as such.
func TestInsufficient(t *testing.T) {
	if r := hash(t, []byte("Three short words."), false); r.Insufficient == "" || len(r.Prints) > 0 {
		t.Errorf("three words: %+v", r)
	}
	m := image.NewNRGBA(image.Rect(0, 0, 600, 800))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if r := hash(t, b.Bytes(), false); r.Insufficient == "" || len(r.Parts) > 0 {
		t.Errorf("a blank page: %+v", r)
	}
}

// TestNotes: tricks are undone and told.
func TestNotes(t *testing.T) {
	page := `<html><body><p>` + story(31, 100) + `</p><p style="display:none">` + story(32, 80) + `</p><p>pаtterns and se` + "\u200b" + `ams</p></body></html>`
	r := hash(t, []byte(page), false)
	notes := strings.Join(r.Notes, "; ")
	for _, want := range []string{"hidden text left out", "1 invisible characters", "1 letters of other alphabets"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q do not say %q", notes, want)
		}
	}
	n, err := manuscript.TextOf(r)
	if err != nil || n == nil {
		t.Fatal(n, err)
	}
	hidden, _ := text.Normalise([]string{story(32, 80)})
	if strings.Contains(string(n.Chars), string(hidden.Chars[:60])) {
		t.Error("hidden text is fingerprinted")
	}
}

func TestErrors(t *testing.T) {
	r := hash(t, []byte(story(1, 100)), true)
	q := query(t, r)
	for _, p := range []fingerprint.PartPair{{Query: 0, Ref: 0}, {Query: -2, Ref: -1}, {Query: 0, Ref: 9}} {
		if _, err := q.Compare(r, true, []manuscript.Pair{{PartPair: p}}, nil); err == nil {
			t.Errorf("parts %v that are not there: no error", p)
		}
	}
	bad := &fingerprint.Result{Prints: []fingerprint.Fingerprint{{Kind: fingerprint.Text, View: fingerprint.Full, Payload: []byte{1, 2, 3}}}}
	if _, err := q.Compare(bad, true, nil, nil); err == nil {
		t.Error("a damaged print: no error")
	}
	if _, err := manuscript.NewQuery(bad); err == nil {
		t.Error("a damaged query: no error")
	}
	if _, err := manuscript.New(manuscript.Options{}).Hash(context.Background(), []byte{0, 1, 2}); err == nil {
		t.Error("bytes of no document: no error")
	}
}

func ExampleQuery_Compare() {
	h := manuscript.New(manuscript.Options{NoOCR: true})
	ctx := context.Background()
	registered, err := h.Hash(ctx, []byte("Notes for the atelier. "+story(1, 200)))
	if err != nil {
		fmt.Println(err)
		return
	}
	asked, err := h.Hash(ctx, []byte(strings.ToUpper(story(1, 200))))
	if err != nil {
		fmt.Println(err)
		return
	}
	q, err := manuscript.NewQuery(asked)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := q.Compare(registered, true, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Probability() >= manuscript.ActThreshold, c.Relation)
	// Output: true revision
}
