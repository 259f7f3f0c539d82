package provenance

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	maxProof    = 128 << 10
	maxExtra    = 4 << 10
	maxPath     = 63
)

// LogProof shows that an entry is in a log (C2SP tlog-proof). Parsing proves nothing;
// [LogProof.Open] does.
type LogProof struct {
	Index uint64
	// Path runs from the leaf's sibling to the root's child (RFC 6962, 2.1.1).
	Path [][32]byte
	// Checkpoint is the signed note, verbatim.
	Checkpoint []byte
	// Extra is opaque and not authenticated; Selvage carries the salt in it.
	Extra []byte
}

// Marshal writes the proof as text.
func (p LogProof) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(proofHeader + "\n")
	if len(p.Extra) > 0 {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseLogProof reads what Marshal writes and refuses every other form. It checks no
// signature and no hash.
func ParseLogProof(b []byte) (LogProof, error) {
	var p LogProof
	if len(b) > maxProof {
		return p, fmt.Errorf("log proof of %d bytes: the limit is %d", len(b), maxProof)
	}
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok || len(checkpoint) == 0 {
		return p, errors.New("log proof: no checkpoint after an empty line")
	}
	lines := strings.Split(string(head), "\n")
	if lines[0] != proofHeader {
		return p, fmt.Errorf("log proof: first line must be %q", proofHeader)
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		extra, err := decodeBase64(lines[0][len("extra "):])
		if err != nil || len(extra) == 0 || len(extra) > maxExtra {
			return p, errors.New("log proof: extra line is not canonical base64, empty or too long")
		}
		p.Extra, lines = extra, lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return p, errors.New("log proof: no index line")
	}
	index, err := strconv.ParseUint(lines[0][len("index "):], 10, 63)
	if err != nil || "index "+strconv.FormatUint(index, 10) != lines[0] {
		return p, errors.New("log proof: index is not a plain decimal number")
	}
	p.Index, lines = index, lines[1:]
	if len(lines) > maxPath {
		return p, fmt.Errorf("log proof: path of %d hashes: no tree is that high", len(lines))
	}
	for _, l := range lines {
		h, err := decodeBase64(l)
		if err != nil || len(h) != 32 {
			return p, errors.New("log proof: path line is not the base64 of 32 bytes")
		}
		p.Path = append(p.Path, [32]byte(h))
	}
	p.Checkpoint = bytes.Clone(checkpoint)
	return p, nil
}

// Open proves that entry is in the log: the checkpoint is signed by one of logs and the
// path leads from the entry at Index to the checkpoint's root. It returns the checkpoint
// and its log-signed bytes, see [OpenCheckpoint].
func (p LogProof) Open(entry []byte, logs ...note.Verifier) (Checkpoint, []byte, error) {
	c, logSigned, err := OpenCheckpoint(p.Checkpoint, logs...)
	if err != nil {
		return c, nil, err
	}
	return c, logSigned, p.checkInclusion(entry, c)
}

func (p LogProof) checkInclusion(entry []byte, c Checkpoint) error {
	if p.Index >= c.Size || c.Size > math.MaxInt64 {
		return fmt.Errorf("log proof: index %d is outside the tree of %d entries", p.Index, c.Size)
	}
	path := make(tlog.RecordProof, len(p.Path))
	for i, h := range p.Path {
		path[i] = tlog.Hash(h)
	}
	if err := tlog.CheckRecord(path, int64(c.Size), tlog.Hash(c.Root), int64(p.Index), tlog.RecordHash(entry)); err != nil {
		return fmt.Errorf("log proof: the path does not lead from the entry to the checkpoint's root: %w", err)
	}
	return nil
}
