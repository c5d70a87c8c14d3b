// Package limit admits calls: it reserves what a call may take of every counter
// that bounds it, all or nothing, and settles to what it took.
//
// There are two kinds of counters. A rate is a bucket: a limit of N admits N at
// once and refills at N per window, continuously. A ledger is a sum that only
// grows, such as the nano-USD of a month: what was spent and what is reserved
// never exceed its limit. All counters of one call belong to one organization and
// are taken in one step by a Source, of which there is Memory and, for several
// nodes, Redis (package limitstore); the arithmetic is in bucket.go.
//
// A call is admitted like this:
//
//	r := limit.Reservation{OrganizationID: o, Lines: lines} // an upper bound in each Line.Amount
//	switch verdict, err := source.Reserve(ctx, &r); {
//	case err != nil: // the source cannot be asked: refuse (fail closed)
//	case verdict == limit.Unopened: // open what Line.Unopened names with Source.Raise, and ask again
//	case verdict == limit.Refused: // r.Refusal() is the line that decides
//	}
//	…
//	r.Lines[i].Actual = taken // of every line; all zero is a refund
//	err := source.Settle(ctx, &r)
package limit

import (
	"context"
	"time"

	"weir/internal/fault"
)

// Window is the time in which a rate's limit refills. The zero Window, Never, is
// a ledger's.
type Window uint8

// The windows there are.
const (
	Never Window = iota // a ledger
	Minute
	Day
)

// Unit is what a counter counts.
type Unit uint8

// The units there are.
const (
	Requests Unit = iota
	Tokens
	Images
	AudioBytes
	BatchInputTokens
	NanoUSD
)

// Counter names one counter of an organization.
type Counter struct {
	Holder string // whose it is: the id of a project, a key or the organization
	Of     string // what it bounds: a model; for a ledger, the time it adds up, as 2026-11
	Unit   Unit
	Window Window
}

// Line is what a call takes of one counter.
type Line struct {
	Counter
	Limit  int64 // 0 lets nothing through
	Amount int64 // to reserve, an upper bound; at least 0
	Actual int64 // Settle: what was taken

	// State is the counter after the last call to a source; of a call that was
	// refused, as it stood.
	State State
	// Unopened says that the source does not know this ledger.
	Unopened bool
}

// State is how a counter stands.
type State struct {
	// Used is what was taken of a rate and has not refilled, or what was spent of
	// a ledger. Settling can bring it above the limit.
	Used int64
	// Reserved is what calls on their way may still spend of a ledger. What they
	// reserved of a rate is in Used.
	Reserved int64
	// Part is how much of the next unit of a rate has refilled, in units of
	// 1/window.
	Part int64
}

// Reservation is what one call takes of all counters that bound it. It belongs
// to the caller, who keeps it from Reserve to Settle.
type Reservation struct {
	OrganizationID string
	Lines          []Line // no counter twice

	// At is when it was made, in microseconds of the source's clock.
	At int64
	// ID tells apart the reservations of a source that is shared.
	ID string
}

// Verdict is what a source makes of a reservation.
type Verdict uint8

// What Reserve can say.
const (
	Refused  Verdict = iota // nothing was taken
	Admitted                // all was taken
	Unopened                // nothing was taken: a ledger is not known
)

// Source holds counters. Its methods may be called concurrently.
type Source interface {
	// Reserve takes the amounts of all lines or of none, in one step, and fills in
	// each line's State. A rate whose limit is 0 lets nothing through, an amount
	// of 0 neither. A ledger has to be opened by Raise before: the source says
	// Unopened for one that it does not know, or not any more, since a shared
	// source may lose what it holds.
	//
	// An error is a fault of kind Unavailable: nothing is known of the counters,
	// and the call must not pass.
	Reserve(ctx context.Context, r *Reservation) (Verdict, error)

	// Settle ends an admitted reservation: it puts each line's Actual in the place
	// of its Amount, and fills in State. What was taken beyond a reservation
	// counts, above the limit too, and keeps the next call out. A rate gets back
	// what was reserved too much, but not more than it would hold had it never
	// been reserved: a bucket that was full again since gets nothing.
	//
	// It is called once, on no caller's context. After an error a shared source
	// settles by itself as soon as it can: there is nothing to repeat.
	Settle(ctx context.Context, r *Reservation) error

	// Raise opens a ledger, or brings what was spent of it up to an amount; it
	// never lowers it.
	Raise(ctx context.Context, organizationID string, ledger Counter, spent int64) (State, error)

	// Look fills in the lines' State and Unopened, and takes nothing.
	Look(ctx context.Context, r *Reservation) error

	// Ready reports why counters cannot be taken now; nil when they can.
	Ready(ctx context.Context) error
}

// ErrUnavailable is the fault of a source that cannot be asked.
func ErrUnavailable(cause error) error {
	return fault.New(fault.Unavailable, "limits_unavailable", "",
		"This gateway cannot read the limits that hold for this request right now, so it does not serve it. Please try again shortly.").With(cause)
}

// Ledger reports whether the line is of a ledger.
func (l *Line) Ledger() bool { return l.Window == Never }

// refuses reports whether a counter in this state has no room for the line.
func (l *Line) refuses(s State) bool {
	return l.Limit <= 0 || s.Used > l.Limit-l.Amount-s.Reserved
}

// Refuses reports whether the counter as it stood had no room for the line.
// After Admitted it says nothing.
func (l *Line) Refuses() bool { return l.Unopened || l.refuses(l.State) }

// Remaining is what is left of the counter, at least 0.
func (l *Line) Remaining() int64 { return max(0, l.Limit-l.State.Used-l.State.Reserved) }

// Overshoot is what was taken beyond the reservation.
func (l *Line) Overshoot() int64 { return max(0, l.Actual-l.Amount) }

// Possible reports whether the line can be admitted at all, at some time: its
// amount fits its limit.
func (l *Line) Possible() bool { return l.Limit > 0 && l.Amount <= l.Limit }

// Reset is how long a rate takes to be full again, rounded up to the source's
// clock; 0 of a ledger.
func (l *Line) Reset() time.Duration { return l.until(l.State.Used) }

// Wait is how long until a rate that refuses the line has room for it, if
// nothing else is taken. 0 when it never will, and of a ledger.
func (l *Line) Wait() time.Duration {
	if l.Ledger() || !l.Possible() {
		return 0
	}
	return l.until(l.State.Used + l.Amount - l.Limit)
}

// Refusal is the line that decides that the reservation is refused: a ledger
// before a rate, then one that can never be met, then the one that takes longest.
// nil when all lines have room.
func (r *Reservation) Refusal() *Line {
	var worst *Line
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.Refuses() && (worst == nil || l.stricter(worst)) {
			worst = l
		}
	}
	return worst
}

func (l *Line) stricter(than *Line) bool {
	if l.Ledger() != than.Ledger() {
		return l.Ledger()
	}
	if l.Possible() != than.Possible() {
		return !l.Possible()
	}
	return l.Wait() > than.Wait()
}
