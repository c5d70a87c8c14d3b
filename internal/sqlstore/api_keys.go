package sqlstore

import (
	"context"
	"fmt"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var apiKeys = table[org.APIKey]{
	name: "api_keys", label: "API key", key: 3, listed: true,
	columns: []string{
		"id", "organization_id", "project_id", "name", "user_id", "service_account_id", "scopes",
		"hash", "redacted", "previous_hash", "previous_until", "expires_at", "last_used_at", "created_at",
	},
	fields: func(k *org.APIKey) []any {
		return []any{
			&k.ID, &k.OrganizationID, &k.ProjectID, &k.Name, nullable{&k.UserID}, nullable{&k.ServiceAccountID}, jsonText[[]string]{&k.Scopes},
			hash{&k.Hash}, &k.Redacted, hash{&k.PreviousHash}, instant{&k.PreviousUntil}, instant{&k.ExpiresAt}, instant{&k.LastUsedAt}, instant{&k.CreatedAt},
		}
	},
	taken: func(*org.APIKey) error { return errSecretTaken() },
}

// errSecretTaken is about a secret that came from outside: those weir makes do
// not repeat.
func errSecretTaken() error {
	return fault.Invalidf("secret_taken", "", "A key with this secret exists already.")
}

// byHash is the condition that a key has a secret, now or before its rotation.
const byHash = `hash = $1 OR previous_hash = $2`

func (r reader) APIKey(ctx context.Context, organizationID, projectID, keyID string) (org.APIKey, error) {
	return apiKeys.get(ctx, r, keyID, organizationID, projectID)
}

func (r reader) APIKeyByID(ctx context.Context, organizationID, keyID string) (org.APIKey, error) {
	return apiKeys.find(ctx, r, apiKeys.missing(keyID), `id = $1 AND organization_id = $2`, keyID, organizationID)
}

func (r reader) APIKeyByHash(ctx context.Context, hash id.Hash) (org.APIKey, error) {
	return apiKeys.find(ctx, r, fault.NotFoundf("API key not found."), byHash, hash.String(), hash.String())
}

func (r reader) APIKeys(ctx context.Context, organizationID, projectID string, f org.APIKeyFilter) (org.Rows[org.APIKey], error) {
	return apiKeys.page(ctx, r, f.Page, list{organizationID: organizationID, scope: func(q *sqldb.Query) {
		inProject(organizationID, projectID)(q)
		if f.ServiceAccountID != "" {
			q.And("service_account_id", sqldb.Equal(f.ServiceAccountID))
		}
		if f.UserID != "" {
			q.And("user_id", sqldb.Equal(f.UserID))
		}
	}})
}

func (r reader) EachAPIKey(ctx context.Context, fn func(org.APIKey) error) error {
	return apiKeys.each(ctx, r, sqldb.NewQuery(apiKeys.selection()), fn)
}

func (w *tx) InsertAPIKey(ctx context.Context, k org.APIKey) error {
	if err := apiKeys.insert(ctx, w, &k); err != nil {
		return err
	}
	w.change(org.ChangeAPIKey, k.OrganizationID, k.ID)
	return nil
}

func (w *tx) UpdateAPIKey(ctx context.Context, k org.APIKey) error {
	if err := apiKeys.update(ctx, w, &k); err != nil {
		return err
	}
	w.change(org.ChangeAPIKey, k.OrganizationID, k.ID)
	return nil
}

func (w *tx) DeleteAPIKey(ctx context.Context, organizationID, projectID, keyID string) error {
	if err := apiKeys.remove(ctx, w, keyID, organizationID, projectID); err != nil {
		return err
	}
	w.change(org.ChangeAPIKey, organizationID, keyID)
	return nil
}

func (w *tx) DeleteAPIKeysOf(ctx context.Context, organizationID, projectID, serviceAccountID string) ([]string, error) {
	ids, err := apiKeys.removeReturning(ctx, w, func(q *sqldb.Query) {
		inProject(organizationID, projectID)(q)
		q.And("service_account_id", sqldb.Equal(serviceAccountID))
	})
	if err != nil {
		return nil, fmt.Errorf("deleting the API keys of %s: %w", serviceAccountID, err)
	}
	for _, keyID := range ids {
		w.change(org.ChangeAPIKey, organizationID, keyID)
	}
	return ids, nil
}
