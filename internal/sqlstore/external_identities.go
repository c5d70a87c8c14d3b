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

var externalIdentities = table[org.ExternalIdentity]{
	name: "external_identities", label: "External identity", key: 3,
	columns: []string{"subject", "organization_id", "provider", "user_id", "created_at"},
	fields: func(e *org.ExternalIdentity) []any {
		return []any{&e.Subject, &e.OrganizationID, &e.Provider, &e.UserID, instant{&e.CreatedAt}}
	},
	taken: func(e *org.ExternalIdentity) error {
		return fault.Invalidf("identity_taken", "", "The user %s is tied to an account of %s already.", e.UserID, e.Provider)
	},
}

func (r reader) ExternalIdentity(ctx context.Context, organizationID, provider, subject string) (org.ExternalIdentity, error) {
	return externalIdentities.get(ctx, r, subject, organizationID, provider)
}

func (r reader) ExternalIdentityOf(ctx context.Context, organizationID, provider, userID string) (org.ExternalIdentity, error) {
	return externalIdentities.find(ctx, r, fault.NotFoundf("User with ID '%s' is not known to %s.", legible(userID), provider),
		`user_id = $1 AND organization_id = $2 AND provider = $3`, userID, organizationID, provider)
}

func (r reader) ExternalIdentities(ctx context.Context, organizationID, userID string) ([]org.ExternalIdentity, error) {
	q := sqldb.NewQuery(externalIdentities.selection()).
		And("organization_id", sqldb.Equal(organizationID)).And("user_id", sqldb.Equal(userID)).Add(" ORDER BY provider")
	return externalIdentities.all(ctx, r, q)
}

func (w *tx) DeleteExternalIdentity(ctx context.Context, organizationID, provider, subject string) error {
	return externalIdentities.remove(ctx, w, subject, organizationID, provider)
}

func (w *tx) InsertExternalIdentity(ctx context.Context, e org.ExternalIdentity) error {
	return externalIdentities.insert(ctx, w, &e)
}

func (w *tx) SpendSignInState(ctx context.Context, organizationID string, state id.Hash, until, now time.Time) error {
	if _, err := w.exec(ctx, `DELETE FROM spent_sign_in_states WHERE remembered_until <= $1`, micros(now)); err != nil {
		return fmt.Errorf("forgetting spent sign-in states: %w", err)
	}
	n, err := w.exec(ctx, `INSERT INTO spent_sign_in_states (state_hash, organization_id, remembered_until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		state.String(), organizationID, micros(until))
	if err != nil {
		return fmt.Errorf("spending a sign-in state: %w", err)
	}
	if n == 0 {
		return fault.Invalidf("state_used", "state", "This sign-in was used already. Please start again.")
	}
	return nil
}
