package nativeapi

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/oidc"
	"weir/internal/org"
)

const (
	oidcPath   = root + "/oidc"
	flowCookie = "weir_oidc"
	// csrfCookie holds the session's token for the page to read: after a redirect
	// there is no body that could carry it.
	csrfCookie = "weir_csrf"
	// afterSignIn is where a browser goes that was not sent from anywhere.
	afterSignIn = root + "/me"
	maxReturnTo = 2048
)

// oidcProvider is a way to sign in, for a page to offer.
type oidcProvider struct {
	Object   string `json:"object"` // oidc_provider
	Name     string `json:"name"`
	StartURL string `json:"start_url"`
}

type oidcProviders struct {
	Object string         `json:"object"` // list
	Data   []oidcProvider `json:"data"`
}

// OIDCRedirect is the address a provider sends people back to.
func OIDCRedirect(publicURL, provider string) string {
	return strings.TrimSuffix(publicURL, "/") + oidcPath + "/" + provider + "/callback"
}

func (a *API) oidcSignIn() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		endpoint.Read("GET "+oidcPath, access.Authenticated, endpoint.AtOrganization, a.listOIDC).Public(),
		endpoint.Read("GET "+oidcPath+"/{provider}/start", access.Authenticated, endpoint.AtOrganization, a.startOIDC).Public(),
		endpoint.Act("GET "+oidcPath+"/{provider}/callback", access.Authenticated, endpoint.AtOrganization,
			[]audit.Action{audit.IdentityLinked, audit.LoginSucceeded}, a.finishOIDC).Public(), // the first once for each person
	}
}

func (a *API) listOIDC(context.Context, *endpoint.Call) (oidcProviders, error) {
	shown := oidcProviders{Object: "list", Data: []oidcProvider{}}
	for _, p := range a.oidc {
		name := p.Config().Name
		shown.Data = append(shown.Data, oidcProvider{Object: "oidc_provider", Name: name, StartURL: oidcPath + "/" + name + "/start"})
	}
	return shown, nil
}

func (a *API) oidcProvider(c *endpoint.Call) (*oidc.Provider, error) {
	for _, p := range a.oidc {
		if p.Config().Name == c.Path("provider") {
			return p, nil
		}
	}
	return nil, fault.NotFoundf("There is no such identity provider.")
}

// flowPlace is what a flow is sealed for: it opens for no other provider.
func flowPlace(p *oidc.Provider) string { return "oidc/" + p.Config().Name + "/flow" }

// startOIDC sends the browser to the provider. What it must come back with is
// sealed into a cookie, so that nothing of it is kept here and any node can go on.
func (a *API) startOIDC(ctx context.Context, c *endpoint.Call) (endpoint.Redirect, error) {
	p, err := a.oidcProvider(c)
	if err != nil {
		return endpoint.Redirect{}, err
	}
	returnTo, err := localAddress(c.Query.String("return_to"))
	if err != nil {
		return endpoint.Redirect{}, err
	}
	address, flow, err := p.Begin(ctx, returnTo)
	if err != nil {
		return endpoint.Redirect{}, err
	}
	raw, err := json.Marshal(flow)
	if err != nil {
		return endpoint.Redirect{}, err
	}
	sealed, err := a.org.Sealer.Seal(raw, flowPlace(p))
	if err != nil {
		return endpoint.Redirect{}, err
	}
	c.Header.Add("Set-Cookie", a.flowCookie(c.Request, base64.RawURLEncoding.EncodeToString(sealed), oidc.FlowLifetime).String())
	c.Header.Set("Cache-Control", "no-store")
	return endpoint.Redirect{To: address}, nil
}

func (a *API) flowCookie(r *http.Request, value string, lifetime time.Duration) *http.Cookie {
	cookie := a.cookie(r, value, lifetime)
	cookie.Name, cookie.Path = flowCookie, oidcPath+"/"
	return cookie
}

// localAddress refuses where a stranger's link could send somebody after the
// sign-in: only paths of this address are followed, as browsers read them.
func localAddress(raw string) (string, error) {
	if raw == "" {
		return afterSignIn, nil
	}
	u, err := url.Parse(raw)
	bad := err != nil || len(raw) > maxReturnTo || u.Scheme != "" || u.Host != "" || u.Opaque != "" ||
		!strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || strings.Contains(raw, `\`) ||
		strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' })
	if bad {
		return "", fault.Invalidf("invalid_value", "return_to", "Invalid 'return_to': it must be a path of this address, such as /console.")
	}
	return raw, nil
}

// finishOIDC takes the browser back from the provider.
func (a *API) finishOIDC(ctx context.Context, c *endpoint.Call) (endpoint.Redirect, error) {
	p, err := a.oidcProvider(c)
	if err != nil {
		return endpoint.Redirect{}, err
	}
	flow, err := a.flow(c, p)
	if err != nil {
		return endpoint.Redirect{}, err
	}
	c.Header.Add("Set-Cookie", a.flowCookie(c.Request, "", 0).String()) // it ends here, one way or the other
	c.Header.Set("Cache-Control", "no-store")
	if code := c.Query.String("error"); code != "" {
		return endpoint.Redirect{}, oidc.Refused(code)
	}
	if issuer := c.Query.String("iss"); issuer != "" && issuer != p.Config().Issuer { // RFC 9207
		return endpoint.Redirect{}, oidc.Refused("mixed_up")
	}
	code := c.Query.String("code")
	if code == "" {
		return endpoint.Redirect{}, fault.MissingParam("code")
	}
	who, err := p.Finish(ctx, flow, code)
	if err != nil {
		return endpoint.Redirect{}, err
	}
	rules, err := a.providerRules(ctx, p)
	if err != nil {
		return endpoint.Redirect{}, err
	}
	from := endpoint.From(c.Request)
	begun, err := a.identity.SignInByProvider(ctx, rules, org.ProviderSignIn{
		Provider: p.Config().Name, Subject: who.Subject, Email: who.Email, EmailVerified: who.EmailVerified, Name: who.Name, Groups: who.Groups,
		State: id.HashOf(flow.State), StateUntil: time.Unix(flow.Ends, 0),
	}, from)
	if err != nil {
		return endpoint.Redirect{}, err
	}
	lifetime := begun.Session.ExpiresAt.Sub(a.now())
	c.Header.Add("Set-Cookie", a.cookie(c.Request, begun.Token, lifetime).String())
	c.Header.Add("Set-Cookie", a.csrfCookie(c.Request, begun.CSRF, lifetime).String())
	return endpoint.Redirect{To: flow.ReturnTo}, nil
}

// csrfCookie is for the page to read.
func (a *API) csrfCookie(r *http.Request, token string, lifetime time.Duration) *http.Cookie {
	cookie := a.cookie(r, token, lifetime)
	cookie.Name, cookie.HttpOnly = csrfCookie, false
	return cookie
}

// flow opens what the browser has kept, and compares the state.
func (a *API) flow(c *endpoint.Call, p *oidc.Provider) (oidc.Flow, error) {
	var flow oidc.Flow
	broken := fault.Invalidf("invalid_state", "state", "This sign-in was not begun in this browser, or took too long. Please start again.")
	cookie, err := c.Request.Cookie(flowCookie)
	if err != nil {
		return flow, broken
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return flow, broken
	}
	raw, err := a.identity.Vault.Open(sealed, flowPlace(p))
	if err != nil || json.Unmarshal(raw, &flow) != nil {
		return oidc.Flow{}, broken
	}
	if subtle.ConstantTimeCompare([]byte(flow.State), []byte(c.Query.String("state"))) != 1 || a.now().Unix() >= flow.Ends {
		return oidc.Flow{}, broken
	}
	return flow, nil
}

// providerRules are what the provider may do, and in which organization.
func (a *API) providerRules(ctx context.Context, p *oidc.Provider) (org.ProviderRules, error) {
	cfg := p.Config()
	rules := org.ProviderRules{OrganizationID: cfg.OrganizationID, Domains: cfg.Domains, JustInTime: cfg.JustInTime, Role: access.OrganizationReader}
	rules.Groups = org.GroupRules{Mapped: slices.Compact(slices.Sorted(maps.Values(cfg.Groups))), Owners: cfg.OwnerGroups}
	if cfg.DefaultRole == "none" {
		rules.Role = ""
	}
	var err error
	if rules.OrganizationID == "" {
		rules.OrganizationID, err = a.org.OldestOrganization(ctx)
	}
	return rules, err
}
