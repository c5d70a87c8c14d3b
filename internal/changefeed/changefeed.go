// Package changefeed carries control-plane changes to what is derived from
// them on every node: the change feed in the store is read, in order, by one
// follower per node, at once after this node's own commits and by polling for
// those of others.
package changefeed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"weir/internal/org"
)

// Source is where changes are read from.
type Source interface {
	Version(ctx context.Context) (int64, error)
	Changes(ctx context.Context, after int64, limit int) ([]org.Change, error)
}

// Follower is derived from the control plane and kept up to date by its
// changes. Rebuild reads everything; Apply what the changes name. Neither is
// called concurrently. After an error the same changes come again.
type Follower interface {
	Rebuild(ctx context.Context) error
	Apply(ctx context.Context, changes []org.Change) error
}

// Interval is how often other nodes' changes are looked for. With the time to
// apply them it stays well under the second in which a revocation must hold.
const Interval = 250 * time.Millisecond

const (
	batch     = 1000
	waitLimit = 5 * time.Second
	pollLimit = 10 * time.Second // a database that does not answer must show in Err
)

// Feed keeps one follower up to date.
type Feed struct {
	source   Source
	follower Follower
	log      *slog.Logger

	turn    chan struct{} // holds a value while the follower works
	applied atomic.Int64
	failing atomic.Pointer[error]
}

func newFeed(source Source, follower Follower, log *slog.Logger) *Feed {
	return &Feed{source: source, follower: follower, log: log, turn: make(chan struct{}, 1)}
}

// Start builds the follower and returns the feed that keeps it up to date; Run
// must then run.
func Start(ctx context.Context, source Source, follower Follower, log *slog.Logger) (*Feed, error) {
	f := newFeed(source, follower, log)
	// The version is read before the rows: what commits in between is applied
	// again, which changes nothing.
	version, err := source.Version(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the control plane's version: %w", err)
	}
	if err := follower.Rebuild(ctx); err != nil {
		return nil, fmt.Errorf("reading the control plane: %w", err)
	}
	f.applied.Store(version)
	return f, nil
}

// Version is the latest version the follower holds.
func (f *Feed) Version() int64 { return f.applied.Load() }

// Err is why the follower is behind; nil when it is not.
func (f *Feed) Err() error {
	if err := f.failing.Load(); err != nil {
		return *err
	}
	return nil
}

// Committed implements org.Feed. The wait outlives the caller's context, since
// the caller may be gone while the change must still arrive, but not waitLimit.
func (f *Feed) Committed(ctx context.Context, version int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitLimit)
	defer cancel()
	f.catchUp(ctx, version)
}

// Run looks for changes until ctx ends.
func (f *Feed) Run(ctx context.Context) error {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.poll(ctx)
		}
	}
}

func (f *Feed) poll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pollLimit)
	defer cancel()
	version, err := f.source.Version(ctx)
	if err != nil {
		f.report(ctx, err)
		return
	}
	f.catchUp(ctx, version)
}

// catchUp brings the follower to version, or gives up when ctx ends. Callers that
// wait for their turn while another catches up mostly find their version done:
// bursts coalesce.
func (f *Feed) catchUp(ctx context.Context, version int64) {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done(): // who has the turn says what it waits for
		return
	}
	for f.applied.Load() < version {
		changes, err := f.source.Changes(ctx, f.applied.Load(), batch)
		if err == nil && len(changes) == 0 {
			err = fmt.Errorf("the change feed ends before version %d", version)
		}
		if err == nil {
			err = f.follower.Apply(ctx, changes)
		}
		if err != nil {
			f.report(ctx, err)
			return
		}
		f.applied.Store(changes[len(changes)-1].Version)
	}
	f.failing.Store(nil)
}

func (f *Feed) report(ctx context.Context, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return // shutting down
	}
	f.failing.Store(&err)
	f.log.ErrorContext(ctx, "control-plane changes could not be applied; trying again", "error", err, "version", f.applied.Load())
}
