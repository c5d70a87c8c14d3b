package adminapi

import (
	"context"
	"encoding/json"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// federationRule is a rule of a provider as the API shows it.
type federationRule struct {
	Object           string                     `json:"object"` // organization.workload_identity_federation_rule
	ID               string                     `json:"id"`
	ProviderID       string                     `json:"workload_identity_provider_id"`
	ProjectID        string                     `json:"project_id"`
	ServiceAccountID string                     `json:"service_account_id"`
	Name             *string                    `json:"name"`
	Description      *string                    `json:"description"`
	Enabled          bool                       `json:"enabled"`
	Matchers         map[string]json.RawMessage `json:"attribute_matchers"`
	Permissions      rulePermissions            `json:"permissions"`
	CreatedAt        int64                      `json:"created_at"`
	UpdatedAt        int64                      `json:"updated_at"`
}

type rulePermissions struct {
	Type   string   `json:"type" required:"true"` // service_account_default or restricted
	Scopes []string `json:"scopes,omitempty"`     // of a restricted rule
}

func (p rulePermissions) domain() org.RulePermissions {
	return org.RulePermissions{Type: org.PermissionsType(p.Type), Scopes: p.Scopes}
}

type newFederationRule struct {
	ProjectID        string                          `json:"project_id" required:"true"`
	ServiceAccountID string                          `json:"service_account_id" required:"true"`
	Name             optional.Value[string]          `json:"name"`
	Description      optional.Value[string]          `json:"description"`
	Enabled          optional.Value[bool]            `json:"enabled"`
	Matchers         map[string]json.RawMessage      `json:"attribute_matchers" required:"true"`
	Permissions      optional.Value[rulePermissions] `json:"permissions"`
}

type federationRuleChange struct {
	Name        optional.Value[string]                     `json:"name"`
	Description optional.Value[string]                     `json:"description"`
	Enabled     optional.Value[bool]                       `json:"enabled"`
	Matchers    optional.Value[map[string]json.RawMessage] `json:"attribute_matchers"`
	Permissions optional.Value[rulePermissions]            `json:"permissions"`
}

const (
	federationRulesPath = workloadIdentityProviderPath + "/federation_rules"
	federationRulePath  = federationRulesPath + "/{federation_rule_id}"
)

func (a *API) federationRules() []endpoint.Endpoint {
	page := endpoint.Listing[org.FederationRule, federationRule]{
		Limit: 20, Min: 1, Max: 100, Ordered: true,
		ID: func(f org.FederationRule) string { return f.ID }, Show: showFederationRule,
	}
	const read, write, at = access.WorkloadIdentityRead, access.WorkloadIdentityWrite, endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.List("GET "+federationRulesPath, read, at, page, a.listFederationRules),
		endpoint.Write("POST "+federationRulesPath, write, at, []audit.Action{audit.FederationRuleCreated}, a.createFederationRule),
		endpoint.Read("GET "+federationRulePath, read, at, a.federationRule),
		endpoint.Write("POST "+federationRulePath, write, at, []audit.Action{audit.FederationRuleUpdated}, a.updateFederationRule),
		endpoint.Act("DELETE "+federationRulePath, write, at, []audit.Action{audit.FederationRuleDeleted}, a.deleteFederationRule),
	}
}

func ruleOf(c *endpoint.Call) string { return c.Path("federation_rule_id") }

func (a *API) listFederationRules(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.FederationRule], error) {
	filter := org.FederationRuleFilter{Page: p, ServiceAccountID: c.Query.String("service_account_id")}
	return a.org.FederationRules(ctx, c.OrganizationID(), providerOf(c), filter)
}

func (a *API) createFederationRule(ctx context.Context, c *endpoint.Call, in newFederationRule) (federationRule, error) {
	f, err := a.org.CreateFederationRule(ctx, c.Actor(), providerOf(c), org.NewFederationRule{
		ProjectID: in.ProjectID, ServiceAccountID: in.ServiceAccountID, Name: in.Name, Description: in.Description,
		Enabled: in.Enabled, Matchers: in.Matchers, Permissions: converted(in.Permissions, rulePermissions.domain),
	})
	return showFederationRule(f), err
}

func (a *API) federationRule(ctx context.Context, c *endpoint.Call) (federationRule, error) {
	f, err := a.org.FederationRule(ctx, c.OrganizationID(), providerOf(c), ruleOf(c))
	return showFederationRule(f), err
}

func (a *API) updateFederationRule(ctx context.Context, c *endpoint.Call, in federationRuleChange) (federationRule, error) {
	f, err := a.org.UpdateFederationRule(ctx, c.Actor(), providerOf(c), ruleOf(c), org.FederationRuleChange{
		Name: in.Name, Description: in.Description, Enabled: in.Enabled, Matchers: in.Matchers,
		Permissions: converted(in.Permissions, rulePermissions.domain),
	})
	return showFederationRule(f), err
}

func (a *API) deleteFederationRule(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	return endpoint.Deleted{Object: "organization.workload_identity_federation_rule.deleted", ID: ruleOf(c), Deleted: true},
		a.org.DeleteFederationRule(ctx, c.Actor(), providerOf(c), ruleOf(c))
}

func showFederationRule(f org.FederationRule) federationRule {
	permissions := f.Permissions()
	return federationRule{
		Object: "organization.workload_identity_federation_rule", ID: f.ID, ProviderID: f.ProviderID,
		ProjectID: f.ProjectID, ServiceAccountID: f.ServiceAccountID,
		Name: endpoint.TextOrNull(f.Name), Description: endpoint.TextOrNull(f.Description), Enabled: f.Enabled, Matchers: f.Matchers,
		Permissions: rulePermissions{Type: string(permissions.Type), Scopes: permissions.Scopes},
		CreatedAt:   f.CreatedAt.Unix(), UpdatedAt: f.UpdatedAt.Unix(),
	}
}
