package limit

import (
	"math/bits"
	"time"
)

// A rate's bucket is exact in integers, and in the doubles of Redis' Lua, which
// are exact up to 2^53: time is counted in ticks of which a window has so few
// that the square of their number stays below that. Script and this file are
// held together by limittest.

// What is above these counts as these.
const (
	Most      = 1 << 52 // of a rate: its limit and what is taken of it
	MostSpent = 1 << 62 // of a ledger, so that the sum of two is no overflow
)

// Clamp brings the line's numbers into the range in which they are counted.
// Sources do it first.
func (l *Line) Clamp() {
	most := int64(Most)
	if l.Ledger() {
		most = MostSpent
	}
	l.Limit, l.Amount, l.Actual = min(max(0, l.Limit), most), min(max(0, l.Amount), most), min(max(0, l.Actual), most)
}

// Ticks is how many ticks a window has. 0 of a ledger.
func (w Window) Ticks() int64 { return w.Length().Microseconds() / max(1, w.Tick()) }

// Tick is how many microseconds a tick of the window has.
func (w Window) Tick() int64 {
	switch w {
	case Minute:
		return 1
	case Day:
		return 1000
	case Never:
	}
	return 0
}

// Length is how long the window is; 0 of a ledger.
func (w Window) Length() time.Duration {
	switch w {
	case Minute:
		return time.Minute
	case Day:
		return 24 * time.Hour
	case Never:
	}
	return 0
}

// bucket is a rate as Memory keeps it.
type bucket struct {
	limit int64 // the last that was known
	used  int64 // taken and not refilled
	part  int64 // of the next unit, in units of 1/ticks of the window
	at    int64 // tick up to which it is refilled
	empty int64 // tick at which nothing was used, the latest that was noticed
}

// refill brings the bucket to a tick. A clock that steps back refills nothing.
func (b *bucket) refill(w Window, now int64) {
	if b.used == 0 {
		b.part, b.at, b.empty = 0, max(b.at, now), max(b.at, now)
		return
	}
	elapsed := now - b.at
	if elapsed <= 0 {
		return
	}
	b.at = now
	limit := b.limit
	if limit == 0 {
		return
	}
	ticks := w.Ticks()
	whole := elapsed / ticks // windows, each of which refills the limit
	if whole > b.used/limit {
		b.drain(now)
		return
	}
	b.used -= whole * limit
	elapsed %= ticks
	// limit*elapsed/ticks, in parts that stay below 2^53.
	parts := limit%ticks*elapsed + b.part
	b.used -= limit/ticks*elapsed + parts/ticks
	b.part = parts % ticks
	if b.used <= 0 {
		b.drain(now)
	}
}

func (b *bucket) drain(now int64) { b.used, b.part, b.empty = 0, 0, now }

// take adds what a call reserves, or beyond it took.
func (b *bucket) take(amount int64) { b.used = min(b.used+amount, Most) }

// giveBack returns what a call reserved at a tick and did not take. Had the
// bucket been empty since, it would be no emptier without the call.
func (b *bucket) giveBack(amount, reserved, now int64) {
	if reserved < b.empty {
		return
	}
	if b.used -= amount; b.used <= 0 {
		b.drain(now)
	}
}

// until is how long a rate takes to refill an amount, as it stands.
func (l *Line) until(amount int64) time.Duration {
	if l.Ledger() || l.Limit <= 0 || amount <= 0 {
		return 0
	}
	limit := uint64(min(l.Limit, Most))
	high, low := bits.Mul64(uint64(amount), uint64(l.Window.Ticks()))
	low, borrow := bits.Sub64(low, uint64(l.State.Part), 0)
	low, carry := bits.Add64(low, limit-1, 0)
	high += carry - borrow
	if high >= limit { // centuries
		return 1<<63 - 1
	}
	ticks, _ := bits.Div64(high, low, limit)
	micros := int64(min(ticks, 1<<40)) * l.Window.Tick()
	return time.Duration(min(micros, 1<<53)) * time.Microsecond
}
