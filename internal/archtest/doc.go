// Package archtest holds the import arrows between the rooms: who may import whom, and
// which dependency may be named where. It has no code of its own, only a test, so that
// `make test` alone finds an arrow that points the wrong way.
//
// The tables at the top of arrows_test.go are the rule; .golangci.yml says the same to
// the linter, for an answer inside an editor. Change both together, and ARCHITECTURE.md.
package archtest
