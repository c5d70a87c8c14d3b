package mail

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"weir/internal/poll"
)

// Meter counts what becomes of letters. Package telemetry implements it.
type Meter interface {
	MailWaiting(letters int64)
	MailSent(kind string)
	MailFailed(kind string)  // it will be tried again
	MailGivenUp(kind string) // refused, or too late
}

// Courier sends what waits. All fields are needed.
type Courier struct {
	Store  Store
	Opener Opener
	Sender Sender
	Meter  Meter
	Logger *slog.Logger
	Now    func() time.Time
}

const (
	pollEvery = 2 * time.Second
	batch     = 10
	// sendTimeout bounds one letter, hold a batch of them: what a node that died
	// had claimed is free again after it.
	sendTimeout = 30 * time.Second
	hold        = (batch + 1) * sendTimeout

	firstPause = 15 * time.Second
	mostPause  = time.Hour
)

// pauseAfter is how long a letter rests after so many attempts: twice as long
// each time, a little at random.
func pauseAfter(attempts int) time.Duration {
	length := mostPause
	if attempts < 10 {
		length = min(firstPause<<max(attempts-1, 0), mostPause)
	}
	return length*3/4 + rand.N(length/4)
}

// Run sends letters until ctx ends.
func (c *Courier) Run(ctx context.Context) {
	poll.Run(ctx, pollEvery, c.Turn, func(err error) {
		c.Logger.ErrorContext(ctx, "the letters that wait could not be read or changed; it will be tried again", "error", err)
	})
}

// Turn sends one batch of what is due. It reports whether there may be more. An
// error is one of the store.
func (c *Courier) Turn(ctx context.Context) (more bool, err error) {
	waiting, due, err := c.Store.MailWaiting(ctx, c.Now())
	if err != nil {
		return false, err
	}
	c.Meter.MailWaiting(waiting)
	if due == 0 {
		return false, nil
	}
	now := c.Now()
	letters, err := c.Store.ClaimMail(ctx, now, now.Add(hold), batch)
	if err != nil {
		return false, err
	}
	for i := range letters {
		if err := c.deliver(ctx, &letters[i]); err != nil {
			return false, err
		}
	}
	return len(letters) == batch, nil
}

// deliver sends one letter and writes down what became of it.
func (c *Courier) deliver(ctx context.Context, w *Waiting) error {
	if !c.Now().Before(w.GiveUp) {
		return c.giveUp(ctx, w, errors.New("it has come to its end"))
	}
	letter, err := w.open(c.Opener)
	if err != nil {
		return c.giveUp(ctx, w, err) // no key of this node's, and none will come
	}
	sending, cancel := context.WithTimeout(ctx, sendTimeout)
	err = c.Sender.Send(sending, w.ID, w.CreatedAt, letter)
	cancel()
	var refused *RefusedError
	switch {
	case err == nil:
		c.Meter.MailSent(w.Kind)
		c.Logger.InfoContext(ctx, "a letter was sent", c.named(w)...)
		// What was sent must not be sent again because the node ends.
		return c.Store.ForgetMail(context.WithoutCancel(ctx), w.ID, c.Now(), "")
	case ctx.Err() != nil:
		// The node ends. Nothing was taken, so another may try at once.
		return c.Store.PutOffMail(context.WithoutCancel(ctx), w.ID, c.Now())
	case errors.As(err, &refused):
		return c.giveUp(ctx, w, err)
	}
	c.Meter.MailFailed(w.Kind)
	rest := pauseAfter(w.Attempts + 1)
	c.Logger.WarnContext(ctx, "a letter was not taken; it will be sent again", append(c.named(w), "in", rest, "error", err)...)
	return c.Store.PutOffMail(ctx, w.ID, c.Now().Add(rest))
}

func (c *Courier) giveUp(ctx context.Context, w *Waiting, why error) error {
	c.Meter.MailGivenUp(w.Kind)
	c.Logger.ErrorContext(ctx, "a letter is given up", append(c.named(w), "error", why)...)
	return c.Store.ForgetMail(ctx, w.ID, c.Now(), why.Error())
}

// named are the letter's attributes in the log, of which what it says is none.
func (c *Courier) named(w *Waiting) []any {
	return []any{"mail_id", w.ID, "kind", w.Kind, "about", w.Reference, "organization_id", w.OrganizationID, "attempts", w.Attempts + 1}
}
