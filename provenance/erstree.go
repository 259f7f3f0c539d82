package provenance

import (
	"bytes"
	"crypto"
	"slices"
)

// hashTree is the binary hash tree of RFC 4998, 4.2 over groups of hashes. Its leaves
// stand in ascending order, so the same groups give the same root in whatever order they
// are added, and the reduced tree of each is the same when a batch is tried again.
type hashTree struct {
	hash crypto.Hash
	// rows are the nodes from the leaves up; a node without a neighbour moves up as it is.
	rows [][][]byte
}

// newHashTree builds the tree over leaves, which it sorts; equal ones count once.
func newHashTree(h crypto.Hash, leaves [][]byte) *hashTree {
	row := slices.Clone(leaves)
	slices.SortFunc(row, bytes.Compare)
	row = slices.CompactFunc(row, bytes.Equal)
	t := &hashTree{hash: h, rows: [][][]byte{row}}
	for len(row) > 1 {
		var up [][]byte
		for i := 0; i < len(row); i += 2 {
			if i+1 < len(row) {
				up = append(up, nodeHash(h, row[i:i+2]))
			} else {
				up = append(up, row[i])
			}
		}
		t.rows = append(t.rows, up)
		row = up
	}
	return t
}

func (t *hashTree) root() []byte { return t.rows[len(t.rows)-1][0] }

// path returns the neighbours on the way from a leaf to the root, each as a list of its own.
func (t *hashTree) path(leaf []byte) (lists [][][]byte) {
	i, _ := slices.BinarySearchFunc(t.rows[0], leaf, bytes.Compare)
	for _, row := range t.rows[:len(t.rows)-1] {
		if n := i ^ 1; n < len(row) {
			lists = append(lists, [][]byte{row[n]})
		}
		i /= 2
	}
	return lists
}

// nodeHash is the hash of a list: its hashes in ascending order, concatenated and hashed.
// A list of one is that hash itself: RFC 4998, 4.2, step 3 combines the documents of a
// group only where it has more than one.
func nodeHash(h crypto.Hash, list [][]byte) []byte {
	if len(list) == 1 {
		return list[0]
	}
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, bytes.Compare)
	return sum(h, sorted...)
}

// rootOf climbs a reduced hash tree (RFC 4998, 4.3, step 3): the hash of each list joins the next.
func rootOf(h crypto.Hash, lists [][][]byte) []byte {
	node := nodeHash(h, lists[0])
	for _, list := range lists[1:] {
		node = nodeHash(h, append([][]byte{node}, list...))
	}
	return node
}

// covers says whether a time-stamp is over all of some hashes: they are in the first list
// and the tree leads to what the token stamps; or, without a tree, the token stamps the
// one hash itself. The first list may hold more: the rest of a group, or neighbours.
func (s *archiveStamp) covers(digests [][]byte) bool {
	imprint := s.stamp.info.MessageImprint.HashedMessage
	if len(s.lists) == 0 {
		return !slices.ContainsFunc(digests, func(d []byte) bool { return !bytes.Equal(d, imprint) })
	}
	for _, d := range digests {
		if !slices.ContainsFunc(s.lists[0], func(h []byte) bool { return bytes.Equal(h, d) }) {
			return false
		}
	}
	return bytes.Equal(rootOf(s.hash, s.lists), imprint)
}
