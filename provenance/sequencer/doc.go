// Package sequencer writes the transparency log: a Tessera tile log in a directory, in
// C2SP tlog-tiles form, whose entries are 32-byte commitments and nothing else.
//
// Start with [OpenNotary], which ties log, keys and time authority together: Seal a
// statement, make the sealed bytes durable, then Issue its receipt. [Open] is the log
// alone; [Fsck] re-checks a log from its files.
//
// # What is promised
//
// When [Log.Append] returns, the entry is in a bundle file, integrated in the hash tiles
// and under a signed checkpoint that was kept on disk first. Tessera's POSIX driver
// writes each file with O_SYNC to a temporary name, renames it and syncs the directory,
// and syncs parents of new directories; entries go first, then tiles, then its tree
// state. A process killed at any moment loses only entries whose Append has not returned.
//
// [Open] signs a checkpoint over what a killed process had integrated and not signed, so
// that [Notary.IssueFrom] finds every entry that is on disk and adds none a second time.
//
// Before each checkpoint is signed, the new tree is proved from the tiles on disk, by
// code that shares nothing with Tessera, to continue the last signed one; a smaller or
// inconsistent tree is never signed ([ErrInconsistent]).
//
// With witnesses ([Config].Witnesses), a checkpoint of a tree with entries is handed out and
// published only with its quorum of cosignatures. Below quorum the entries are in the log and
// signed, their proofs wait, and Append says which witnesses failed and why; [Log.Find] and
// [Log.Await] take such an entry up again. The empty tree needs no cosignature.
//
// # Files
//
//	DIR/log/checkpoint, DIR/log/tile/...   public, tlog-tiles
//	DIR/log/.state/                        Tessera's own
//	DIR/last-signed                        the last checkpoint signed
//	DIR/lock                               held while open: one process at a time
//	DIR/keys/log.next, log.former          see NextLogKey and RotateLogKey
//	DIR/keys/, DIR/tsa/                    see OpenKeys and timestamp.OpenLocal (notary only)
package sequencer
