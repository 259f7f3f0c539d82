//go:build !unix

package indexbench

import "time"

var started = time.Now()

// spent is wall time, where processor time cannot be asked for.
func spent() time.Duration { return time.Since(started) }
