// Package s3objects is the store.Objects of an S3 bucket: Amazon's, or any server that
// speaks the protocol. Use [Open].
//
// The object "a/b" is the S3 object Prefix + "a/b". A Put sends the MD5 of the content,
// or of each part, which the server checks; a content that ends early or fails never
// completes, and S3 shows an object only when it is complete. Up to PartSize bytes go in
// one request from memory, more in a multi-part upload with one part in memory. Parts of
// uploads that could not be called off are invisible but cost room: [Objects.Sweep]
// removes them, as a lifecycle rule of the bucket would.
//
// Every error is one of: store.ErrNotFound; store.ErrUnavailable (no answer, an answer
// of 5xx, too many requests: after Config.Tries attempts); [ErrDenied]; [ErrNoBucket];
// store.ErrLocked and store.ErrNoLock; the caller's own context or reader; or the
// server's words.
//
// In a bucket with versions, Delete removes every version, because a delete marker
// would hide the bytes and keep them. In a bucket with object lock, PutLocked keeps a
// version in compliance mode: nobody, the bucket's owner included, can remove it or
// shorten its time. A later Put of that key gets a version of its own.
package s3objects
