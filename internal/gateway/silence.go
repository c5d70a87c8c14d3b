package gateway

import (
	"sync/atomic"
	"time"
)

// silence watches over the waiting for a provider. A wait begins and ends with
// every read; setting a timer for each would wake the scheduler each time, so
// one timer looks now and then at when the present wait began.
type silence struct {
	origin time.Time
	limit  atomic.Int64 // of one wait, in nanoseconds
	since  atomic.Int64 // when the wait began, in nanoseconds after origin
	timer  *time.Timer
	expire func()
}

// Values of since that are no time.
const (
	notWaiting = 0
	neverAgain = -1
)

// longest is longer than any wait.
const longest = 365 * 24 * time.Hour

// watch begins a first wait; expire is called once one takes longer than limit.
func (s *silence) watch(limit time.Duration, expire func()) {
	s.origin, s.expire = time.Now(), expire
	s.limit.Store(int64(limit))
	s.begin()
	s.timer = time.AfterFunc(longest, s.look) // set apart, since it may fire at once
	s.timer.Reset(limit)
}

// begin begins a wait.
func (s *silence) begin() { s.since.Store(max(1, int64(time.Since(s.origin)))) }

// end ends a wait.
func (s *silence) end() { s.since.Store(notWaiting) }

// bound changes the limit of the waits to come.
func (s *silence) bound(limit time.Duration) {
	s.limit.Store(int64(limit))
	s.timer.Reset(limit)
}

// stop ends the watch.
func (s *silence) stop() {
	s.since.Store(neverAgain)
	if s.timer != nil {
		s.timer.Stop()
	}
}

func (s *silence) look() {
	left := time.Duration(s.limit.Load())
	switch since := s.since.Load(); since {
	case neverAgain:
		return
	case notWaiting:
	default:
		if left -= time.Since(s.origin) - time.Duration(since); left <= 0 {
			s.expire()
			return
		}
	}
	s.timer.Reset(left)
}
