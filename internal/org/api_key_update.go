package org

import (
	"context"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/optional"
)

// APIKeyChange is a partial update of a project key. At least one field must be
// sent, neither may be null.
type APIKeyChange struct {
	Scopes           optional.Value[[]string] // [] lifts every restriction
	ExpiresInSeconds optional.Value[int64]    // counted from the change
	Within           KeyLimits
}

// Validate reports the first rule that in breaks.
func (in APIKeyChange) Validate() error {
	switch {
	case !in.Scopes.Sent && !in.ExpiresInSeconds.Sent:
		return fault.Invalidf("missing_required_parameter", "", "Missing required parameter: at least one of 'scopes' and 'expires_in_seconds' is needed.")
	case in.Scopes.Null:
		return fault.WrongType("scopes", "an array", "null")
	case in.ExpiresInSeconds.Null:
		return fault.WrongType("expires_in_seconds", "an integer", "null")
	}
	return checkScopes(in.Scopes.V)
}

// UpdateAPIKey changes what a key may do and how long it works. Its secret stays;
// one that has expired cannot be brought back to life.
func (s *Service) UpdateAPIKey(ctx context.Context, actor audit.Actor, projectID, keyID string, in APIKeyChange) error {
	if err := in.Validate(); err != nil {
		return err
	}
	expires, err := s.expiry(in.ExpiresInSeconds)
	if err != nil {
		return err
	}
	return s.update(ctx, actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		key, err := tx.APIKey(ctx, actor.OrganizationID, projectID, keyID)
		if err != nil {
			return err
		}
		if !key.ExpiresAt.IsZero() && !s.Now().Before(key.ExpiresAt) {
			return fault.Invalidf("api_key_expired", "", "The API key with ID '%s' has expired and can no longer be changed. Create another one.", key.ID)
		}
		requested := map[string]any{}
		if in.Scopes.Sent {
			if err := in.Within.checkScopes(in.Scopes.V); err != nil {
				return err
			}
			key.Scopes = in.Scopes.V
			requested["scopes"] = key.Scopes
		}
		if in.ExpiresInSeconds.Sent {
			if key.ExpiresAt, err = in.Within.expiry(expires); err != nil {
				return err
			}
			requested["expires_in_seconds"] = in.ExpiresInSeconds.V
		}
		tx.Record(event(audit.APIKeyUpdated, &project, details{ID: key.ID, Changes: requested}))
		return tx.UpdateAPIKey(ctx, key)
	})
}
