package sqlstore

import (
	"context"
	"fmt"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var sessions = table[org.Session]{
	name: "sessions", label: "Session", key: 1, listed: true,
	columns: []string{"id", "organization_id", "user_id", "token_hash", "csrf_hash", "ip_address", "user_agent", "expires_at", "last_used_at", "created_at"},
	fields: func(s *org.Session) []any {
		return []any{
			&s.ID, &s.OrganizationID, &s.UserID, hash{&s.TokenHash}, hash{&s.CSRFHash}, &s.IPAddress, &s.UserAgent,
			instant{&s.ExpiresAt}, instant{&s.LastUsedAt}, instant{&s.CreatedAt},
		}
	},
}

func (r reader) SessionByToken(ctx context.Context, tokenHash id.Hash) (org.Session, error) {
	return sessions.find(ctx, r, fault.NotFoundf("Session not found."), `token_hash = $1`, tokenHash.String())
}

func (r reader) Session(ctx context.Context, organizationID, sessionID string) (org.Session, error) {
	return sessions.find(ctx, r, sessions.missing(sessionID), `id = $1 AND organization_id = $2`, sessionID, organizationID)
}

func (r reader) Sessions(ctx context.Context, organizationID string, f org.SessionFilter) (org.Rows[org.Session], error) {
	return sessions.page(ctx, r, f.Page, list{
		organizationID: organizationID,
		scope: func(q *sqldb.Query) {
			q.And("organization_id", sqldb.Equal(organizationID)).And("user_id", sqldb.Equal(f.UserID))
		},
		filter: func(q *sqldb.Query) {
			q.Where("expires_at > ?", micros(f.LiveAt)).Where("last_used_at > ?", micros(f.UsedAfter))
		},
	})
}

func (w *tx) InsertSession(ctx context.Context, s org.Session) error {
	// Browsers send what they like, and must be able to sign in all the same.
	s.IPAddress, s.UserAgent = legible(s.IPAddress), legible(s.UserAgent)
	return sessions.insert(ctx, w, &s)
}

func (w *tx) DeleteSession(ctx context.Context, sessionID string) error {
	return sessions.remove(ctx, w, sessionID)
}

func (w *tx) DeleteSessionsOf(ctx context.Context, organizationID, userID, except string) ([]string, error) {
	if !storable(userID) || !storable(except) {
		return nil, nil
	}
	ids, err := sessions.removeReturning(ctx, w, func(q *sqldb.Query) {
		q.And("organization_id", sqldb.Equal(organizationID)).And("user_id", sqldb.Equal(userID)).Where("id <> ?", except)
	})
	if err != nil {
		return nil, fmt.Errorf("deleting the sessions of %s: %w", userID, err)
	}
	return ids, nil
}

func (w *tx) DeleteExpiredSessions(ctx context.Context, t time.Time) error {
	return sessions.removeWhere(ctx, w, func(q *sqldb.Query) { q.Where("expires_at < ?", micros(t)) })
}
