// Package poll looks for work again and again: at once while there is more of it,
// else after a pause.
package poll

import (
	"context"
	"time"
)

// Run calls turn until ctx ends. turn does a piece of what there is to do and
// reports whether there may be more; after an error, which goes to failed, the
// next turn is after the pause.
func Run(ctx context.Context, pause time.Duration, turn func(context.Context) (more bool, err error), failed func(error)) {
	for ctx.Err() == nil {
		more, err := turn(ctx)
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		if more && err == nil {
			continue
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		wait.Stop()
	}
}
