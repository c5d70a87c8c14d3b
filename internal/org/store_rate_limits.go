package org

import "context"

// ChangeRateLimits is in the change feed when limits of a project, or of the
// organization as a whole, were set or taken back. Its id is the project's or
// the organization's.
const ChangeRateLimits ChangeKind = "rate_limits"

// RateLimitReader reads the rate limits that were set.
type RateLimitReader interface {
	// RateLimitOverrides returns all that were set for a project or, with
	// projectID "", for the organization itself, in no order.
	RateLimitOverrides(ctx context.Context, organizationID, projectID string) ([]RateLimitOverride, error)
}

// RateLimitWriter writes the rate limits that were set.
type RateLimitWriter interface {
	// PutRateLimitOverride inserts or replaces.
	PutRateLimitOverride(ctx context.Context, o RateLimitOverride) error
	DeleteRateLimitOverride(ctx context.Context, organizationID, projectID, model string) error
}
