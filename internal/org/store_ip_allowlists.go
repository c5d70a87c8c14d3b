package org

import "context"

// ChangeIPAllowlist is a list of addresses from where callers may call.
const ChangeIPAllowlist ChangeKind = "ip_allowlist"

// IPAllowlistReader reads lists of addresses.
type IPAllowlistReader interface {
	IPAllowlist(ctx context.Context, organizationID, allowlistID string) (IPAllowlist, error)
	IPAllowlists(ctx context.Context, organizationID string, p Page) (Rows[IPAllowlist], error)
	// ActiveIPAllowlists returns every active one, those of projects among them,
	// oldest first.
	ActiveIPAllowlists(ctx context.Context, organizationID string) ([]IPAllowlist, error)
}

// IPAllowlistWriter writes lists of addresses.
type IPAllowlistWriter interface {
	InsertIPAllowlist(ctx context.Context, l IPAllowlist) error
	UpdateIPAllowlist(ctx context.Context, l IPAllowlist) error
	DeleteIPAllowlist(ctx context.Context, organizationID, allowlistID string) error
}
