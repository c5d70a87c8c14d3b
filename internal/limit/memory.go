package limit

import (
	"context"
	"sync"
	"time"
)

// Memory is the Source of a single node. It holds what was counted since the
// process began: ledgers are opened again at every start.
//
// Everything of an organization lies behind one lock, since a call takes all its
// counters in one step; the step is a few map look-ups.
type Memory struct {
	now func() time.Time

	mu            sync.RWMutex
	organizations map[string]*counters
}

// NewMemory returns a source in memory that reads the time from now.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, organizations: map[string]*counters{}}
}

// counters are those of one organization.
type counters struct {
	mu      sync.Mutex
	buckets map[Counter]*bucket
	ledgers map[Counter]*ledger
	put     int // buckets that were put since the last sweep
}

// ledger is a ledger as Memory keeps it.
type ledger struct{ spent, reserved int64 }

func (m *Memory) of(organizationID string) *counters {
	m.mu.RLock()
	c := m.organizations[organizationID]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c = m.organizations[organizationID]; c == nil {
		c = &counters{buckets: map[Counter]*bucket{}, ledgers: map[Counter]*ledger{}}
		m.organizations[organizationID] = c
	}
	return c
}

// held is what a line is about: a bucket or a ledger; neither for a ledger that
// is not open.
type held struct {
	bucket *bucket
	ledger *ledger
}

// usual is how many lines a reservation has without taking memory for it.
const usual = 16

// Reserve implements Source.
func (m *Memory) Reserve(_ context.Context, r *Reservation) (Verdict, error) {
	c := m.of(r.OrganizationID)
	var space [usual]held
	all := space[:0]
	verdict := Admitted
	c.mu.Lock()
	defer c.mu.Unlock()
	r.At = m.now().UnixMicro()
	for i := range r.Lines {
		l := &r.Lines[i]
		l.Clamp()
		h := c.find(l, r.At, true)
		all = append(all, h)
		l.read(h)
		switch {
		case l.Unopened:
			verdict = Unopened
		case l.refuses(l.State) && verdict == Admitted:
			verdict = Refused
		}
	}
	if verdict != Admitted {
		return verdict, nil
	}
	for i, h := range all {
		l := &r.Lines[i]
		if h.bucket != nil {
			h.bucket.take(l.Amount)
		} else {
			h.ledger.reserved += l.Amount
		}
		l.read(h)
	}
	c.sweep(r.At)
	return Admitted, nil
}

// Settle implements Source.
func (m *Memory) Settle(_ context.Context, r *Reservation) error {
	c := m.of(r.OrganizationID)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := m.now().UnixMicro()
	for i := range r.Lines {
		l := &r.Lines[i]
		l.Clamp()
		if !l.Ledger() && l.Actual == l.Amount {
			continue
		}
		h := c.find(l, now, true)
		switch {
		case h.ledger != nil:
			h.ledger.reserved = max(0, h.ledger.reserved-l.Amount)
			h.ledger.spent = min(h.ledger.spent+l.Actual, MostSpent)
		case h.bucket != nil && l.Actual > l.Amount:
			h.bucket.take(l.Actual - l.Amount)
		case h.bucket != nil:
			h.bucket.giveBack(l.Amount-l.Actual, r.At/l.Window.Tick(), now/l.Window.Tick())
		}
		l.read(h)
	}
	c.sweep(now)
	return nil
}

// Raise implements Source.
func (m *Memory) Raise(_ context.Context, organizationID string, counter Counter, spent int64) (State, error) {
	c := m.of(organizationID)
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.ledgers[counter]
	if l == nil {
		l = &ledger{}
		c.ledgers[counter] = l
	}
	l.spent = max(l.spent, min(spent, MostSpent))
	return State{Used: l.spent, Reserved: l.reserved}, nil
}

// Look implements Source.
func (m *Memory) Look(_ context.Context, r *Reservation) error {
	c := m.of(r.OrganizationID)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := m.now().UnixMicro()
	for i := range r.Lines {
		l := &r.Lines[i]
		l.Clamp()
		l.read(c.find(l, now, false))
	}
	return nil
}

// Ready implements Source.
func (m *Memory) Ready(context.Context) error { return nil }

// find returns what a line is about, refilled to now. A bucket that is not there
// is full; it is put there if it is to be changed.
func (c *counters) find(l *Line, now int64, put bool) held {
	if l.Ledger() {
		return held{ledger: c.ledgers[l.Counter]}
	}
	b := c.buckets[l.Counter]
	if b == nil {
		b = &bucket{}
		if put {
			c.buckets[l.Counter] = b
			c.put++
		}
	}
	b.limit = l.Limit
	b.refill(l.Window, now/l.Window.Tick())
	return held{bucket: b}
}

// sweep drops full buckets, which are as good as none. It looks at a few more
// than were put since it last looked, so that they cannot pile up. It must not
// run between find and the change of what was found.
func (c *counters) sweep(now int64) {
	if c.put == 0 {
		return
	}
	look := 4 * c.put
	c.put = 0
	for counter, b := range c.buckets {
		b.refill(counter.Window, now/counter.Window.Tick())
		if b.used == 0 {
			delete(c.buckets, counter)
		}
		if look--; look == 0 {
			return
		}
	}
}

// read fills in how what the line is about stands.
func (l *Line) read(h held) {
	switch {
	case h.bucket != nil:
		l.State, l.Unopened = State{Used: h.bucket.used, Part: h.bucket.part}, false
	case h.ledger != nil:
		l.State, l.Unopened = State{Used: h.ledger.spent, Reserved: h.ledger.reserved}, false
	default:
		l.State, l.Unopened = State{}, true
	}
}
