package identity

import (
	"context"
	"strings"
	"sync"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
)

// The bounds of signing in by password.
const (
	maxFailures   = 10
	failureWindow = 5 * time.Minute
	maxParallel   = 2   // each check takes 19 MiB and a core
	maxWaiting    = 100 // about a second's worth of checks
	maxTracked    = 10_000
)

// attempts slows guessing down: after maxFailures wrong passwords for one
// address it must rest for failureWindow. The zero value is ready.
type attempts struct {
	once    sync.Once
	slots   chan struct{}
	mu      sync.Mutex
	waiting int
	wrong   map[id.Hash]failures // by address: a hash has one size, an address any
}

type failures struct {
	n    int
	last time.Time
}

// attempt is one check of a password under way. It counts as a failure from its
// beginning, so that many at once are no more guesses than one after another.
type attempt struct {
	of      *attempts
	address id.Hash
}

// begin waits for its turn. It refuses an address that has failed too often, and
// everybody while too many wait.
func (a *attempts) begin(ctx context.Context, email string, now func() time.Time) (*attempt, error) {
	a.once.Do(func() {
		a.slots = make(chan struct{}, maxParallel)
		a.wrong = map[id.Hash]failures{}
	})
	try := &attempt{of: a, address: id.HashOf(strings.ToLower(email))}
	if err := a.queue(try.address, now()); err != nil {
		return nil, err
	}
	defer a.leaveQueue()
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "", "", "The sign-in was given up.").With(ctx.Err())
	}
	if err := a.count(try.address, now()); err != nil {
		<-a.slots
		return nil, err
	}
	return try, nil
}

func (a *attempts) queue(address id.Hash, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.rests(address, now); err != nil { // without a turn of its own
		return err
	}
	if a.waiting >= maxWaiting {
		return fault.New(fault.RateLimited, "rate_limit_exceeded", "", "Too many people are signing in at once. Please try again in a moment.")
	}
	a.waiting++
	return nil
}

func (a *attempts) leaveQueue() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting--
}

// rests refuses an address that has failed too often. The lock is held.
func (a *attempts) rests(address id.Hash, now time.Time) error {
	if f := a.wrong[address]; f.n >= maxFailures && now.Sub(f.last) < failureWindow {
		return fault.New(fault.RateLimited, "rate_limit_exceeded", "", "Too many failed sign-ins. Please wait five minutes.")
	}
	return nil
}

// count notes one more failure of address.
func (a *attempts) count(address id.Hash, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.rests(address, now); err != nil {
		return err
	}
	f, known := a.wrong[address]
	if !known {
		a.makeRoom(now)
	}
	if now.Sub(f.last) >= failureWindow {
		f.n = 0
	}
	a.wrong[address] = failures{n: f.n + 1, last: now}
	return nil
}

// makeRoom keeps room for one more address: it forgets those that have rested,
// or else the one that failed least, and of those the oldest. Whoever guesses at
// one address cannot make it forgotten by failing at many others.
func (a *attempts) makeRoom(now time.Time) {
	if len(a.wrong) < maxTracked {
		return
	}
	var least id.Hash
	fewest := failures{n: maxFailures + 1}
	for address, f := range a.wrong {
		if now.Sub(f.last) >= failureWindow {
			delete(a.wrong, address)
			continue
		}
		if f.n < fewest.n || f.n == fewest.n && f.last.Before(fewest.last) {
			least, fewest = address, f
		}
	}
	if len(a.wrong) >= maxTracked {
		delete(a.wrong, least)
	}
}

// succeeded forgets the address's failures.
func (t *attempt) succeeded() {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	delete(t.of.wrong, t.address)
}

// withdraw takes an attempt back that could not be decided.
func (t *attempt) withdraw() {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if f, ok := t.of.wrong[t.address]; ok && f.n > 0 {
		f.n--
		t.of.wrong[t.address] = f
	}
}

// end gives the turn to the next.
func (t *attempt) end() { <-t.of.slots }
