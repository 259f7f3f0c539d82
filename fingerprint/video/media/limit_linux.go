package media

import (
	"math"

	"golang.org/x/sys/unix"
)

// limit bounds what the process may use: CPU time, address space, files written and open.
// A limit that cannot be set is left out; the time limit of the call holds all the same.
func limit(pid int, o Options) {
	cpu := uint64(math.Ceil(o.Timeout.Seconds() * float64(o.Threads)))
	for resource, most := range map[int]uint64{
		unix.RLIMIT_CPU:    max(cpu, 1),
		unix.RLIMIT_AS:     uint64(o.MaxMemory),
		unix.RLIMIT_FSIZE:  0,
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_NOFILE: 64,
	} {
		_ = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil)
	}
}
