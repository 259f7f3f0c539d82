package provenance

import (
	"crypto"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Limits of an evidence record. A chain of 256 time-stamps renewed every year outlasts
// its chains; a reduced tree of 64 lists covers 2^63 objects.
const (
	maxEvidence = 4 << 20
	maxChains   = 64
	maxStamps   = 256
	maxLists    = 64
	maxHashes   = 4096
)

// EvidenceRecord is an evidence record of RFC 4998: time-stamps over data objects, and
// time-stamps over those before their certificates end or their hash functions grow
// weak. It is immutable; what renews it makes a new one.
//
//	EvidenceRecord          version 1, hash functions used, chains in order of time
//	ArchiveTimeStampChain   time-stamps with one hash function, each over those before it
//	ArchiveTimeStamp        hash function, reduced hash tree, RFC 3161 token
//
// The first chain's first time-stamp is over the data objects, every other chain's first
// over the data objects and all chains before it. Make one with [EvidenceFromToken] or
// [NewBatch], renew with [NewBatch], prove with [EvidenceRecord.Verify].
type EvidenceRecord struct {
	chains []evidenceChain
}

type evidenceChain struct {
	raw    []byte // the DER of the ArchiveTimeStampChain
	hash   crypto.Hash
	stamps []archiveStamp
}

type archiveStamp struct {
	raw []byte
	// algorithm is the digestAlgorithm field as it stands, nil where it is absent.
	algorithm []byte
	hash      crypto.Hash
	// lists is the reduced hash tree; none where the token is over the one hash itself.
	lists [][][]byte
	token []byte
	stamp *stamp
}

// ParseEvidenceRecord reads an evidence record in DER. It checks the form and no signature;
// call [EvidenceRecord.Verify] to learn what it proves. Records about encrypted data and
// records with attributes are refused.
func ParseEvidenceRecord(der []byte) (*EvidenceRecord, error) {
	if len(der) > maxEvidence {
		return nil, unsupported(fmt.Sprintf("evidence record of %d bytes: the limit is %d", len(der), maxEvidence))
	}
	var rec, algs, seq cryptobyte.String
	var version int
	in := cryptobyte.String(der)
	if !in.ReadASN1(&rec, cbasn1.SEQUENCE) || !in.Empty() || !rec.ReadASN1Integer(&version) || !rec.ReadASN1(&algs, cbasn1.SEQUENCE) {
		return nil, errors.New("evidence record: not an RFC 4998 record in DER")
	}
	if version != 1 {
		return nil, unsupported(fmt.Sprintf("evidence record: version %d: want 1", version))
	}
	if rec.PeekASN1Tag(tag0) || rec.PeekASN1Tag(tag1) {
		return nil, unsupported("evidence record: it is about encrypted data, which is not supported")
	}
	if !rec.ReadASN1(&seq, cbasn1.SEQUENCE) || !rec.Empty() {
		return nil, errors.New("evidence record: not an RFC 4998 record in DER")
	}
	r := &EvidenceRecord{}
	for !seq.Empty() {
		var raw cryptobyte.String
		if !seq.ReadASN1Element(&raw, cbasn1.SEQUENCE) {
			return nil, errors.New("evidence record: a chain is not DER")
		}
		if len(r.chains) == maxChains {
			return nil, unsupported(fmt.Sprintf("evidence record: more than %d chains", maxChains))
		}
		c, err := parseChain(raw)
		if err != nil {
			return nil, fmt.Errorf("evidence record: chain %d: %w", len(r.chains)+1, err)
		}
		r.chains = append(r.chains, c)
	}
	if len(r.chains) == 0 {
		return nil, errors.New("evidence record: no time-stamp in it")
	}
	return r, r.checkAlgorithms(algs)
}

// checkAlgorithms demands that the record lists the hash functions of its chains: each
// once, no other. RFC 4998, 3.1 leaves the order open.
func (r *EvidenceRecord) checkAlgorithms(algs cryptobyte.String) error {
	listed := map[crypto.Hash]bool{}
	for !algs.Empty() {
		oid, ok := readAlgorithm(&algs)
		h, known := hashOf(oid)
		if !ok || !known || listed[h] {
			return errors.New("evidence record: unreadable list of hash functions")
		}
		listed[h] = true
	}
	for _, c := range r.chains {
		if !listed[c.hash] {
			return fmt.Errorf("evidence record: %v is used but not listed", c.hash)
		}
	}
	for h := range listed {
		used := false
		for _, c := range r.chains {
			used = used || c.hash == h
		}
		if !used {
			return fmt.Errorf("evidence record: %v is listed but not used", h)
		}
	}
	return nil
}

func parseChain(raw cryptobyte.String) (evidenceChain, error) {
	c := evidenceChain{raw: raw}
	var seq cryptobyte.String
	in := raw
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return c, errors.New("not DER")
	}
	for !seq.Empty() {
		var one cryptobyte.String
		if !seq.ReadASN1Element(&one, cbasn1.SEQUENCE) {
			return c, errors.New("a time-stamp is not DER")
		}
		if len(c.stamps) == maxStamps {
			return c, unsupported(fmt.Sprintf("more than %d time-stamps", maxStamps))
		}
		s, err := parseArchiveStamp(one)
		if err != nil {
			return c, fmt.Errorf("time-stamp %d: %w", len(c.stamps)+1, err)
		}
		if c.hash == 0 {
			c.hash = s.hash
		}
		if s.hash != c.hash {
			return c, errors.New("its time-stamps use different hash functions")
		}
		c.stamps = append(c.stamps, s)
	}
	if len(c.stamps) == 0 {
		return c, errors.New("no time-stamp in it")
	}
	return c, nil
}

func parseArchiveStamp(raw cryptobyte.String) (archiveStamp, error) {
	s := archiveStamp{raw: raw}
	var seq, alg, tree cryptobyte.String
	var hasTree bool
	in := raw
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return s, errors.New("not DER")
	}
	if seq.PeekASN1Tag(tag0) {
		if !seq.ReadASN1Element(&alg, tag0) {
			return s, errors.New("not DER")
		}
		s.algorithm = alg
		var body cryptobyte.String
		el := alg
		if !el.ReadASN1(&body, tag0) {
			return s, errors.New("not DER")
		}
		oid, ok := algorithmBody(body)
		if ok {
			s.hash, ok = hashOf(oid)
		}
		if !ok {
			return s, unsupported("its hash function is not SHA-256, SHA-384, SHA-512 or SHA3")
		}
	}
	if seq.PeekASN1Tag(tag1) {
		return s, unsupported("it has attributes, which are not supported")
	}
	var token cryptobyte.String
	if !seq.ReadOptionalASN1(&tree, &hasTree, tag2) || !seq.ReadASN1Element(&token, cbasn1.SEQUENCE) || !seq.Empty() {
		return s, errors.New("not DER")
	}
	var err error
	s.token = token
	if s.stamp, err = parseStamp(token); err != nil {
		return s, err
	}
	if s.algorithm == nil {
		s.hash = s.stamp.hash
	}
	// RFC 4998, 4.3, step 4.
	if s.hash != s.stamp.hash {
		return s, fmt.Errorf("the token is over a hash by %v, the tree by %v", s.stamp.hash, s.hash)
	}
	if hasTree {
		s.lists, err = parseTree(tree, s.hash.Size())
	}
	return s, err
}

// parseTree reads a SEQUENCE OF SEQUENCE OF OCTET STRING: at least one list, in each at
// least one hash, all of one size.
func parseTree(tree cryptobyte.String, size int) (lists [][][]byte, err error) {
	for !tree.Empty() {
		var list cryptobyte.String
		if !tree.ReadASN1(&list, cbasn1.SEQUENCE) || len(lists) == maxLists {
			return nil, fmt.Errorf("its hash tree is not up to %d lists", maxLists)
		}
		var hashes [][]byte
		for !list.Empty() {
			var h cryptobyte.String
			if !list.ReadASN1(&h, cbasn1.OCTET_STRING) || len(h) != size || len(hashes) == maxHashes {
				return nil, fmt.Errorf("a list of its hash tree is not up to %d hashes of %d bytes", maxHashes, size)
			}
			hashes = append(hashes, h)
		}
		if len(hashes) == 0 {
			return nil, errors.New("an empty list in its hash tree")
		}
		lists = append(lists, hashes)
	}
	if len(lists) == 0 {
		return nil, errors.New("an empty hash tree")
	}
	return lists, nil
}

// Marshal writes the record in DER. A record that was parsed comes out as it went in,
// unless its list of hash functions stood in another order or with NULL parameters.
func (r *EvidenceRecord) Marshal() []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			listed := map[crypto.Hash]bool{}
			for _, c := range r.chains {
				if !listed[c.hash] {
					listed[c.hash] = true
					addAlgorithm(b, c.hash)
				}
			}
		})
		b.AddBytes(sequence(r.chains))
	})
	return b.BytesOrPanic()
}

// Chains is how many hash trees the record has grown, Stamps how many time-stamps.
func (r *EvidenceRecord) Chains() int { return len(r.chains) }

// Stamps is the number of time-stamps in all chains.
func (r *EvidenceRecord) Stamps() int {
	n := 0
	for _, c := range r.chains {
		n += len(c.stamps)
	}
	return n
}

// Hash is the hash function of the last chain: what a time-stamp renewal goes on with.
func (r *EvidenceRecord) Hash() crypto.Hash { return r.chains[len(r.chains)-1].hash }

// sequence is the DER of an ArchiveTimeStampSequence of these chains.
func sequence(chains []evidenceChain) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, c := range chains {
			b.AddBytes(c.raw)
		}
	})
	return b.BytesOrPanic()
}

// withStamp returns the record with one more time-stamp: at the end of the last chain, or
// as a chain of its own.
func (r *EvidenceRecord) withStamp(s archiveStamp, newChain bool) *EvidenceRecord {
	var stamps []archiveStamp
	n := &EvidenceRecord{}
	if r != nil {
		n.chains = append(n.chains, r.chains...)
	}
	if !newChain {
		last := len(n.chains) - 1
		stamps = append(stamps, n.chains[last].stamps...)
		n.chains = n.chains[:last]
	}
	stamps = append(stamps, s)
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, s := range stamps {
			b.AddBytes(s.raw)
		}
	})
	n.chains = append(n.chains, evidenceChain{raw: b.BytesOrPanic(), hash: s.hash, stamps: stamps})
	return n
}

// algorithmField is the digestAlgorithm field of the chain that a time-stamp begins. Where
// it is absent it is that of the token's imprint, whose parameters it copies: Bouncy
// Castle compares the fields of a chain byte by byte.
func (s *archiveStamp) algorithmField() []byte {
	if s.algorithm != nil {
		return s.algorithm
	}
	return algorithmField(s.hash, len(s.stamp.info.MessageImprint.HashAlgorithm.Parameters.FullBytes) > 0)
}

func algorithmField(h crypto.Hash, null bool) []byte {
	oid, _ := HashOID(h)
	var b cryptobyte.Builder
	b.AddASN1(tag0, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		if null {
			b.AddASN1NULL()
		}
	})
	return b.BytesOrPanic()
}

// newArchiveStamp writes an ArchiveTimeStamp around a token. algorithm is the field of the
// chain it continues, nil for a new chain.
func newArchiveStamp(st *stamp, algorithm []byte, lists [][][]byte) archiveStamp {
	if algorithm == nil {
		algorithm = algorithmField(st.hash, false)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(algorithm)
		if len(lists) > 0 {
			b.AddASN1(tag2, func(b *cryptobyte.Builder) {
				for _, list := range lists {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						for _, h := range list {
							b.AddASN1OctetString(h)
						}
					})
				}
			})
		}
		b.AddBytes(st.raw)
	})
	return archiveStamp{
		raw: b.BytesOrPanic(), algorithm: algorithm,
		hash: st.hash, lists: lists, token: st.raw, stamp: st,
	}
}

// addAlgorithm adds a hash function's AlgorithmIdentifier, without parameters (RFC 5754, 2).
func addAlgorithm(b *cryptobyte.Builder, h crypto.Hash) {
	oid, _ := HashOID(h)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) })
}

// EvidenceFromToken makes the record that a token alone is: its first time-stamp, without
// a hash tree. response is an RFC 3161 response (DER) such as the one in a receipt, whose
// data object is the log-signed checkpoint.
func EvidenceFromToken(response []byte) (*EvidenceRecord, error) {
	raw, err := openResponse(response)
	if err != nil {
		return nil, err
	}
	st, err := parseStamp(raw)
	if err != nil {
		return nil, err
	}
	if err := st.checkSignature(); err != nil {
		return nil, err
	}
	var r *EvidenceRecord
	return r.withStamp(newArchiveStamp(st, nil, nil), true), nil
}
