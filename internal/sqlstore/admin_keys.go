package sqlstore

import (
	"context"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

var adminKeys = table[org.AdminKey]{
	name: "admin_keys", label: "Admin API key", key: 2, listed: true,
	columns: []string{
		"id", "organization_id", "name", "user_id",
		"hash", "redacted", "previous_hash", "previous_until", "expires_at", "last_used_at", "created_at",
	},
	fields: func(k *org.AdminKey) []any {
		return []any{
			&k.ID, &k.OrganizationID, &k.Name, &k.UserID,
			hash{&k.Hash}, &k.Redacted, hash{&k.PreviousHash}, instant{&k.PreviousUntil}, instant{&k.ExpiresAt}, instant{&k.LastUsedAt}, instant{&k.CreatedAt},
		}
	},
	taken: func(*org.AdminKey) error { return errSecretTaken() },
}

func (r reader) AdminKey(ctx context.Context, organizationID, keyID string) (org.AdminKey, error) {
	return adminKeys.get(ctx, r, keyID, organizationID)
}

func (r reader) AdminKeyByHash(ctx context.Context, hash id.Hash) (org.AdminKey, error) {
	return adminKeys.find(ctx, r, fault.NotFoundf("Admin API key not found."), byHash, hash.String(), hash.String())
}

func (r reader) AdminKeys(ctx context.Context, organizationID string, p org.Page) (org.Rows[org.AdminKey], error) {
	return adminKeys.page(ctx, r, p, list{organizationID: organizationID, scope: inOrganization(organizationID)})
}

// Admin keys are looked up in the store at every use, so the change feed does
// not carry them.

func (w *tx) InsertAdminKey(ctx context.Context, k org.AdminKey) error {
	return adminKeys.insert(ctx, w, &k)
}

func (w *tx) UpdateAdminKey(ctx context.Context, k org.AdminKey) error {
	return adminKeys.update(ctx, w, &k)
}

func (w *tx) DeleteAdminKey(ctx context.Context, organizationID, keyID string) error {
	return adminKeys.remove(ctx, w, keyID, organizationID)
}
