package timestamp

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"selvage/provenance"
)

// Source is one time authority: [Local] or [Remote].
type Source interface {
	// StampDigest returns an RFC 3161 response (DER) over a digest made with h. It must be
	// safe for concurrent use.
	StampDigest(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error)
	Authority() provenance.Authority
}

// pause is how long an authority that failed is asked last, so that a dead one costs its
// timeout once a minute and not at every checkpoint.
const pause = time.Minute

// Several are time authorities in order of preference, of which a number must answer. Its
// methods are safe for concurrent use.
type Several struct {
	want    int
	sources []Source
	roots   [][]*x509.Certificate

	mu     sync.Mutex  // guards failed
	failed []time.Time // per source, when it last failed
}

// NewSeveral wants tokens of want different authorities of these, the first ones if they
// answer.
func NewSeveral(want int, sources ...Source) (*Several, error) {
	if want < 1 || want > len(sources) {
		return nil, fmt.Errorf("time authorities: %d wanted of %d: want at least 1 and no more than there are", want, len(sources))
	}
	s := &Several{want: want, sources: sources, failed: make([]time.Time, len(sources))}
	names := map[string]bool{}
	for _, src := range sources {
		a := src.Authority()
		if names[a.Name] {
			return nil, fmt.Errorf("time authorities: two are called %q", a.Name)
		}
		names[a.Name] = true
		roots, err := a.Certificates()
		if err != nil {
			return nil, fmt.Errorf("time authorities: %w", err)
		}
		s.roots = append(s.roots, roots)
	}
	return s, nil
}

// Authorities are all of them, in order of preference.
func (s *Several) Authorities() []provenance.Authority {
	var all []provenance.Authority
	for _, src := range s.sources {
		all = append(all, src.Authority())
	}
	return all
}

// Stamp is StampDigest over the SHA-256 of data.
func (s *Several) Stamp(ctx context.Context, data []byte) ([]provenance.TimeToken, error) {
	h := sha256.Sum256(data)
	return s.StampDigest(ctx, crypto.SHA256, h[:])
}

// StampDigest returns as many tokens over a digest as are wanted, each verified, in the
// order of preference. The first ones are asked at once, and for each that fails the next.
// Fewer than wanted are an error that says of each authority what was wrong.
func (s *Several) StampDigest(ctx context.Context, h crypto.Hash, digest []byte) ([]provenance.TimeToken, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		source int
		token  []byte
		err    error
	}
	answers := make(chan answer, len(s.sources)) // nobody waits for one that comes late
	queue := s.order()
	ask := func() {
		i := queue[0]
		queue = queue[1:]
		go func() {
			token, err := s.sources[i].StampDigest(ctx, h, digest)
			if err == nil {
				if _, err = provenance.VerifyTokenDigest(token, h, digest, s.roots[i]); err != nil {
					err = fmt.Errorf("time authority %s: %w", s.sources[i].Authority().Name, err)
				}
			}
			answers <- answer{i, token, err}
		}()
	}
	for range s.want {
		ask()
	}
	var good []answer
	var errs []error
	for asked := s.want; asked > 0; asked-- {
		a := <-answers
		s.note(a.source, a.err, ctx.Err() != nil)
		if a.err == nil {
			good = append(good, a)
			continue
		}
		errs = append(errs, a.err)
		if len(queue) > 0 && ctx.Err() == nil {
			ask()
			asked++
		}
	}
	if len(good) < s.want {
		return nil, fmt.Errorf("time-stamps of %d authorities, %d wanted: %w", len(good), s.want, errors.Join(errs...))
	}
	slices.SortFunc(good, func(a, b answer) int { return a.source - b.source })
	var all []provenance.TimeToken
	for _, a := range good {
		all = append(all, provenance.TimeToken{Authority: s.sources[a.source].Authority(), Token: a.token})
	}
	return all, nil
}

// order is the order of preference, with those that failed lately at the end.
func (s *Several) order() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var well, ill []int
	for i, at := range s.failed {
		if time.Since(at) < pause {
			ill = append(ill, i)
		} else {
			well = append(well, i)
		}
	}
	return append(well, ill...)
}

// note remembers how a source did. That the caller gave up is not its failure.
func (s *Several) note(i int, err error, gaveUp bool) {
	if err != nil && gaveUp {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[i] = time.Time{}
	if err != nil {
		s.failed[i] = time.Now()
	}
}
