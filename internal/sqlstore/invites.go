package sqlstore

import (
	"context"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

var invites = table[org.Invite]{
	name: "invites", label: "Invite", key: 2, listed: true,
	columns: []string{
		"id", "organization_id", "email", "email_key", "role", "projects", "token_hash", "granted_by", "expires_at", "accepted_at", "created_at",
	},
	fields: func(i *org.Invite) []any {
		return []any{
			&i.ID, &i.OrganizationID, &i.Email, emailKey{&i.Email}, &i.Role, jsonText[[]org.InviteProject]{&i.Projects}, hash{&i.TokenHash},
			&i.GrantedBy, instant{&i.ExpiresAt}, instant{&i.AcceptedAt}, instant{&i.CreatedAt},
		}
	},
}

func (r reader) Invite(ctx context.Context, organizationID, inviteID string) (org.Invite, error) {
	return invites.get(ctx, r, inviteID, organizationID)
}

func (r reader) InviteByToken(ctx context.Context, tokenHash id.Hash) (org.Invite, error) {
	return invites.find(ctx, r, fault.NotFoundf("Invite not found."), `token_hash = $1`, tokenHash.String())
}

func (r reader) PendingInvite(ctx context.Context, organizationID, email string, now time.Time) (org.Invite, error) {
	missing := fault.NotFoundf("'%s' has no pending invite.", legible(email))
	return invites.find(ctx, r, missing, `organization_id = $1 AND email_key = $2 AND accepted_at = 0 AND expires_at > $3`,
		organizationID, fold(email), micros(now))
}

func (r reader) Invites(ctx context.Context, organizationID string, p org.Page) (org.Rows[org.Invite], error) {
	return invites.page(ctx, r, p, list{organizationID: organizationID, scope: inOrganization(organizationID)})
}

func (w *tx) InsertInvite(ctx context.Context, i org.Invite) error { return invites.insert(ctx, w, &i) }

func (w *tx) UpdateInvite(ctx context.Context, i org.Invite) error { return invites.update(ctx, w, &i) }

func (w *tx) DeleteInvite(ctx context.Context, organizationID, inviteID string) error {
	return invites.remove(ctx, w, inviteID, organizationID)
}
