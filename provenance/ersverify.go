package provenance

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// EvidenceOptions says whom and what to trust, and which time is asked about.
type EvidenceOptions struct {
	// Roots are the trusted roots of all time authorities, past ones too.
	Roots []*x509.Certificate
	// Sunsets says what is no longer sound since when; nil knows of nothing.
	Sunsets Sunsets
	// At is the time at which the record must hold. Zero asks no clock: the answer is then
	// as of the last time-stamp, and says nothing about what came after it.
	At time.Time
}

// Evidence is what an evidence record proves.
type Evidence struct {
	// Outcome is contradicted where the record is wrong (another object, a forged or
	// reordered time-stamp); cannot tell where it may be right but does not show it: an
	// authority that is not trusted, or a time-stamp that had ended, or whose hash function
	// was weak, before the next one; else proved.
	Outcome Outcome
	// Reason says why, in a sentence.
	Reason string
	// NotAfter is the proved upper bound of the objects' time: the first time-stamp's. Zero
	// unless the outcome is proved.
	NotAfter time.Time
	// Stamps are the time-stamps in order; those whose token does not verify are left out.
	Stamps []EvidenceStamp
}

// EvidenceStamp is one time-stamp of a record.
type EvidenceStamp struct {
	Token
	// Chain counts from 0; a new one begins with a new hash tree.
	Chain int
	// Until is when the token stops holding unless it is renewed, and Why what ends it. Zero:
	// no end is known. TreeUntil is the same for the hash function of its tree, which only a
	// new chain renews.
	Until     time.Time
	Why       string
	TreeUntil time.Time
}

// Err is nil if the outcome is proved, else an error with the reason.
func (e Evidence) Err() error {
	if e.Outcome == Proved {
		return nil
	}
	return fmt.Errorf("%s: %s", e.Outcome, e.Reason)
}

// String is the answer in one line.
func (e Evidence) String() string { return fmt.Sprintf("%s: %s", e.Outcome, e.Reason) }

// last is the last time-stamp, nil where there is none.
func (e Evidence) last() *EvidenceStamp {
	if len(e.Stamps) == 0 {
		return nil
	}
	return &e.Stamps[len(e.Stamps)-1]
}

// Need is what a record needs.
type Need int

// Nothing yet; a further time-stamp in the chain, which needs no data object; or a new hash
// tree with another hash function, which needs the objects.
const (
	NeedNothing Need = iota
	NeedStamp
	NeedTree
)

// Need says what has to be done before t. Renew well ahead: a record is only as good as
// the moment at which its last time-stamp still held. One that is not proved is not
// helped by renewing: the answer is nothing, and Outcome says what there is to look into.
func (e Evidence) Need(t time.Time) Need {
	last := e.last()
	switch {
	case e.Outcome != Proved:
		return NeedNothing
	case !last.TreeUntil.IsZero() && last.TreeUntil.Before(t):
		return NeedTree
	case !last.Until.IsZero() && last.Until.Before(t):
		return NeedStamp
	}
	return NeedNothing
}

// VerifyEvidenceRecord parses and verifies; see [EvidenceRecord.Verify].
func VerifyEvidenceRecord(der []byte, objects []Object, opts EvidenceOptions) Evidence {
	r, err := ParseEvidenceRecord(der)
	if err != nil {
		return Evidence{Outcome: outcomeOf(err), Reason: printable(err.Error())}
	}
	return r.Verify(objects, opts)
}

// outcomeOf tells what cannot be judged from what is wrong.
func outcomeOf(err error) Outcome {
	var u unsupported
	if errors.As(err, &u) || errors.Is(err, errUntrustedAuthority) {
		return CannotTell
	}
	return Contradicted
}

// Verify proves that a record covers all of some data objects, as RFC 4998, 5.3 says: each
// time-stamp is judged at its own time and must still have held at the time of the next
// (certificates, keys, signature), and the hash function of a chain at the beginning of
// the next chain; the last must hold at opts.At. It reads no clock and no network, and
// knows of no revocation but what opts.Sunsets says.
//
// At least one object must be given. That the record is over nothing else is not asked.
func (r *EvidenceRecord) Verify(objects []Object, opts EvidenceOptions) Evidence {
	v := evidenceVerifier{opts: opts}
	if err := opts.Sunsets.Check(); err != nil {
		v.fail(CannotTell, "%v", err)
		return v.Evidence
	}
	if len(objects) == 0 {
		v.fail(CannotTell, "no data object was given to hold the record against")
		return v.Evidence
	}
	v.contents(r, objects)
	if v.Outcome != Contradicted && len(v.Stamps) == r.Stamps() {
		v.times(r)
	}
	if v.Outcome == "" {
		first, last := v.Stamps[0], v.last()
		v.Outcome, v.NotAfter = Proved, first.NotAfter()
		v.Reason = fmt.Sprintf("it existed by %s, stamped by %s", first.NotAfter().Format(time.RFC3339), first.Authority)
		if n := len(v.Stamps) - 1; n > 0 {
			v.Reason += fmt.Sprintf("; renewed %d time(s), last on %s by %s", n, last.Time.Format(time.RFC3339), last.Authority)
		}
		v.Reason = printable(v.Reason)
	}
	return v.Evidence
}

type evidenceVerifier struct {
	Evidence
	opts EvidenceOptions
}

// fail notes what is wrong; contradicted goes before cannot tell, else the first one stays.
func (v *evidenceVerifier) fail(o Outcome, format string, args ...any) {
	if v.Outcome == "" || v.Outcome == CannotTell && o == Contradicted {
		v.Outcome, v.Reason = o, printable(fmt.Sprintf(format, args...))
	}
}

// contents checks what every time-stamp is over, which is cheap, and then each signature
// at its own time.
func (v *evidenceVerifier) contents(r *EvidenceRecord, objects []Object) {
	for k, c := range r.chains {
		for j := range c.stamps {
			s := &c.stamps[j]
			if j > 0 {
				if !s.covers([][]byte{sum(c.hash, c.stamps[j-1].token)}) {
					v.fail(Contradicted, "%s is not over the one before it", stampName(k, j))
				}
			} else if list, err := r.first(k, c.hash, objects); err != nil {
				v.fail(CannotTell, "%s: the data object cannot be hashed: %v", stampName(k, j), err)
			} else if !s.covers(list) {
				v.fail(Contradicted, "%s is not over %s", stampName(k, j), what(k, len(list)))
			}
		}
	}
	if v.Outcome == Contradicted {
		return
	}
	for k, c := range r.chains {
		for j, s := range c.stamps {
			tok, err := s.stamp.verify(s.hash, s.stamp.info.MessageImprint.HashedMessage, v.opts.Roots)
			if err != nil {
				v.fail(outcomeOf(err), "%s: %v", stampName(k, j), err)
				continue
			}
			b := v.opts.Sunsets.chain(tok.Chain, tok.signedBy)
			v.Stamps = append(v.Stamps, EvidenceStamp{
				Token: tok, Chain: k, Until: b.until, Why: b.by, TreeUntil: v.opts.Sunsets.of(c.hash.String()).until,
			})
		}
	}
}

func stampName(chain, stamp int) string {
	return fmt.Sprintf("time-stamp %d of chain %d", stamp+1, chain+1)
}

func what(chain, objects int) string {
	s := "the data object"
	if objects > 1 {
		s = "all the data objects"
	}
	if chain > 0 {
		s += " and the chains before it"
	}
	return s
}

// times checks the order of the time-stamps, and that each held until it was renewed.
func (v *evidenceVerifier) times(r *EvidenceRecord) {
	for i, s := range v.Stamps {
		name := fmt.Sprintf("the time-stamp of %s by %s", s.Time.Format(time.RFC3339), s.Authority)
		// The moments at which the token, and its tree's hash function, were last relied on.
		token, tree, then := v.opts.At, v.opts.At, "at the time asked about"
		if i+1 < len(v.Stamps) {
			next := v.Stamps[i+1]
			if next.NotAfter().Before(s.Time.Add(-s.Accuracy)) {
				v.fail(Contradicted, "%s is renewed by an earlier one, of %s", name, next.Time.Format(time.RFC3339))
				return
			}
			token, then = next.NotAfter(), "when it was renewed"
		} else if token.IsZero() {
			token, then = s.Time, "when it was made"
		} else if token.Add(clockSlack).Before(s.Time) {
			v.fail(CannotTell, "%s is later than the time asked about, %s: set the clock", name, token.UTC().Format(time.RFC3339))
		}
		if tree.IsZero() {
			tree = v.last().Time
		}
		for _, n := range v.Stamps[i+1:] {
			if n.Chain > s.Chain {
				tree = n.NotAfter()
				break
			}
		}
		if b := (bound{s.Until, s.Why}); !b.holds(token) {
			v.fail(CannotTell, "%s no longer held %s (%s): %s on %s", name, then,
				token.UTC().Format(time.RFC3339), s.Why, s.Until.Format(time.RFC3339))
		}
		if b := (bound{until: s.TreeUntil}); !b.holds(tree) {
			v.fail(CannotTell, "%s has a hash tree by %v, which was no longer held to be sound on %s, before it was renewed (%s)",
				name, r.chains[s.Chain].hash, s.TreeUntil.Format(time.RFC3339), tree.UTC().Format(time.RFC3339))
		}
	}
}
