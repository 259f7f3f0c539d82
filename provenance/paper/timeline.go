package paper

import (
	"math"
	"time"
)

// lane is one date in the timeline.
type lane struct {
	name string
	date Date
}

// timeline draws dates as bars over one axis of time. What is proved is a solid bar, what is
// claimed a dashed frame; a bound that is not known ends in an arrow. A bar is at least as
// wide as can be seen: the words below it are what counts.
func (s *sheet) timeline(lanes []lane) {
	const x0, x1, bar, high = left + labelWidth + 4, right, 3.2, 13.5
	from, to, ok := span(lanes)
	if !ok {
		return
	}
	at := func(t time.Time) float64 {
		return x0 + 8 + (x1-8-x0-8)*float64(t.Sub(from))/float64(to.Sub(from))
	}
	s.need(float64(len(lanes))*high + 12)
	start := s.y
	ticks := axis(from, to)
	end := start + float64(len(lanes))*high
	s.pdf.SetDrawColor(200, 200, 200)
	s.pdf.SetLineWidth(0.15)
	for _, t := range ticks.times {
		s.pdf.Line(at(t), start, at(t), end)
	}
	s.pdf.SetDrawColor(0, 0, 0)
	for i, l := range lanes {
		y := start + float64(i)*high + 1.5
		s.textAt(l.name, strong, left, y-0.6, labelWidth)
		nature := "proved"
		if l.date.Claimed {
			nature = "claimed"
		}
		s.textAt(nature, small, left, y+3.6, labelWidth)
		a, b := x0+1.0, x1-1.0
		if l.date.From != nil {
			a = at(*l.date.From)
		}
		if l.date.To != nil {
			b = at(*l.date.To)
		}
		s.bar(l.date, a, max(b, a), y, bar)
		words := bounds(l.date)
		if l.date.Claimed && l.date.Text != "" {
			words = "“" + l.date.Text + "” in the words of " + orElse(l.date.By, "the owner")
		}
		s.pdf.SetFillColor(255, 255, 255) // the grid does not cross words
		for j, line := range s.clip(words, small, x1-x0, 2) {
			top := y + bar + 0.6 + float64(j)*small.leading()
			s.pdf.Rect(x0, top, line.width()+1, small.leading(), "F")
			s.draw(line, small, x0, top+small.ascent())
		}
		s.pdf.SetFillColor(0, 0, 0)
	}
	s.pdf.SetLineWidth(0.25)
	s.pdf.Line(x0, end, x1, end)
	free := x0
	for _, t := range ticks.times {
		us := s.units(t.Format(ticks.layout), small)
		s.pdf.Line(at(t), end, at(t), end+1)
		x := min(max(at(t)-us.width()/2, x0), x1-us.width())
		if x >= free {
			s.draw(us, small, x, end+1.4+small.ascent())
			free = x + us.width() + 2
		}
	}
	s.y = end + 7
	s.paragraph("Solid: proved. Dashed: claimed. An arrow: how far it reaches is not known. All times in UTC.", small)
}

func bounds(d Date) string {
	const layout = "2 January 2006, 15:04:05"
	earliest, latest := "earliest time unknown", "latest time unknown"
	if d.From != nil {
		earliest = "not earlier than " + d.From.UTC().Format(layout)
	}
	if d.To != nil {
		latest = "not later than " + d.To.UTC().Format(layout)
	}
	return earliest + " · " + latest
}

// bar draws an interval from a to b, with arrows where it is open.
func (s *sheet) bar(d Date, a, b, y, h float64) {
	const least, head = 1.2, 3.0
	if b-a < least {
		mid := (a + b) / 2
		a, b = mid-least/2, mid+least/2
	}
	s.pdf.SetLineWidth(0.35)
	mid := y + h/2
	if d.From == nil || d.To == nil {
		// Of an open interval the known end is a block, the rest a line that leads away.
		s.pdf.SetDashPattern([]float64{0.6, 0.9}, 0)
		s.pdf.Line(a, mid, b, mid)
		s.pdf.SetDashPattern(nil, 0)
		if d.From == nil {
			s.pdf.Line(a, mid, a+head, mid-1.2)
			s.pdf.Line(a, mid, a+head, mid+1.2)
		}
		if d.To == nil {
			s.pdf.Line(b, mid, b-head, mid-1.2)
			s.pdf.Line(b, mid, b-head, mid+1.2)
		}
		switch {
		case d.From == nil && d.To == nil:
			return
		case d.From == nil:
			a = b - least
		default:
			b = a + least
		}
	}
	if d.Claimed {
		s.pdf.SetDashPattern([]float64{1, 0.7}, 0)
		s.pdf.Rect(a, y, b-a, h, "D")
		s.pdf.SetDashPattern(nil, 0)
		return
	}
	s.pdf.Rect(a, y, b-a, h, "F")
}

// span is the time that all known bounds cover, never empty.
func span(lanes []lane) (from, to time.Time, ok bool) {
	for _, l := range lanes {
		for _, t := range []*time.Time{l.date.From, l.date.To} {
			if t == nil {
				continue
			}
			if !ok || t.Before(from) {
				from = *t
			}
			if !ok || t.After(to) {
				to = *t
			}
			ok = true
		}
	}
	if d := to.Sub(from); d < time.Minute {
		from, to = from.Add(-time.Minute), to.Add(time.Minute)
	}
	return from.UTC(), to.UTC(), ok
}

type axisTicks struct {
	times  []time.Time
	layout string
}

// axis chooses between two and seven marks at round times.
func axis(from, to time.Time) axisTicks {
	type step struct {
		about  time.Duration
		layout string
		floor  func(time.Time) time.Time
		next   func(time.Time) time.Time
	}
	const day = 24 * time.Hour
	months := func(n int) step {
		return step{time.Duration(n) * 30 * day, "Jan 2006",
			func(t time.Time) time.Time {
				return time.Date(t.Year(), time.Month((int(t.Month())-1)/n*n+1), 1, 0, 0, 0, 0, time.UTC)
			},
			func(t time.Time) time.Time { return t.AddDate(0, n, 0) }}
	}
	years := func(n int) step {
		return step{time.Duration(n) * 365 * day, "2006",
			func(t time.Time) time.Time { return time.Date(t.Year()/n*n, 1, 1, 0, 0, 0, 0, time.UTC) },
			func(t time.Time) time.Time { return t.AddDate(n, 0, 0) }}
	}
	plain := func(d time.Duration, layout string) step {
		return step{d, layout,
			func(t time.Time) time.Time { return t.Truncate(d) },
			func(t time.Time) time.Time { return t.Add(d) }}
	}
	steps := []step{
		plain(30*time.Second, "15:04:05"), plain(time.Minute, "15:04"), plain(5*time.Minute, "15:04"), plain(15*time.Minute, "15:04"),
		plain(time.Hour, "2 Jan 15:04"), plain(6*time.Hour, "2 Jan 15:04"), plain(day, "2 Jan"), plain(7*day, "2 Jan"),
		months(1), months(3), years(1), years(2), years(5), years(10), years(50), years(100), years(1000),
	}
	for i, st := range steps {
		if to.Sub(from)/st.about > 6 && i < len(steps)-1 {
			continue
		}
		out := axisTicks{layout: st.layout}
		for t := st.floor(from); !t.After(to) && len(out.times) < 12; t = st.next(t) {
			if !t.Before(from) {
				out.times = append(out.times, t)
			}
		}
		return out
	}
	return axisTicks{}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// odds writes a probability as a count of cases.
func odds(p float64) string {
	wrong := 1 - p
	switch {
	case wrong <= 0:
		return ""
	case wrong < 1e-6:
		return "Of a million findings with this probability, less than one is expected to be wrong."
	case wrong < 0.02:
		n := 1 / wrong
		k := math.Pow(10, math.Floor(math.Log10(n))-1)
		return "Of " + count(int64(math.Round(n/k)*k)) + " findings with this probability, about one is expected to be wrong."
	}
	return "Of 100 findings with this probability, about " + count(int64(math.Round(100*wrong))) + " are expected to be wrong."
}
