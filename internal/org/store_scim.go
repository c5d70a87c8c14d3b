package org

import (
	"context"

	"weir/internal/id"
)

// DirectoryFilter selects people or groups as an identity provider looks them
// up. Each field but the last two is an exact match; "" matches everything.
type DirectoryFilter struct {
	Email      string // of people, whatever the letters' case
	Mail       string // of people: the address itself or the one beside it, whatever the case
	ExternalID string
	Name       string // of groups

	Offset, Limit int // of the rows, oldest first; Limit is at least 1
}

// DirectoryRows is a stretch of a list and how many rows the filter matches.
type DirectoryRows[T any] struct {
	Items []T
	Total int
}

// SCIMReader reads what an identity provider keeps.
type SCIMReader interface {
	SCIMToken(ctx context.Context, organizationID, tokenID string) (SCIMToken, error)
	SCIMTokenByHash(ctx context.Context, hash id.Hash) (SCIMToken, error)
	SCIMTokens(ctx context.Context, organizationID string, p Page) (Rows[SCIMToken], error)

	// DirectoryUsers lists everybody, kept by a provider or not.
	DirectoryUsers(ctx context.Context, organizationID string, f DirectoryFilter) (DirectoryRows[User], error)
	// DirectoryGroups lists the groups that SCIM keeps.
	DirectoryGroups(ctx context.Context, organizationID string, f DirectoryFilter) (DirectoryRows[Group], error)
}

// SCIMWriter changes it. Tokens are no part of the change feed.
type SCIMWriter interface {
	InsertSCIMToken(ctx context.Context, t SCIMToken) error
	DeleteSCIMToken(ctx context.Context, organizationID, tokenID string) error

	// RevokeKeysOf removes a user's keys of both kinds and returns them.
	RevokeKeysOf(ctx context.Context, organizationID, userID string) ([]RevokedKey, error)
}
