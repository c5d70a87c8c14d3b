package usage

import (
	"context"
	"time"
)

// Store keeps settled events and their roll-ups. Implementations pass the
// usagetest suite.
//
// Position is where an event stands in the outbox of its node: it only grows.
// Apply commits the events, their roll-ups and the node's new mark in one
// transaction, and ignores every event at or below the mark, so replaying the
// outbox after a crash counts nothing twice.
type Store interface {
	// Mark returns the position up to which node's outbox has been applied; 0
	// for a node never seen.
	Mark(ctx context.Context, node string) (uint64, error)
	// Apply stores events, which are in ascending order of position.
	Apply(ctx context.Context, node string, events []Positioned) error

	Objects

	// Report answers a usage report: one bucket per Width between Start and
	// End, oldest first, empty buckets included.
	Report(ctx context.Context, q Query) ([]Bucket[Result], error)
	// Costs answers a metered cost report in daily buckets.
	Costs(ctx context.Context, q Query) ([]Bucket[CostResult], error)

	// Requests lists the request log, newest first. More is exact. An After
	// that names no request is a fault of kind Invalid with param "after".
	Requests(ctx context.Context, f RequestFilter) (rows []Event, more bool, err error)
	// Request returns one event; a fault of kind NotFound when there is none.
	Request(ctx context.Context, organizationID, id string) (Event, error)

	// Prune deletes request rows received before requests and minute roll-ups
	// before minutes, in bounded steps; a zero time prunes nothing.
	Prune(ctx context.Context, requests, minutes time.Time) error
	Close() error
}

// Positioned is a settled event and where it stands in its node's outbox.
type Positioned struct {
	Position uint64
	Event    Event
}
