// Package auditpush brings the events of the audit log to other machines: a
// webhook, a syslog receiver.
//
// A Pusher follows the logs of all organizations and sends what its sink has not
// had yet, in batches and each organization's in order. How far it has come is
// kept in the store, and moves on after the sink has taken a batch: an event is
// sent at least once, and again when the process ends in between. One node at a
// time pushes to a sink. Nothing here holds up the writers of the log.
package auditpush

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
	"weir/internal/poll"
)

// Sink takes events.
type Sink interface {
	// Name tells the sinks of a program apart, in the store and the metrics.
	Name() string
	// Send returns nil once the sink has taken all of events, which are one
	// organization's in order. After an error all of them are sent again, later.
	// A refusal of just these events is a *RefusedError; anything else concerns
	// the sink.
	Send(ctx context.Context, organizationID string, events []audit.Event) error
	Close() error
}

// RefusedError says that a sink works, and does not want a batch.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "the batch cannot be pushed: " + e.Reason }

// Meter counts what is pushed. Package telemetry implements it.
type Meter interface {
	AuditPending(sink string, events int64)
	AuditPushed(sink string, events int)
	AuditPushFailed(sink string)
}

// Store is what a Pusher needs of org.Store.
type Store interface {
	View(ctx context.Context, fn func(org.Reader) error) error
	org.AuditPushStore
}

// Pusher pushes to one sink. All fields are needed.
type Pusher struct {
	Store  Store
	Sink   Sink
	Meter  Meter
	Logger *slog.Logger
	Holder string // names this process among those on the same database
	Now    func() time.Time

	heldUntil time.Time
	sink      pause            // of the sink
	logs      map[string]pause // of the organizations whose batch was refused
}

const (
	pollEvery = time.Second
	// hold is for how long a node takes a sink; it outlasts any batch.
	hold = 2 * time.Minute
	// sendTimeout bounds one batch.
	sendTimeout = 20 * time.Second

	batchEvents = 100
	batchBytes  = 512 << 10 // of details, beyond which a batch is not made larger

	firstPause = time.Second
	mostPause  = 5 * time.Minute
)

// pause is how long something that failed is left alone.
type pause struct {
	until  time.Time
	length time.Duration
}

// longer is the pause after another failure: twice as long, a little at random.
func (p pause) longer(now time.Time) pause {
	p.length = min(max(2*p.length, firstPause), mostPause)
	p.until = now.Add(p.length*3/4 + rand.N(p.length/4))
	return p
}

// Run pushes until ctx ends.
func (p *Pusher) Run(ctx context.Context) {
	poll.Run(ctx, pollEvery, p.turn, func(err error) {
		p.Logger.ErrorContext(ctx, "audit events could not be pushed; it will be tried again", "sink", p.Sink.Name(), "error", err)
	})
	p.letGo(ctx)
}

// letGo makes way for another node.
func (p *Pusher) letGo(ctx context.Context) {
	now := p.Now()
	if !now.Before(p.heldUntil) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := p.Store.HoldAuditSink(ctx, p.Sink.Name(), p.Holder, now, now); err != nil {
		p.Logger.WarnContext(ctx, "another node waits before it pushes audit events", "sink", p.Sink.Name(), "for", hold, "error", err)
	}
}

// turn sends one batch of each log that has something to send. It reports
// whether there is more to send now.
func (p *Pusher) turn(ctx context.Context) (more bool, err error) {
	pending, err := p.Store.AuditPending(ctx, p.Sink.Name())
	if err != nil {
		return false, err
	}
	total := int64(0)
	for _, log := range pending {
		total += log.Head - log.Delivered
	}
	p.Meter.AuditPending(p.Sink.Name(), total)
	if len(pending) == 0 || p.Now().Before(p.sink.until) {
		return false, nil
	}
	for _, log := range pending {
		now := p.Now()
		if now.Before(p.logs[log.OrganizationID].until) {
			continue
		}
		held, err := p.holds(ctx, now)
		if err != nil || !held {
			return false, err
		}
		sent, err := p.pushOne(ctx, log)
		if err != nil {
			return false, err
		}
		if now.Before(p.sink.until) {
			return false, nil
		}
		more = more || sent
	}
	return more, nil
}

// holds reports whether this node is the one that pushes.
func (p *Pusher) holds(ctx context.Context, now time.Time) (bool, error) {
	if p.heldUntil.Sub(now) > hold/2 {
		return true, nil
	}
	until := now.Add(hold)
	held, err := p.Store.HoldAuditSink(ctx, p.Sink.Name(), p.Holder, now, until)
	if p.heldUntil = until; !held {
		p.heldUntil = time.Time{}
	}
	return held, err
}

// pushOne sends a log's next batch. It reports whether the sink has taken it; an
// error is one of the store.
func (p *Pusher) pushOne(ctx context.Context, log org.AuditPending) (sent bool, err error) {
	var events []audit.Event
	err = p.Store.View(ctx, func(r org.Reader) error {
		events, err = r.AuditStretch(ctx, log.OrganizationID, log.Delivered, batchEvents)
		return err
	})
	if err != nil {
		return false, err
	}
	if events = batchOf(events); len(events) == 0 {
		p.failed(ctx, log.OrganizationID, &RefusedError{"the log ends before its head, see 'weir audit verify'"})
		return false, nil
	}
	sending, cancel := context.WithTimeout(ctx, sendTimeout)
	err = p.Sink.Send(sending, log.OrganizationID, events)
	cancel()
	if err != nil {
		p.failed(ctx, log.OrganizationID, err)
		return false, nil
	}
	p.recovered(ctx, log.OrganizationID)
	held, err := p.Store.AdvanceAuditCursor(ctx, p.Sink.Name(), p.Holder, log.OrganizationID, events[len(events)-1].Seq, p.Now())
	if err != nil {
		return false, err
	}
	if !held {
		p.heldUntil = time.Time{} // another node sends them again
		return false, nil
	}
	p.Meter.AuditPushed(p.Sink.Name(), len(events))
	return true, nil
}

// batchOf cuts events so that one request does not become too large. One event
// is always a batch.
func batchOf(events []audit.Event) []audit.Event {
	size := 0
	for i := range events {
		if size += len(events[i].Details); size > batchBytes && i > 0 {
			return events[:i]
		}
	}
	return events
}

func (p *Pusher) failed(ctx context.Context, organizationID string, err error) {
	if ctx.Err() != nil {
		return
	}
	p.Meter.AuditPushFailed(p.Sink.Name())
	var refused *RefusedError
	wait := time.Duration(0)
	if errors.As(err, &refused) {
		if p.logs == nil {
			p.logs = map[string]pause{}
		}
		again := p.logs[organizationID].longer(p.Now())
		p.logs[organizationID], wait = again, again.length
	} else {
		p.sink = p.sink.longer(p.Now())
		wait = p.sink.length
	}
	p.Logger.WarnContext(ctx, "audit events were not taken; they will be sent again",
		"sink", p.Sink.Name(), "organization_id", organizationID, "in", wait, "error", err)
}

func (p *Pusher) recovered(ctx context.Context, organizationID string) {
	if p.sink.length > 0 || p.logs[organizationID].length > 0 {
		p.Logger.InfoContext(ctx, "audit events are taken again", "sink", p.Sink.Name(), "organization_id", organizationID)
	}
	p.sink = pause{}
	delete(p.logs, organizationID)
}
