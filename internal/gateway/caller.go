package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"weir/internal/routing"
)

// This file is the caller's end of an exchange: what is written to it, and what
// happens when it goes away.

// gone reports whether the caller has hung up, or stopped taking what it asked
// for.
func (x *exchange) gone() bool { return x.stalled || x.r.Context().Err() != nil }

// watchCaller notices when the caller hangs up while the provider works.
func (x *exchange) watchCaller() (stop func() bool) {
	return context.AfterFunc(x.r.Context(), x.hangUp)
}

// hangUp decides what happens to the provider's answer when nobody waits for it
// any more: it is read on for a while, to learn what it costs, or given up at
// once, as the model endpoint says.
func (x *exchange) hangUp() {
	limit := x.g.Limits.DrainTimeout
	if m := x.target.endpoint; m != nil && m.Hangup == routing.HangupCancel {
		limit = 0
	}
	if x.answer.left.Swap(true) {
		return
	}
	cancel := x.cancel
	x.answer.drain.Store(time.AfterFunc(limit, func() { cancel(errGone) }))
}

// begin sends the answer's header.
func (x *exchange) begin(status int) {
	if x.gone() || !x.mayWrite() {
		return
	}
	x.processed()
	x.wrote = true
	x.w.WriteHeader(status)
}

// write passes bytes on to the caller; once it is gone they are dropped.
func (x *exchange) write(p []byte) {
	if len(p) == 0 || x.gone() || !x.mayWrite() {
		return
	}
	_, err := x.w.Write(p)
	x.wrotePart(err)
}

// flush sends what net/http has gathered, within the bound of the last write.
func (x *exchange) flush() {
	if x.gone() {
		return
	}
	x.wrotePart(x.control.Flush())
}

// mayWrite bounds the next write. Moving the deadline takes locks, so it is
// moved only when half of it has passed.
func (x *exchange) mayWrite() bool {
	idle := x.g.Limits.WriteIdle
	if now := time.Now(); x.deadline.Sub(now) < idle/2 {
		x.deadline = now.Add(idle)
		x.wrotePart(x.control.SetWriteDeadline(x.deadline))
	}
	return !x.stalled
}

// wrotePart takes note of how a write went. A caller who takes nothing for too
// long has hung up as well.
func (x *exchange) wrotePart(err error) {
	if err == nil || errors.Is(err, http.ErrNotSupported) || x.stalled {
		return
	}
	x.stalled = true
	x.hangUp()
}

// cut ends an answer that is not whole so that it cannot be taken for whole.
func (x *exchange) cut() { x.aborted = true }
