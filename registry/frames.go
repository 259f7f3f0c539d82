package registry

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"slices"

	"selvage/store"
)

// Of two videos people are shown pairs of frames, side by side, over all stretches that both
// have in common. The frames of the query are kept as small pictures with the answer, because
// the query itself is not.

const (
	maxFrames     = 36 // of one query that are kept
	framesPerSide = 12 // pairs that a sheet shows
)

// framePairs are the pairs of frames of a match that a sheet shows, by segment: of every
// segment some, of the first ones more.
func (m *Match) framePairs() [][]FramePair {
	out := make([][]FramePair, len(m.Segments))
	left := framesPerSide
	for k := 0; left > 0; k++ {
		took := false
		for i := range m.Segments {
			if k < len(m.Segments[i].Frames) && left > 0 {
				out[i] = append(out[i], FramePair{})
				left--
				took = true
			}
		}
		if !took {
			break
		}
	}
	for i := range out { // as many as fit, evenly spread
		all := m.Segments[i].Frames
		for k := range out[i] {
			out[i][k] = all[k*len(all)/len(out[i])]
		}
	}
	return out
}

// frameKey is the row of one frame of a query, by its time in milliseconds.
func frameKey(o OwnerID, id MatchID, t float64) []byte {
	return binary.BigEndian.AppendUint32(framesKey(o, id), inMillis(t))
}

func framesKey(o OwnerID, id MatchID) []byte {
	return []byte("F/" + string(o) + "/" + descending(string(id)) + "/")
}

func inMillis(t float64) uint32 { return uint32(math.Round(1000 * t)) }

// frame is a small picture of the query.
type frame struct {
	time float64
	jpeg []byte
}

// framesOf makes the small pictures of the query's frames that the matches of a report name.
func (s *Service) framesOf(ctx context.Context, rep *MatchReport, data []byte) ([]frame, error) {
	var out []frame
	var times []float64
	for _, m := range slices.Concat(rep.Matches, rep.unsaid.Hidden) {
		for _, pairs := range m.framePairs() {
			for _, p := range pairs {
				if len(times) < maxFrames && !slices.Contains(times, p.Query) {
					times = append(times, p.Query)
				}
			}
		}
	}
	if len(times) == 0 {
		return nil, nil
	}
	pics, err := s.Hashers.PreviewFrames(ctx, rep.Query.Kind, data, times)
	if err != nil {
		return nil, fmt.Errorf("frames of the query: %w", err)
	}
	for i, p := range pics {
		if p != nil {
			out = append(out, frame{times[i], p})
		}
	}
	return out, nil
}

// keptFrames are the frames of a query that were kept, by time in milliseconds.
func keptFrames(tx store.Txn, o OwnerID, id MatchID) (map[uint32]image.Image, error) {
	out := map[uint32]image.Image{}
	prefix := framesKey(o, id)
	var bad error
	err := tx.Scan(prefix, nil, func(k, v []byte) bool {
		var img image.Image
		at := k[len(prefix):]
		if img, bad = jpeg.Decode(bytes.NewReader(v)); bad != nil || len(at) != 4 {
			bad = fmt.Errorf("row %q: %w: %w", k, store.ErrCorrupt, bad)
			return false
		}
		out[binary.BigEndian.Uint32(at)] = img
		return true
	})
	return out, errors.Join(err, bad)
}

// registeredFrames are small pictures of the frames that the matched file shows in the pairs of
// a sheet, by time in milliseconds; none where the work is no video.
func (s *Service) registeredFrames(ctx context.Context, work *Work, a Asset, pairs [][]FramePair) (map[uint32]image.Image, error) {
	var times []float64
	for _, p := range slices.Concat(pairs...) {
		times = append(times, p.Ref)
	}
	if len(times) == 0 {
		return nil, nil
	}
	data, err := s.Blobs.Read(ctx, string(work.Owner), a.Digest, a.Size)
	if err != nil {
		return nil, fmt.Errorf("original of %s: %w", work.ID, err)
	}
	pics, err := s.Hashers.PreviewFrames(ctx, work.Kind, data, times)
	if err != nil {
		return nil, fmt.Errorf("frames of %s: %w", work.ID, err)
	}
	return decoded(times, pics)
}

// decoded are pictures by the milliseconds of their times.
func decoded(times []float64, pics [][]byte) (map[uint32]image.Image, error) {
	out := map[uint32]image.Image{}
	for i, p := range pics {
		if p == nil {
			continue
		}
		img, err := jpeg.Decode(bytes.NewReader(p))
		if err != nil {
			return nil, fmt.Errorf("frame at %.1f s: %w", times[i], err)
		}
		out[inMillis(times[i])] = img
	}
	return out, nil
}
