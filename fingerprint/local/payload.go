package local

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrPayload says that bytes are no payload of local.v1. Errors of [Decode] wrap it.
var ErrPayload = errors.New("local: no payload of local.v1")

// MaxFeatures is how many features a payload can hold.
const MaxFeatures = 4096

const (
	payloadVersion = 1
	payloadHead    = 3  // version, number of features
	featureSize    = 25 // place 2+2, size 1, angle 1, word 3, signature 16
)

// Encode writes features as the payload of local.v1, 3 bytes and 25 a feature, in the
// order they come in:
//
//	u8   1, the version of this form
//	u16  number of features; then for each
//	    u16     X
//	    u16     Y
//	    u8      Size
//	    u8      Angle
//	    u24     Word
//	    2 × u64 Sig
//
// Integers are little-endian. Features beyond the first [MaxFeatures] are left out: give
// the strongest first.
func Encode(features []Feature) []byte {
	features = features[:min(len(features), MaxFeatures)]
	b := make([]byte, 0, payloadHead+featureSize*len(features))
	b = append(b, payloadVersion)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(features)))
	for i := range features {
		f := &features[i]
		b = binary.LittleEndian.AppendUint16(b, f.X)
		b = binary.LittleEndian.AppendUint16(b, f.Y)
		b = append(b, f.Size, f.Angle, byte(f.Word), byte(f.Word>>8), byte(f.Word>>16))
		b = binary.LittleEndian.AppendUint64(b, f.Sig[0])
		b = binary.LittleEndian.AppendUint64(b, f.Sig[1])
	}
	return b
}

// Decode reads what [Encode] wrote, and nothing else: every payload it takes is written
// back byte by byte by Encode. Its errors wrap [ErrPayload].
func Decode(payload []byte) ([]Feature, error) {
	if len(payload) < payloadHead {
		return nil, fmt.Errorf("%w: %d bytes, shorter than its head", ErrPayload, len(payload))
	}
	if payload[0] != payloadVersion {
		return nil, fmt.Errorf("%w: form %d, want %d", ErrPayload, payload[0], payloadVersion)
	}
	n := int(binary.LittleEndian.Uint16(payload[1:]))
	if n > MaxFeatures {
		return nil, fmt.Errorf("%w: %d features, more than %d", ErrPayload, n, MaxFeatures)
	}
	b := payload[payloadHead:]
	if len(b) != n*featureSize {
		return nil, fmt.Errorf("%w: %d bytes for %d features, want %d", ErrPayload, len(b), n, n*featureSize)
	}
	features := make([]Feature, n)
	for i := range features {
		f := &features[i]
		f.X = binary.LittleEndian.Uint16(b)
		f.Y = binary.LittleEndian.Uint16(b[2:])
		f.Size, f.Angle = b[4], b[5]
		f.Word = uint32(b[6]) | uint32(b[7])<<8 | uint32(b[8])<<16
		f.Sig[0] = binary.LittleEndian.Uint64(b[9:])
		f.Sig[1] = binary.LittleEndian.Uint64(b[17:])
		if f.Word >= Words {
			return nil, fmt.Errorf("%w: feature %d has word %d of %d", ErrPayload, i, f.Word, Words)
		}
		b = b[featureSize:]
	}
	return features, nil
}
