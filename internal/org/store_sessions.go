package org

import (
	"context"
	"time"

	"weir/internal/id"
)

// SessionFilter selects sessions of one person that still hold: those that end
// after LiveAt and were used after UsedAfter.
type SessionFilter struct {
	Page
	UserID    string
	LiveAt    time.Time
	UsedAfter time.Time
}

// SessionReader reads sign-ins.
type SessionReader interface {
	Session(ctx context.Context, organizationID, sessionID string) (Session, error)
	SessionByToken(ctx context.Context, tokenHash id.Hash) (Session, error)
	Sessions(ctx context.Context, organizationID string, f SessionFilter) (Rows[Session], error)
}

// SessionWriter changes sign-ins. They are no part of the change feed.
type SessionWriter interface {
	InsertSession(ctx context.Context, s Session) error
	DeleteSession(ctx context.Context, sessionID string) error
	// DeleteSessionsOf removes the sessions of a user but for the one with the
	// id except ("": none is spared), and returns the ids of those it removed.
	DeleteSessionsOf(ctx context.Context, organizationID, userID, except string) ([]string, error)
	// DeleteExpiredSessions removes those that ended before t.
	DeleteExpiredSessions(ctx context.Context, t time.Time) error
}

// PasswordResetReader reads password resets.
type PasswordResetReader interface {
	PasswordResetByToken(ctx context.Context, tokenHash id.Hash) (PasswordReset, error)
}

// PasswordResetWriter changes password resets.
type PasswordResetWriter interface {
	// PutPasswordReset keeps a reset in place of any other of the same user.
	PutPasswordReset(ctx context.Context, p PasswordReset) error
	// DeletePasswordResetsOf removes a user's reset, if there is one.
	DeletePasswordResetsOf(ctx context.Context, organizationID, userID string) error
}

// SecondFactorReader reads second factors.
type SecondFactorReader interface {
	SecondFactor(ctx context.Context, organizationID, userID string) (SecondFactor, error)
	// EachSecondFactor calls fn with every one of every organization.
	EachSecondFactor(ctx context.Context, fn func(SecondFactor) error) error
}

// SecondFactorWriter changes second factors.
type SecondFactorWriter interface {
	// PutSecondFactor inserts or replaces a user's.
	PutSecondFactor(ctx context.Context, f SecondFactor) error
	DeleteSecondFactor(ctx context.Context, organizationID, userID string) error
}

// ExternalIdentityReader reads whom identity providers know users as.
type ExternalIdentityReader interface {
	ExternalIdentity(ctx context.Context, organizationID, provider, subject string) (ExternalIdentity, error)
	// ExternalIdentityOf returns whom a provider knows a user as.
	ExternalIdentityOf(ctx context.Context, organizationID, provider, userID string) (ExternalIdentity, error)
	// ExternalIdentities returns all of a user's, by provider.
	ExternalIdentities(ctx context.Context, organizationID, userID string) ([]ExternalIdentity, error)
}

// ExternalIdentityWriter changes them.
type ExternalIdentityWriter interface {
	// InsertExternalIdentity refuses a second one of the same provider for a user.
	InsertExternalIdentity(ctx context.Context, e ExternalIdentity) error
	DeleteExternalIdentity(ctx context.Context, organizationID, provider, subject string) error
	// SpendSignInState refuses, with a fault of kind Invalid, a state that was
	// spent before. It is remembered until the time given, and forgets what was to
	// be remembered until now.
	SpendSignInState(ctx context.Context, organizationID string, state id.Hash, until, now time.Time) error
}
