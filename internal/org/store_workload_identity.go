package org

import (
	"context"
	"time"
)

// FederationRuleFilter selects rules of a provider.
type FederationRuleFilter struct {
	Page
	ServiceAccountID string // "": of every service account
}

// WorkloadIdentityReader reads workload identity.
type WorkloadIdentityReader interface {
	WorkloadIdentityProvider(ctx context.Context, organizationID, providerID string) (WorkloadIdentityProvider, error)
	// WorkloadIdentityProviderByID finds the provider in whichever
	// organization it is: who shows a token of its does not name one.
	WorkloadIdentityProviderByID(ctx context.Context, providerID string) (WorkloadIdentityProvider, error)
	WorkloadIdentityProviders(ctx context.Context, organizationID string, p Page) (Rows[WorkloadIdentityProvider], error)

	FederationRule(ctx context.Context, organizationID, providerID, ruleID string) (FederationRule, error)
	FederationRules(ctx context.Context, organizationID, providerID string, f FederationRuleFilter) (Rows[FederationRule], error)
}

// WorkloadIdentityWriter writes workload identity. Nothing of it is in the
// change feed: a token is exchanged by looking into the store.
type WorkloadIdentityWriter interface {
	InsertWorkloadIdentityProvider(ctx context.Context, p WorkloadIdentityProvider) error
	UpdateWorkloadIdentityProvider(ctx context.Context, p WorkloadIdentityProvider) error
	// DeleteWorkloadIdentityProvider needs its rules to be gone.
	DeleteWorkloadIdentityProvider(ctx context.Context, organizationID, providerID string) error

	InsertFederationRule(ctx context.Context, f FederationRule) error
	UpdateFederationRule(ctx context.Context, f FederationRule) error
	DeleteFederationRule(ctx context.Context, organizationID, providerID, ruleID string) error
	// DeleteFederationRulesOf removes the rules for a service account and returns
	// what they were, oldest first.
	DeleteFederationRulesOf(ctx context.Context, organizationID, serviceAccountID string) ([]FederationRule, error)

	// DeleteExpiredAPIKeys removes keys that ended, the oldest first, and returns
	// their ids.
	DeleteExpiredAPIKeys(ctx context.Context, which ExpiredAPIKeys) ([]string, error)
}

// ExpiredAPIKeys are keys of a service account, of one name, that expired before
// a time; at most Limit of them.
type ExpiredAPIKeys struct {
	OrganizationID   string
	ProjectID        string
	ServiceAccountID string
	Name             string
	Before           time.Time
	Limit            int
}
