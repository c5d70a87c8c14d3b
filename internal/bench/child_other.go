//go:build !linux

package bench

import "os/exec"

// Run refuses other systems before any of this is called; it is here so that
// weir builds on them.

func tether(*exec.Cmd)                     {}
func unprivileged(*exec.Cmd, string) error { return nil }
func raiseOpenFiles() (int, error)         { return 0, nil }
