package manuscript

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript/page"
	"selvage/fingerprint/manuscript/text"
	"selvage/fingerprint/photo"
)

// Query is one file made ready for comparing it with many registered ones: a document, or a
// photo to which [AddToQuery] has added. It is safe for concurrent use but for Discount.
type Query struct {
	res   *fingerprint.Result
	text  *text.Query // nil where there is none
	units int         // of the text
	parts []part      // by place in Parts; the last is the file itself
}

type part struct {
	once  sync.Once
	query *photo.Query
	res   *fingerprint.Result
}

func (p *part) ready() *photo.Query {
	p.once.Do(func() { p.query = photo.NewQuery(p.res) })
	return p.query
}

// NewQuery prepares a result that was hashed as a query.
func NewQuery(r *fingerprint.Result) (*Query, error) {
	q := &Query{res: r, parts: make([]part, len(r.Parts)+1)}
	t, err := TextOf(r)
	if err != nil {
		return nil, err
	}
	if t != nil {
		q.text, q.units = text.NewQuery(t), text.Units(t.Chars)
	}
	for i := range r.Parts {
		q.parts[i].res = r.Parts[i].Result
	}
	if r.Work == fingerprint.Photo {
		q.parts[len(r.Parts)].res = r
	}
	return q, nil
}

// Relation says what a registered manuscript and a query have to do with each other.
type Relation string

// The relations.
const (
	None     Relation = "none"     // nothing was found
	Revision Relation = "revision" // most of both texts is the same
	Extract  Relation = "extract"  // most of the query stands in the registered work, of which it is a smaller part
	Lifted   Relation = "lifted"   // passages of the registered work stand inside another text
	Pages    Relation = "pages"    // pages or pictures are the same, not the text
)

// Pair is a part of the query and one of the registered manuscript that may show the same; -1 is
// the file itself. Variants are those of the query's features that say so.
type Pair struct {
	fingerprint.PartPair
	Variants []local.Variant
}

// PagePair is a page or picture of the query and one of the registered manuscript that show the
// same.
type PagePair struct {
	fingerprint.PartPair
	// Kind and QueryKind are those of the registered part and of the query's.
	Kind, QueryKind fingerprint.PartKind
	// QueryPage and RefPage are their pages, from 1; 0 where there are none.
	QueryPage, RefPage int
	// InQuery and InRef are the outline of what both show, corner by corner, in pixels of the
	// page or picture.
	InQuery, InRef geometry.Polygon
	// Map leads from pixels of the registered page or picture to those of the query's.
	Map geometry.Map
	// Probability that one is a copy of the other.
	Probability float64
	// Photo is the whole comparison, of the lines where Kind is LinesPart or IslandPart.
	Photo *photo.Comparison
}

// Comparison is what comparing a query with one registered manuscript found.
type Comparison struct {
	// Passages are what the texts share, in the order of the registered one.
	Passages []text.Passage
	// Pairs are pages and pictures that show the same, the surest first.
	Pairs []PagePair
	// OfQuery and OfRef are the shares of the two texts that the passages cover, 0..1.
	OfQuery, OfRef float64
	// Units is how much text is shared that counts: not common to several works, in no list of
	// references; Longest is that of one passage. Shared is what did not count.
	Units, Longest, Shared int
	// Relation says what kind of copy it is.
	Relation Relation
	// Reordered: what both have comes in another order.
	Reordered bool

	ref         *fingerprint.Result
	hasText     bool
	text        *text.Text     // nil where it was not compared
	marks       []bool         // characters of the query in the passages
	pages       map[[2]int]int // units that two pages share
	queryUnits  int
	refUnits    int
	probability float64
	byText      float64
}

// Compare says whether and where the query has text, pages or pictures of a registered
// manuscript. texts says whether the texts are worth comparing, pairs which parts are, each once; load returns a registered part's Result, with
// Prints, size and box. Of ref it reads Prints and Parts, but not the results of the parts; a
// registered plain picture may be ref too. An error is one of load or of a damaged print.
func (q *Query) Compare(ref *fingerprint.Result, texts bool, pairs []Pair, load func(part int) (*fingerprint.Result, error)) (*Comparison, error) {
	c := &Comparison{ref: ref, Relation: None}
	if _, c.hasText = ref.Print(fingerprint.Text, fingerprint.Full); texts {
		if err := q.compareText(c); err != nil {
			return nil, err
		}
	}
	for _, p := range pairs {
		pair, err := q.comparePart(ref, p, load)
		if err != nil {
			return nil, err
		}
		if pair != nil {
			c.Pairs = append(c.Pairs, *pair)
		}
	}
	q.judge(c, nil)
	return c, nil
}

func (q *Query) compareText(c *Comparison) (err error) {
	if q.text == nil {
		return nil
	}
	if c.text, err = TextOf(c.ref); err != nil || c.text == nil {
		return err
	}
	c.Passages = q.text.Align(c.text)
	c.queryUnits, c.refUnits = q.units, text.Units(c.text.Chars)
	c.marks, c.pages = q.text.Marks(c.Passages), q.text.Pages(c.Passages, c.text)
	return nil
}

// kindOf is the kind of a part of a result; the file itself is a picture.
func kindOf(r *fingerprint.Result, part int) fingerprint.PartKind {
	if part < 0 {
		return fingerprint.PicturePart
	}
	return r.Parts[part].Kind
}

func (q *Query) comparePart(ref *fingerprint.Result, p Pair, load func(int) (*fingerprint.Result, error)) (*PagePair, error) {
	if p.Query < -1 || p.Query >= len(q.res.Parts) || p.Ref < -1 || p.Ref >= len(ref.Parts) {
		return nil, fmt.Errorf("manuscript: no such parts: %+v", p.PartPair)
	}
	mine, theirs := kindOf(q.res, p.Query), kindOf(ref, p.Ref)
	if mine.Drawn() != theirs.Drawn() || mine == fingerprint.IslandPart && theirs == fingerprint.IslandPart {
		// Two islands that are alike are a word or a sign that both drawings have.
		return nil, nil
	}
	at := p.Query
	if at < 0 {
		at = len(q.res.Parts)
	}
	if q.parts[at].res == nil {
		return nil, nil
	}
	other := ref
	if p.Ref >= 0 {
		var err error
		if other, err = load(p.Ref); err != nil {
			return nil, err
		}
	}
	found := q.parts[at].ready().Compare(other, p.Variants...)
	if len(found.Places) == 0 {
		return nil, nil
	}
	pair := &PagePair{PartPair: p.PartPair, Kind: theirs, QueryKind: mine, Photo: found, InQuery: found.Places[0].InQuery, InRef: found.Places[0].InRef, Map: found.Places[0].Map}
	if p.Query >= 0 {
		pair.QueryPage = q.res.Parts[p.Query].Page
	}
	if p.Ref >= 0 {
		pair.RefPage = ref.Parts[p.Ref].Page
	}
	if mine.Drawn() {
		if !pair.toPages(onPage(&q.res.Parts[p.Query], q.parts[at].res), onPage(&ref.Parts[p.Ref], other)) {
			return nil, nil
		}
	}
	return pair, nil
}

// onPage leads from pixels of lines that were drawn anew to those of their page.
func onPage(p *fingerprint.Part, drawn *fingerprint.Result) geometry.Map {
	return page.OnPage(drawn.Width, drawn.Height, p.Box)
}

// toPages brings what was found of lines drawn anew to the pages they were drawn of, and reports
// whether that can be done.
func (p *PagePair) toPages(query, ref geometry.Map) bool {
	back, ok := ref.Inverse()
	if !ok {
		return false
	}
	m, ok := p.Map.Mul(back)
	if !ok {
		return false
	}
	if p.Map, ok = query.Mul(m); !ok {
		return false
	}
	if p.InQuery, ok = p.InQuery.Image(query); !ok {
		return false
	}
	p.InRef, ok = p.InRef.Image(ref)
	return ok
}

// Discount judges all comparisons of one query again without what several works have in common:
// a template, a legal notice, a letterhead. They must be of works that the asker may know of,
// one a work.
func (q *Query) Discount(all []*Comparison) {
	byPart := make(map[int][]*photo.Comparison)
	for _, c := range all {
		for i := range c.Pairs {
			if p := &c.Pairs[i]; !p.Kind.Drawn() {
				byPart[p.Query] = append(byPart[p.Query], p.Photo)
			}
		}
	}
	for at, list := range byPart {
		if at < 0 {
			at = len(q.res.Parts)
		}
		q.parts[at].ready().Discount(list)
	}
	for _, c := range all {
		q.judge(c, q.common(c, all))
	}
}

// sameText is the share of one text that another has to have to be a version of the same, and no
// witness of common content.
const sameText = .5

// common marks the characters of the query that the passages of other works have as well.
func (q *Query) common(c *Comparison, all []*Comparison) []bool {
	if c.marks == nil {
		return nil
	}
	var common []bool
	for _, o := range all {
		if o == c || o.marks == nil || versions(c, o) {
			continue
		}
		if common == nil {
			common = make([]bool, len(c.marks))
		}
		for i, m := range o.marks {
			common[i] = common[i] || m
		}
	}
	return common
}

// versions reports whether two registered texts seem to be versions of one: then what
// both have is no template. That is so where they have most of the same of the query, and that
// is much of them.
func versions(a, b *Comparison) bool {
	both, either := 0, 0
	for i, m := range a.marks {
		if m && b.marks[i] {
			both++
		}
		if m || b.marks[i] {
			either++
		}
	}
	return float64(both) > .7*float64(either) && max(a.OfRef, b.OfRef) > sameText
}

// judge fills in what follows from passages and pairs.
func (q *Query) judge(c *Comparison, common []bool) {
	c.Units, c.Longest, c.Shared = 0, 0, 0
	total := 0
	for i := range c.Passages {
		p := &c.Passages[i]
		n := q.text.Weigh(p, c.text, common)
		total += p.Units
		c.Units += n
		c.Longest = max(c.Longest, n)
	}
	c.Shared = max(0, total-c.Units)
	if c.text != nil {
		c.OfQuery = float64(total) / float64(max(1, q.units))
		c.OfRef = float64(total) / float64(max(1, c.refUnits))
	}
	c.byText = textProbability(c)
	for i := range c.Pairs {
		p := &c.Pairs[i]
		p.Probability = pairProbability(p)
		if p.Kind == fingerprint.PagePart && p.Probability < ActThreshold && q.otherText(c) {
			p.Probability *= otherTextDoubt
		}
	}
	slices.SortStableFunc(c.Pairs, func(a, b PagePair) int { return cmp.Compare(b.Probability, a.Probability) })
	c.probability = c.byText
	if len(c.Pairs) > 0 {
		c.probability = max(c.probability, c.Pairs[0].Probability)
	}
	c.Relation, c.Reordered = c.relation(), c.reordered()
}

// otherText reports whether both have much text and share next to none: pages of one template look
// alike, and say different things.
func (q *Query) otherText(c *Comparison) bool {
	return c.hasText && q.units >= otherTextUnits && c.OfQuery < otherTextShare
}

// Probability that the query has something of the registered manuscript, 0..1.
func (c *Comparison) Probability() float64 { return c.probability }

func (c *Comparison) relation() Relation {
	switch {
	case c.probability == 0:
		return None
	case len(c.Pairs) > 0 && c.Pairs[0].Probability > c.byText:
		return Pages
	case c.OfQuery >= sameText && c.OfRef >= sameText:
		return Revision
	case c.OfQuery >= sameText:
		return Extract
	}
	return Lifted
}

// reordered reports whether passages or pages of the registered work come in another order in
// the query.
func (c *Comparison) reordered() bool {
	last := uint32(0)
	for _, p := range c.Passages {
		if p.Units < longPassage {
			continue
		}
		if p.Query.From < last {
			return true
		}
		last = max(last, p.Query.From)
	}
	pages := make([]PagePair, 0, len(c.Pairs))
	for _, p := range c.Pairs {
		if p.Probability >= ActThreshold && p.QueryPage > 0 && p.RefPage > 0 {
			pages = append(pages, p)
		}
	}
	slices.SortStableFunc(pages, func(a, b PagePair) int { return cmp.Compare(a.RefPage, b.RefPage) })
	for i := 1; i < len(pages); i++ {
		if pages[i].RefPage > pages[i-1].RefPage && pages[i].QueryPage < pages[i-1].QueryPage {
			return true
		}
	}
	return false
}
