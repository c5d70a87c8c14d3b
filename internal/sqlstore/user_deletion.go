package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/internal/org"
	"weir/internal/sqldb"
)

// DeleteUser removes what refers to the user first.
func (w *tx) DeleteUser(ctx context.Context, organizationID, userID string) ([]org.RevokedKey, error) {
	if _, err := w.User(ctx, organizationID, userID); err != nil {
		return nil, err
	}
	revoked, err := w.RevokeKeysOf(ctx, organizationID, userID)
	if err != nil {
		return nil, err
	}
	if err := sessions.removeWhere(ctx, w, ofUser(organizationID, userID)); err != nil {
		return nil, err
	}
	if err := w.dropStanding(ctx, organizationID, userID); err != nil {
		return nil, err
	}
	if err := users.remove(ctx, w, userID, organizationID); err != nil {
		return nil, err
	}
	w.change(org.ChangeUser, organizationID, userID)
	return revoked, nil
}

// ofUser takes what belongs to a user.
func ofUser(organizationID, userID string) func(*sqldb.Query) {
	return func(q *sqldb.Query) {
		q.And("user_id", sqldb.Equal(userID)).And("organization_id", sqldb.Equal(organizationID))
	}
}

// RevokeKeysOf implements org.SCIMWriter.
func (w *tx) RevokeKeysOf(ctx context.Context, organizationID, userID string) ([]org.RevokedKey, error) {
	if err := errors.Join(apiKeys.vacate(ctx, w, ofUser(organizationID, userID)), adminKeys.vacate(ctx, w, ofUser(organizationID, userID))); err != nil {
		return nil, err
	}
	revoked, err := w.revoke(ctx, `DELETE FROM api_keys WHERE user_id = $1 AND organization_id = $2 RETURNING id, project_id`, userID, organizationID)
	if err != nil {
		return nil, fmt.Errorf("deleting the API keys of %s: %w", userID, err)
	}
	for _, key := range revoked {
		w.change(org.ChangeAPIKey, organizationID, key.ID)
	}
	admin, err := w.revoke(ctx, `DELETE FROM admin_keys WHERE user_id = $1 AND organization_id = $2 RETURNING id, ''`, userID, organizationID)
	if err != nil {
		return nil, fmt.Errorf("deleting the admin keys of %s: %w", userID, err)
	}
	return append(revoked, admin...), nil
}

// revoke runs a statement that deletes keys and returns them, in order.
func (w *tx) revoke(ctx context.Context, statement string, args ...any) ([]org.RevokedKey, error) {
	rows, err := w.sql.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, w.fail(err)
	}
	defer rows.Close()
	keys, err := scanRevoked(rows)
	if err != nil {
		return nil, w.fail(err)
	}
	return keys, nil
}

func scanRevoked(rows *sql.Rows) ([]org.RevokedKey, error) {
	var keys []org.RevokedKey
	for rows.Next() {
		var k org.RevokedKey
		if err := rows.Scan(&k.ID, &k.ProjectID); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b org.RevokedKey) int { return strings.Compare(a.ID, b.ID) })
	return keys, rows.Err()
}
