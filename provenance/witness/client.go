package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Defaults of [ClientConfig].
const (
	DefaultRound   = 10 * time.Second
	DefaultRequest = 5 * time.Second
	DefaultBackoff = 100 * time.Millisecond
)

// maxBackoff is the longest wait for a witness that keeps failing.
const maxBackoff = 10 * time.Second

// ClientConfig says how patient a client is. Zero means the default.
type ClientConfig struct {
	// Round is the most time for one checkpoint, Request for one request to a witness.
	Round, Request time.Duration
	// Backoff is the wait after a first failure of a witness; it doubles with each
	// further one, up to 10 s.
	Backoff time.Duration
	// HTTP sends the requests; nil means a client of its own.
	HTTP *http.Client
}

// Client gathers cosignatures. It is safe for concurrent use.
type Client struct {
	policy         *Policy
	round, request time.Duration
	peers          []*peer
}

// NewClient asks the witnesses of a policy, each of which needs a URL.
func NewClient(p *Policy, cfg ClientConfig) (*Client, error) {
	if cfg.Round == 0 {
		cfg.Round = DefaultRound
	}
	if cfg.Request == 0 {
		cfg.Request = DefaultRequest
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = DefaultBackoff
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{}
	}
	c := &Client{policy: p, round: cfg.Round, request: cfg.Request}
	for _, w := range p.Witnesses {
		if w.URL == "" {
			return nil, fmt.Errorf("witness %q has no URL in the policy", w.Label)
		}
		c.peers = append(c.peers, &peer{Witness: w, http: cfg.HTTP, first: cfg.Backoff, turn: make(chan struct{}, 1)})
	}
	return c, nil
}

// Policy is the policy that the client fulfils.
func (c *Client) Policy() *Policy { return c.policy }

// QuorumError says that too few witnesses cosigned a checkpoint, and why.
type QuorumError struct {
	Got, Need int
	Failed    []Failure
}

// Failure is a witness that did not cosign.
type Failure struct {
	Witness Witness
	Err     error
}

func (e *QuorumError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d witnesses cosigned, %d are needed", e.Got, e.Got+len(e.Failed), e.Need)
	for i, f := range e.Failed {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s (%s): %v", sep, f.Witness.Label, f.Witness.URL, f.Err)
	}
	return b.String()
}

// Unwrap gives errors.Is and errors.As each witness's reason.
func (e *QuorumError) Unwrap() []error {
	var all []error
	for _, f := range e.Failed {
		all = append(all, f.Err)
	}
	return all
}

// Reasons why a witness refused, inside a [QuorumError].
var (
	// ErrFork: the witness has cosigned another tree of the same size.
	ErrFork = errors.New("it has cosigned another root hash for this size: the log has two histories")
	// ErrBehind: the witness has cosigned a larger tree than this one.
	ErrBehind = errors.New("it has cosigned a larger tree of this log: the log was rolled back, or another copy of it runs")
)

// Prover returns the proof that the checkpoint's tree begins with its first old entries.
type Prover func(old int64) (tlog.TreeProof, error)

// Cosign asks all witnesses at once to cosign a log-signed checkpoint and returns it with
// the cosignatures, verified, as soon as there are enough; a witness that is slow is left
// to answer and is asked again next time. It tries again where that may help. It fails
// with a [QuorumError] when the quorum is out of reach or the round is over; the same
// checkpoint may then be tried again at any time.
func (c *Client) Cosign(ctx context.Context, checkpoint []byte, prove Prover) ([]byte, error) {
	h, err := parseHead(textOf(checkpoint))
	if err != nil {
		return nil, err
	}
	if c.policy.Need == 0 {
		return checkpoint, nil
	}
	round, cancel := context.WithTimeout(ctx, c.round)
	defer cancel()
	type answer struct {
		i    int
		line []byte
		err  error
	}
	answers := make(chan answer, len(c.peers))
	for i, p := range c.peers {
		go func() {
			line, err := p.ask(round, c.request, h, checkpoint, prove)
			answers <- answer{i, line, err}
		}()
	}
	cosigned := bytes.Clone(checkpoint)
	failed := make([]error, len(c.peers))
	for i := range failed {
		failed[i] = errSilent
	}
	got, bad := 0, 0
	for got < c.policy.Need && bad <= len(c.peers)-c.policy.Need && round.Err() == nil {
		select {
		case a := <-answers:
			if failed[a.i] = a.err; a.err != nil {
				bad++
				continue
			}
			cosigned = append(cosigned, a.line...)
			got++
		case <-round.Done():
		}
	}
	if got >= c.policy.Need {
		return cosigned, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e := &QuorumError{Got: got, Need: c.policy.Need}
	for i, err := range failed {
		if last := c.peers[i].err.Load(); last != nil && errors.Is(err, errSilent) {
			err = *last // it was being asked again
		}
		if err != nil {
			e.Failed = append(e.Failed, Failure{c.peers[i].Witness, err})
		}
	}
	return nil, e
}

var errSilent = errors.New("it has not answered")

// textOf is the text of a note nobody needs to verify.
func textOf(signed []byte) string {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	return string(text) + "\n"
}

// peer is a witness with what the client knows of it.
type peer struct {
	Witness
	http  *http.Client
	first time.Duration
	// turn holds one token while the witness is asked; its holder owns what follows.
	turn chan struct{}
	size int64         // what it last cosigned, as far as known
	wait time.Duration // zero after a success
	next time.Time     // not to be asked before
	// err is why it failed last, nil after a success; anybody may read it.
	err atomic.Pointer[error]
}

// ask gets the cosignature line of a witness, trying again until ctx ends. A request under
// way outlives ctx, so that a witness that is merely slow keeps up.
func (p *peer) ask(ctx context.Context, patience time.Duration, h head, checkpoint []byte, prove Prover) ([]byte, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, errSilent
	}
	for {
		select {
		case <-time.After(time.Until(p.next)):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return nil, errSilent
		}
		line, again, err := p.try(ctx, patience, h, checkpoint, prove)
		if err == nil {
			p.wait, p.next = 0, time.Time{}
			p.err.Store(nil)
			return line, nil
		}
		p.err.Store(&err)
		p.wait = min(max(2*p.wait, p.first), maxBackoff)
		// Up to a half more, so that logs do not come back to a witness all at once.
		p.next = time.Now().Add(p.wait + time.Duration(rand.Int64N(int64(p.wait)/2+1)))
		if !again {
			return nil, err
		}
	}
}

// try asks once, and again from the size that the witness names. Again says that the same
// checkpoint may succeed later.
func (p *peer) try(ctx context.Context, patience time.Duration, h head, checkpoint []byte, prove Prover) (line []byte, again bool, err error) {
	for range 4 { // others may ask the witness meanwhile, but not each time
		req := request{old: min(p.size, h.tree.N), checkpoint: checkpoint}
		if 0 < req.old && req.old < h.tree.N {
			if req.proof, err = prove(req.old); err != nil {
				return nil, true, fmt.Errorf("consistency proof from size %d: %w", req.old, err)
			}
		}
		res, err := p.post(ctx, patience, req.marshal())
		if err != nil {
			return nil, true, err
		}
		if res.status == http.StatusOK {
			p.size = h.tree.N
			line, err := p.verify(checkpoint, res.body)
			return line, false, err
		}
		if res.status != http.StatusConflict || res.mediaType != "text/x.tlog.size" {
			again, err := refused(res)
			return nil, again, err
		}
		size, err := parseSize(strings.TrimSuffix(string(res.body), "\n"))
		switch {
		case err != nil:
			return nil, false, fmt.Errorf("its answer 409 names no size: %w", err)
		case size > h.tree.N:
			p.size = size
			return nil, false, fmt.Errorf("%w: %d entries, this checkpoint has %d", ErrBehind, size, h.tree.N)
		case size == req.old:
			return nil, false, fmt.Errorf("it refuses the old size %d and names the same", size)
		}
		p.size = size
	}
	return nil, true, errors.New("it names another size each time")
}

// refused is the reason of a status other than 200.
func refused(res response) (again bool, err error) {
	text := clip(strings.TrimSpace(string(res.body)))
	switch res.status {
	case http.StatusConflict:
		return false, ErrFork
	case http.StatusNotFound:
		return false, fmt.Errorf("it does not know this log (404: %s); send its operator the log's verifier key", text)
	case http.StatusForbidden:
		return false, fmt.Errorf("it knows another key of this log (403: %s); send its operator the log's verifier key", text)
	case http.StatusUnprocessableEntity:
		return false, fmt.Errorf("it refuses the consistency proof (422: %s)", text)
	case http.StatusBadRequest:
		return false, fmt.Errorf("it cannot read the request (400: %s)", text)
	}
	return res.status >= 500 || res.status == http.StatusTooManyRequests, fmt.Errorf("status %d: %s", res.status, text)
}

// verify returns this witness's line among those of an answer, checked.
func (p *peer) verify(checkpoint, lines []byte) ([]byte, error) {
	n, err := note.Open(append(bytes.Clone(checkpoint), lines...), note.VerifierList(p.Key))
	if err != nil {
		return nil, fmt.Errorf("its answer holds no valid cosignature by %s: %w", p.Key, err)
	}
	return signatureLine(n.Sigs[0]), nil
}

type response struct {
	status    int
	mediaType string
	body      []byte
}

func (p *peer) post(ctx context.Context, patience time.Duration, body []byte) (response, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return response{}, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := p.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxCheckpoint))
	if err != nil {
		return response{}, err
	}
	return response{res.StatusCode, res.Header.Get("Content-Type"), b}, nil
}
