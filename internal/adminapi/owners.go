package adminapi

import (
	"context"

	"weir/internal/org"
)

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
