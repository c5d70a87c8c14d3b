package limittest

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/limit"
)

// orders holds a source against model, call by call, for calls in any order.
func orders(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		clock := NewClock()
		s := open(t, clock.Now)
		m := model{buckets: map[limit.Counter]*modelBucket{}, ledgers: map[limit.Counter]*limit.State{}}
		var running []*limit.Reservation
		counters := []limit.Counter{
			{Holder: "proj_1", Of: "m", Unit: limit.Requests, Window: limit.Minute},
			{Holder: "proj_1", Of: "m", Unit: limit.Requests, Window: limit.Day},
			{Holder: "org-1", Of: "m", Unit: limit.Tokens, Window: limit.Minute},
			{Holder: "proj_1", Of: "2026-11", Unit: limit.NanoUSD},
			{Holder: "org-1", Of: "2026-11", Unit: limit.NanoUSD},
		}
		limits := rapid.SampledFrom([]int64{0, 1, 3, 10, 60, 997, 100_000, 1 << 40, limit.Most})
		fail := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		same := func(what string, r *limit.Reservation) {
			for i := range r.Lines {
				if want := m.state(&r.Lines[i]); r.Lines[i].State != want {
					rt.Fatalf("%s: %+v: %+v, want %+v", what, r.Lines[i].Counter, r.Lines[i].State, want)
				}
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"advance": func(rt *rapid.T) {
				clock.Advance(time.Duration(rapid.Int64Range(1, 40_000_000).Draw(rt, "µs")) * time.Microsecond *
					time.Duration(rapid.SampledFrom([]int64{1, 1, 1, 1000}).Draw(rt, "times")))
			},
			"raise": func(rt *rapid.T) {
				counter := rapid.SampledFrom(counters[3:]).Draw(rt, "ledger")
				spent := rapid.Int64Range(0, 1<<54).Draw(rt, "spent")
				got, err := s.Raise(t.Context(), organization, counter, spent)
				fail(err)
				if want := m.raise(counter, spent); got != want {
					rt.Fatalf("raised: %+v, want %+v", got, want)
				}
			},
			"reserve": func(rt *rapid.T) {
				r := &limit.Reservation{OrganizationID: organization}
				for _, c := range counters {
					if rapid.Bool().Draw(rt, "line") {
						most := limits.Draw(rt, "limit")
						r.Lines = append(r.Lines, limit.Line{Counter: c, Limit: most, Amount: rapid.Int64Range(0, 1+most/2).Draw(rt, "amount")})
					}
				}
				verdict, err := s.Reserve(t.Context(), r)
				fail(err)
				if want := m.reserve(r, clock.Now()); verdict != want {
					rt.Fatalf("verdict %d, want %d: %+v", verdict, want, r.Lines)
				}
				same("reserved", r)
				if verdict == limit.Admitted {
					running = append(running, r)
				}
			},
			"settle": func(rt *rapid.T) {
				if len(running) == 0 {
					return
				}
				at := rapid.IntRange(0, len(running)-1).Draw(rt, "which")
				r := running[at]
				running = append(running[:at:at], running[at+1:]...)
				for i := range r.Lines {
					r.Lines[i].Actual = rapid.OneOf(rapid.Just[int64](0), rapid.Just(r.Lines[i].Amount), rapid.Int64Range(0, 2*r.Lines[i].Amount)).Draw(rt, "actual")
				}
				fail(s.Settle(t.Context(), r))
				m.settle(r, clock.Now())
			},
			"": func(*rapid.T) {
				// How every counter stands, under limits that nothing was taken by.
				r := &limit.Reservation{OrganizationID: organization}
				for _, c := range counters {
					most := int64(997)
					if b := m.buckets[c]; b != nil {
						most = b.limit
					}
					r.Lines = append(r.Lines, limit.Line{Counter: c, Limit: most})
				}
				fail(s.Look(t.Context(), r))
				for i := range r.Lines {
					m.refill(&r.Lines[i], clock.Now())
				}
				same("looked", r)
			},
		})
	})
}

// model is the same arithmetic with fractions of any size.
type model struct {
	buckets map[limit.Counter]*modelBucket
	ledgers map[limit.Counter]*limit.State
}

type modelBucket struct {
	used      *big.Rat
	at, empty int64
	limit     int64
}

func (m model) bucket(l *limit.Line, now int64) *modelBucket {
	b := m.buckets[l.Counter]
	if b == nil {
		b = &modelBucket{used: new(big.Rat), at: now, empty: now}
		m.buckets[l.Counter] = b
	}
	return b
}

func (m model) refill(l *limit.Line, t time.Time) (b *modelBucket, now int64) {
	if l.Ledger() {
		return nil, 0
	}
	now = t.UnixMicro() / l.Window.Tick()
	b = m.bucket(l, now)
	b.limit = min(l.Limit, limit.Most)
	refilled := new(big.Rat).Mul(big.NewRat(now-b.at, l.Window.Ticks()), new(big.Rat).SetInt64(b.limit))
	b.used.Sub(b.used, refilled)
	b.at = now
	b.clamp(now)
	return b, now
}

func (b *modelBucket) clamp(now int64) {
	if b.used.Sign() <= 0 {
		b.used, b.empty = new(big.Rat), now
	}
	if most := new(big.Rat).SetInt64(limit.Most); b.used.Cmp(most) > 0 {
		b.used = most
	}
}

// state is what a source should say: whole units, and the part that has refilled.
func (m model) state(l *limit.Line) limit.State {
	if l.Ledger() {
		if s := m.ledgers[l.Counter]; s != nil {
			return *s
		}
		return limit.State{}
	}
	used := m.buckets[l.Counter].used
	whole, rest := new(big.Int).DivMod(used.Num(), used.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	part := new(big.Rat).Sub(new(big.Rat).SetInt(whole), used)
	part.Mul(part, big.NewRat(l.Window.Ticks(), 1))
	return limit.State{Used: whole.Int64(), Part: part.Num().Int64()}
}

func (m model) raise(c limit.Counter, spent int64) limit.State {
	if m.ledgers[c] == nil {
		m.ledgers[c] = &limit.State{}
	}
	m.ledgers[c].Used = max(m.ledgers[c].Used, spent)
	return *m.ledgers[c]
}

func (m model) reserve(r *limit.Reservation, now time.Time) limit.Verdict {
	verdict := limit.Admitted
	for i := range r.Lines {
		l := &r.Lines[i]
		m.refill(l, now)
		s := m.state(l)
		room := l.Limit > 0 && new(big.Int).Add(big.NewInt(s.Used), big.NewInt(s.Reserved+l.Amount)).Cmp(big.NewInt(l.Limit)) <= 0
		if l.Ledger() && m.ledgers[l.Counter] == nil {
			verdict = limit.Unopened
		} else if !room && verdict == limit.Admitted {
			verdict = limit.Refused
		}
	}
	if verdict != limit.Admitted {
		return verdict
	}
	for i := range r.Lines {
		if l := &r.Lines[i]; l.Ledger() {
			m.ledgers[l.Counter].Reserved += l.Amount
		} else {
			b := m.buckets[l.Counter]
			b.used.Add(b.used, new(big.Rat).SetInt64(l.Amount))
		}
	}
	return verdict
}

func (m model) settle(r *limit.Reservation, now time.Time) {
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.Ledger() {
			m.ledgers[l.Counter].Reserved -= l.Amount
			m.ledgers[l.Counter].Used += l.Actual
			continue
		}
		if l.Actual == l.Amount {
			continue
		}
		b, tick := m.refill(l, now)
		if l.Actual < l.Amount && r.At/l.Window.Tick() < b.empty {
			continue
		}
		b.used.Add(b.used, new(big.Rat).SetInt64(l.Actual-l.Amount))
		b.clamp(tick)
	}
}
