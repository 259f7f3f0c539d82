// Package witness keeps a transparency log from showing two histories: witnesses cosign
// only checkpoints that continue what they cosigned before (C2SP tlog-witness), a log
// asks enough of them before it hands a checkpoint out, and a monitor watches from outside.
//
//   - [Server] is a witness, for any log that speaks C2SP tlog-checkpoint.
//   - [Client] gathers the quorum of cosignatures that a [Policy] asks for.
//   - [Monitor] follows a log and its witnesses by HTTP and says what is wrong.
//
// # What is promised
//
// A witness cosigns one history of a log, ever. Its record of the latest checkpoint is on
// disk, file and directory synced, before the cosignature leaves, so that neither a race
// nor kill -9 makes it cosign a smaller or another tree afterwards.
//
// With a quorum of k of n witnesses, 2k > n, two histories of one log can both be cosigned
// only if witnesses lie: at least 2k-n of them.
//
// # Files of a witness
//
//	DIR/witness.key          its private key, a note signer key, mode 0600
//	DIR/witness.vkey         its verifier key, signature type 4
//	DIR/lock                 held while open: one process at a time
//	DIR/state/HEX            the latest cosigned checkpoint of the log whose origin has
//	                         the SHA-256 HEX: a note with the log's signature and the
//	                         witness's cosignature, so that a damaged record is noticed
//
// The list of logs is a text file with one verifier key (vkey) a line; empty lines and
// lines that begin with '#' are ignored. A key's name is the log's origin. An origin may
// have several keys, old and new.
//
// # Files of a monitor
//
// See [Monitor].
package witness
