package main

import (
	"context"
	"time"

	"weir/internal/gateway"
	"weir/internal/org"
	"weir/internal/telemetry"
)

// measuredSnapshot is the gateway's snapshot, whose changes the metrics see.
type measuredSnapshot struct {
	*gateway.Snapshot
	metrics *telemetry.Metrics
}

// Apply implements changefeed.Follower.
func (s measuredSnapshot) Apply(ctx context.Context, changes []org.Change) error {
	began := time.Now()
	err := s.Snapshot.Apply(ctx, changes)
	if err == nil && len(changes) > 0 {
		s.metrics.SnapshotRefreshed(changes[len(changes)-1].Version, time.Since(began))
	}
	return err
}
