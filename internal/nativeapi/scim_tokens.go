package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// scimToken is a token of an identity provider as the API shows it.
type scimToken struct {
	Object        string  `json:"object"` // scim_token
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	RedactedValue string  `json:"redacted_value"`
	Value         string  `json:"value,omitempty"` // the token itself, when it is made
	CreatedBy     *string `json:"created_by"`
	ExpiresAt     *int64  `json:"expires_at"`
	LastUsedAt    *int64  `json:"last_used_at"`
	CreatedAt     int64   `json:"created_at"`
}

type newSCIMToken struct {
	Name             string                `json:"name" required:"true"`
	ExpiresInSeconds optional.Value[int64] `json:"expires_in_seconds"`
}

func (a *API) scimTokens() []endpoint.Endpoint {
	const path, one, at = root + "/scim_tokens", root + "/scim_tokens/{scim_token_id}", endpoint.AtOrganization
	page := endpoint.Listing[org.SCIMToken, scimToken]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(t org.SCIMToken) string { return t.ID }, Show: showSCIMToken,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, access.SCIMRead, at, page, a.listSCIMTokens),
		// The first token and the last are told of once more, as scim.enabled and
		// scim.disabled.
		endpoint.Write("POST "+path, access.SCIMWrite, at, []audit.Action{audit.SCIMTokenCreated}, a.createSCIMToken),
		endpoint.Read("GET "+one, access.SCIMRead, at, a.getSCIMToken),
		endpoint.Act("DELETE "+one, access.SCIMWrite, at, []audit.Action{audit.SCIMTokenDeleted}, a.deleteSCIMToken),
	}
}

func (a *API) listSCIMTokens(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.SCIMToken], error) {
	return a.org.SCIMTokens(ctx, c.OrganizationID(), p)
}

func (a *API) createSCIMToken(ctx context.Context, c *endpoint.Call, in newSCIMToken) (scimToken, error) {
	t, secret, err := a.org.CreateSCIMToken(ctx, c.Actor(), org.NewSCIMToken{
		Name: in.Name, ExpiresInSeconds: in.ExpiresInSeconds, Within: c.Caller.Key,
	})
	shown := showSCIMToken(t)
	shown.Value = secret
	return shown, err
}

func (a *API) getSCIMToken(ctx context.Context, c *endpoint.Call) (scimToken, error) {
	t, err := a.org.SCIMToken(ctx, c.OrganizationID(), c.Path("scim_token_id"))
	return showSCIMToken(t), err
}

func (a *API) deleteSCIMToken(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	tokenID := c.Path("scim_token_id")
	return endpoint.Deleted{Object: "scim_token.deleted", ID: tokenID, Deleted: true}, a.org.DeleteSCIMToken(ctx, c.Actor(), tokenID)
}

func showSCIMToken(t org.SCIMToken) scimToken {
	return scimToken{
		Object: "scim_token", ID: t.ID, Name: t.Name, RedactedValue: t.Redacted, CreatedBy: endpoint.TextOrNull(t.CreatedBy),
		ExpiresAt: endpoint.SecondsOrNull(t.ExpiresAt), LastUsedAt: endpoint.SecondsOrNull(t.LastUsedAt), CreatedAt: t.CreatedAt.Unix(),
	}
}
