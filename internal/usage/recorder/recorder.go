// Package recorder makes usage durable and brings it to the events store: what
// the gateway calls for every request.
//
// A request's life here: Open before it goes to a provider (a note that
// survives the process), Settle before its last byte is answered (a record that
// survives a power cut), and within about 100 ms the events store has it. The
// store may be away for as long as the backlog may grow; no request waits for
// it, and nothing is lost. What a dead process left open, the next start
// settles as interrupted.
package recorder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/internal/fault"
	"weir/internal/usage"
	"weir/internal/usage/outbox"
)

// Options tune a recorder. The zero value is what a server wants.
type Options struct {
	// Node names this log's positions in the events store. Two logs must never
	// share a name, or the store takes the one's events for the other's; empty
	// is the log's own id, which cannot happen to be shared.
	Node string
	// Price prices an interrupted request by its estimate; nil leaves the price
	// it was opened with.
	Price      func(*usage.Event)
	MaxBacklog int64            // settled events not yet in the store before no more requests are let through; 0: 1,000,000, about 2 GB
	Batch      int              // events applied at once; 0: 512
	Delay      time.Duration    // after an arrival, for others to gather; 0: 100 ms
	RetryDelay time.Duration    // before the second try at the store, doubling up to 64 times that; 0: 100 ms
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: silent
}

func (o Options) withDefaults(log *outbox.Log) Options {
	o.Node = cmp.Or(o.Node, log.ID())
	o.MaxBacklog = cmp.Or(o.MaxBacklog, 1_000_000)
	o.Batch = cmp.Or(o.Batch, 512)
	o.Delay = cmp.Or(o.Delay, 100*time.Millisecond)
	o.RetryDelay = cmp.Or(o.RetryDelay, 100*time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// settleAtOnce is how many interrupted requests are settled at the same time,
// so that they share syncs.
const settleAtOnce = 256

// Recorder is one node's way from the gateway to the events store.
type Recorder struct {
	log   *outbox.Log
	store usage.Store
	opts  Options

	atStart int64        // events in the log at the start that the store lacked
	shipped atomic.Int64 // events applied since
	behind  atomic.Pointer[error]

	hurry   chan struct{} // to Run: do not wait for others to gather
	closing chan struct{}

	mu      sync.Mutex
	applied uint64        // the position up to which the store has everything
	changed chan struct{} // closed and replaced when applied grows or Run ends
	running chan struct{} // closed when Run has returned; nil before it is called
	stop    context.CancelFunc
	closed  bool
}

// Start takes over the log, finds out what the store has of it, and settles
// what an earlier process left open. When it returns, requests may be recorded;
// Run must run for the store to hear of them. After an error the log is still
// the caller's.
func Start(ctx context.Context, log *outbox.Log, store usage.Store, opts Options) (*Recorder, error) {
	r := &Recorder{
		log: log, store: store, opts: opts.withDefaults(log),
		hurry: make(chan struct{}, 1), closing: make(chan struct{}), changed: make(chan struct{}),
	}
	mark, err := store.Mark(ctx, r.opts.Node)
	if err != nil {
		return nil, fmt.Errorf("reading how far usage has been stored: %w", err)
	}
	if first := log.First(); first > mark+1 && mark > 0 {
		r.opts.Logger.ErrorContext(ctx, "the events store is older than the usage log, as after restoring a backup; what it counted since is not in it",
			"stored_up_to", mark, "log_begins_at", first)
	}
	if err := log.Advance(mark); err != nil {
		return nil, err
	}
	r.applied = mark
	if r.atStart, err = log.CountFrom(mark); err != nil {
		return nil, err
	}
	if err := r.settleInterrupted(ctx); err != nil {
		return nil, fmt.Errorf("settling interrupted requests: %w", err)
	}
	return r, nil
}

// settleInterrupted settles what a dead process left open. A request counts
// once even if this dies too: the settled record is what closes the open one.
func (r *Recorder) settleInterrupted(ctx context.Context) error {
	events := r.log.Interrupted()
	if len(events) == 0 {
		return nil
	}
	now := r.opts.Now()
	var group errgroup.Group
	group.SetLimit(settleAtOnce)
	for _, ev := range events {
		group.Go(func() error {
			ev.Outcome, ev.Source, ev.Done = usage.OutcomeInterrupted, usage.SourceEstimated, now
			if r.opts.Price != nil {
				r.opts.Price(&ev)
			}
			_, err := r.log.AppendSettled(ev)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.opts.Logger.WarnContext(ctx, "requests cut off by the last stop were counted with their estimates", "requests", len(events))
	return nil
}

// Open records that a request is about to go to a provider, with its estimate
// in Quantities. After an error, a fault of kind Unavailable, it must not go.
func (r *Recorder) Open(ev usage.Event) error {
	if n := r.Backlog(); n >= r.opts.MaxBacklog {
		return full(n)
	}
	ev.Outcome = usage.OutcomeOpen
	return r.log.AppendOpen(ev)
}

// Settle records what a request consumed and returns once that survives a power
// cut. It takes no context: the record is made whether or not anyone waits.
// After an error the last byte must not be answered; the event must not be
// settled again, for the log still has it (see [outbox.Log.AppendSettled]).
func (r *Recorder) Settle(ev usage.Event) error {
	_, err := r.log.AppendSettled(ev)
	return err
}

// Backlog is how many settled events the store does not have yet.
func (r *Recorder) Backlog() int64 {
	shipped := r.shipped.Load() // first: the difference is never negative
	return r.atStart + r.log.Settled() - shipped
}

// Healthy is why this node cannot let requests through; nil when it can.
func (r *Recorder) Healthy() error {
	if err := r.log.Err(); err != nil {
		return fmt.Errorf("the usage log cannot be written: %w", err)
	}
	if n := r.Backlog(); n >= r.opts.MaxBacklog {
		return full(n)
	}
	return nil
}

// Behind is why the store does not take events right now; nil when it does.
// Requests are served nevertheless until the backlog is full.
func (r *Recorder) Behind() error {
	if err := r.behind.Load(); err != nil {
		return *err
	}
	return nil
}

func full(n int64) error {
	return fault.New(fault.Unavailable, "usage_log_full", "", "The usage log is full.").
		With(fmt.Errorf("%d events wait for the events store", n))
}

// Close stops Run and closes the log. What the store does not have by then it
// gets after the next start; Flush first to leave nothing.
func (r *Recorder) Close() error {
	r.mu.Lock()
	running := r.running
	if running != nil {
		r.stop() // a store that hangs is not waited for
	}
	if !r.closed {
		r.closed = true
		close(r.closing)
	}
	r.mu.Unlock()
	if running != nil {
		<-running
	}
	return r.log.Close()
}

// errStopped is what Flush waits for in vain.
var errStopped = errors.New("the recorder has stopped")
