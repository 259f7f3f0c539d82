package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"selvage/fingerprint"
	"selvage/provenance"
	"selvage/store"
)

// proofRecord is the row r/<owner>/<work> (and R/ for a match): the sealed statement,
// durable before the log hears of it, and the receipt once there is one. A receipt never
// changes: the same work always gives the same bytes.
type proofRecord struct {
	Envelope []byte `json:"envelope"`
	Salt     []byte `json:"salt"`
	provenance.Named
	// From is the size of the log when the statement was sealed: its entry, if a crash
	// came between log and receipt, is to be looked for from there.
	From    uint64 `json:"from"`
	Receipt []byte `json:"receipt,omitempty"`
	// Record is the match report as it was sealed, in the proof of a match.
	Record []byte `json:"record,omitempty"`
	// Proven is the time of the receipt's token.
	Proven *time.Time `json:"proven,omitempty"`
}

// seal signs a statement and draws its salt.
func (s *Service) seal(st provenance.Statement) (*proofRecord, error) {
	from := s.Notary.Log.Size()
	sealed, err := s.Notary.Seal(st)
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return &proofRecord{Envelope: sealed.Envelope, Salt: sealed.Salt[:], From: from}, nil
}

func (r *proofRecord) sealed() (provenance.Sealed, error) {
	if len(r.Salt) != provenance.SaltSize {
		return provenance.Sealed{}, fmt.Errorf("salt of %d bytes: %w", len(r.Salt), store.ErrCorrupt)
	}
	return provenance.Sealed{Envelope: r.Envelope, Salt: [provenance.SaltSize]byte(r.Salt), Named: r.Named}, nil
}

// followUp makes a work the next version of the one that the request names, and returns the
// commitment of that one's statement; empty where there is none.
func (s *Service) followUp(ctx context.Context, q RegisterRequest, w *Work) (previous string, err error) {
	if q.VersionOf != "" {
		if !validID("w_", string(q.VersionOf)) {
			return "", &InvalidError{"version_of", "it is not the identifier of a work"}
		}
		err := s.KV.View(ctx, func(tx store.Txn) error {
			before, err := load[Work](tx, workKey(q.Owner, q.VersionOf))
			if err != nil {
				return err
			}
			proof, err := load[proofRecord](tx, proofKey(q.Owner, q.VersionOf))
			if err != nil {
				return err
			}
			sealed, err := proof.sealed()
			if err != nil {
				return err
			}
			c := sealed.Commitment()
			previous = hex.EncodeToString(c[:])
			w.Version, w.Replaces = max(1, before.Version)+1, before.ID
			return nil
		})
		if errors.Is(err, store.ErrNotFound) {
			return "", &InvalidError{"version_of", fmt.Sprintf("you have no work %s", q.VersionOf)}
		}
		if err != nil {
			return "", err
		}
	}
	if q.signed != nil && q.signed.claim.Previous != previous {
		return "", &InvalidError{"claim", "it names another version before (previous) than the request (version_of)"}
	}
	return previous, nil
}

// succeed makes a work the one next version of its predecessor.
func (s *Service) succeed(tx store.Txn, w *Work) error {
	if w.Replaces == "" {
		return nil
	}
	key := successorKey(w.Owner, w.Replaces)
	id, err := tx.Get(key)
	if err == nil {
		other, err := load[Work](tx, workKey(w.Owner, WorkID(id)))
		if err != nil {
			return err
		}
		if other.Withdrawn == nil {
			return &InvalidError{"version_of", fmt.Sprintf("%s has a next version already, %s; name that one", w.Replaces, other.ID)}
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return tx.Set(key, []byte(w.ID))
}

// prepareWork makes the signed statement of a new work.
func (s *Service) prepareWork(ctx context.Context, w *Work, results []*fingerprint.Result, previous string, signed *signedClaim) (*proofRecord, error) {
	st := &provenance.WorkStatement{
		Type: provenance.WorkType, Service: s.Name, Work: string(w.ID), Version: w.Version, Previous: previous, Title: w.Title, Kind: string(w.Kind),
		Owner:   provenance.Owner{ID: string(w.Owner), Name: string(w.Owner)},
		Dates:   provenance.Dates{Received: provenance.FormatTime(w.Dates.Received)},
		Authors: w.Authors, Rights: w.Rights,
	}
	var named provenance.Named
	if signed != nil {
		// Dates as coarse as the designer signed them.
		st.Dates.Fixed, st.Dates.FirstDisclosed = signed.claim.Fixed, signed.claim.FirstDisclosed
		st.Claim = &signed.ref
		named.Claim, named.Key = signed.envelope, signed.key
		w.ClaimKey = signed.ref.Key
	} else {
		if t := w.Dates.Fixed; t != nil {
			st.Dates.Fixed = &provenance.ClaimedDate{Date: claimed(*t)}
		}
		if d := w.Dates.FirstDisclosed; d != nil {
			st.Dates.FirstDisclosed = &provenance.ClaimedDate{Date: claimed(d.Date), Place: d.Place, Channel: d.Channel, Reach: d.Reach}
		}
	}
	if s.Outside != nil {
		v, err := s.Outside(ctx)
		if err != nil {
			// The registration must not wait for a world that does not answer: it goes without
			// a lower bound.
			s.Log.Warn("no value of outside; registering without a lower bound of the time", "err", err)
		} else {
			st.NotBefore, named.Outside, named.OutsideWitnesses = v.NotBefore, v.Value, v.Witnesses
		}
	}
	for i, a := range w.Assets {
		pa := provenance.Asset{Digest: a.Digest.String(), Size: a.Size, MediaType: mediaType(a.Format), Name: a.Name}
		for _, p := range results[i].Prints {
			c := provenance.FingerprintClaim{Kind: string(p.Kind), View: string(p.View), Quality: p.Quality}
			if len(p.Payload) <= 64 {
				c.Value = hex.EncodeToString(p.Payload)
			} else {
				c.Digest = fingerprint.DigestOf(p.Payload).String()
			}
			pa.Fingerprints = append(pa.Fingerprints, c)
		}
		st.Assets = append(st.Assets, pa)
	}
	rec, err := s.seal(st)
	if err == nil {
		rec.Named = named
	}
	return rec, err
}

// claimed writes a claimed date as coarsely as it was given: a day where it is midnight UTC.
func claimed(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// mediaType is the media type of a sniffed format.
func mediaType(format string) string {
	switch format {
	case "jpegxl":
		return "image/jxl"
	case "psd":
		return "image/vnd.adobe.photoshop"
	}
	return "image/" + format
}

// logWorker works off the outbox rows l/<owner>/<work>: it brings sealed statements to
// the log, makes their receipts durable, and lets callers wait for them.
type logWorker struct {
	s    *Service
	jobs chan job
	slot chan struct{} // bounds the entries in flight

	mu      sync.Mutex
	waiting map[WorkID][]chan struct{}
}

type job struct {
	owner OwnerID
	work  WorkID
	again bool // an earlier attempt may have reached the log
}

func newLogWorker(s *Service) *logWorker {
	return &logWorker{s: s, jobs: make(chan job, 1024), slot: make(chan struct{}, 256), waiting: map[WorkID][]chan struct{}{}}
}

// add announces a committed outbox row. If the queue is full the row is found by the
// next sweep.
func (l *logWorker) add(o OwnerID, w WorkID) {
	select {
	case l.jobs <- job{owner: o, work: w}:
	default:
	}
}

func (l *logWorker) run(ctx context.Context) {
	var inflight sync.WaitGroup
	defer inflight.Wait()
	var mu sync.Mutex
	busy := map[WorkID]bool{}
	start := func(j job) {
		mu.Lock()
		defer mu.Unlock()
		if busy[j.work] {
			return
		}
		select {
		case l.slot <- struct{}{}:
		case <-ctx.Done():
			return
		}
		busy[j.work] = true
		inflight.Go(func() {
			if err := l.log(ctx, j); err != nil && ctx.Err() == nil {
				l.s.Log.Error("logging failed; it is tried again", "work", j.work, "err", err)
			}
			<-l.slot
			mu.Lock()
			delete(busy, j.work)
			mu.Unlock()
		})
	}
	sweep := time.NewTicker(5 * time.Second)
	defer sweep.Stop()
	if err := l.sweep(ctx, start); err != nil && ctx.Err() == nil {
		l.s.Log.Error("reading the log outbox failed; it is tried again", "err", err)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-l.jobs:
			start(j)
		case <-sweep.C:
			if err := l.sweep(ctx, start); err != nil && ctx.Err() == nil {
				l.s.Log.Error("reading the log outbox failed; it is tried again", "err", err)
			}
		}
	}
}

// sweep starts what stands in the outbox, a bounded number at a time.
func (l *logWorker) sweep(ctx context.Context, start func(job)) error {
	var jobs []job
	err := l.s.KV.View(ctx, func(tx store.Txn) error {
		return tx.Scan([]byte("l/"), nil, func(k, _ []byte) bool {
			if o, w, ok := cutPending(k); ok {
				jobs = append(jobs, job{o, w, true})
			}
			return len(jobs) < 4096
		})
	})
	for _, j := range jobs {
		start(j)
	}
	return err
}

// log brings one work to the log and stores its receipt.
func (l *logWorker) log(ctx context.Context, j job) error {
	defer l.s.stage("log")()
	rec, err := l.proof(ctx, j)
	if err != nil {
		return err
	}
	if rec.Receipt == nil {
		if err := l.s.prove(ctx, rec, j.again); err != nil {
			return err
		}
	}
	err = l.s.KV.Update(ctx, func(tx store.Txn) error {
		return errors.Join(save(tx, proofKey(j.owner, j.work), rec), tx.Delete(pendingKey(j.owner, j.work)))
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.waiting[j.work] {
		close(c)
	}
	delete(l.waiting, j.work)
	return nil
}

func (l *logWorker) proof(ctx context.Context, j job) (rec *proofRecord, err error) {
	err = l.s.KV.View(ctx, func(tx store.Txn) (err error) {
		rec, err = load[proofRecord](tx, proofKey(j.owner, j.work))
		return err
	})
	return rec, err
}

// prove logs a sealed statement and fills in its receipt. Again says that an earlier
// attempt may have reached the log.
func (s *Service) prove(ctx context.Context, rec *proofRecord, again bool) error {
	sealed, err := rec.sealed()
	if err != nil {
		return err
	}
	var receipt *provenance.Receipt
	if again {
		receipt, err = s.Notary.IssueFrom(ctx, sealed, rec.From)
	} else {
		receipt, err = s.Notary.Issue(ctx, sealed)
	}
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	// The service verifies its own proof before anybody else sees it.
	report := receipt.Verify(nil)
	if err := report.Err(); err != nil {
		return fmt.Errorf("own receipt does not verify: %w", err)
	}
	rec.Proven = report.NotAfter
	rec.Receipt, err = receipt.Marshal()
	return err
}

// wait returns the receipt of a work as soon as there is one, or ErrPending after d.
func (l *logWorker) wait(ctx context.Context, o OwnerID, w WorkID, d time.Duration) ([]byte, error) {
	c := make(chan struct{})
	l.mu.Lock()
	l.waiting[w] = append(l.waiting[w], c)
	l.mu.Unlock()
	defer l.forget(w, c)

	// Asked only now that the channel is in place, so that no receipt slips between.
	b, err := l.s.Receipt(ctx, o, w)
	if !errors.Is(err, ErrPending) {
		return b, err
	}
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-c:
		return l.s.Receipt(ctx, o, w)
	case <-late.C:
		return nil, ErrPending
	case <-ctx.Done():
		return nil, ErrPending // the work itself is registered
	}
}

func (l *logWorker) forget(w WorkID, c chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var rest []chan struct{}
	for _, x := range l.waiting[w] {
		if x != c {
			rest = append(rest, x)
		}
	}
	if len(rest) == 0 {
		delete(l.waiting, w)
		return
	}
	l.waiting[w] = rest
}

// Receipt returns the proof of a work as JSON (provenance.Receipt), to its owner only: it
// holds fingerprints, file names and the salt. ErrPending while the log has not taken the
// entry.
func (s *Service) Receipt(ctx context.Context, asker OwnerID, id WorkID) ([]byte, error) {
	var rec *proofRecord
	err := s.KV.View(ctx, func(tx store.Txn) error {
		w, err := s.visible(tx, asker, id)
		if err != nil {
			return err
		}
		if w.Owner != asker {
			return ErrNotFound
		}
		rec, err = load[proofRecord](tx, proofKey(w.Owner, id))
		return err
	})
	if err != nil {
		return nil, err
	}
	if rec.Receipt == nil {
		return nil, ErrPending
	}
	return rec.Receipt, nil
}

// COSEReceipt is the proof in the receipt of an own work as a COSE receipt (RFC 9942). Its
// errors are those of Receipt.
func (s *Service) COSEReceipt(ctx context.Context, asker OwnerID, id WorkID) ([]byte, error) {
	text, err := s.Receipt(ctx, asker, id)
	if err != nil {
		return nil, err
	}
	r, err := provenance.ParseReceipt(text)
	if err != nil {
		return nil, err
	}
	return s.Notary.COSEReceipt(r)
}

// LogFile returns a static file of the log in C2SP tlog-tiles form ("checkpoint",
// "tile/0/000"), or ErrNotFound.
func (s *Service) LogFile(_ context.Context, path string) ([]byte, error) {
	if path != "checkpoint" && !strings.HasPrefix(path, "tile/") || !fs.ValidPath(path) {
		return nil, ErrNotFound
	}
	b, err := os.ReadFile(filepath.Join(s.Notary.Log.Dir(), filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	return b, err
}
