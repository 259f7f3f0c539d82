// Package api is Selvage over HTTP: routes, keys and roles, limits, and the one table
// that turns errors into RFC 9457 problems.
//
// Begin with openapi.yaml: it is the contract, and the routes, parameters and response
// bodies of package oas are generated from it (go generate ./api). [New] puts a
// [Registry] behind it, [Server.Serve] runs it and drains it at the end.
//
// # Promises
//
//   - Every path but those that tell of the service itself (health, contract, what it does
//     of C2PA: see docs/adr/0004) needs a key; [Keyring] holds them, by the SHA-256 of
//     their secret only. A revoked key stops at once.
//   - What the asker may not see is answered exactly like what does not exist.
//   - Fingerprints leave only in answers about one's own files, and only when asked for.
//   - Neither secrets nor file names nor query strings are logged.
//   - Memory is bounded: bodies are read only while Config.UploadMemory has room, files
//     are hashed Config.Hashing at a time, and what does not fit is told to come again.
//     A body takes room as its bytes arrive, and one that trickles is given up.
//
// # Records in the KV store
//
//	k/h/<sha256 of the secret, hex>   JSON of a key: id, name, role, owner, created, revoked
//	k/i/<key id>                      that sha256, hex
//	i/<owner>/<sha256, hex>           answer stored for an Idempotency-Key: see idempotency.go
package api

//go:generate go tool -modfile=../tools/oapi/go.mod oapi-codegen -config oas/config.yaml openapi.yaml
