package gateway

import (
	"errors"
	"sync"
	"testing"
	"time"

	"weir/internal/usage"
)

var errDisk = errors.New("the disk is full")

// ledger is a Recorder in memory that a test can make fail or wait.
type ledger struct {
	mu      sync.Mutex
	opened  []usage.Event
	settled []usage.Event
	changed chan struct{} // closed and replaced when something was recorded
	taken   int

	failOpen, failSettle bool
	onOpen, onSettle     func() // called without the lock
}

func newLedger() *ledger { return &ledger{changed: make(chan struct{})} }

// Open implements Recorder.
func (l *ledger) Open(ev usage.Event) error {
	l.mu.Lock()
	hook, fail := l.onOpen, l.failOpen
	l.mu.Unlock()
	if hook != nil {
		hook()
	}
	if fail {
		return errDisk
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = append(l.opened, ev)
	return nil
}

// Settle implements Recorder.
func (l *ledger) Settle(ev usage.Event) error {
	l.mu.Lock()
	hook, fail := l.onSettle, l.failSettle
	l.mu.Unlock()
	if hook != nil {
		hook()
	}
	if fail {
		return errDisk
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settled = append(l.settled, ev)
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

// next waits for the next settled event.
func (l *ledger) next(t testing.TB) usage.Event {
	t.Helper()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	for {
		l.mu.Lock()
		if l.taken < len(l.settled) {
			ev := l.settled[l.taken]
			l.taken++
			l.mu.Unlock()
			return ev
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			t.Fatal("no event was settled")
		}
	}
}

// of returns the events that were settled under an id.
func (l *ledger) of(id string) (found []usage.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ev := range l.settled {
		if ev.ID == id {
			found = append(found, ev)
		}
	}
	return found
}

// none fails when something was settled that next has not returned.
func (l *ledger) none(t testing.TB) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.settled) - l.taken; n > 0 {
		t.Errorf("%d more events were settled: %+v", n, l.settled[l.taken:])
	}
}

// balanced fails unless every opened event was settled once and every settled
// one is settled once.
func (l *ledger) balanced(t testing.TB) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	count := map[string]int{}
	for _, ev := range l.settled {
		count[ev.ID]++
		if count[ev.ID] > 1 {
			t.Errorf("%s was settled twice", ev.ID)
		}
	}
	for _, ev := range l.opened {
		if count[ev.ID] != 1 {
			t.Errorf("%s was opened and not settled", ev.ID)
		}
	}
}
