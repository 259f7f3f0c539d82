//go:build !linux

package extract

import "os/exec"

// bound does nothing: only Linux sets the limits of another process.
func bound(*exec.Cmd, uint64) {}
