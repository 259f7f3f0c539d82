package main

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"text/tabwriter"
	"time"

	"selvage/fingerprint/video/media"
	"selvage/fixtures"
	"selvage/registry"
)

// demoKinds does with a video and a text what demoMatch does with pictures. Without ffmpeg the
// video is left out.
func demoKinds(e *env, y *system) error {
	register := func(name string, data []byte) (registry.WorkID, error) {
		r, err := y.registry.Register(e.ctx, registry.RegisterRequest{
			Owner: "ann-the-designer", Visibility: registry.Matchable, Files: []registry.File{{Name: name, Data: data}},
		})
		if err != nil {
			return "", err
		}
		return r.Work.ID, nil
	}
	type query struct {
		name string
		data []byte
		of   registry.WorkID // empty: a stranger
	}
	var queries []query

	text, err := register("collection.txt", []byte(demoText))
	if err != nil {
		return err
	}
	queries = append(queries,
		query{"paragraph lifted", []byte("Spring sale, only this week!\n\n" + strings.ToUpper(demoParagraph) + "\n\nOrder now, ask for our sizes."), text},
		query{"another text", []byte(demoOther), ""})

	if err := media.Available(); err != nil {
		fmt.Fprintf(e.stdout, "\nNo video here: %v\n", err)
	} else {
		clip := fixtures.Video(7, 12, 320, 240)
		film, err := clip.Encode(e.ctx, "mp4", 12)
		if err != nil {
			return err
		}
		id, err := register("loom.mp4", film)
		if err != nil {
			return err
		}
		cut, err := clip.Encode(e.ctx, "mp4", 12, "-vf", "trim=3:9,setpts=PTS-STARTPTS,hflip", "-af", "atrim=3:9,asetpts=PTS-STARTPTS", "-crf", "32")
		if err != nil {
			return err
		}
		other, err := fixtures.Video(8, 8, 320, 240).Encode(e.ctx, "mp4", 12)
		if err != nil {
			return err
		}
		var still bytes.Buffer
		if err := png.Encode(&still, clip.Frame(5)); err != nil {
			return err
		}
		queries = append(queries, query{"clip cut, mirrored", cut, id}, query{"still of the clip", still.Bytes(), id}, query{"another clip", other, ""})
	}

	fmt.Fprintln(e.stdout)
	table := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "FILE\tANSWER\tSURE\tMS\tWHERE")
	for _, q := range queries {
		asked := time.Now()
		rep, err := y.registry.Match(e.ctx, registry.MatchRequest{Asker: "marketplace", File: registry.File{Name: q.name, Data: q.data}})
		if err != nil {
			return err
		}
		p, where := "", ""
		switch {
		case len(rep.Matches) == 0 && q.of != "":
			where = "MISSED"
		case len(rep.Matches) > 0:
			m := rep.Matches[0]
			p, where = sure(m.Probability), demoWhere(m)
			if m.Work != q.of {
				where = "WRONG: " + where
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", q.name, rep.Verdict, p, time.Since(asked).Milliseconds(), where)
	}
	return table.Flush()
}

// demoWhere says where the two files correspond, in a few words.
func demoWhere(m registry.Match) string {
	switch {
	case len(m.Segments) > 0 && m.Segments[0].Query != nil && m.Segments[0].Ref != nil:
		s := m.Segments[0]
		return fmt.Sprintf("%s – %s is %s – %s", clock(s.Query[0]), clock(s.Query[1]), clock(s.Ref[0]), clock(s.Ref[1]))
	case m.RefPart != nil:
		return fmt.Sprintf("at %s of the video", clock(m.RefPart.Start))
	case len(m.Passages) > 0:
		p := m.Passages[0]
		return fmt.Sprintf("characters %d–%d are %d–%d", p.Query.From, p.Query.To, p.Ref.From, p.Ref.To)
	}
	return m.Transform.Words
}

// The texts of the demo, of nobody but us.
const (
	demoParagraph = "The scarf begins with one thread that never leaves the loom. Where the weft turns back it closes the edge by itself, " +
		"so that nothing has to be hemmed and nothing can fray; the eye follows a narrow band of indigo around all four sides and comes " +
		"back to the corner from which it set out. We dye the warp in three baths, each shorter than the one before, and leave the last " +
		"hand's breadth undyed, because a maker's mark should be seen in the cloth and not only sewn on to it."
	demoText = "Notes on the indigo collection\n\nEvery piece is drawn on paper first, at the size at which it will be worn.\n\n" + demoParagraph +
		"\n\nThe second series turns the band by a quarter and lets it end in the open, at the height of the shoulder."
	demoOther = "Care of woven scarves: wash them by hand in cold water, do not wring them, and let them dry flat on a towel, away from the " +
		"sun. Fold them along another line each time, or roll them, so that no thread is bent in the same place for years."
)
