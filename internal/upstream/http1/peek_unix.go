//go:build unix

package http1

import (
	"errors"
	"syscall"
)

// look sees whether the connection's other side is silent and there. It runs
// within raw.Read, and asks for no second turn.
func (c *conn) look(fd uintptr) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	c.open = errors.Is(err, syscall.EAGAIN) // neither its end nor bytes
	return true
}
