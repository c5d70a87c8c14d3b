package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"weir/internal/org"
	"weir/internal/sqldb"
)

var workloadIdentityProviders = table[org.WorkloadIdentityProvider]{
	name: "workload_identity_providers", label: "Workload identity provider", key: 2, listed: true,
	columns: []string{
		"id", "organization_id", "name", "description", "issuer", "audience", "enabled",
		"verification", "transformations", "created_at", "updated_at",
	},
	fields: func(p *org.WorkloadIdentityProvider) []any {
		return []any{
			&p.ID, &p.OrganizationID, &p.Name, &p.Description, &p.Issuer, &p.Audience, truth{&p.Enabled},
			jsonText[org.TokenVerification]{&p.Verification}, jsonText[[]org.AttributeTransformation]{&p.Transformations},
			instant{&p.CreatedAt}, instant{&p.UpdatedAt},
		}
	},
}

var federationRules = table[org.FederationRule]{
	name: "federation_rules", label: "Federation rule", key: 3, listed: true,
	columns: []string{
		"id", "organization_id", "provider_id", "project_id", "service_account_id", "name", "description", "enabled",
		"matchers", "scopes", "created_at", "updated_at",
	},
	fields: func(f *org.FederationRule) []any {
		return []any{
			&f.ID, &f.OrganizationID, &f.ProviderID, &f.ProjectID, &f.ServiceAccountID, &f.Name, &f.Description, truth{&f.Enabled},
			jsonText[map[string]json.RawMessage]{&f.Matchers}, jsonText[[]string]{&f.Scopes}, instant{&f.CreatedAt}, instant{&f.UpdatedAt},
		}
	},
}

func (r reader) WorkloadIdentityProvider(ctx context.Context, organizationID, providerID string) (org.WorkloadIdentityProvider, error) {
	return workloadIdentityProviders.get(ctx, r, providerID, organizationID)
}

func (r reader) WorkloadIdentityProviderByID(ctx context.Context, providerID string) (org.WorkloadIdentityProvider, error) {
	return workloadIdentityProviders.find(ctx, r, workloadIdentityProviders.missing(providerID), `id = $1`, providerID)
}

func (r reader) WorkloadIdentityProviders(ctx context.Context, organizationID string, p org.Page) (org.Rows[org.WorkloadIdentityProvider], error) {
	return workloadIdentityProviders.page(ctx, r, p, list{organizationID: organizationID, scope: inOrganization(organizationID)})
}

func (w *tx) InsertWorkloadIdentityProvider(ctx context.Context, p org.WorkloadIdentityProvider) error {
	return workloadIdentityProviders.insert(ctx, w, &p)
}

func (w *tx) UpdateWorkloadIdentityProvider(ctx context.Context, p org.WorkloadIdentityProvider) error {
	return workloadIdentityProviders.update(ctx, w, &p)
}

func (w *tx) DeleteWorkloadIdentityProvider(ctx context.Context, organizationID, providerID string) error {
	return workloadIdentityProviders.remove(ctx, w, providerID, organizationID)
}

func (r reader) FederationRule(ctx context.Context, organizationID, providerID, ruleID string) (org.FederationRule, error) {
	return federationRules.get(ctx, r, ruleID, organizationID, providerID)
}

func (r reader) FederationRules(ctx context.Context, organizationID, providerID string, f org.FederationRuleFilter) (org.Rows[org.FederationRule], error) {
	return federationRules.page(ctx, r, f.Page, list{
		organizationID: organizationID,
		scope: func(q *sqldb.Query) {
			q.And("organization_id", sqldb.Equal(organizationID)).And("provider_id", sqldb.Equal(providerID))
		},
		filter: func(q *sqldb.Query) {
			if f.ServiceAccountID != "" {
				q.And("service_account_id", sqldb.Equal(f.ServiceAccountID))
			}
		},
	})
}

func (w *tx) InsertFederationRule(ctx context.Context, f org.FederationRule) error {
	return federationRules.insert(ctx, w, &f)
}

func (w *tx) UpdateFederationRule(ctx context.Context, f org.FederationRule) error {
	return federationRules.update(ctx, w, &f)
}

func (w *tx) DeleteFederationRule(ctx context.Context, organizationID, providerID, ruleID string) error {
	return federationRules.remove(ctx, w, ruleID, organizationID, providerID)
}

func (w *tx) DeleteFederationRulesOf(ctx context.Context, organizationID, serviceAccountID string) ([]org.FederationRule, error) {
	q := sqldb.NewQuery(federationRules.selection()).
		And("service_account_id", sqldb.Equal(serviceAccountID)).And("organization_id", sqldb.Equal(organizationID)).
		Add(" ORDER BY created_at, id")
	rules, err := federationRules.all(ctx, w.reader, q)
	if err != nil {
		return nil, err
	}
	for _, f := range rules {
		if err := federationRules.remove(ctx, w, f.ID, f.OrganizationID, f.ProviderID); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

func (w *tx) DeleteExpiredAPIKeys(ctx context.Context, which org.ExpiredAPIKeys) ([]string, error) {
	ids, err := apiKeys.removeReturning(ctx, w, func(q *sqldb.Query) {
		q.Where(`id IN (SELECT id FROM api_keys WHERE service_account_id = ? AND organization_id = ? AND project_id = ?
			AND name = ? AND expires_at > 0 AND expires_at < ? ORDER BY created_at, id LIMIT ?)`,
			which.ServiceAccountID, which.OrganizationID, which.ProjectID, which.Name, micros(which.Before), which.Limit)
	})
	if err != nil {
		return nil, fmt.Errorf("deleting the expired keys of %s: %w", which.ServiceAccountID, err)
	}
	for _, keyID := range ids {
		w.change(org.ChangeAPIKey, which.OrganizationID, keyID)
	}
	return ids, nil
}
