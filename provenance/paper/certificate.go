package paper

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxPictures = 8
	qrSide      = 38.0
	// maxLink keeps the QR code coarse enough to be read from a print at 150 dots an inch.
	maxLink = 200
	maxWork = 100
)

// Certificate makes the certificate of a registration. It is an error if Link is longer
// than 200 bytes, or Work than 100: the QR code would be too fine. All else is set as it is.
func Certificate(r *Registration) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	s := newSheet(info{title: "Certificate of registration: " + r.name(), subject: "Work " + r.Work, service: r.Service, made: r.stamped()})
	s.masthead("Certificate of registration", r.Service)
	s.title(r.name())
	s.paragraph("registered by "+r.Owner.String(), body)
	s.gap(2)
	s.showWork(r)
	s.makers(r)
	s.dates(r, nil)
	s.files("The registered files", r.Files)
	s.record("Where it is recorded", &r.Record, r)

	s.heading("What this certificate does not say", 3*body.leading())
	for _, t := range notClaimed(r) {
		s.bullet("–", t)
	}

	s.heading("How to check it", 5*body.leading())
	s.paragraph("The proof is the receipt that belongs to this certificate, not the paper. Whoever holds the receipt (receipt.json) and the original files needs neither this service nor a network:", body)
	s.command("selvage-verify receipt.json --file ORIGINAL")
	s.paragraph("It must print “proved”, name work "+r.Work+", and the time and digests that stand here. An evidence bundle of the work holds the same proof with the commands that check it by sha256sum and OpenSSL alone. That a file is the registered one shows by its digest:", body)
	s.command("sha256sum ORIGINAL")
	s.paragraph("Compare all 64 digits with those under “The registered files”.", body)
	return s.finish(fmt.Sprintf("%s · work %s, version %d", plainShort(r.Service), plainShort(r.Work), r.Version))
}

func (r *Registration) check() error {
	switch {
	case len(r.Link) > maxLink:
		return fmt.Errorf("paper: a link of %d bytes: the limit is %d", len(r.Link), maxLink)
	case len(r.Work) > maxWork:
		return fmt.Errorf("paper: a work's ID of %d bytes: the limit is %d", len(r.Work), maxWork)
	}
	return nil
}

func (r *Registration) name() string {
	if strings.TrimSpace(r.Title) == "" {
		return "Untitled"
	}
	return r.Title
}

// stamped dates the document: by what is proved, never by a clock.
func (r *Registration) stamped() time.Time {
	if r.Registered.To != nil {
		return *r.Registered.To
	}
	return r.Received
}

// QR is what the certificate's QR code says.
func (r *Registration) QR() string {
	what := "work=" + url.QueryEscape(r.Work) + "&record=" + url.QueryEscape(r.Record.Digest)
	if r.Link == "" {
		return "selvage:" + what
	}
	return r.Link + "#" + what
}

func (p Party) String() string {
	if p.Name == "" || p.Name == p.ID {
		return p.ID
	}
	return p.Name + " (" + p.ID + ")"
}

func notClaimed(r *Registration) []string {
	out := []string{"It is no proof of authorship. Proved is that the record existed by the time named, and that it names these files by their digests. Who made the work, and the owner’s name, are claims of the owner."}
	if r.Fixed != nil || r.Disclosed != nil {
		out = append(out, "It does not prove the dates marked as claimed. They are the owner’s words.")
	}
	if r.Registered.From == nil {
		out = append(out, "It does not say since when the work exists. The record is at least as old as the proved time; the work may be older.")
	}
	return append(out, "It does not say whether the work is new, original or protected by law.")
}

// masthead is the first line of a document.
func (s *sheet) masthead(kind, service string) {
	us := s.clip(service, label, width/2, 1)
	s.draw(us[0], label, right-us[0].width(), s.y+label.ascent())
	s.textAt(kind, strong, left, s.y, width/2-4)
	s.gap(strong.leading() + 0.8)
	s.rule(s.y, 0.6)
	s.gap(5)
}

// title sets the title as large as it can be in three lines; one that is longer than three
// lines of the smallest size goes on.
func (s *sheet) title(text string) {
	for _, size := range []float64{22, 17, 13, 10.5} {
		st := style{bold, size, 0}
		if len(s.wrap(text, st, width)) <= 3 || size == 10.5 {
			s.textIn(text, st, left, width)
			s.gap(1.5)
			return
		}
	}
}

// makers are the claims that are no dates, and who signed them.
func (s *sheet) makers(r *Registration) {
	if len(r.Authors)+len(r.Rights) == 0 && r.ClaimKey == "" {
		return
	}
	s.gap(2)
	if len(r.Authors) > 0 {
		s.row("Authors", say("%s", strings.Join(r.Authors, "; ")), aside("Claimed by the owner."))
	}
	if len(r.Rights) > 0 {
		s.row("Rights", say("%s", strings.Join(r.Rights, ", ")), aside("Claimed by the owner, not examined."))
	}
	if r.ClaimKey != "" {
		s.row("Signed by", say("%s", r.ClaimKey), aside("The owner’s own key, which is in the log before the work. The service does not have it and cannot have made these claims up."))
	}
}

// showWork is the picture with the facts beside it, or the facts with pictures below.
func (s *sheet) showWork(r *Registration) {
	facts := []struct{ name, value string }{
		{"Work", r.Work},
		{"Version", strconv.Itoa(r.Version)},
		{"Kind", r.Kind},
		{"Files", filesInWords(r.Files)},
		{"Registered not later than", stamp(r.Registered.To)},
	}
	shown := r.Pictures[:min(len(r.Pictures), maxPictures)]
	const w, h = 82.0, 62.0
	if len(shown) != 1 || len(r.Kind) > 40 {
		for _, f := range facts {
			s.row(f.name, say("%s", f.value))
		}
		s.pictures(shown, len(r.Pictures), len(r.Files))
		return
	}
	p := shown[0]
	pw, ph := p.shownSize(w, h)
	s.need(ph + 4)
	// A narrow picture leaves the facts more room, but not all of it: a column stays a column.
	y, x := s.y, left+max(pw, 0.45*w)+7
	s.picture(p, box{left, y, w, h})
	at := y
	for _, f := range facts {
		s.textAt(f.name, label, x, at, right-x)
		at += label.leading() * 0.95
		at += s.textAt(f.value, strong, x, at, right-x) + 2.2
	}
	s.y = max(y+ph, at) + 2
	if p.Caption != "" {
		s.textIn(p.Caption, small, left, w)
	}
	if n := len(r.Files); n > 1 {
		s.paragraph(fmt.Sprintf("One of %d files has a picture here.", n), small)
	}
}

// pictures is a grid of four a row.
func (s *sheet) pictures(shown []Picture, all, files int) {
	if len(shown) == 0 {
		s.row("Picture", say("none: this kind of work has no picture here"))
		return
	}
	const cell, gutter = 38.25, 4.0
	s.gap(2)
	for i := 0; i < len(shown); i += 4 {
		row := shown[i:min(i+4, len(shown))]
		tall, captions := 0.0, 0.0
		for _, p := range row {
			_, h := p.shownSize(cell, cell)
			tall = max(tall, h)
			captions = max(captions, min(2*small.leading(), s.height(p.Caption, small, cell)))
		}
		s.need(tall + captions + 3)
		for j, p := range row {
			x := left + float64(j)*(cell+gutter)
			_, h := p.shownSize(cell, cell)
			s.picture(p, box{x, s.y + tall - h, cell, cell})
			s.textInBox(p.Caption, small, box{x, s.y + tall + 1, cell, 2*small.leading() + 0.1})
		}
		s.gap(tall + captions + 3)
	}
	if all > len(shown) || files > len(shown) {
		s.paragraph(fmt.Sprintf("%d of %d files have a picture here.", len(shown), max(all, files)), small)
	}
}

// dates are the three, or with a match four, each with what it rests on.
func (s *sheet) dates(r *Registration, m *Match) {
	s.heading("The dates", 20)
	s.row("Fixed", claimedParts(r.Fixed, "When the work was made.")...)
	s.row("First disclosed", claimedParts(r.Disclosed, "When the work was first shown to the public.")...)
	s.row("Registered", provedParts(r.Registered, r.Received)...)
	if m != nil {
		s.row("Match made", provedParts(m.Made, time.Time{})...)
	}
}

func claimedParts(d *Date, what string) []part {
	if d == nil {
		return []part{say("not claimed"), aside(what)}
	}
	parts := []part{{text: d.Text, style: strong}}
	if d.Text == "" {
		parts[0].text = interval(*d)
	}
	for _, x := range []struct{ name, value string }{{"place", d.Place}, {"channel", d.Channel}, {"reach", d.Reach}} {
		if x.value != "" {
			parts = append(parts, say("%s: %s", x.name, x.value))
		}
	}
	by := "the owner"
	if d.By != "" {
		by = d.By
	}
	return append(parts, aside(what+" Claimed by "+by+", not checked."))
}

func provedParts(d Date, received time.Time) []part {
	nature := "Proved"
	if d.Claimed {
		nature = "Claimed"
	}
	if d.By != "" {
		nature += " by " + d.By
	}
	parts := []part{
		{lead: "not earlier than", text: stamp(d.From), style: strong},
		{lead: "not later than", text: stamp(d.To), style: strong},
		aside(nature + "."),
	}
	if !received.IsZero() {
		parts = append(parts, aside("The service’s own clock, which proves nothing, said "+stamp(&received)+"."))
	}
	return parts
}

// interval writes both bounds.
func interval(d Date) string {
	return "between " + stamp(d.From) + " and " + stamp(d.To)
}

// stamp writes a time to the second, in UTC.
func stamp(t *time.Time) string {
	if t == nil {
		return "unknown"
	}
	return t.UTC().Format("2 January 2006, 15:04:05") + " UTC"
}

// files is a list with digests.
func (s *sheet) files(heading string, list []File) {
	s.heading(heading, 16)
	for i, f := range list {
		s.file(strconv.Itoa(i+1), f)
	}
}

func (s *sheet) file(number string, f File) {
	const x = left + 8
	name := f.Name
	if name == "" {
		name = "without a name"
	}
	s.need(strong.leading() + small.leading() + digits.leading())
	s.textAt(number, label, left, s.y+strong.ascent()-label.ascent(), 8)
	s.textIn(name, strong, x, right-x)
	if f.MediaType != "" || f.Size > 0 {
		s.textIn(strings.TrimPrefix(f.MediaType+", ", ", ")+count(f.Size)+" bytes", small, x, right-x)
	}
	s.digest(f.SHA256, x)
	s.gap(2)
}

// record says where a statement is recorded; for a registration also in a QR code, which
// stands at the right beside all of it.
func (s *sheet) record(heading string, rec *Record, qrOf *Registration) {
	follows := 30.0
	if qrOf != nil {
		follows = qrSide + 5*small.leading()
	}
	s.heading(heading, follows)
	beside, page := s.y, s.pages
	w := width
	if qrOf != nil {
		w -= qrSide + 2
		const quiet = 3.0 // of the code's own white
		s.qr(qrOf.QR(), right-qrSide, s.y, qrSide)
		says := "The code says the work and the digest of its record"
		if qrOf.Link != "" {
			says += ", at " + qrOf.Link
		}
		beside += qrSide
		beside += s.textAt(says+".", small, right-qrSide+quiet, beside, qrSide-quiet)
	}
	for _, x := range []struct{ name, value, what string }{
		{"Record", rec.Digest, "SHA-256 of the signed statement (statement.dsse in an evidence bundle)"},
		{"Entry in the log", rec.Commitment, "HMAC-SHA-256 of the same file. Only the receipt opens it: the log tells nothing of the work."},
	} {
		s.need(label.leading() + digits.leading() + small.leading())
		s.textIn(x.name, label, left, w)
		s.digest(x.value, left)
		s.textIn(x.what, small, left, w)
		s.gap(1.6)
	}
	for _, x := range []struct{ name, value string }{
		{"Log", rec.Log},
		{"Place in it", fmt.Sprintf("entry %d, counted from 0, of %d when it was stamped", rec.Index, rec.TreeSize)},
		{"Time authority", rec.Authority},
		{"Service key", rec.ServiceKey},
	} {
		s.need(body.leading())
		s.textAt(x.name, label, left, s.y+body.ascent()-label.ascent(), 26)
		s.textIn(x.value, body, left+26, w-26)
		s.gap(0.6)
	}
	if s.pages == page {
		s.y = max(s.y, beside)
	}
}

func filesInWords(list []File) string {
	var size int64
	for _, f := range list {
		size += f.Size
	}
	if len(list) == 1 {
		return "1 file, " + count(size) + " bytes"
	}
	return fmt.Sprintf("%d files, %s bytes", len(list), count(size))
}

// count groups the digits of a number: 1,234,567.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	neg := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if neg {
		return "-" + text
	}
	return text
}

// plainShort is for the foot, which has one line.
func plainShort(text string) string {
	if r := []rune(text); len(r) > 48 {
		return string(r[:47]) + "…"
	}
	return text
}
