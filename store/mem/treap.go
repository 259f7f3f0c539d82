package mem

import (
	"hash/maphash"
	"strings"
)

// node is a persistent treap: a search tree by key and a heap by rank, with rank a hash
// of the key, so that it is balanced in the mean. Nodes never change; with and without
// copy the path they alter and share the rest. Seidel and Aragon, "Randomized Search
// Trees", 1996.
type node struct {
	key         string
	value       []byte
	rank        uint64
	left, right *node
}

// seed makes the ranks of one process unguessable, so that no one can choose keys that
// unbalance the tree.
var seed = maphash.MakeSeed()

// with returns the tree with key set.
func (n *node) with(key string, value []byte) *node {
	less, _, more := n.split(key)
	return join(join(less, &node{key: key, value: value, rank: maphash.String(seed, key)}), more)
}

// without returns the tree with key removed.
func (n *node) without(key string) *node {
	less, same, more := n.split(key)
	if same == nil {
		return n
	}
	return join(less, more)
}

// split parts the tree at key.
func (n *node) split(key string) (less, same, more *node) {
	if n == nil {
		return nil, nil, nil
	}
	c := *n
	switch strings.Compare(key, n.key) {
	case -1:
		less, same, c.left = n.left.split(key)
		return less, same, &c
	case 1:
		c.right, same, more = n.right.split(key)
		return &c, same, more
	}
	return n.left, n, n.right
}

// join puts two trees together; every key of a is below every key of b.
func join(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.rank > b.rank:
		c := *a
		c.right = join(a.right, b)
		return &c
	default:
		c := *b
		c.left = join(a, b.left)
		return &c
	}
}

// ascend calls f for the keys with prefix that are >= from, rising, and reports whether
// to go on.
func (n *node) ascend(from, prefix string, f func(string, []byte) bool) bool {
	if n == nil {
		return true
	}
	if n.key >= from {
		if !n.left.ascend(from, prefix, f) {
			return false
		}
		if !strings.HasPrefix(n.key, prefix) || !f(n.key, n.value) {
			return false
		}
	}
	return n.right.ascend(from, prefix, f)
}
