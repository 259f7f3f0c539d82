package registry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/video"
	"selvage/index"
	localindex "selvage/index/local"
	"selvage/index/mih"
	textindex "selvage/index/text"
	"selvage/index/timeline"
)

// shelf is the indexes of the works that are seen by the same people: whole-picture codes
// and local features of pictures, codes of the frames of videos, winnowed texts.
type shelf struct {
	codes  index.Persistent
	local  *localindex.Index
	frames *timeline.Index
	texts  *textindex.Index
}

func openShelf(dir string) (*shelf, error) {
	s := &shelf{}
	for _, d := range []string{"codes", "local", "frames", "texts"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
	}
	var err error
	if s.codes, err = mih.Open(filepath.Join(dir, "codes")); err != nil {
		return nil, fmt.Errorf("index %s, codes: %w", filepath.Base(dir), err)
	}
	if s.local, err = localindex.Open(filepath.Join(dir, "local"), localindex.Options{Words: local.Words}); err != nil {
		return nil, errors.Join(fmt.Errorf("index %s, local features: %w", filepath.Base(dir), err), s.codes.Close())
	}
	if s.frames, err = timeline.Open(filepath.Join(dir, "frames")); err != nil {
		return nil, errors.Join(fmt.Errorf("index %s, frames: %w", filepath.Base(dir), err), s.codes.Close(), s.local.Close())
	}
	if s.texts, err = textindex.Open(filepath.Join(dir, "texts"), textindex.Options{}); err != nil {
		return nil, errors.Join(fmt.Errorf("index %s, texts: %w", filepath.Base(dir), err), s.codes.Close(), s.local.Close(), s.frames.Close())
	}
	return s, nil
}

// entries is what the indexes hold of one asset.
type entries struct {
	ref   assetRef
	codes map[fingerprint.View]index.Code
	terms []localindex.Term
	// track and frames are of a video, text is of a manuscript.
	track  index.ID
	frames []timeline.Frame
	text   []uint64
}

// newEntries reads the entries of an asset out of its fingerprints.
func newEntries(ref assetRef, rec *assetRecord) (entries, error) {
	r := rec.Result
	e := entries{ref: ref, codes: map[fingerprint.View]index.Code{}, track: ref.trackID(rec.Track)}
	for _, s := range video.Samples(r) {
		e.frames = append(e.frames, timeline.Frame{Slot: s.Slot, Code: index.Code(s.Code)})
	}
	t, err := manuscript.TextOf(r)
	if err != nil {
		return e, err
	}
	if t != nil {
		e.text = t.Hashes()
	}
	for _, v := range indexedViews {
		p, ok := r.Print(fingerprint.PDQ256, v)
		if !ok {
			continue
		}
		c, err := index.CodeOf(p.Payload)
		if err != nil {
			return e, err
		}
		e.codes[v] = c
	}
	p, ok := r.Print(fingerprint.Local, fingerprint.Full)
	if !ok {
		return e, nil
	}
	list, err := local.Decode(p.Payload)
	if err != nil {
		return e, err
	}
	for i := range list {
		f := &list[i]
		e.terms = append(e.terms, localindex.Term{Word: f.Word, Sig: f.Sig[0], Size: f.Size, Angle: f.Angle})
	}
	return e, nil
}

// indexedViews are the views whose codes are indexed; the local features are of the whole
// picture.
var indexedViews = [...]fingerprint.View{fingerprint.Full, fingerprint.Box}

func (e *entries) localID() index.ID { return e.ref.codeID(fingerprint.Full) }

// add puts all entries of an asset in. It may be repeated.
func (s *shelf) add(e *entries) error {
	for v, c := range e.codes {
		if err := s.codes.Add(e.ref.codeID(v), c); err != nil {
			return err
		}
	}
	if len(e.terms) > 0 {
		if err := s.local.Add(e.localID(), e.terms); err != nil {
			return err
		}
	}
	if len(e.frames) > 0 {
		if err := s.frames.Add(e.track, e.frames); err != nil {
			return err
		}
	}
	if len(e.text) > 0 {
		return s.texts.Add(e.localID(), e.text)
	}
	return nil
}

// empty reports whether no work is in: except for works that say too little to be found by
// anything but their bytes and pixels.
func (s *shelf) empty() bool {
	return s.codes.Len() == 0 && s.local.Len() == 0 && s.frames.Len() == 0 && s.texts.Len() == 0
}

// remove takes out whatever there is of an asset.
func (s *shelf) remove(e *entries) error {
	var errs []error
	for _, v := range indexedViews {
		errs = append(errs, s.codes.Remove(e.ref.codeID(v)))
	}
	if n := len(e.frames); n > 0 {
		errs = append(errs, s.frames.Remove(e.track, e.frames[n-1].Slot+1))
	}
	if len(e.text) > 0 {
		errs = append(errs, s.texts.Remove(e.localID()))
	}
	return errors.Join(append(errs, s.local.Remove(e.localID()))...)
}

func (s *shelf) flush(cursor uint64) error {
	return errors.Join(s.codes.Flush(cursor), s.local.Flush(cursor), s.frames.Flush(cursor), s.texts.Flush(cursor))
}

func (s *shelf) cursor() uint64 {
	return min(s.codes.Cursor(), s.local.Cursor(), s.frames.Cursor(), s.texts.Cursor())
}

func (s *shelf) close() error {
	return errors.Join(s.codes.Close(), s.local.Close(), s.frames.Close(), s.texts.Close())
}
