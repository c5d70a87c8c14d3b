package org

import (
	"context"
	"time"

	"weir/internal/id"
)

// InviteReader reads invites.
type InviteReader interface {
	Invite(ctx context.Context, organizationID, inviteID string) (Invite, error)
	// InviteByToken finds an invite of any organization, whatever its status.
	InviteByToken(ctx context.Context, tokenHash id.Hash) (Invite, error)
	// PendingInvite returns the invite of an address, whatever the letters' case,
	// that is neither accepted nor expired at now.
	PendingInvite(ctx context.Context, organizationID, email string, now time.Time) (Invite, error)
	Invites(ctx context.Context, organizationID string, p Page) (Rows[Invite], error)
}

// InviteWriter writes invites. They are no part of the change feed.
type InviteWriter interface {
	InsertInvite(ctx context.Context, i Invite) error
	UpdateInvite(ctx context.Context, i Invite) error
	DeleteInvite(ctx context.Context, organizationID, inviteID string) error
}
