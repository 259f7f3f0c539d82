// Package provenance holds everything needed to prove, offline and without this
// service, that a work was registered: statements, signatures, commitments, log
// proofs, time tokens, receipts and evidence bundles. It imports no other room, opens
// no socket and reads no clock while verifying, so a bundle that verifies today
// verifies for ever.
//
// Start with [Receipt.Verify] for one registration and [Verify] for an evidence bundle.
// On the writing side: [Seal] signs a statement and draws its salt, the sequencer turns
// the sealed statement into a [Receipt], [WriteBundle] packs receipts and files.
//
// # The chain
//
//	statement    canonical JSON (RFC 8785) of what is claimed          statement.go
//	envelope     the statement in DSSE, signed with Ed25519            dsse.go
//	commitment   HMAC-SHA-256, key = 32 random bytes, over the exact
//	             bytes of the envelope                                 commitment.go
//	log entry    the commitment's 32 bytes and nothing else
//	leaf         SHA-256(0x00 || entry), RFC 6962
//	proof        C2SP tlog-proof@v1: index, path, checkpoint; the
//	             extra line carries the salt                           proof.go
//	token        RFC 3161, over the SHA-256 of the log-signed
//	             checkpoint (the note with the log's own signature
//	             line only, no cosignatures)                           token.go
//	evidence     RFC 4998: further tokens over that one, before its
//	record       certificate ends or its hash function grows weak      ers.go
//
// # What is promised
//
// Each check ends in one of three words: proved, contradicted, cannot tell. A check
// made with a [Policy] first proves that the material agrees with itself under the keys
// it carries (a failure is contradicted) and then asks whether the policy trusts those
// keys (if not: cannot tell). Nothing here proves authorship: a token proves that the
// statement existed at a time, not that what it claims is true. A receipt and a bundle
// are judged at the time of their token; whether that token can still be believed decades
// later is the question that [EvidenceRecord.Verify] answers.
//
// All functions are safe for concurrent use on distinct values. Parsers of outside
// bytes have size limits, accept only the one canonical encoding and never panic.
package provenance
