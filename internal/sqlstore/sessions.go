package sqlstore

import (
	"context"
	"fmt"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

var sessions = table[org.Session]{
	name: "sessions", label: "Session", key: 1,
	columns: []string{"id", "organization_id", "user_id", "token_hash", "csrf_hash", "ip_address", "user_agent", "expires_at", "created_at"},
	fields: func(s *org.Session) []any {
		return []any{
			&s.ID, &s.OrganizationID, &s.UserID, hash{&s.TokenHash}, hash{&s.CSRFHash}, &s.IPAddress, &s.UserAgent,
			instant{&s.ExpiresAt}, instant{&s.CreatedAt},
		}
	},
}

func (r reader) SessionByToken(ctx context.Context, tokenHash id.Hash) (org.Session, error) {
	return sessions.find(ctx, r, fault.NotFoundf("Session not found."), `token_hash = $1`, tokenHash.String())
}

func (w *tx) InsertSession(ctx context.Context, s org.Session) error {
	// Browsers send what they like, and must be able to sign in all the same.
	s.IPAddress, s.UserAgent = legible(s.IPAddress), legible(s.UserAgent)
	return sessions.insert(ctx, w, &s)
}

func (w *tx) DeleteSession(ctx context.Context, sessionID string) error {
	return sessions.remove(ctx, w, sessionID)
}

func (w *tx) DeleteExpiredSessions(ctx context.Context, t time.Time) error {
	if _, err := w.exec(ctx, `DELETE FROM sessions WHERE expires_at < $1`, micros(t)); err != nil {
		return fmt.Errorf("deleting expired sessions: %w", err)
	}
	return nil
}
