package provenance

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
)

const maxOutside = 64 << 10

// NotBefore binds a value of outside into a statement: whoever signed the statement had
// the value, so the statement is not older than the value.
type NotBefore struct {
	// Kind is CheckpointValue or BeaconValue.
	Kind string `json:"kind"`
	// Source is the origin of the other log, or where the beacon is published.
	Source string `json:"source"`
	// Digest is the SHA-256 (hex) of the value's bytes.
	Digest string `json:"digest"`
	// Time is when the value came to be, as [FormatTime] writes it: of a checkpoint the
	// earliest of its witnesses' times, of a beacon what its publisher says.
	Time string `json:"time"`
}

// The kinds of value of outside.
const (
	// CheckpointValue is a signed checkpoint of another log with cosignatures of witnesses
	// (C2SP tlog-cosignature). A witness signs the time, so its checkpoint is no older.
	CheckpointValue = "checkpoint"
	// BeaconValue is a public file that nobody could foresee, such as a pulse of a randomness
	// beacon or the closing prices of an exchange. What it proves depends on who can find
	// the same bytes published elsewhere.
	BeaconValue = "beacon"
)

func (n *NotBefore) check() error {
	if n == nil {
		return nil
	}
	if n.Kind != CheckpointValue && n.Kind != BeaconValue {
		return fmt.Errorf("notBefore: kind %q: want %s or %s", clip(n.Kind), CheckpointValue, BeaconValue)
	}
	if n.Source == "" || !isDigest(n.Digest) {
		return errors.New("notBefore: want a source and a digest of 64 lower-case hex digits")
	}
	if _, err := ParseTime(n.Time); err != nil {
		return fmt.Errorf("notBefore: %w", err)
	}
	return shortTexts(n.Source)
}

// NewCheckpointValue makes the claim for a checkpoint of another log that at least one of
// the witnesses (cosignature/v1 keys) has cosigned.
func NewCheckpointValue(signed []byte, witnesses []string) (*NotBefore, error) {
	var keys []*WitnessKey
	for _, k := range witnesses {
		w, err := ParseWitnessKey(k)
		if err != nil {
			return nil, err
		}
		keys = append(keys, w)
	}
	origin, at, n, err := cosignedAt(signed, keys)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errors.New("outside checkpoint: none of the witnesses has cosigned it")
	}
	return &NotBefore{Kind: CheckpointValue, Source: origin, Digest: DigestOf(signed), Time: FormatTime(at)}, nil
}

// cosignedAt reads a checkpoint, whoever signed it, and returns its origin, the earliest
// time at which one of the witnesses cosigned it, and how many did. The earliest, so that
// the bound holds if a single one of them tells the truth.
func cosignedAt(signed []byte, witnesses []*WitnessKey) (origin string, at time.Time, n int, err error) {
	if len(signed) > maxOutside {
		return "", at, 0, fmt.Errorf("outside checkpoint of %d bytes: the limit is %d", len(signed), maxOutside)
	}
	open, err := note.Open(signed, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		open, err = unverified.Note, nil
	}
	if err != nil {
		return "", at, 0, fmt.Errorf("outside checkpoint: %w", err)
	}
	c, err := parseCheckpoint(open.Text)
	if err != nil {
		return "", at, 0, fmt.Errorf("outside checkpoint: %w", err)
	}
	for _, w := range witnesses {
		for _, s := range open.UnverifiedSigs {
			if !w.cosigned(open.Text, s) {
				continue
			}
			raw, err := decodeBase64(s.Base64)
			if err != nil || len(raw) != 4+8+ed25519.SignatureSize {
				continue
			}
			t := time.Unix(int64(binary.BigEndian.Uint64(raw[4:12])), 0).UTC()
			if n == 0 || t.Before(at) {
				at = t
			}
			n++
			break
		}
	}
	return c.Origin, at, n, nil
}

// lowerBound checks the value of outside that a statement names. It reports the lower
// bound of the statement's time if the value proves one under the trusted witnesses or
// beacons, and a note otherwise; an error says that the value is another one.
func (t *trust) lowerBound(nb *NotBefore, value []byte) (bound *time.Time, aside string, err error) {
	if DigestOf(value) != nb.Digest {
		return nil, "", errors.New("the value of outside is not the one that the statement names")
	}
	said, err := ParseTime(nb.Time)
	if err != nil {
		return nil, "", err
	}
	if nb.Kind == BeaconValue {
		for _, b := range t.beacons {
			if b.Digest == nb.Digest {
				at, err := ParseTime(b.Time)
				return &at, "", err
			}
		}
		return nil, fmt.Sprintf("the statement contains a value that %s is said to have published at %s (sha256 %s): whoever finds it there has a lower bound", nb.Source, nb.Time, nb.Digest), nil
	}
	origin, at, n, err := cosignedAt(value, t.witnesses)
	if err != nil {
		return nil, "", err
	}
	if origin != nb.Source {
		return nil, "", fmt.Errorf("the value of outside is a checkpoint of %q, not of %q", clip(origin), clip(nb.Source))
	}
	if n == 0 {
		return nil, fmt.Sprintf("the statement contains a checkpoint of %s, said to be of %s; none of its witnesses is trusted here", nb.Source, nb.Time), nil
	}
	// Others may be trusted here than those the service knew: the earlier time of the two
	// holds for both.
	if at.Before(said) {
		return &at, "", nil
	}
	return &said, "", nil
}
