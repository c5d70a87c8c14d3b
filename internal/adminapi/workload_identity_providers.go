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

// workloadIdentityProvider is an issuer of tokens as the API shows it.
type workloadIdentityProvider struct {
	Object          string                        `json:"object"` // organization.workload_identity_provider
	ID              string                        `json:"id"`
	Type            string                        `json:"type"` // oidc
	Name            string                        `json:"name"`
	Description     *string                       `json:"description"`
	Issuer          string                        `json:"issuer"`
	Audience        string                        `json:"audience"`
	Enabled         bool                          `json:"enabled"`
	Verification    any                           `json:"verification"` // one of the two below
	Transformations []org.AttributeTransformation `json:"attribute_transformations"`
	CreatedAt       int64                         `json:"created_at"`
	UpdatedAt       int64                         `json:"updated_at"`
}

type verifiedByDiscovery struct {
	Type         string  `json:"type"` // discovery
	DiscoveryURL *string `json:"discovery_url"`
}

type verifiedByJWKS struct {
	Type string          `json:"type"` // uploaded_jwks
	JWKS json.RawMessage `json:"jwks"`
}

// tokenVerification is how either comes in.
type tokenVerification struct {
	Type         string                 `json:"type" required:"true"`
	DiscoveryURL optional.Value[string] `json:"discovery_url"`
	JWKS         json.RawMessage        `json:"jwks"`
}

func (v tokenVerification) domain() org.TokenVerification {
	return org.TokenVerification{Type: org.VerificationType(v.Type), DiscoveryURL: v.DiscoveryURL.Or(""), JWKS: v.JWKS}
}

type attributeTransformation struct {
	Attribute  string `json:"attribute" required:"true"`
	Expression string `json:"expression" required:"true"`
}

func transformations(in []attributeTransformation) []org.AttributeTransformation {
	out := make([]org.AttributeTransformation, len(in))
	for i, t := range in {
		out[i] = org.AttributeTransformation(t)
	}
	return out
}

type newWorkloadIdentityProvider struct {
	Type            string                            `json:"type" required:"true"`
	Name            string                            `json:"name" required:"true"`
	Description     optional.Value[string]            `json:"description"`
	Issuer          string                            `json:"issuer" required:"true"`
	Audience        string                            `json:"audience" required:"true"`
	Enabled         optional.Value[bool]              `json:"enabled"`
	Verification    optional.Value[tokenVerification] `json:"verification"`
	Transformations []attributeTransformation         `json:"attribute_transformations"`
}

type workloadIdentityProviderChange struct {
	Name            optional.Value[string]                    `json:"name"`
	Description     optional.Value[string]                    `json:"description"`
	Issuer          optional.Value[string]                    `json:"issuer"`
	Audience        optional.Value[string]                    `json:"audience"`
	Enabled         optional.Value[bool]                      `json:"enabled"`
	Verification    optional.Value[tokenVerification]         `json:"verification"`
	Transformations optional.Value[[]attributeTransformation] `json:"attribute_transformations"`
}

// converted is a value that was sent, in another shape; null stays null.
func converted[A, B any](in optional.Value[A], to func(A) B) optional.Value[B] {
	out := optional.Value[B]{Sent: in.Sent, Null: in.Null}
	if in.Given() {
		out.V = to(in.V)
	}
	return out
}

const (
	workloadIdentityProvidersPath = "/v1/organization/workload_identity_providers"
	workloadIdentityProviderPath  = workloadIdentityProvidersPath + "/{workload_identity_provider_id}"
)

func (a *API) workloadIdentityProviders() []endpoint.Endpoint {
	page := endpoint.Listing[org.WorkloadIdentityProvider, workloadIdentityProvider]{
		Limit: 20, Min: 1, Max: 100, Ordered: true,
		ID: func(p org.WorkloadIdentityProvider) string { return p.ID }, Show: showWorkloadIdentityProvider,
	}
	const read, write, at = access.WorkloadIdentityRead, access.WorkloadIdentityWrite, endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.List("GET "+workloadIdentityProvidersPath, read, at, page, a.listWorkloadIdentityProviders),
		endpoint.Write("POST "+workloadIdentityProvidersPath, write, at,
			[]audit.Action{audit.WorkloadIdentityProviderCreated}, a.createWorkloadIdentityProvider),
		endpoint.Read("GET "+workloadIdentityProviderPath, read, at, a.workloadIdentityProvider),
		endpoint.Write("POST "+workloadIdentityProviderPath, write, at,
			[]audit.Action{audit.WorkloadIdentityProviderUpdated}, a.updateWorkloadIdentityProvider),
		endpoint.Act("DELETE "+workloadIdentityProviderPath, write, at,
			[]audit.Action{audit.WorkloadIdentityProviderDeleted}, a.deleteWorkloadIdentityProvider),
	}
}

func (a *API) listWorkloadIdentityProviders(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.WorkloadIdentityProvider], error) {
	return a.org.WorkloadIdentityProviders(ctx, c.OrganizationID(), p)
}

func (a *API) createWorkloadIdentityProvider(ctx context.Context, c *endpoint.Call, in newWorkloadIdentityProvider) (workloadIdentityProvider, error) {
	p, err := a.org.CreateWorkloadIdentityProvider(ctx, c.Actor(), org.NewWorkloadIdentityProvider{
		Type: in.Type, Name: in.Name, Description: in.Description, Issuer: in.Issuer, Audience: in.Audience, Enabled: in.Enabled,
		Verification: converted(in.Verification, tokenVerification.domain), Transformations: transformations(in.Transformations),
	})
	return showWorkloadIdentityProvider(p), err
}

func (a *API) workloadIdentityProvider(ctx context.Context, c *endpoint.Call) (workloadIdentityProvider, error) {
	p, err := a.org.WorkloadIdentityProvider(ctx, c.OrganizationID(), providerOf(c))
	return showWorkloadIdentityProvider(p), err
}

func (a *API) updateWorkloadIdentityProvider(ctx context.Context, c *endpoint.Call, in workloadIdentityProviderChange) (workloadIdentityProvider, error) {
	p, err := a.org.UpdateWorkloadIdentityProvider(ctx, c.Actor(), providerOf(c), org.WorkloadIdentityProviderChange{
		Name: in.Name, Description: in.Description, Issuer: in.Issuer, Audience: in.Audience, Enabled: in.Enabled,
		Verification: converted(in.Verification, tokenVerification.domain), Transformations: converted(in.Transformations, transformations),
	})
	return showWorkloadIdentityProvider(p), err
}

func (a *API) deleteWorkloadIdentityProvider(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	return endpoint.Deleted{Object: "organization.workload_identity_provider.deleted", ID: providerOf(c), Deleted: true},
		a.org.DeleteWorkloadIdentityProvider(ctx, c.Actor(), providerOf(c))
}

func providerOf(c *endpoint.Call) string { return c.Path("workload_identity_provider_id") }

func showWorkloadIdentityProvider(p org.WorkloadIdentityProvider) workloadIdentityProvider {
	shown := workloadIdentityProvider{
		Object: "organization.workload_identity_provider", ID: p.ID, Type: "oidc", Name: p.Name, Description: endpoint.TextOrNull(p.Description),
		Issuer: p.Issuer, Audience: p.Audience, Enabled: p.Enabled, Transformations: p.Transformations,
		CreatedAt: p.CreatedAt.Unix(), UpdatedAt: p.UpdatedAt.Unix(),
	}
	if shown.Transformations == nil {
		shown.Transformations = []org.AttributeTransformation{}
	}
	switch v := p.Verification; v.Type {
	case org.VerifyByJWKS:
		shown.Verification = verifiedByJWKS{Type: string(v.Type), JWKS: v.JWKS}
	case org.VerifyByDiscovery:
		shown.Verification = verifiedByDiscovery{Type: string(v.Type), DiscoveryURL: endpoint.TextOrNull(v.DiscoveryURL)}
	}
	return shown
}
