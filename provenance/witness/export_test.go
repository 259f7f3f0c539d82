package witness

// Reread reads the body of add-checkpoint and writes it again.
func Reread(b []byte) ([]byte, error) {
	r, err := parseRequest(b)
	return r.marshal(), err
}

// ParseHead reads a checkpoint's text.
func ParseHead(text string) (origin string, size int64, err error) {
	h, err := parseHead(text)
	return h.origin, h.tree.N, err
}
