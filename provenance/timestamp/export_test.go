package timestamp

// Respond grants what a request asks for, nonce included.
var Respond = (*Local).respond

// Trim is what a response goes through that carries more than it needs.
var Trim = trim

// Failed moves the failures of s into the past.
func Failed(s *Several) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.failed {
		if !s.failed[i].IsZero() {
			s.failed[i] = s.failed[i].Add(-pause)
		}
	}
}
