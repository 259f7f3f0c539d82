package provenance

import "time"

// Facts is what a receipt proves and says, for those who show it to people.
type Facts struct {
	Statement  Statement
	Commitment [32]byte
	// Digest is the SHA-256 (hex) of the envelope.
	Digest string
	// Log is the log's origin, Index the entry's place in it, TreeSize the number of entries
	// under the checkpoint.
	Log             string
	Index, TreeSize uint64
	// Witnesses have cosigned the checkpoint, of Quorum needed.
	Witnesses, Quorum int
	Authorities       []string // names of those whose tokens it has
	ServiceKey        string   // KeyID
	// NotBefore (nil: no bound) and NotAfter bound the time of the statement.
	NotBefore *time.Time
	NotAfter  time.Time
	// Claim is the designer's own, and ClaimKey the KeyID that signed it; nil and empty
	// without one.
	Claim    *ClaimStatement
	ClaimKey string
}

// Facts verifies the receipt under the keys that it carries and returns what it proves.
func (r *Receipt) Facts() (*Facts, error) {
	rep := &reporter{}
	if err := r.checkFormat(); err != nil {
		return nil, err
	}
	t, err := r.carried().trust()
	if err != nil {
		return nil, err
	}
	var f *facts
	if d, ok := r.parts(rep); ok {
		f = d.verify(rep, t)
	}
	if f == nil {
		return nil, rep.close("").Err()
	}
	out := &Facts{
		Statement: f.statement, Commitment: f.commitment, Digest: DigestOf(r.Envelope),
		Log: f.log.Name(), Index: f.index, TreeSize: f.size, Witnesses: f.witnesses, Quorum: f.quorum,
		ServiceKey: KeyID(f.serviceKey), NotBefore: f.notBefore, NotAfter: f.notAfter(), Claim: f.claim,
	}
	for _, tok := range f.tokens {
		out.Authorities = append(out.Authorities, tok.Authority)
	}
	if w, ok := f.statement.(*WorkStatement); ok && w.Claim != nil {
		out.ClaimKey = w.Claim.Key
	}
	return out, nil
}

// Stamped is the log-signed checkpoint of a receipt and the first time token over it: what
// an evidence record begins with ([EvidenceFromToken]). Nothing is verified.
func (r *Receipt) Stamped() (checkpoint []byte, token TimeToken, err error) {
	if err := r.checkFormat(); err != nil {
		return nil, token, err
	}
	t, err := r.carried().trust()
	if err != nil {
		return nil, token, err
	}
	proof, err := ParseLogProof([]byte(r.Proof))
	if err != nil {
		return nil, token, err
	}
	_, checkpoint, err = OpenCheckpoint(proof.Checkpoint, t.logs...)
	return checkpoint, r.tokens()[0], err
}
