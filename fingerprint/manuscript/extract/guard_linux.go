package extract

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

// bound limits the memory of a program that has just begun.
func bound(cmd *exec.Cmd, memory uint64) {
	lim := unix.Rlimit{Cur: memory, Max: memory}
	// It fails only where the program has ended already.
	unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_AS, &lim, nil) //nolint:errcheck // see above
	core := unix.Rlimit{}
	unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_CORE, &core, nil) //nolint:errcheck // see above
}
