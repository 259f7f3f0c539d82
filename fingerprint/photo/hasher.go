package photo

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"

	"github.com/corona10/goimagehash"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
	"selvage/fingerprint/local"
)

// Options of a hasher. The zero value is right for the service.
type Options struct {
	// Limits on what is decoded; the zero value means those of package decode.
	Limits decode.Limits
	// NoNegatives leaves out the probes that find colour-inverted copies. It halves what
	// a query costs in the index.
	NoNegatives bool
	// Drawing, where set, says what else a picture is found by that is a drawing: the parts
	// that the function it returns makes, which is nil for all other pictures. Of a query it is
	// left in Result.Lines, of a registered picture it is called. base is the picture in grey,
	// some hundred pixels wide. See manuscript.Drawing.
	Drawing func(m *image.NRGBA, base *local.Gray, query bool) func() ([]fingerprint.Part, error)

	query bool // the picture is asked about, not registered
}

type hasher struct{ opts Options }

// New returns the hasher of photos. It is safe for concurrent use.
func New(opts Options) fingerprint.Hasher { return hasher{opts} }

func (hasher) Work() fingerprint.WorkKind { return fingerprint.Photo }

func (hasher) Accepts(head []byte) bool {
	_, ok := decode.Sniff(head)
	return ok
}

func (h hasher) Hash(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	r, _, err := h.hash(ctx, data)
	return r, err
}

func (h hasher) hash(ctx context.Context, data []byte) (*fingerprint.Result, *image.NRGBA, error) {
	var scan *scanner
	pic, err := decode.Rows(ctx, data, h.opts.Limits, func(m *image.NRGBA, end int) {
		if scan == nil {
			scan = newScanner(m, decode.NewPixelHasher(m), h.opts)
		}
		scan.rows(end)
	})
	if err != nil {
		return nil, nil, err // a sentence for the user already
	}
	if scan == nil {
		scan = newScanner(pic.RGB, decode.NewPixelHasher(pic.RGB), h.opts)
	}
	r, err := scan.result(h.opts)
	if err != nil {
		return nil, nil, err
	}
	r.Format, r.Notes = pic.Format, pic.Notes
	d := scan.pixels.Sum()
	r.Prints = append(r.Prints, fingerprint.Fingerprint{
		Kind: fingerprint.Pixels256, View: fingerprint.Full, Payload: d[:], Quality: 100,
	})
	return r, pic.RGB, h.drawing(r, pic.RGB, scan.base.Base())
}

// drawing adds what a drawing is found by beside.
func (h hasher) drawing(r *fingerprint.Result, m *image.NRGBA, base *local.Gray) (err error) {
	if h.opts.Drawing == nil || r.Insufficient != "" {
		return nil
	}
	lines := h.opts.Drawing(m, base, h.opts.query)
	switch {
	case lines == nil:
	case h.opts.query:
		r.Lines = lines
	default:
		r.Parts, err = lines()
	}
	return err
}

// HashPicture fingerprints decoded pixels (opaque, with (0,0) as the upper left corner):
// all that Hash gives except the format, the notes and the pixels256.v2 print, which
// belong to a file. Use it for pictures found inside other files.
func HashPicture(m *image.NRGBA, opts Options) (*fingerprint.Result, error) {
	return newScanner(m, nil, opts).result(opts)
}

// HashQueryPicture is HashPicture for a picture that is asked about.
func HashQueryPicture(m *image.NRGBA, opts Options) (*fingerprint.Result, error) {
	opts.query = true
	return HashPicture(m, opts)
}

// scanner gives all that reads every pixel the same rows in turn, while they are in the
// processor's cache.
type scanner struct {
	m      *image.NRGBA
	done   int
	pixels *decode.PixelHasher // may be missing
	plane  *planeMaker
	base   *local.BaseMaker
}

func newScanner(m *image.NRGBA, pixels *decode.PixelHasher, opts Options) *scanner {
	return &scanner{m: m, pixels: pixels, plane: newPlaneMaker(m), base: local.NewBaseMaker(m, opts.baseSide())}
}

// rows reads the rows before end.
func (s *scanner) rows(end int) {
	for band := decode.BandRows(s.m.Rect.Dx()); s.done < end; {
		s.done = min(s.done+band, end)
		if s.pixels != nil {
			s.pixels.Rows(s.done)
		}
		s.plane.rows(s.done)
		s.base.Rows(s.done)
	}
}

// result reads the rows that are left and makes all fingerprints but the digest.
func (s *scanner) result(opts Options) (*fingerprint.Result, error) {
	m := s.m
	w, h := m.Rect.Dx(), m.Rect.Dy()
	s.rows(h)
	r := &fingerprint.Result{Work: fingerprint.Photo, Width: w, Height: h, Box: fingerprint.Rect{X1: w, Y1: h}}
	p := s.plane.plane()
	if len(p.pix) == 0 {
		r.Insufficient = content{}.lacking(w, h)
		return r, nil
	}
	lacking, err := addView(r, &r.Prints, fingerprint.Full, p, w, h, opts)
	if err != nil {
		return nil, err
	}
	outer, b := contentBox(p)
	if differs(p, p.bounds(), b) {
		box, inside := edges(m, p, b)
		r.Box = box
		boxed, err := addView(r, &r.Prints, fingerprint.Box, inside, box.W(), box.H(), opts)
		if err != nil {
			return nil, err
		}
		if boxed == "" {
			lacking = ""
		}
	}
	if lacking == "" && differs(p, p.bounds(), outer) && differs(p, outer, b) {
		frame, inside := edges(m, p, outer)
		r.Frame = frame
		if _, err := addView(r, &r.Asides, fingerprint.Frame, inside, frame.W(), frame.H(), opts); err != nil {
			return nil, err
		}
	}
	r.Insufficient = addLocal(r, s.base.Base(), opts, lacking)
	addChroma(r, m, opts)
	if opts.query && r.Insufficient == "" {
		addInsets(r, s.base.Base(), m)
	}
	return r, nil
}

// tellingFeatures is how many local features tell a picture from others where its hashes as
// a whole do not: a tartan has none of the coarse structure that those go by.
const tellingFeatures = 40

// baseSide is the longer side of the base that local features are found in.
func (o Options) baseSide() int {
	if o.query {
		return local.QuerySide
	}
	return local.RefSide
}

// addLocal finds the local features of the whole picture in its base. A query needs more of
// them, from a larger base, and all variants of them; a registered picture is searched for
// with what is stored of it. Lacking says what the hashes of the whole lack. addLocal
// returns what the picture lacks with its features counted, and adds nothing to one that
// lacks something.
func addLocal(r *fingerprint.Result, base *local.Gray, opts Options, lacking string) string {
	limit := local.RefFeatures
	if opts.query {
		limit = local.QueryFeatures
	}
	raw := local.Extract(base, limit)
	if lacking != "" && (len(raw) < tellingFeatures || min(r.Width, r.Height) < minSide) {
		return lacking
	}
	query := &local.Query{Base: base}
	for v := range query.Sets {
		if !opts.NoNegatives || local.Variant(v)&local.Negative == 0 {
			query.Sets[v] = local.QuantiseQuery(raw, base.W, base.H, local.Variant(v))
		}
	}
	r.Query = query
	if opts.query {
		return ""
	}
	stored := make([]local.Feature, len(raw))
	for i, f := range query.Sets[local.Plain] {
		stored[i] = f.Feature
	}
	r.Prints = append(r.Prints,
		fingerprint.Fingerprint{Kind: fingerprint.Local, View: fingerprint.Full, Payload: local.Encode(stored), Quality: 100 * len(stored) / limit},
		fingerprint.Fingerprint{Kind: fingerprint.Proof, View: fingerprint.Full, Payload: encodeProof(shrink(base, proofSide)), Quality: 100})
	return ""
}

// insetForms are the forms in which an inset is looked up.
var insetForms = [...]fingerprint.Dihedral{fingerprint.Identity, fingerprint.FlipY}

// addInsets adds probes for the pictures that may stand in the picture.
func addInsets(r *fingerprint.Result, base *local.Gray, m *image.NRGBA) {
	kx, ky := float64(r.Width)/float64(base.W), float64(r.Height)/float64(base.H)
	at := func(v int, k float64, most int) int { return min(int(float64(float64(v)*k)+.5), most) }
	for _, b := range insets(base) {
		rect := fingerprint.Rect{X0: at(b.X0, kx, r.Width), Y0: at(b.Y0, ky, r.Height), X1: at(b.X1, kx, r.Width), Y1: at(b.Y1, ky, r.Height)}
		if rect.W() < minSide || rect.H() < minSide || sameRect(rect, r.Box) {
			continue
		}
		blurred := newBlur(newPlane(part(m, rect)))
		l := blurred.sample(false, false)
		if measure(l, transform(l)).lacking(rect.W(), rect.H()) != "" {
			continue
		}
		forms, quality := blurred.pdq(), l.quality()
		for _, f := range insetForms {
			r.Probes = append(r.Probes, fingerprint.Probe{
				Fingerprint: fingerprint.Fingerprint{Kind: fingerprint.PDQ256, View: fingerprint.Inset, Payload: forms[inverse(f)], Quality: quality},
				Form:        f, Inset: len(r.Insets),
			})
		}
		r.Insets = append(r.Insets, rect)
	}
}

// addChroma adds the colours of a picture that can be compared.
func addChroma(r *fingerprint.Result, m *image.NRGBA, opts Options) {
	if LocalQuery(r) == nil {
		return
	}
	if opts.query {
		r.Asides = append(r.Asides, fingerprint.Fingerprint{Kind: fingerprint.Chroma, View: fingerprint.Full, Payload: encodeChroma(m, queryChroma), Quality: 100})
		return
	}
	r.Prints = append(r.Prints, fingerprint.Fingerprint{Kind: fingerprint.Chroma, View: fingerprint.Full, Payload: encodeChroma(m, refChroma), Quality: 100})
}

// addView hashes one view of w × h pixels into prints and the probes of r, or says why it
// holds too little.
func addView(r *fingerprint.Result, prints *[]fingerprint.Fingerprint, v fingerprint.View, p *plane, w, h int, opts Options) (lacking string, err error) {
	b := newBlur(p)
	l := b.sample(false, false)
	c := transform(l)
	if lacking = measure(l, c).lacking(w, h); lacking != "" {
		return lacking, nil
	}
	// goimagehash starts goroutines of its own, where a panic would be fatal: it is only
	// ever given a picture made here.
	ph, err := goimagehash.PerceptionHash(p.gray())
	if err != nil {
		return "", fmt.Errorf("phash of the %s view: %w", v, err)
	}
	forms, quality := b.pdq(), l.quality()
	print := func(k fingerprint.Kind, payload []byte) fingerprint.Fingerprint {
		return fingerprint.Fingerprint{Kind: k, View: v, Payload: payload, Quality: quality}
	}
	*prints = append(*prints,
		print(fingerprint.PDQ256, forms[fingerprint.Identity]),
		print(fingerprint.PHash64, binary.BigEndian.AppendUint64(nil, ph.GetHash())))
	for f := range forms {
		// The form that was applied to the registered picture is undone to meet its hash.
		form := fingerprint.Dihedral(f)
		r.Probes = append(r.Probes, fingerprint.Probe{Fingerprint: print(fingerprint.PDQ256, forms[inverse(form)]), Form: form})
	}
	if !opts.NoNegatives {
		for _, p := range r.Probes[len(r.Probes)-len(forms):] {
			p.Payload = complement(p.Payload)
			r.Probes = append(r.Probes, p)
		}
	}
	return "", nil
}

// complement is the PDQ hash of the picture with its tones inverted: every coefficient
// changes its sign.
func complement(hash []byte) []byte {
	out := make([]byte, len(hash))
	for i, b := range hash {
		out[i] = ^b
	}
	return out
}
