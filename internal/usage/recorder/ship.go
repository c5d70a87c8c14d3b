package recorder

import (
	"context"
	"errors"
	"time"
)

// maxRetryFactor bounds the backoff: 100 ms grow to 6.4 s.
const maxRetryFactor = 64

// Run brings settled events to the store until ctx ends or Close is called. It
// runs once.
func (r *Recorder) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	r.mu.Lock()
	if r.running != nil || r.closed {
		defer r.mu.Unlock()
		if r.closed {
			return nil
		}
		return errors.New("the recorder runs already")
	}
	r.running, r.stop = ended, cancel
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		close(ended)
	}()
	retry := r.opts.RetryDelay
	for ctx.Err() == nil {
		n, err := r.ship(ctx)
		if err != nil {
			r.report(ctx, err)
			r.pause(ctx, retry)
			retry = min(2*retry, maxRetryFactor*r.opts.RetryDelay)
			continue
		}
		if retry = r.opts.RetryDelay; r.behind.Swap(nil) != nil {
			r.opts.Logger.InfoContext(ctx, "usage is stored again", "backlog", r.Backlog())
		}
		if n < r.opts.Batch {
			r.await(ctx)
		}
	}
	return nil
}

// ship applies the next batch and returns how many events it held.
func (r *Recorder) ship(ctx context.Context) (int, error) {
	events, err := r.log.ReadFrom(r.position(), r.opts.Batch)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	// A try whose answer got lost is no harm: the store ignores what is at or
	// below its mark.
	if err := r.store.Apply(ctx, r.opts.Node, events); err != nil {
		return 0, err
	}
	r.shipped.Add(int64(len(events)))
	last := events[len(events)-1].Position
	r.mu.Lock()
	r.applied = last
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
	if err := r.log.Release(last); err != nil {
		// The store has the events; the segments go after one of the next batches.
		r.opts.Logger.WarnContext(ctx, "shipped segments of the usage log could not be deleted", "error", err)
	}
	return len(events), nil
}

// await returns when there is something to ship and others had their time to
// gather with it, or enough have, or Flush hurries.
func (r *Recorder) await(ctx context.Context) {
	select {
	case <-r.log.Arrived():
	case <-r.hurry:
		return
	case <-ctx.Done():
		return
	}
	// Looking ten times is cheaper than being told of every event.
	for range looks {
		if r.Backlog() >= int64(r.opts.Batch) || !r.pause(ctx, r.opts.Delay/looks) {
			return
		}
	}
}

// looks is how often it is seen whether enough has gathered before its time.
const looks = 10

// pause waits for d, but not while Flush waits: it reports whether d passed.
func (r *Recorder) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.hurry:
	case <-ctx.Done():
	}
	return false
}

func (r *Recorder) report(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // shutting down
	}
	if r.behind.Swap(&err) == nil {
		r.opts.Logger.ErrorContext(ctx, "usage could not be stored; it stays in the usage log and is tried again", "error", err, "backlog", r.Backlog())
	}
}

func (r *Recorder) position() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied
}

// Flush returns when the store has everything settled before the call. Run must
// be running, or be about to.
func (r *Recorder) Flush(ctx context.Context) error {
	target := r.log.LastSettled()
	for {
		r.mu.Lock()
		applied, changed, ended := r.applied, r.changed, r.running
		r.mu.Unlock()
		if applied >= target {
			return nil
		}
		select {
		case r.hurry <- struct{}{}:
		default:
		}
		select {
		case <-changed:
		case <-ended: // nil, and so never, before Run is called
			return errStopped
		case <-r.closing:
			return errStopped
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
