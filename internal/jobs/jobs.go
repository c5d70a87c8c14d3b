// Package jobs runs periodic work beside the requests.
package jobs

import (
	"context"
	"log/slog"
	"time"
)

// Job is work that is done again and again. An error is logged; the next turn
// tries anew.
type Job struct {
	Name  string
	Every time.Duration
	Run   func(ctx context.Context) error
}

// RunUntil does the job until ctx ends, the first time after one interval.
func (j Job) RunUntil(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(j.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := j.Run(ctx); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "a periodic job failed; it will be tried again", "job", j.Name, "error", err)
		}
	}
}
