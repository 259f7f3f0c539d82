//go:build !unix

package extract

import "os/exec"

// group does nothing: there are no process groups.
func group(*exec.Cmd) {}
