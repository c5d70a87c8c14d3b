package adminapi

import (
	"context"
	"time"

	"weir/internal/org"
)

// deleted confirms a deletion.
type deleted struct {
	Object  string `json:"object"`
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

// secondsOrNull is t in Unix seconds; null for no time.
func secondsOrNull(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

// textOrNull is s; null when it is empty.
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// same shows what is in its wire shape already.
func same[T any](v T) T { return v }

// owners looks users up, each once: the keys of a page share theirs.
type owners struct {
	org            *org.Service
	organizationID string
	seen           map[string]org.User
}

func (a *API) owners(organizationID string) *owners {
	return &owners{org: a.org, organizationID: organizationID, seen: map[string]org.User{}}
}

func (o *owners) user(ctx context.Context, userID string) (org.User, error) {
	if u, ok := o.seen[userID]; ok {
		return u, nil
	}
	u, err := o.org.User(ctx, o.organizationID, userID)
	if err == nil {
		o.seen[userID] = u
	}
	return u, err
}
