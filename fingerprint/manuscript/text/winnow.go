package text

import "math/bits"

// The sizes of grams and windows, in units.
const (
	gramUnits   = 24
	windowUnits = 27
	// Guarantee is how many normalised characters two texts must share without a break to have
	// a hash of [Text.Hashes] in common for certain.
	Guarantee = windowUnits + gramUnits - 1
)

// Hashes are the winnowed hashes of a text, each once, in the order of their first places.
func (t *Text) Hashes() []uint64 {
	grams := newGrams(t.Chars, gramUnits)
	var (
		out   []uint64
		queue []int // places of grams that may become the least, their hashes rising
		seen  = make(map[uint64]bool)
		end   int // of the window, in grams
		sum   int // units that begin in it
	)
	for from := range grams {
		for end < len(grams) && sum < windowUnits {
			for len(queue) > 0 && grams[queue[len(queue)-1]] >= grams[end] {
				queue = queue[:len(queue)-1]
			}
			queue = append(queue, end)
			sum += units(t.Chars[end])
			end++
		}
		// A text with grams, but with less than a window of them, is one window.
		if sum < windowUnits && from > 0 {
			break
		}
		if h := grams[queue[0]]; !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
		if queue[0] == from {
			queue = queue[1:]
		}
		sum -= units(t.Chars[from])
	}
	return out
}

// newGrams returns the hash of the gram at each place that has one.
func newGrams(chars []rune, size int) []uint64 {
	prefix, powers := make([]uint64, len(chars)+1), make([]uint64, len(chars)+1)
	powers[0] = 1
	for i, r := range chars {
		prefix[i+1] = reduce(mulmod(prefix[i], base) + uint64(r) + 1)
		powers[i+1] = mulmod(powers[i], base)
	}
	var out []uint64
	end, sum := 0, 0
	for from := range chars {
		for end < len(chars) && sum < size {
			sum += units(chars[end])
			end++
		}
		if sum < size {
			break
		}
		out = append(out, mix(reduce(prefix[end]+modulus-mulmod(prefix[from], powers[end-from]))))
		sum -= units(chars[from])
	}
	return out
}

// Gram hashes are values of a polynomial modulo the prime 2^61-1 (Karp and Rabin, "Efficient
// Randomized Pattern-Matching Algorithms", 1987), mixed so that the least ones are at random places.
const (
	modulus = 1<<61 - 1
	base    = 0x9e3779b97f4a7c1 & modulus // an arbitrary number
)

func reduce(v uint64) uint64 {
	v = v&modulus + v>>61
	if v >= modulus {
		v -= modulus
	}
	return v
}

func mulmod(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return reduce(lo&modulus + (lo>>61 | hi<<3))
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(v uint64) uint64 {
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
