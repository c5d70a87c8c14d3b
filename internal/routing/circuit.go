package routing

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// When a circuit opens, and for how long.
const (
	// openAfter failures in a row open a circuit.
	openAfter = 5
	// Within ratioWindow, failures of half of at least ratioSample calls open it
	// too: an upstream that answers every other call is no use either.
	ratioSample = 20
	ratioWindow = 10 * time.Second
	// It stays open for shortestPause, and twice as long after each probe that
	// failed, up to longestPause.
	shortestPause = 5 * time.Second
	longestPause  = time.Minute
)

// CircuitState is what a circuit does with calls.
type CircuitState string

// The states of a circuit.
const (
	CircuitClosed   CircuitState = "closed"    // lets all in
	CircuitOpen     CircuitState = "open"      // lets none in
	CircuitHalfOpen CircuitState = "half_open" // lets one in at a time, to see how it fares
)

// Circuit keeps calls away from an upstream that fails, and finds out by single
// calls when it is well again. The zero value is closed, and nil always is. A call that is let in
// ends with Succeeded, Failed or Left. Where all is well, that costs an atomic
// read on the way in and two on the way out.
type Circuit struct {
	until    atomic.Int64 // when it lets a probe in, Unix nanoseconds; 0: closed
	probing  atomic.Bool  // a probe is in
	inARow   atomic.Int64 // failures
	answered atomic.Int64 // calls that succeeded in the window

	mu       sync.Mutex // of what follows
	window   time.Time  // its beginning: a failure
	failures int64      // in it
	pause    time.Duration
	opened   time.Time // zero: closed
	reason   string    // of the failure that opened it
}

// Entry is how a circuit takes a call.
type Entry uint8

// The entries.
const (
	Refused Entry = iota
	Admitted
	Probing // admitted as the one call that decides
)

// Enter asks whether a call may go to the upstream now.
func (c *Circuit) Enter(now time.Time) Entry {
	if c == nil {
		return Admitted
	}
	switch until := c.until.Load(); {
	case until == 0:
		return Admitted
	case now.UnixNano() >= until && c.probing.CompareAndSwap(false, true):
		return Probing
	}
	return Refused
}

// Succeeded ends a call that the upstream answered.
func (c *Circuit) Succeeded(e Entry) {
	if c == nil {
		return
	}
	c.answered.Add(1)
	if c.inARow.Load() != 0 {
		c.inARow.Store(0)
	}
	if c.until.Load() != 0 { // a probe, or a call that had nowhere else to go
		c.close()
	}
	c.Left(e)
}

// Left ends a call that shows nothing about the upstream: its caller hung up.
func (c *Circuit) Left(e Entry) {
	if c != nil && e == Probing {
		c.probing.Store(false)
	}
}

// Failed ends a call that the upstream did not answer, or answered with an error
// of its own. rest is how long it asked to be left alone; 0: it did not. Failed
// reports whether the circuit opened by that.
func (c *Circuit) Failed(e Entry, now time.Time, rest time.Duration, reason string) (opened bool) {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.Left(e)
	inARow := c.inARow.Add(1)
	if now.Sub(c.window) > ratioWindow {
		c.window, c.failures = now, 0
		c.answered.Store(0)
	}
	c.failures++
	switch {
	case e == Probing:
		c.pause = min(2*c.pause, longestPause)
	case c.until.Load() != 0: // it was let in before, or as the last resort
		return false
	case inARow >= openAfter:
		c.pause = shortestPause
	case c.failures+c.answered.Load() >= ratioSample && c.failures >= c.answered.Load():
		c.pause = shortestPause
	default:
		return false
	}
	if opened = c.opened.IsZero(); opened {
		c.opened = now
	}
	c.reason = reason
	// Spread, so that the nodes of an install do not all probe at once.
	spread := c.pause + rand.N(c.pause/5)
	c.until.Store(now.Add(max(spread, min(rest, longestPause))).UnixNano())
	return opened
}

func (c *Circuit) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened, c.reason, c.pause = time.Time{}, "", 0
	c.window, c.failures = time.Time{}, 0
	c.until.Store(0)
}

// Closed reports whether the circuit lets all calls in.
func (c *Circuit) Closed() bool { return c.until.Load() == 0 }

// CircuitReport is what a circuit looks like from outside.
type CircuitReport struct {
	State    CircuitState
	OpenedAt time.Time // zero: closed
	RetryAt  time.Time // when a call is let in next; zero: closed
	Reason   string    // of the failure that opened it, for people
}

// Report describes the circuit as it is now.
func (c *Circuit) Report(now time.Time) CircuitReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := c.until.Load()
	if until == 0 {
		return CircuitReport{State: CircuitClosed}
	}
	r := CircuitReport{State: CircuitOpen, OpenedAt: c.opened, RetryAt: time.Unix(0, until), Reason: c.reason}
	if !now.Before(r.RetryAt) {
		r.State = CircuitHalfOpen
	}
	return r
}

// UpstreamCircuit is the circuit of one model of a connection, as a node has it.
type UpstreamCircuit struct {
	Model string // "": calls that name none
	CircuitReport
}
