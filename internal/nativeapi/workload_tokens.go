package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// tokenExchange is the body that OpenAI's SDKs send to the token endpoint of
// theirs (RFC 8693, in JSON).
type tokenExchange struct {
	GrantType        string                 `json:"grant_type" required:"true"`
	SubjectToken     string                 `json:"subject_token" required:"true"`
	SubjectTokenType string                 `json:"subject_token_type" required:"true"`
	ProviderID       string                 `json:"identity_provider_id" required:"true"`
	ServiceAccountID string                 `json:"service_account_id" required:"true"`
	ClientID         optional.Value[string] `json:"client_id"` // is not looked at
}

// accessToken is a key of a service account, in the words of RFC 8693.
type accessToken struct {
	AccessToken     string `json:"access_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"` // Bearer
	ExpiresIn       int64  `json:"expires_in"` // in seconds
}

func (a *API) workloadTokens() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		endpoint.Write("POST "+root+"/workload_identity/token", access.Authenticated, endpoint.AtOrganization,
			[]audit.Action{audit.APIKeyCreated, audit.WorkloadIdentityTokenExchanged}, a.exchangeToken).Public(),
	}
}

// exchangeToken gives a key for a token: who calls is known by the token.
func (a *API) exchangeToken(ctx context.Context, c *endpoint.Call, in tokenExchange) (accessToken, error) {
	key, secret, err := a.identity.ExchangeToken(ctx, org.TokenExchange{
		GrantType: in.GrantType, SubjectToken: in.SubjectToken, SubjectTokenType: in.SubjectTokenType,
		ProviderID: in.ProviderID, ServiceAccountID: in.ServiceAccountID,
	}, endpoint.From(c.Request))
	if err != nil {
		return accessToken{}, err
	}
	c.Header.Set("Cache-Control", "no-store")
	return accessToken{
		AccessToken: secret, IssuedTokenType: org.TokenTypeAccess, TokenType: "Bearer",
		ExpiresIn: int64(key.ExpiresAt.Sub(a.now()).Seconds()),
	}, nil
}
