package org

import (
	"context"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// SCIMToken lets an identity provider keep the people and groups of an
// organization by SCIM (RFC 7644), and nothing else. Only its hash is kept.
type SCIMToken struct {
	ID             string
	OrganizationID string
	Name           string
	Hash           id.Hash
	Redacted       string
	CreatedBy      string    // a principal
	ExpiresAt      time.Time // zero: never
	LastUsedAt     time.Time // zero: never
	CreatedAt      time.Time
}

// Works reports whether the token has not expired.
func (t *SCIMToken) Works(now time.Time) bool {
	return t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt)
}

// maxSCIMTokens bounds the tokens of an organization: one for each provider, and
// a second while one is changed.
const maxSCIMTokens = 20

// NewSCIMToken is a token to create.
type NewSCIMToken struct {
	Name             string
	ExpiresInSeconds optional.Value[int64]
	Within           KeyLimits // of the key that asks for it
}

// CreateSCIMToken makes a token and returns it with its secret, which is not
// kept. The first one switches SCIM on, which the log tells.
func (s *Service) CreateSCIMToken(ctx context.Context, actor audit.Actor, in NewSCIMToken) (SCIMToken, string, error) {
	if err := checkName("name", in.Name); err != nil {
		return SCIMToken{}, "", err
	}
	asked, err := s.expiry(in.ExpiresInSeconds)
	if err != nil {
		return SCIMToken{}, "", err
	}
	expires, err := in.Within.expiry(asked)
	if err != nil {
		return SCIMToken{}, "", err
	}
	secret := id.Secret(id.SCIMSecret)
	token := SCIMToken{
		ID: id.New(id.SCIMToken), OrganizationID: actor.OrganizationID, Name: in.Name,
		Hash: id.HashOf(secret), Redacted: id.Redact(secret), CreatedBy: actor.PrincipalID(), ExpiresAt: expires, CreatedAt: s.Now(),
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		others, err := tx.SCIMTokens(ctx, actor.OrganizationID, Page{Limit: maxSCIMTokens})
		if err != nil {
			return err
		}
		if len(others.Items) == maxSCIMTokens {
			return fault.Invalidf("scim_token_limit_reached", "", "An organization can have %d SCIM tokens. Delete one that is no longer used.", maxSCIMTokens)
		}
		tx.Record(event(audit.SCIMTokenCreated, nil, details{ID: token.ID, Data: map[string]any{"name": token.Name}}))
		if len(others.Items) == 0 {
			tx.Record(event(audit.SCIMEnabled, nil, details{ID: actor.OrganizationID}))
		}
		return tx.InsertSCIMToken(ctx, token)
	})
	return token, secret, err
}

// DeleteSCIMToken revokes a token. People and groups stay as they are; after the
// last token nobody keeps them.
func (s *Service) DeleteSCIMToken(ctx context.Context, actor audit.Actor, tokenID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		if err := tx.DeleteSCIMToken(ctx, actor.OrganizationID, tokenID); err != nil {
			return err
		}
		tx.Record(event(audit.SCIMTokenDeleted, nil, details{ID: tokenID}))
		left, err := tx.SCIMTokens(ctx, actor.OrganizationID, Page{Limit: 1})
		if err == nil && len(left.Items) == 0 {
			tx.Record(event(audit.SCIMDisabled, nil, details{ID: actor.OrganizationID}))
		}
		return err
	})
}

// SCIMToken returns one token.
func (s *Service) SCIMToken(ctx context.Context, organizationID, tokenID string) (SCIMToken, error) {
	return view(ctx, s.Store, func(r Reader) (SCIMToken, error) { return r.SCIMToken(ctx, organizationID, tokenID) })
}

// SCIMTokens of an organization, newest first.
func (s *Service) SCIMTokens(ctx context.Context, organizationID string, p Page) (Rows[SCIMToken], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[SCIMToken], error) { return r.SCIMTokens(ctx, organizationID, p) })
}
