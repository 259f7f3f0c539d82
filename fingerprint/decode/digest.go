package decode

import (
	"encoding/binary"
	"image"

	"lukechampine.com/blake3/guts"

	"selvage/fingerprint"
)

const (
	leaf  = guts.MaxSIMD * guts.ChunkSize // bytes that the vector code of BLAKE3 takes at once
	batch = 3 * leaf                      // leaf pixels
)

// BandRows is how many rows of w pixels stay in a processor's cache while all that want
// them read them.
func BandRows(w int) int { return max(1, bandBytes/(4*max(w, 1))) }

const bandBytes = 128 << 10

// PixelHasher computes PixelDigest while others read the same rows, which saves fetching
// them from memory once more. It is not safe for concurrent use.
//
// It builds the tree of BLAKE3 (paper, section 2.1) itself, from the compression functions
// of the library: the library starts a goroutine for every 16 KiB, and wants them to be
// in one piece.
type PixelHasher struct {
	pix      []byte // what is left of the picture
	w, h     int
	rows     int
	buf      [batch + leaf]byte // pixels packed, n bytes of them; the rest is for the end
	n        int
	leaves   uint64      // how many were compressed
	subtrees [][8]uint32 // of sizes that fall: the powers of two that leaves is the sum of
}

// NewPixelHasher returns the hasher of a picture as Decode makes it: opaque, without gaps
// between the rows.
func NewPixelHasher(m *image.NRGBA) *PixelHasher {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	return &PixelHasher{pix: m.Pix[:4*w*h], w: w, h: h}
}

// Rows takes the rows up to row end that were not yet taken.
func (p *PixelHasher) Rows(end int) {
	pix := p.pix[:4*p.w*(end-p.rows)]
	p.pix, p.rows = p.pix[len(pix):], end
	for len(pix) > 0 {
		n := min(len(pix)/4, (batch-p.n)/3)
		pack(p.buf[p.n:], pix[:4*n])
		pix = pix[4*n:]
		p.n += 3 * n
		if p.n == batch {
			p.compress(batch)
			p.n = 0
		}
	}
}

// Sum takes the rows that are left and returns the digest. Nothing may be called after it.
func (p *PixelHasher) Sum() fingerprint.Digest {
	p.Rows(p.h)
	end := append(p.buf[:p.n], "selvage pixels v2\n"...)
	end = binary.BigEndian.AppendUint32(end, uint32(p.w))
	end = binary.BigEndian.AppendUint32(end, uint32(p.h))
	full := (len(end) - 1) / leaf * leaf
	p.compress(full)
	root := guts.CompressBuffer((*[leaf]byte)(p.buf[full:]), len(end)-full, &guts.IV, guts.MaxSIMD*p.leaves, 0)
	for i := len(p.subtrees) - 1; i >= 0; i-- {
		root = guts.ParentNode(p.subtrees[i], guts.ChainingValue(root), &guts.IV, 0)
	}
	root.Flags |= guts.FlagRoot
	sum := guts.WordsToBytes(guts.CompressNode(root))
	return fingerprint.Digest(sum[:len(fingerprint.Digest{})])
}

// compress adds n bytes of the buffer, whole leaves and not the last of all, to the tree.
func (p *PixelHasher) compress(n int) {
	for at := 0; at < n; at += leaf {
		node := guts.CompressBuffer((*[leaf]byte)(p.buf[at:]), leaf, &guts.IV, guts.MaxSIMD*p.leaves, 0)
		for bit := p.leaves; bit&1 == 1; bit >>= 1 {
			last := len(p.subtrees) - 1
			node = guts.ParentNode(p.subtrees[last], guts.ChainingValue(node), &guts.IV, 0)
			p.subtrees = p.subtrees[:last]
		}
		p.subtrees = append(p.subtrees, guts.ChainingValue(node))
		p.leaves++
	}
}

// pack leaves out the fourth byte of each pixel. It may write 8 bytes of dst more.
func pack(dst, src []byte) {
	x := packBlocks(dst, src)
	dst, src = dst[3*x:], src[4*x:]
	for i := range len(src) / 4 {
		d, s := dst[3*i:3*i+3:3*i+3], src[4*i:4*i+4:4*i+4]
		d[0], d[1], d[2] = s[0], s[1], s[2]
	}
}
