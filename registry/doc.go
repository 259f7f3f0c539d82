// Package registry is the story of Selvage: [Service.Register] takes a designer's files
// in, [Service.Match] says which registered works a file copies, [Service.Evidence]
// writes what a dispute needs. It owns works, policy, outbox and recovery.
//
// # Promises
//
// What Register acknowledged is not lost: files, fingerprints, signed statement and
// salt are durable before it returns, and whatever should follow (indexes, log entry,
// receipt, events) follows after a crash too. A work is matchable when Register
// returns and silent when Withdraw returns. Nobody's answer depends on what others
// keep private.
//
// # Rows
//
// All state is in the KV store; values are JSON unless said otherwise. Rows marked with *
// hold fingerprints, whose payloads stand behind the JSON as they are, with a checksum:
// see row.go for the layout. Identifiers of works, matches and events are written
// "descending" in keys that are listed, so that a scan gives the newest first.
//
//	w/<owner>/<work, descending>       Work
//	W/<work>                           its owner (text)
//	o/<owner>                          ownerRecord: the owner's number
//	O/<number be32>                    the owner with that number (text)
//	d/<owner>/<digest hex>             the work that holds these files (text)
//	a/<owner number be32><asset be64>  assetRecord*: fingerprints of one asset
//	                                   or of a picture inside one: see part.go
//	T/<track be64>                     number of the video's asset (be64), by the identifier of its
//	                                   track in the index of frames
//	b/<owner number be32><asset be64, inverted>
//	                                   how many numbers behind the asset's are its parts' (be64),
//	                                   and which are lines drawn anew: see part.go
//	j/<asset be64>                     intent: parts whose work is not committed yet
//	n/<owner>/<work>/<asset digest>    Credentials: what the asset's manifest store claims
//	N/<owner or *>/<label hash hex>/<owner>/<work>/<asset digest>
//	                                   digest of a manifest store (32 bytes), by the SHA-256 of
//	                                   its label: all of an owner's, and under * public ones
//	x/<digest 32 bytes><asset ref>     same bytes: 'o' open or 'c' closed (private)
//	p/<digest 32 bytes><asset ref>     same pixels: likewise
//	r/<owner>/<work>                   proofRecord: sealed statement, then receipt
//	m/<owner>/<match, descending>      MatchReport, by who asked
//	v/<owner>/<match, descending>      preview of the query (JPEG), where something was found
//	F/<owner>/<match, descending>/<milliseconds be32>
//	                                   a frame of the query (JPEG), where videos were found
//	M/<owner>/<match>                  who asked (text), for the owner of a matched work
//	R/<owner>/<match>/<work>           proofRecord of a match statement
//	u/<owner>/<work>/<n be64, inverted> custodyEvent: what was done with a work
//	y/<owner>/<digest of key, hex>     designerKeyRecord: a designer's own public key
//	V/<owner>/<work>                   the work that is its next version (text)
//	K/<owner>/<work>/<match>/<a or ->  caseRecord: evidence as it was first put together
//	z/<digest of checkpoint, hex>      renewalRecord: its time token, carried on
//	e/<owner>/<event, descending>      Event
//	f/<owner>/<feedback, descending>   Feedback, by who gave it
//	g/<owner>/<digest hex>/<work>      pairRecord: what the owner said of this query and work
//	i/<owner>/<entry, descending>      ignoredRecord*: one picture of the ignore bank
//	J/<owner>/<job, descending>        jobRecord: long work under way, or how it ended
//	                                   (deleted Config.KeepJobs after that)
//	c/<seq be64>                       change feed: works that the indexes must look at
//	l/<owner>/<work>                   outbox of the log: empty
//	q/<seq be64>/<owner>               outbox of the watcher: watchRow, oldest first
//	+/<key><be32>                      a piece of a row that is too long for one value: pieces.go
//	s/pages                            there was an open manuscript: see pages.go
//	s/next, s/owners, s/forgotten      counters (big-endian)
//
// An asset reference is the owner's number (be32) and the asset's number (be64). Index
// identifiers pack both and the view: see assetRef.codeID.
//
// # Life of an upload
//
// See [Service.Register]. The commit point is one KV transaction; the original is
// durable before it, so a crash in between leaves at most an original without a work,
// which Fsck counts as an orphan. After the commit the change feed brings the codes to
// the indexes, the log outbox brings the commitment to the log, and the watcher tells
// owners of earlier works. All three repeat safely.
//
// # Life of a query
//
// See [Service.Match].
package registry
