//go:build !linux

package media

// limit does nothing here: the limits are set by a call that only Linux has.
func limit(int, Options) {}
