package witness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/internal/durable"
	"selvage/provenance"
)

// Kind says what a monitor found.
type Kind string

// What a monitor finds. Fork, Rollback and Rewrite with two signed checkpoints are proofs
// that the log's key signed two histories; the others need a look.
const (
	Fork     Kind = "fork"     // two histories are signed
	Rollback Kind = "rollback" // the log shows fewer entries than it has signed
	Rewrite  Kind = "rewrite"  // an entry or a tile is another one than before
	Drop     Kind = "drop"     // an entry or a tile is no longer there
	Stale    Kind = "stale"    // the log or its witnesses have stopped
	Quorum   Kind = "quorum"   // too few witnesses cosigned what is published
	Invalid  Kind = "invalid"  // what is published is not signed by the log, or not readable
)

// Alarm is something wrong with a log.
type Alarm struct {
	Kind Kind   `json:"kind"`
	Text string `json:"text"`
	// Evidence are the signed checkpoints that show it.
	Evidence []string `json:"evidence,omitempty"`
}

func (a *Alarm) Error() string { return string(a.Kind) + ": " + a.Text }

func alarm(k Kind, evidence [][]byte, format string, args ...any) *Alarm {
	a := &Alarm{Kind: k, Text: fmt.Sprintf(format, args...)}
	for _, e := range evidence {
		if len(e) > 0 {
			a.Evidence = append(a.Evidence, string(e))
		}
	}
	return a
}

// DefaultMaxAge is when a log counts as stale. A log with witnesses has its checkpoint
// cosigned anew every minute, grown or not.
const DefaultMaxAge = 10 * time.Minute

// DefaultGrace is how long a tree may have a witness and no quorum.
const DefaultGrace = 30 * time.Second

// MonitorConfig says what is watched.
type MonitorConfig struct {
	// Dir keeps what was seen and is made if missing.
	Dir string
	// Policy names the log by its keys, all of one origin, and its URL, and the witnesses,
	// whose own views are asked for where they have a URL.
	Policy *Policy
	// Bearer is a key that the log wants to be read with; witnesses do not see it.
	Bearer string
	// Receipts are proofs that must keep holding, see [ReadReceipt].
	Receipts []Receipt
	// MaxAge is when silence becomes an alarm; 0 means DefaultMaxAge.
	MaxAge time.Duration
	// Grace is how long a witness may have cosigned a larger tree than the log shows; 0
	// means DefaultGrace. It is counted from the first Check of an open monitor that sees it.
	Grace time.Duration
	// Audit is how many old tiles of 256 entries are read again in one Check; 0 means 64.
	Audit int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// HTTP sends the requests; nil means a client of its own.
	HTTP *http.Client
	// Logger gets what is no alarm, as a witness that cannot be reached; nil: slog.Default().
	Logger *slog.Logger
}

// Receipt is what somebody else holds of the log: a signed checkpoint, and an entry in it.
type Receipt struct {
	Index      uint64
	Entry      [32]byte
	Checkpoint []byte
}

// ReadReceipt takes the log's part out of a registration receipt (JSON).
func ReadReceipt(text []byte) (Receipt, error) {
	r, err := provenance.ParseReceipt(text)
	if err != nil {
		return Receipt{}, err
	}
	s, err := r.Sealed()
	if err != nil {
		return Receipt{}, err
	}
	p, err := provenance.ParseLogProof([]byte(r.Proof))
	return Receipt{p.Index, s.Commitment(), p.Checkpoint}, err
}

// Monitor follows a log. It reads every entry once, so that its own tree, kept on disk, is
// that of all entries seen, and holds against it whatever it is shown: published
// checkpoints, the witnesses' views, receipts, and tiles and bundles read again.
//
//	DIR/checkpoint   the last published checkpoint that fitted
//	DIR/hashes       the tree of its entries: 64 bytes an entry, as package tlog orders
//	                 them; what is behind the checkpoint's tree is of no account
//	DIR/evidence/    an alarm each, with the signed checkpoints that show it
//	DIR/lock         held while open
//
// It is for one goroutine.
type Monitor struct {
	cfg    MonitorConfig
	keys   []note.Verifier
	log    static
	hashes *os.File
	lock   *os.File

	kept  head
	note  []byte    // kept as published; nil before the first
	heard time.Time // when the log was last reached
	// ahead says since when somebody holds a larger tree than the log shows.
	ahead  map[string]time.Time
	cursor int64 // the entry at which the next audit goes on, at the start of a tile
}

// OpenMonitor opens the monitor in cfg.Dir.
func OpenMonitor(cfg MonitorConfig) (_ *Monitor, err error) {
	if cfg.MaxAge == 0 {
		cfg.MaxAge = DefaultMaxAge
	}
	if cfg.Grace == 0 {
		cfg.Grace = DefaultGrace
	}
	if cfg.Audit == 0 {
		cfg.Audit = 64
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	m := &Monitor{cfg: cfg, heard: cfg.Now(), ahead: map[string]time.Time{}}
	for _, l := range cfg.Policy.Logs {
		if l.Name() != cfg.Policy.Logs[0].Name() {
			return nil, errors.New("monitor: the policy names two logs; a monitor follows one, by its keys old and new")
		}
		m.keys = append(m.keys, l.Verifier)
		if l.URL != "" {
			m.log = static{cfg.HTTP, l.URL, cfg.Bearer}
		}
	}
	if m.log.url == "" {
		return nil, errors.New("monitor: the policy has no log with a URL")
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "evidence"), 0o700); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	if m.lock, err = durable.Lock(filepath.Join(cfg.Dir, "lock")); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("monitor: %w", errors.Join(err, m.Close()))
		}
	}()
	if m.hashes, err = os.OpenFile(filepath.Join(cfg.Dir, "hashes"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return nil, err
	}
	if m.note, err = os.ReadFile(filepath.Join(cfg.Dir, "checkpoint")); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		m.note, err = nil, nil
		return m, nil
	}
	if m.kept, _, err = openHead(m.note, m.keys); err != nil {
		return nil, err
	}
	root, err := m.root(m.kept.tree.N)
	if err == nil && root != m.kept.tree.Hash {
		err = errors.New("they do not make the checkpoint's root")
	}
	if err != nil {
		return nil, fmt.Errorf("the hashes in %s are damaged; keep them, and begin in a new directory: %w", cfg.Dir, err)
	}
	return m, nil
}

// Close lets the directory go.
func (m *Monitor) Close() error {
	var err error
	if m.hashes != nil {
		err = m.hashes.Close()
	}
	return errors.Join(err, m.lock.Close())
}

// Size is the number of entries seen.
func (m *Monitor) Size() int64 { return m.kept.tree.N }

// Check looks once at everything and returns what is wrong. The error says that looking
// failed, which is no alarm until it has lasted for MaxAge. What was found is kept in
// DIR/evidence.
func (m *Monitor) Check(ctx context.Context) ([]*Alarm, error) {
	alarms, err := m.check(ctx)
	if err != nil && ctx.Err() == nil {
		if silent := m.cfg.Now().Sub(m.heard); silent > m.cfg.MaxAge {
			alarms = append(alarms, alarm(Stale, [][]byte{m.note}, "the log could not be read for %s: %v", silent.Round(time.Second), err))
		}
	}
	for _, a := range alarms {
		text := a.Error() + "\n"
		for _, e := range a.Evidence {
			text += "\n" + e
		}
		// One file a finding, however often it is found.
		name := fmt.Sprintf("%s-%x", a.Kind, sha256.Sum256([]byte(text)))[:len(a.Kind)+17]
		err = errors.Join(err, durable.WriteFile(filepath.Join(m.cfg.Dir, "evidence", name), []byte(text), 0o644))
	}
	return alarms, err
}

func (m *Monitor) check(ctx context.Context) ([]*Alarm, error) {
	published, err := m.log.get(ctx, "checkpoint", maxCheckpoint)
	if err != nil {
		return nil, err
	}
	var alarms []*Alarm
	found := func(err error) error {
		if a := (*Alarm)(nil); errors.As(err, &a) {
			alarms = append(alarms, a)
			return nil
		}
		return err
	}
	next, _, err := openHead(published, m.keys)
	if err != nil {
		return []*Alarm{alarm(Invalid, [][]byte{m.note, published}, "the published checkpoint is not the log's: %v", err)}, nil
	}
	// What others hold is compared even where the log cannot be followed.
	failed := found(m.follow(ctx, next, published))
	if failed == nil {
		m.heard = m.cfg.Now()
	}
	if next.tree.N > 0 {
		if _, err := m.cfg.Policy.Cosigned(published); err != nil {
			alarms = append(alarms, alarm(Quorum, [][]byte{published}, "the published checkpoint of %d entries: %v", next.tree.N, err))
		} else if age := m.age(published); age > m.cfg.MaxAge {
			alarms = append(alarms, alarm(Stale, [][]byte{published}, "the newest cosignature is %s old", age.Round(time.Second)))
		}
	}
	for _, r := range m.cfg.Receipts {
		failed = errors.Join(failed, found(m.receipt(ctx, r)))
	}
	for _, w := range m.cfg.Policy.Witnesses {
		if err := found(m.view(ctx, w)); err != nil {
			m.cfg.Logger.Warn("a witness could not be asked what it has cosigned", "witness", w.Label, "err", err)
		}
	}
	return alarms, errors.Join(failed, found(m.audit(ctx)))
}

// follow takes the entries up to a published checkpoint into the kept tree.
func (m *Monitor) follow(ctx context.Context, next head, published []byte) error {
	if m.note != nil && bytes.Equal(m.note, published) {
		return nil
	}
	prev := m.kept.tree
	both := [][]byte{m.note, published}
	if m.note != nil && next.tree.N < prev.N {
		return alarm(Rollback, both, "the log shows %d entries, after %d", next.tree.N, prev.N)
	}
	if m.note != nil && next.tree.N == prev.N && next.tree.Hash != prev.Hash {
		return alarm(Fork, both, "the log signed two trees of %d entries", prev.N)
	}
	for n := prev.N / tileWidth; n*tileWidth < next.tree.N; n++ {
		t := tlog.Tile{H: tileHeight, L: 0, N: n, W: int(min(tileWidth, next.tree.N-n*tileWidth))}
		leaves, err := m.leaves(ctx, t)
		if err == nil {
			err = m.extend(n*tileWidth, leaves)
		}
		if a := (*Alarm)(nil); errors.As(err, &a) {
			return alarm(a.Kind, both, "%s", a.Text)
		}
		if err != nil {
			return err
		}
	}
	root, err := m.root(next.tree.N)
	if err != nil {
		return err
	}
	if root != next.tree.Hash {
		return m.explain(ctx, next, both)
	}
	if err := m.hashes.Sync(); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(m.cfg.Dir, "checkpoint"), published, 0o644); err != nil {
		return err
	}
	m.kept, m.note = next, published
	return nil
}

// explain finds the first entry that differs, when a signed tree does not continue the
// kept one.
func (m *Monitor) explain(ctx context.Context, next head, both [][]byte) error {
	for n := int64(0); n*tileWidth < m.kept.tree.N; n++ {
		t := tlog.Tile{H: tileHeight, L: 0, N: n, W: int(min(tileWidth, m.kept.tree.N-n*tileWidth))}
		b, err := m.log.tile(ctx, t)
		if err != nil {
			break // the two checkpoints are enough
		}
		for i := range t.W {
			h, err := m.leaf(n*tileWidth + int64(i))
			if err != nil {
				return err
			}
			if len(b) < (i+1)*tlog.HashSize || !bytes.Equal(h[:], b[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
				return alarm(Rewrite, both, "the log signed a tree of %d entries in which entry %d is another one than in that of %d", next.tree.N, n*tileWidth+int64(i), m.kept.tree.N)
			}
		}
	}
	return alarm(Fork, both, "the signed tree of %d entries is not that of its entries after the %d seen before", next.tree.N, m.kept.tree.N)
}

// leaves reads the entries beside a level-0 tile and returns their hashes, which the tile
// must hold.
func (m *Monitor) leaves(ctx context.Context, t tlog.Tile) ([]tlog.Hash, error) {
	entries, err := m.log.bundle(ctx, t)
	if errors.Is(err, errGone) {
		return nil, alarm(Drop, [][]byte{m.note}, "the log has no %s, which its checkpoints need", tilePath(tlog.Tile{H: tileHeight, L: -1, N: t.N, W: t.W}))
	}
	if err != nil {
		return nil, err
	}
	b, err := m.log.tile(ctx, t)
	if errors.Is(err, errGone) {
		return nil, alarm(Drop, [][]byte{m.note}, "the log has no %s, which its checkpoints need", tilePath(t))
	}
	if err != nil {
		return nil, err
	}
	if len(entries) < t.W || len(b) < t.W*tlog.HashSize {
		return nil, alarm(Drop, [][]byte{m.note}, "%s holds %d entries and %d bytes of hashes: %d entries are signed", tilePath(t), len(entries), len(b), t.W)
	}
	out := make([]tlog.Hash, t.W)
	for i, e := range entries {
		out[i] = tlog.RecordHash(e)
		if !bytes.Equal(out[i][:], b[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			return nil, alarm(Rewrite, [][]byte{m.note}, "entry %d does not have the hash that %s says", t.N*tileWidth+int64(i), tilePath(t))
		}
	}
	return out, nil
}

// extend writes leaves from index at on behind the kept tree; those inside it must be the
// same.
func (m *Monitor) extend(at int64, leaves []tlog.Hash) error {
	for i, h := range leaves {
		n := at + int64(i)
		if n < m.kept.tree.N {
			kept, err := m.leaf(n)
			if err != nil {
				return err
			}
			if kept != h {
				return alarm(Rewrite, [][]byte{m.note}, "entry %d is another one than before", n)
			}
			continue
		}
		stored, err := tlog.StoredHashesForRecordHash(n, h, m)
		if err != nil {
			return err
		}
		var b []byte
		for _, s := range stored {
			b = append(b, s[:]...)
		}
		if _, err := m.hashes.WriteAt(b, tlog.StoredHashIndex(0, n)*tlog.HashSize); err != nil {
			return err
		}
	}
	return nil
}

// ReadHashes implements tlog.HashReader on the kept tree.
func (m *Monitor) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if _, err := m.hashes.ReadAt(out[i][:], x*tlog.HashSize); err != nil {
			return nil, fmt.Errorf("kept hashes: %w", err)
		}
	}
	return out, nil
}

func (m *Monitor) leaf(n int64) (tlog.Hash, error) {
	h, err := m.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
	if err != nil {
		return tlog.Hash{}, err
	}
	return h[0], nil
}

func (m *Monitor) root(size int64) (tlog.Hash, error) { return tlog.TreeHash(size, m) }

// belongs holds a signed checkpoint from elsewhere against the kept tree. The log has
// patience to show a tree that is larger than the kept one.
func (m *Monitor) belongs(ctx context.Context, signed []byte, whose string, patience time.Duration) error {
	h, _, err := openHead(signed, m.keys)
	if err != nil {
		return fmt.Errorf("%s: %w", whose, err)
	}
	both := [][]byte{m.note, signed}
	if h.tree.N > m.kept.tree.N {
		// The log may have grown since it was read.
		again, err := m.log.get(ctx, "checkpoint", maxCheckpoint)
		if err != nil {
			return err
		}
		if now, _, err := openHead(again, m.keys); err == nil && now.tree.N >= h.tree.N {
			delete(m.ahead, whose)
			return nil // compared next time
		}
		since, ok := m.ahead[whose]
		if !ok {
			since = m.cfg.Now()
			m.ahead[whose] = since
		}
		if m.cfg.Now().Sub(since) < patience {
			return nil
		}
		return alarm(Rollback, both, "%s holds a signed tree of %d entries, the log shows %d", whose, h.tree.N, m.kept.tree.N)
	}
	delete(m.ahead, whose)
	root, err := m.root(h.tree.N)
	if err != nil {
		return err
	}
	if root != h.tree.Hash {
		return alarm(Fork, both, "%s holds a signed tree of %d entries that is not the one the log shows here", whose, h.tree.N)
	}
	return nil
}

// receipt checks that an entry somebody holds a proof of is still there.
func (m *Monitor) receipt(ctx context.Context, r Receipt) error {
	whose := fmt.Sprintf("the receipt of entry %d", r.Index)
	if err := m.belongs(ctx, r.Checkpoint, whose, 0); err != nil {
		return err
	}
	if r.Index >= uint64(m.kept.tree.N) {
		return nil // read next time
	}
	h, err := m.leaf(int64(r.Index))
	if err != nil {
		return err
	}
	if h != tlog.RecordHash(r.Entry[:]) {
		return alarm(Drop, [][]byte{m.note, r.Checkpoint}, "%s names %s, which is not in the log there", whose, base64.StdEncoding.EncodeToString(r.Entry[:]))
	}
	return nil
}

// view asks a witness of ours for what it has cosigned last. Other witnesses have no such
// answer: the specification leaves reading open.
func (m *Monitor) view(ctx context.Context, w Witness) error {
	if w.URL == "" {
		return nil
	}
	s := static{http: m.cfg.HTTP, url: w.URL}
	signed, err := s.get(ctx, fmt.Sprintf("log/%x/checkpoint", sha256.Sum256([]byte(m.keys[0].Name()))), maxCheckpoint)
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := note.Open(signed, note.VerifierList(w.Key)); err != nil {
		return err
	}
	// It may have cosigned what does not have its quorum yet and is not published.
	return m.belongs(ctx, signed, "the witness "+w.Label, m.cfg.Grace)
}

// age is that of the newest cosignature that counts; 0 where none is asked for.
func (m *Monitor) age(published []byte) time.Duration {
	var newest time.Time
	for _, w := range m.cfg.Policy.Witnesses {
		n, err := note.Open(published, note.VerifierList(w.Key))
		if err != nil {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
		if err != nil {
			continue
		}
		if t := time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0); t.After(newest) {
			newest = t
		}
	}
	if newest.IsZero() {
		return 0
	}
	return m.cfg.Now().Sub(newest)
}

// audit reads some old tiles again, those above them included, and holds them and the entries
// beside them against the kept tree.
func (m *Monitor) audit(ctx context.Context) error {
	size := m.kept.tree.N
	if size == 0 {
		return nil
	}
	if m.cursor >= size {
		m.cursor = 0
	}
	from, to := m.cursor, min(size, m.cursor+int64(m.cfg.Audit)*tileWidth)
	m.cursor = to
	for _, t := range tlog.NewTiles(tileHeight, from, to) {
		// As wide as the kept tree has it.
		t.W = int(min(tileWidth, size>>(tileHeight*t.L)-t.N*tileWidth))
		if t.L == 0 {
			leaves, err := m.leaves(ctx, t)
			if err != nil {
				return err
			}
			if err := m.extend(t.N*tileWidth, leaves); err != nil {
				return err
			}
			continue
		}
		b, err := m.log.tile(ctx, t)
		if errors.Is(err, errGone) {
			return alarm(Drop, [][]byte{m.note}, "the log has no %s, which its checkpoints need", tilePath(t))
		}
		if err != nil {
			return err
		}
		want, err := tlog.ReadTileData(t, m)
		if err != nil {
			return err
		}
		if !bytes.Equal(b, want) {
			return alarm(Rewrite, [][]byte{m.note}, "%s is not the one its entries make", tilePath(t))
		}
	}
	return nil
}
