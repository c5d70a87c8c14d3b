// Package limittest is what every limit.Source has to do.
package limittest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/limit"
)

// Clock is moved by tests.
type Clock struct{ micros atomic.Int64 }

// Now is where the clock stands.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.micros.Load()) }

// Advance moves it on.
func (c *Clock) Advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

// NewClock returns a clock that stands at some time.
func NewClock() *Clock {
	c := &Clock{}
	c.micros.Store(time.Date(2026, 11, 25, 8, 30, 0, 123_456_000, time.UTC).UnixMicro())
	return c
}

// Open returns an empty source that reads the time from now.
type Open func(t *testing.T, now func() time.Time) limit.Source

// source is a source under test, with its clock.
type source struct {
	limit.Source
	*Clock
	t *testing.T
}

// Run holds a source to what limit.Source promises.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(source){
		"a limit admits so many at once and refills in its window": source.refills,
		"0 blocks":                                     source.blocks,
		"all lines are taken or none":                  source.allOrNone,
		"organizations share nothing":                  source.organizations,
		"what was not taken comes back":                source.refunds,
		"a bucket that was full since gets nothing":    source.refundsOnce,
		"what was taken beyond keeps the next out":     source.beyond,
		"a ledger is opened, reserved and spent":       source.ledger,
		"a ledger counts beyond 2^53":                  source.largeLedger,
		"many at once never pass more than there is":   source.race,
		"looking takes nothing":                        source.look,
		"the largest numbers":                          source.largest,
		"a lower limit counts what was taken under it": source.lowered,
	} {
		t.Run(name, func(t *testing.T) {
			clock := NewClock()
			test(source{open(t, clock.Now), clock, t})
		})
	}
	t.Run("any order of calls", func(t *testing.T) { orders(t, open) })
}

const organization = "org-1"

// rate is a line of a bucket.
func rate(of string, w limit.Window, most, amount int64) limit.Line {
	return limit.Line{Counter: limit.Counter{Holder: "proj_1", Of: of, Unit: limit.Requests, Window: w}, Limit: most, Amount: amount}
}

// spend is a line of a ledger.
func spend(of string, most, amount int64) limit.Line {
	return limit.Line{Counter: limit.Counter{Holder: "proj_1", Of: of, Unit: limit.NanoUSD}, Limit: most, Amount: amount}
}

func (s source) reserve(want limit.Verdict, lines ...limit.Line) *limit.Reservation {
	s.t.Helper()
	r := &limit.Reservation{OrganizationID: organization, Lines: lines}
	got, err := s.Reserve(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	if got != want {
		s.t.Fatalf("verdict %d, want %d: %+v", got, want, r.Lines)
	}
	return r
}

func (s source) settle(r *limit.Reservation, actual ...int64) {
	s.t.Helper()
	for i, a := range actual {
		r.Lines[i].Actual = a
	}
	if err := s.Settle(s.t.Context(), r); err != nil {
		s.t.Fatal(err)
	}
}

func (s source) open(l limit.Line, spent int64) {
	s.t.Helper()
	if _, err := s.Raise(s.t.Context(), organization, l.Counter, spent); err != nil {
		s.t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func (s source) refills() {
	for _, w := range []limit.Window{limit.Minute, limit.Day} {
		line := rate("m", w, 3, 1)
		for i := range int64(3) {
			equal(s.t, "remaining", s.reserve(limit.Admitted, line).Lines[0].Remaining(), 2-i)
		}
		refusal := s.reserve(limit.Refused, line).Refusal()
		equal(s.t, "wait", refusal.Wait(), w.Length()/3)
		equal(s.t, "reset", refusal.Reset(), w.Length())
		s.Advance(w.Length()/3 - time.Millisecond)
		s.reserve(limit.Refused, line)
		s.Advance(time.Millisecond)
		s.reserve(limit.Admitted, line)
		s.reserve(limit.Refused, line)
		s.Advance(2 * w.Length())
		for range 3 {
			s.reserve(limit.Admitted, line)
		}
		s.reserve(limit.Refused, line)
	}
}

func (s source) blocks() {
	refusal := s.reserve(limit.Refused, rate("m", limit.Minute, 0, 1)).Refusal()
	equal(s.t, "possible", refusal.Possible(), false)
	s.Advance(time.Hour)
	s.reserve(limit.Refused, rate("m", limit.Minute, 0, 0))
	s.open(spend("2026-11", 0, 0), 0)
	s.reserve(limit.Refused, spend("2026-11", 0, 0))
}

func (s source) allOrNone() {
	wide, narrow, day := rate("wide", limit.Minute, 100, 1), rate("narrow", limit.Minute, 1, 1), rate("day", limit.Day, 50, 1)
	s.reserve(limit.Admitted, wide, narrow, day)
	r := s.reserve(limit.Refused, wide, narrow, day)
	equal(s.t, "which refuses", r.Refusal().Of, "narrow")
	equal(s.t, "remaining of the wide one", r.Lines[0].Remaining(), 99)
	equal(s.t, "remaining of the day", r.Lines[2].Remaining(), 49)
	day.Limit = 1
	equal(s.t, "the strictest of two", s.reserve(limit.Refused, wide, narrow, day).Refusal().Of, "day")
	narrow.Amount = 2
	equal(s.t, "what can never be met", s.reserve(limit.Refused, wide, narrow, day).Refusal().Of, "narrow")
}

func (s source) organizations() {
	line := rate("m", limit.Minute, 1, 1)
	s.reserve(limit.Admitted, line)
	s.reserve(limit.Refused, line)
	other := &limit.Reservation{OrganizationID: "org-2", Lines: []limit.Line{line}}
	if verdict, err := s.Reserve(s.t.Context(), other); err != nil || verdict != limit.Admitted {
		s.t.Fatalf("another organization's counter: %d, %v", verdict, err)
	}
}

func (s source) refunds() {
	line := rate("m", limit.Minute, 100, 80)
	first := s.reserve(limit.Admitted, line)
	s.reserve(limit.Refused, line)
	s.settle(first, 5)
	equal(s.t, "remaining after settling", first.Lines[0].Remaining(), 95)
	failed := s.reserve(limit.Admitted, line)
	s.settle(failed, 0)
	equal(s.t, "remaining after a refund", failed.Lines[0].Remaining(), 95)
}

func (s source) refundsOnce() {
	line := rate("m", limit.Minute, 10, 10)
	old := s.reserve(limit.Admitted, line)
	s.Advance(time.Minute) // full again, as it would be without the first
	s.reserve(limit.Admitted, line)
	s.settle(old, 0)
	s.reserve(limit.Refused, rate("m", limit.Minute, 10, 1))
}

func (s source) beyond() {
	r := s.reserve(limit.Admitted, rate("m", limit.Minute, 60, 10))
	s.settle(r, 90)
	equal(s.t, "overshoot", r.Lines[0].Overshoot(), 80)
	equal(s.t, "remaining", r.Lines[0].Remaining(), 0)
	one := rate("m", limit.Minute, 60, 1)
	equal(s.t, "wait", s.reserve(limit.Refused, one).Refusal().Wait(), 31*time.Second)
	s.Advance(31 * time.Second)
	s.reserve(limit.Admitted, one)
}

func (s source) ledger() {
	line := spend("2026-11", 1000, 600)
	r := s.reserve(limit.Unopened, rate("m", limit.Minute, 1, 1), line)
	equal(s.t, "what is not open", r.Lines[1].Unopened, true)
	s.open(line, 100)
	s.open(line, 50) // never lowers
	first := s.reserve(limit.Admitted, rate("m", limit.Minute, 1, 1), line)
	equal(s.t, "state", first.Lines[1].State, limit.State{Used: 100, Reserved: 600})
	refused := s.reserve(limit.Refused, rate("m", limit.Minute, 1, 1), line)
	equal(s.t, "a ledger decides before a rate", refused.Refusal().Unit, limit.NanoUSD)
	s.settle(first, 1, 550)
	equal(s.t, "settled", first.Lines[1].State, limit.State{Used: 650})
	line.Amount = 350
	second := s.reserve(limit.Admitted, line)
	equal(s.t, "remaining", second.Lines[0].Remaining(), 0)
	s.settle(second, 0)
	third := s.reserve(limit.Admitted, line)
	s.settle(third, 351)
	equal(s.t, "overshoot", third.Lines[0].Overshoot(), 1)
	equal(s.t, "spent", third.Lines[0].State.Used, 1001)
	line.Amount = 0
	s.reserve(limit.Refused, line)
	s.Advance(100 * time.Hour)
	s.reserve(limit.Refused, line)
	s.open(spend("2026-12", 0, 0), 0)
	s.reserve(limit.Admitted, spend("2026-12", 1000, 1000))
}

func (s source) largeLedger() {
	const billion = 1_000_000_000 * 1_000_000_000 // dollars in nano-USD
	line := spend("2026-11", billion+1, 1)
	s.open(line, billion-1)
	s.settle(s.reserve(limit.Admitted, line), 1)
	s.settle(s.reserve(limit.Admitted, line), 1)
	r := s.reserve(limit.Refused, line)
	equal(s.t, "state", r.Lines[0].State, limit.State{Used: billion + 1})
}

func (s source) race() {
	const calls, most = 200, 10
	s.open(spend("2026-11", 0, 0), 0)
	var admitted atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for range calls {
		all.Go(func() {
			<-start
			r := &limit.Reservation{OrganizationID: organization, Lines: []limit.Line{
				rate("m", limit.Minute, most, 1), rate("m", limit.Day, 1000, 1), spend("2026-11", 1_000_000, 1000),
			}}
			verdict, err := s.Reserve(s.t.Context(), r)
			if err != nil {
				s.t.Error(err)
			}
			if verdict == limit.Admitted {
				admitted.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	equal(s.t, "admitted", admitted.Load(), most)
	r := s.reserve(limit.Refused, rate("m", limit.Minute, most, 1), rate("m", limit.Day, 1000, 1), spend("2026-11", 1_000_000, 1000))
	equal(s.t, "of the day", r.Lines[1].State.Used, most)
	equal(s.t, "reserved", r.Lines[2].State.Reserved, most*1000)
}

func (s source) look() {
	r := &limit.Reservation{OrganizationID: organization, Lines: []limit.Line{rate("m", limit.Minute, 10, 4), spend("2026-11", 10, 4)}}
	for range 3 {
		if err := s.Look(s.t.Context(), r); err != nil {
			s.t.Fatal(err)
		}
	}
	equal(s.t, "remaining", r.Lines[0].Remaining(), 10)
	equal(s.t, "unopened", r.Lines[1].Unopened, true)
	s.open(r.Lines[1], 7)
	s.reserve(limit.Admitted, rate("m", limit.Minute, 10, 4))
	if err := s.Look(s.t.Context(), r); err != nil {
		s.t.Fatal(err)
	}
	equal(s.t, "remaining", r.Lines[0].Remaining(), 6)
	equal(s.t, "spent", r.Lines[1].State, limit.State{Used: 7})
	equal(s.t, "which would refuse", r.Refusal().Unit, limit.NanoUSD)
}

func (s source) largest() {
	const most = 1<<63 - 1
	line := rate("m", limit.Day, most, most)
	s.reserve(limit.Admitted, line)
	s.reserve(limit.Refused, line)
	s.Advance(24 * time.Hour)
	s.settle(s.reserve(limit.Admitted, line), most)
	money := spend("2026-11", most, most)
	s.open(money, 0)
	s.settle(s.reserve(limit.Admitted, money), most)
	s.reserve(limit.Refused, money)
}

func (s source) lowered() {
	s.reserve(limit.Admitted, rate("m", limit.Minute, 100, 50))
	s.reserve(limit.Refused, rate("m", limit.Minute, 50, 1))
	s.reserve(limit.Admitted, rate("m", limit.Minute, 51, 1))
}
