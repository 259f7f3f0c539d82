package c2pa

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// place is where a box of an ISO/IEC 14496-12 file stands: header at from, content at data,
// end at to.
type place struct {
	kind           string
	from, data, to int
	// full is set for boxes whose content begins with version and flags.
	full bool
}

// boxesIn lists the boxes of a run of bytes. The length 0 reaches to the end.
func boxesIn(file []byte, from, to, limit int) ([]place, error) {
	var all []place
	for at := from; at < to; {
		if to-at < 8 {
			return nil, errors.New("a box of the file is cut short")
		}
		size, head := uint64(binary.BigEndian.Uint32(file[at:])), 8
		switch size {
		case 0:
			size = uint64(to - at)
		case 1:
			if to-at < 16 {
				return nil, errors.New("a box of the file is cut short")
			}
			size, head = binary.BigEndian.Uint64(file[at+8:]), 16
		}
		if size < uint64(head) || size > uint64(to-at) {
			return nil, errors.New("a box of the file does not fit into what holds it")
		}
		if len(all) == limit {
			return nil, fmt.Errorf("the file has more than %d boxes in one place", limit)
		}
		all = append(all, place{kind: string(file[at+4 : at+8]), from: at, data: at + head, to: at + int(size)})
		at += int(size)
	}
	return all, nil
}

func topBoxes(file []byte) ([]place, error) { return boxesIn(file, 0, len(file), maxBoxes) }

// containers are the boxes that hold boxes, with the number of bytes before the first.
var containers = map[string]int{
	"moov": 0, "trak": 0, "mdia": 0, "minf": 0, "stbl": 0, "dinf": 0, "edts": 0, "udta": 0, "mvex": 0,
	"moof": 0, "traf": 0, "mfra": 0, "schi": 0, "sinf": 0, "meta": 4,
}

// fullBoxes are the boxes named in exclusions whose version and flags may be asked for.
var fullBoxes = map[string]bool{
	"meta": true, "mvhd": true, "tkhd": true, "mdhd": true, "hdlr": true, "iloc": true, "iinf": true, "stco": true, "co64": true,
	"tfhd": true, "trun": true, "tfdt": true, "emsg": true, "sidx": true, "styp": false, "saio": true, "saiz": true,
}

// at lists the boxes under a path such as "/moov/trak" or "/uuid". A number in brackets
// counts from 1.
func at(file []byte, path string) ([]place, error) {
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if !strings.HasPrefix(path, "/") || len(steps) > maxDepth {
		return nil, fmt.Errorf("the path %q of an exclusion is not understood", clean(path))
	}
	level, err := topBoxes(file)
	if err != nil {
		return nil, err
	}
	for i, step := range steps {
		name, number, err := cutNumber(step)
		if err != nil {
			return nil, fmt.Errorf("the path %q of an exclusion is not understood", clean(path))
		}
		var hit []place
		for _, b := range level {
			if b.kind == name {
				hit = append(hit, b)
			}
		}
		if number > 0 {
			if number > len(hit) {
				return nil, nil
			}
			hit = hit[number-1 : number]
		}
		if i == len(steps)-1 {
			for j := range hit {
				hit[j].full = fullBoxes[hit[j].kind]
			}
			return hit, nil
		}
		skip, ok := containers[name]
		if !ok {
			return nil, nil
		}
		level = nil
		for _, b := range hit {
			from := b.data + skip
			if name == "meta" && b.to-b.data >= 8 && string(file[b.data+4:b.data+8]) == "hdlr" {
				from = b.data // QuickTime's has no version
			}
			inner, err := boxesIn(file, min(from, b.to), b.to, maxBoxes-len(level))
			if err != nil {
				return nil, err
			}
			level = append(level, inner...)
		}
	}
	return nil, nil
}

func cutNumber(step string) (name string, number int, err error) {
	name, rest, ok := strings.Cut(step, "[")
	if ok {
		digits, end := strings.CutSuffix(rest, "]")
		if !end || len(digits) == 0 || len(digits) > 4 {
			return "", 0, errors.New("bad step")
		}
		for _, c := range digits {
			if c < '0' || c > '9' {
				return "", 0, errors.New("bad step")
			}
			number = 10*number + int(c-'0')
		}
		if number == 0 {
			return "", 0, errors.New("bad step")
		}
	}
	if len(name) != 4 {
		return "", 0, errors.New("bad step")
	}
	return name, number, nil
}
