package paper

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Dispute is what a report is about.
type Dispute struct {
	Registration *Registration
	// Match is nil for a report about the work alone.
	Match *Match
	// Custody is what was done with the files, in order; nil where no record was kept.
	Custody []Custody
	// Checks are the ways to check the bundle; nil means [StandardChecks].
	Checks []Check
}

const maxListed = 200 // segments, passages and corners in the tables

// Report makes the report of an evidence bundle, for people: what is claimed and what is
// not, when, why, and how anybody can check it. Errors are those of [Certificate].
func Report(d *Dispute) ([]byte, error) {
	r, m := d.Registration, d.Match
	if err := r.check(); err != nil {
		return nil, err
	}
	kind, about, made := "Evidence report", "Work "+r.Work, r.stamped()
	if m != nil {
		about += ", match " + m.ID
		if m.Made.To != nil && m.Made.To.After(made) {
			made = *m.Made.To
		}
	}
	s := newSheet(info{title: kind + ": " + r.name(), subject: about, service: r.Service, made: made})
	s.masthead(kind, r.Service)
	s.title(r.name())
	s.paragraph("registered by "+r.Owner.String(), body)

	s.heading("What is claimed", 20)
	s.claims(r, m)
	s.heading("What is not claimed", 3*body.leading())
	for _, t := range d.notClaimed() {
		s.bullet("–", t)
	}
	s.heading("When", 40)
	s.timeline(r.lanes(m))
	if m != nil {
		s.match(m)
		s.heading("The strongest innocent explanation", 2*body.leading())
		s.innocent(m.Innocent)
	} else if len(r.Pictures) > 0 {
		s.heading("The work", 45)
		s.pictures(r.Pictures[:min(len(r.Pictures), maxPictures)], len(r.Pictures), len(r.Files))
	}
	s.dates(r, m)
	s.files("The registered files", r.Files)
	if m != nil {
		s.heading("The compared file", 16)
		s.file("1", m.Query)
	}
	s.record("Where the registration is recorded", &r.Record, r)
	if m != nil && m.Record != nil {
		s.record("Where the match is recorded", m.Record, nil)
	}
	s.custody(d.Custody)
	checks := d.Checks
	if checks == nil {
		checks = StandardChecks()
	}
	s.checks(checks)
	return s.finish(fmt.Sprintf("%s · %s", plainShort(r.Service), plainShort(strings.ToLower(about[:1])+about[1:])))
}

func (r *Registration) lanes(m *Match) []lane {
	var out []lane
	if r.Fixed != nil {
		out = append(out, lane{"Fixed", *r.Fixed})
	}
	if r.Disclosed != nil {
		out = append(out, lane{"First disclosed", *r.Disclosed})
	}
	out = append(out, lane{"Registered", r.Registered})
	if m != nil {
		out = append(out, lane{"Match made", m.Made})
	}
	return out
}

// claims is the case in a few lines.
func (s *sheet) claims(r *Registration, m *Match) {
	s.row("The work", say("%s, version %d, a %s of %s", r.Work, r.Version, r.Kind, filesInWords(r.Files)))
	s.row("Registered", say("The record of it, with the digests of its files, existed on %s at the latest.", stamp(r.Registered.To)),
		aside("Proved by "+orElse(r.Registered.By, "nobody named")+"."))
	s.makers(r)
	if m == nil {
		return
	}
	s.row("The match", part{text: m.Sentence, style: strong}, say("%s", verdictInWords(m.Verdict)),
		say("Probability %s. %s", decimals(m.Probability), odds(m.Probability)))
}

func (d *Dispute) notClaimed() []string {
	out := notClaimed(d.Registration)
	if d.Match != nil {
		out = append(out,
			"It does not say who copied whom, or whether copying was allowed: a match compares files, not people.",
			"It does not say that the two are substantially similar in law. That is for people to judge.")
	}
	return out
}

func verdictInWords(v string) string {
	switch v {
	case "identical":
		return "Verdict “identical”: the same bytes, or the same pixels, samples or text after decoding."
	case "copy":
		return "Verdict “copy”: the same picture, video or page, edited."
	case "part":
		return "Verdict “part”: a region, segment or passage of one stands inside the other."
	case "alike":
		return "Verdict “alike”: merely similar, which is no reason to act."
	}
	return "Verdict “" + v + "”."
}

// decimals cuts a probability, never rounds: only 1 looks like 1.
func decimals(p float64) string {
	if math.IsNaN(p) || p < 0 || p > 1 {
		return "not stated"
	}
	return strconv.FormatFloat(math.Floor(p*1e4)/1e4, 'f', 4, 64)
}

// match shows the finding: pictures side by side, then what was measured.
func (s *sheet) match(m *Match) {
	s.heading("The match", 60)
	s.sideBySide(m)
	s.row("Verdict", part{text: m.Verdict, style: strong}, aside(strings.TrimPrefix(verdictInWords(m.Verdict), "Verdict ")))
	s.row("Probability", part{text: decimals(m.Probability), style: strong}, aside(strings.TrimSpace(odds(m.Probability)+" Calibrated under the policy below.")))
	s.row("Transform", say("%s", orElse(m.Transform, "not told")))
	signals := []part{say("none told")}
	if len(m.Signals) > 0 {
		signals = nil
	}
	for _, x := range m.Signals {
		signals = append(signals, say("%s: %s", x.Name, x.Text))
	}
	s.row("Signals", signals...)
	if len(m.Regions) > 0 {
		s.row("Regions", regionsInWords(m.Regions)...)
	}
	if len(m.Segments) > 0 {
		parts := []part{}
		for _, x := range m.Segments[:min(len(m.Segments), maxListed)] {
			parts = append(parts, say("%s is %s", stretch(x.Query, "the compared file"), stretch(x.Work, "the work")))
		}
		s.row("Segments", more(parts, len(m.Segments))...)
	}
	if len(m.Passages) > 0 {
		parts := []part{}
		for _, x := range m.Passages[:min(len(m.Passages), maxListed)] {
			parts = append(parts, say("characters %s to %s of the compared file are %s to %s of the work", count(x.Query[0]), count(x.Query[1]), count(x.Work[0]), count(x.Work[1])))
		}
		s.row("Passages", more(parts, len(m.Passages))...)
	}
	s.row("Policy", say("%s", m.Policy), aside("Version of the thresholds and of the calibration."))
	s.row("Match", say("%s", m.ID))
	s.frames(m.Frames)
}

// stretch is a segment of a file in words; the file itself where it has no time.
func stretch(t [2]float64, of string) string {
	if t == [2]float64{} {
		return of
	}
	return fmt.Sprintf("%s to %s of %s", seconds(t[0]), seconds(t[1]), of)
}

// frames draws pairs of frames, two pairs a line: on the left of each the compared file's.
func (s *sheet) frames(list []Frames) {
	const (
		inPair  = 1.5
		apart   = 7.0
		w       = (width - apart - 2*inPair) / 4
		tallest = 50.0
	)
	if len(list) == 0 {
		return
	}
	s.heading("Frame by frame", 60)
	s.paragraph("Of each pair, the left frame is the compared file's and the right one the work's. The outline is what both show.", small)
	for i, f := range list[:min(len(list), maxListed)] {
		s.gap(2)
		for n := 0; n < len(f.Pairs); n += 2 {
			line := f.Pairs[n:min(n+2, len(f.Pairs))]
			tall := 0.0
			for _, p := range line {
				_, q := p.Query.shownSize(w, tallest)
				_, a := p.Work.shownSize(w, tallest)
				tall = max(tall, q, a)
			}
			head := 0.0
			if n == 0 {
				head = s.height(fmt.Sprintf("%d. %s", i+1, f.Text), body, width) + 1
			}
			s.need(head + tall + small.leading() + 3)
			if n == 0 {
				s.textIn(fmt.Sprintf("%d. %s", i+1, f.Text), body, left, width)
				s.gap(1)
			}
			for k, p := range line {
				x := left + float64(k)*(2*w+inPair+apart)
				s.frame(p.Query, box{x, s.y, w, tallest}, tall, f.Region, false)
				s.frame(p.Work, box{x + w + inPair, s.y, w, tallest}, tall, f.Region, true)
			}
			s.y += tall + small.leading() + 3
		}
	}
}

// frame draws one frame, its caption below the tallest of its line.
func (s *sheet) frame(p Picture, b box, tall float64, r *Region, work bool) {
	at := s.picture(p, b)
	if r != nil && p.Width > 0 && p.Height > 0 {
		poly := r.Query
		if work {
			poly = r.Work
		}
		if pts := corners(poly, float64(p.Width), float64(p.Height), at); len(pts) > 1 {
			s.pdf.ClipRect(at.x, at.y, at.w, at.h, false)
			s.ring(pts, 0.3)
			s.pdf.ClipEnd()
			s.set = style{}
		}
	}
	s.textInBox(p.Caption, small, box{b.x, b.y + tall + 0.6, b.w, small.leading() + 0.1})
}

// sideBySide draws both pictures with the matched regions in them.
func (s *sheet) sideBySide(m *Match) {
	const w, h = 80.0, 84.0
	q, a := m.QueryPicture, m.AssetPicture
	_, qh := q.shownSize(w, h)
	_, ah := a.shownSize(w, h)
	tall := max(qh, ah)
	head := strong.leading() + 1
	captions := max(s.height(caption(q, m.Query), small, w), s.height(caption(a, m.Asset), small, w))
	captions = min(captions, 4*small.leading())
	s.need(head + tall + captions + 4)
	y := s.y
	for i, side := range []struct {
		name string
		p    Picture
		f    File
	}{{"The compared file", q, m.Query}, {"The registered work", a, m.Asset}} {
		x := left + float64(i)*(w+5)
		s.textAt(side.name, strong, x, y, w)
		b := s.picture(side.p, box{x, y + head, w, h})
		var polys [][][2]float64
		for _, r := range m.Regions {
			if i == 0 {
				polys = append(polys, r.Query)
			} else {
				polys = append(polys, r.Work)
			}
		}
		s.outline(side.p, b, polys)
		s.textInBox(caption(side.p, side.f), small, box{x, y + head + tall + 1.2, w, captions + 0.1})
	}
	s.y = y + head + tall + captions + 4
	switch n := len(m.Regions); {
	case n == 0:
		s.paragraph("No region is outlined.", small)
	case n > maxRegions:
		s.paragraph(fmt.Sprintf("The outlined regions correspond to each other by number. %d of %d are drawn.", maxRegions, n), small)
	default:
		s.paragraph("The outlined regions correspond to each other by number.", small)
	}
}

func caption(p Picture, f File) string {
	text := p.Caption
	if text == "" {
		text = f.Name
	}
	if p.Width > 0 && p.Height > 0 {
		text = strings.TrimPrefix(fmt.Sprintf("%s, %d × %d pixels", text, p.Width, p.Height), ", ")
	}
	return text
}

func regionsInWords(list []Region) (parts []part) {
	for i, r := range list[:min(len(list), maxRegions)] {
		parts = append(parts, say("%d: %s of the compared picture is %s of the registered one", i+1, extent(r.Query), extent(r.Work)))
	}
	parts = more(parts, len(list))
	return append(parts, aside("The smallest upright rectangles around the outlines, as left, top to right, bottom, in pixels of the original after orientation."))
}

func more(parts []part, all int) []part {
	if all > len(parts) {
		return append(parts, say("and %d more, in the record of the match", all-len(parts)))
	}
	return parts
}

func extent(poly [][2]float64) string {
	if len(poly) == 0 {
		return "nothing"
	}
	lo, hi := poly[0], poly[0]
	for _, c := range poly {
		for k := range 2 {
			lo[k], hi[k] = min(lo[k], c[k]), max(hi[k], c[k])
		}
	}
	return fmt.Sprintf("%.0f, %.0f to %.0f, %.0f", lo[0], lo[1], hi[0], hi[1])
}

func seconds(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) + " s" }

func (s *sheet) innocent(e *Explanation) {
	if e == nil {
		s.paragraph("The strongest innocent explanation was not assessed.", body)
		return
	}
	s.paragraph(e.Text, body)
	if e.Probability == nil {
		s.paragraph("How probable that is was not assessed.", body)
	} else {
		s.paragraph("Probability "+decimals(*e.Probability)+".", strong)
	}
	if e.Basis != "" {
		s.paragraph(e.Basis, small)
	}
}

func (s *sheet) custody(list []Custody) {
	s.heading("Custody", 10)
	if len(list) == 0 {
		s.paragraph("No record of who had the files in hand is part of this report.", body)
		return
	}
	for _, c := range list {
		parts := []part{say("%s: %s", c.Who, c.What)}
		if c.With != "" {
			parts = append(parts, aside("with "+c.With))
		}
		s.row(c.Time.UTC().Format(time.DateTime)+" UTC", parts...)
	}
}

func (s *sheet) checks(list []Check) {
	s.heading("How anybody can check this", 4*body.leading())
	s.paragraph("This report explains; it proves nothing by itself. The proof is in the other files of the bundle. None of the ways below needs a network or a service of ours.", body)
	for i, c := range list {
		s.gap(1)
		s.need(4 * body.leading())
		s.pdf.Bookmark(plain(c.Title), 1, s.y)
		s.textIn(strconv.Itoa(i+1)+". "+c.Title, strong, left, width)
		if c.Text != "" {
			s.paragraph(c.Text, body)
		}
		for _, x := range c.Steps {
			s.command("$ " + x.Command)
			if x.Prints != "" {
				s.command(x.Prints)
			}
		}
	}
}

// StandardChecks are the ways to check any bundle of a format selvage.bundle.
func StandardChecks() []Check {
	return []Check{
		{"With our verifier", "One program, which reads nothing but the bundle. Its first line says what was proved, and its exit status is 0. With a policy file it asks also whether your own copies of the keys agree.",
			[]Step{{"selvage-verify BUNDLE.zip", ""}, {"selvage-verify BUNDLE.zip --file ORIGINAL", ""}, {"selvage-verify BUNDLE.zip --policy POLICY.json", ""}}},
		{"With a shell and OpenSSL", "README.txt in the bundle gives each command with the output to expect: the digests of all files, the signature of the service, the entry in the log, and the time token. It begins with:",
			[]Step{{"sha256sum --quiet -c manifest-sha256.txt && echo complete", "complete"}}},
		{"With verifiers that share no code with ours", "tools/verify.sh is a shell script for the unpacked bundle; tools/verify.html is a page that a browser opens, with the network off, and that takes the zip. A tool that came with a bundle was packed by whoever packed the bundle: better take it from elsewhere, as tools/SOURCES.txt says.",
			[]Step{{"sh tools/verify.sh", ""}}},
		{"With a program of your own", "The formats in the bundle are public: BagIt (RFC 8493), canonical JSON (RFC 8785), DSSE signatures, Ed25519 (RFC 8032), a Merkle tree log (RFC 6962, C2SP tlog-proof and tlog-checkpoint), and time stamps (RFC 3161).", nil},
	}
}
