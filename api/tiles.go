package api

import "strings"

// tilePath reports whether p is the part of a tile's address after "tile/" as in C2SP
// tlog-tiles: <L>/<N>[.p/<W>] or entries/<N>[.p/<W>]. L is 0 to 63; N is in groups of
// three digits, all but the last marked with x; W is 1 to 255. No number has more zeros
// in front than that. Only such a path reaches the log's files.
func tilePath(p string) bool {
	level, rest, ok := strings.Cut(p, "/")
	if !ok || level != "entries" && !numberUpTo(level, 63, false) {
		return false
	}
	if n, width, partial := strings.Cut(rest, ".p/"); partial {
		if !numberUpTo(width, 255, true) {
			return false
		}
		rest = n
	}
	groups := strings.Split(rest, "/")
	if len(groups) > 7 { // 64 bits have at most 20 digits
		return false
	}
	for i, g := range groups {
		digits := g
		if i < len(groups)-1 {
			if digits, ok = strings.CutPrefix(g, "x"); !ok {
				return false
			}
		}
		if len(digits) != 3 || strings.Trim(digits, "0123456789") != "" {
			return false
		}
		if i == 0 && len(groups) > 1 && digits == "000" {
			return false
		}
	}
	return true
}

// numberUpTo reports whether s is a decimal number from 0 (or 1) to limit, written shortest.
func numberUpTo(s string, limit int, positive bool) bool {
	if s == "" || len(s) > 3 || len(s) > 1 && s[0] == '0' || positive && s == "0" {
		return false
	}
	n := 0
	for _, b := range []byte(s) {
		if b < '0' || b > '9' {
			return false
		}
		n = 10*n + int(b-'0')
	}
	return n <= limit
}
