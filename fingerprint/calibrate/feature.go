package calibrate

import (
	"fmt"
	"strings"
)

// Sense says how the probability may depend on a feature, all others being equal.
type Sense int8

// The senses. A sense is knowledge that the rows need not prove: more matching points
// never make a copy less likely, whatever a small collection says by accident.
const (
	Falling Sense = -1
	Free    Sense = 0
	Rising  Sense = 1
)

// Feature is one measurement of a candidate.
type Feature struct {
	Name  string `json:"name"` // a–z, 0–9, _ and ., at most 64 bytes
	Sense Sense  `json:"sense"`
}

// maxFeatures bounds what a file may ask for.
const maxFeatures = 256

// String is the heading of the feature's column in a dump: its name behind +, - or =.
func (f Feature) String() string {
	return string("-=+"[f.Sense+1]) + f.Name
}

func parseFeature(s string) (Feature, error) {
	at := -1
	if s != "" {
		at = strings.IndexByte("-=+", s[0])
	}
	if at < 0 {
		return Feature{}, fmt.Errorf("feature %q: want +name (rising), -name (falling) or =name (free)", s)
	}
	f := Feature{Name: s[1:], Sense: Sense(at - 1)}
	return f, f.check()
}

func (f Feature) check() error {
	if f.Name == "" || len(f.Name) > 64 {
		return fmt.Errorf("feature %q: want a name of 1 to 64 bytes", f.Name)
	}
	for _, c := range []byte(f.Name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' {
			return fmt.Errorf("feature %q: want a–z, 0–9, _ and . only", f.Name)
		}
	}
	if f.Sense < Falling || f.Sense > Rising {
		return fmt.Errorf("feature %q: sense %d is none of -1, 0, 1", f.Name, f.Sense)
	}
	return nil
}

func checkFeatures(fs []Feature) error {
	if len(fs) == 0 || len(fs) > maxFeatures {
		return fmt.Errorf("%d features: want 1 to %d", len(fs), maxFeatures)
	}
	seen := map[string]bool{}
	for _, f := range fs {
		if err := f.check(); err != nil {
			return err
		}
		if seen[f.Name] {
			return fmt.Errorf("feature %q is there twice", f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}
