package notify

import (
	"context"
	"log/slog"
	"time"

	"weir/internal/poll"
	"weir/internal/routing"
)

// Store keeps deliveries. None of it is a change of the control plane: no audit,
// no version.
type Store interface {
	// DeliveriesDue returns how many are to be posted by now.
	DeliveriesDue(ctx context.Context, now time.Time) (int64, error)
	// ClaimDeliveries returns what is to be posted, the longest due first, and puts
	// the next attempt off to until: another node takes none of them before.
	ClaimDeliveries(ctx context.Context, now, until time.Time, limit int) ([]Due, error)
	// NoteDelivery writes down what became of an attempt: status, attempts,
	// response, error and times. One that is gone meanwhile stays gone.
	NoteDelivery(ctx context.Context, d Delivery) error
	// PruneDeliveries removes what was created before a time.
	PruneDeliveries(ctx context.Context, before time.Time) error
}

// Opener opens what was sealed.
type Opener interface {
	Open(sealed routing.Sealed, place string) ([]byte, error)
}

// Poster posts a delivery. status is 0 where nobody answered; without an error
// it was taken.
type Poster interface {
	Post(ctx context.Context, m Message) (status int, err error)
}

// Courier posts what is due. All fields are needed.
type Courier struct {
	Store  Store
	Opener Opener
	Poster Poster
	Logger *slog.Logger
	Now    func() time.Time
}

const (
	pollEvery = 2 * time.Second
	batch     = 10
	// postTimeout bounds one attempt, hold a batch of them: what a node that died
	// had claimed is free again after it.
	postTimeout = 20 * time.Second
	hold        = (batch + 1) * postTimeout

	maxError = 500 // bytes of it that are kept
)

// pauses are how long a delivery rests after each attempt that failed. After the
// last it has failed.
var pauses = [...]time.Duration{5 * time.Second, 30 * time.Second, 300 * time.Second, time.Hour, 6 * time.Hour}

// Run posts until ctx ends.
func (c *Courier) Run(ctx context.Context) {
	poll.Run(ctx, pollEvery, c.Turn, func(err error) {
		c.Logger.ErrorContext(ctx, "the notices that wait could not be read or changed; it will be tried again", "error", err)
	})
}

// Turn posts one batch of what is due. It reports whether there may be more. An
// error is one of the store.
func (c *Courier) Turn(ctx context.Context) (more bool, err error) {
	now := c.Now()
	if due, err := c.Store.DeliveriesDue(ctx, now); err != nil || due == 0 {
		return false, err
	}
	claimed, err := c.Store.ClaimDeliveries(ctx, now, now.Add(hold), batch)
	if err != nil {
		return false, err
	}
	for i := range claimed {
		if err := c.deliver(ctx, &claimed[i]); err != nil {
			return false, err
		}
	}
	return len(claimed) == batch, nil
}

// deliver makes one attempt and writes down what became of it.
func (c *Courier) deliver(ctx context.Context, d *Due) error {
	status, err := c.post(ctx, d)
	if err != nil && ctx.Err() != nil { // the node ends: another may try at once
		d.NextAttempt = c.Now()
		return c.Store.NoteDelivery(context.WithoutCancel(ctx), d.Delivery)
	}
	d.Attempts++
	d.ResponseStatus, d.Error = status, ""
	named := []any{"delivery_id", d.ID, "event", d.Event, "channel_id", d.ChannelID, "organization_id", d.OrganizationID, "attempts", d.Attempts}
	switch {
	case err == nil:
		d.finish(Delivered, c.Now())
		c.Logger.InfoContext(ctx, "a notice was delivered", named...)
	case d.Attempts > len(pauses):
		d.finish(Failed, c.Now())
		c.Logger.ErrorContext(ctx, "a notice is given up", append(named, "error", err)...)
	default:
		rest := pauses[d.Attempts-1]
		d.NextAttempt = c.Now().Add(rest)
		c.Logger.WarnContext(ctx, "a notice was not taken; it will be sent again", append(named, "in", rest, "error", err)...)
	}
	if err != nil {
		d.Error = err.Error()
		if len(d.Error) > maxError {
			d.Error = d.Error[:maxError]
		}
	}
	// What was taken must not be sent again because the node ends.
	return c.Store.NoteDelivery(context.WithoutCancel(ctx), d.Delivery)
}

func (d *Delivery) finish(as Status, at time.Time) {
	d.Status, d.FinishedAt, d.NextAttempt = as, at, time.Time{}
}

func (c *Courier) post(ctx context.Context, d *Due) (status int, err error) {
	m := Message{ID: d.ID, Body: []byte(d.Body)}
	if m.URL, err = c.open(d.Target.URL, URLPlace(d.ChannelID)); err != nil {
		return 0, err
	}
	if d.Target.Secret != nil {
		if m.Secret, err = c.open(d.Target.Secret, SecretPlace(d.ChannelID)); err != nil {
			return 0, err
		}
	}
	posting, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	return c.Poster.Post(posting, m)
}

func (c *Courier) open(sealed routing.Sealed, place string) (string, error) {
	plain, err := c.Opener.Open(sealed, place)
	return string(plain), err
}
