// Package oidc asks OpenID Connect providers who somebody is: the authorization
// code flow with PKCE, and a state and a nonce that belong to one browser.
//
// Begin says where to send the browser and what it must bring back; Finish turns
// the code it comes back with into a Person, or refuses. Whom weir knows by that
// name, and whether they may come in, is not decided here.
package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"weir/internal/config"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/issuer"
)

// FlowLifetime is how long a person may take at the provider.
const FlowLifetime = 10 * time.Minute

const (
	callTimeout = 10 * time.Second // of one call to a provider
	maxCalls    = 8                // to one provider at once: anybody may begin a sign-in
	retryAfter  = 5 * time.Second  // a provider that could not be reached is left alone
	maxText     = 512              // of what a provider says about somebody, in bytes
)

// Provider is one OpenID Connect provider. It is safe for concurrent use.
type Provider struct {
	cfg      config.OIDCProvider
	redirect string // where the provider sends people back to
	client   *http.Client
	now      func() time.Time

	mu     sync.Mutex
	found  *gooidc.Provider // nil until it was reached
	failed time.Time
	cause  error
}

// New returns a provider, which is not called before somebody signs in. redirect
// is the address its answers come back to.
func New(cfg config.OIDCProvider, redirect string, now func() time.Time) *Provider {
	transport := issuer.Bounded(&http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: callTimeout}).DialContext, TLSHandshakeTimeout: callTimeout,
		ForceAttemptHTTP2: true, MaxConnsPerHost: maxCalls, IdleConnTimeout: time.Minute,
	})
	return &Provider{cfg: cfg, redirect: redirect, client: &http.Client{Transport: transport, Timeout: callTimeout}, now: now}
}

// Config is what the provider was made from.
func (p *Provider) Config() config.OIDCProvider { return p.cfg }

// Redirect is the address the provider must send people back to.
func (p *Provider) Redirect() string { return p.redirect }

// Flow is a sign-in under way. The browser that began it keeps it, sealed, and
// nobody else can end it.
type Flow struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // PKCE (RFC 7636)
	ReturnTo string `json:"return_to"`
	Ends     int64  `json:"ends"` // Unix seconds
}

// Person is whom a provider vouches for.
type Person struct {
	Subject       string
	Email         string
	EmailVerified bool
	Name          string
	Groups        []string // weir's, by the configured map; sorted
}

// Begin returns the address to send the browser to, and the flow it must keep.
func (p *Provider) Begin(ctx context.Context, returnTo string) (address string, flow Flow, err error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	flow = Flow{
		State: id.Secret(""), Nonce: id.Secret(""), Verifier: oauth2.GenerateVerifier(), ReturnTo: returnTo,
		Ends: p.now().Add(FlowLifetime).Unix(),
	}
	address = p.exchange(found).AuthCodeURL(flow.State, gooidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier))
	return address, flow, nil
}

// Finish turns the code that a flow ended with into the person. The state must
// have been compared.
func (p *Provider) Finish(ctx context.Context, flow Flow, code string) (Person, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	ctx = gooidc.ClientContext(ctx, p.client)
	token, err := p.exchange(found).Exchange(ctx, code, oauth2.VerifierOption(flow.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) {
			return Person{}, errFailed(fmt.Errorf("exchanging the code: %w", err))
		}
		return Person{}, errUnreachable(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Person{}, errFailed(errors.New("the provider sent no id_token"))
	}
	verified, err := found.VerifierContext(ctx, &gooidc.Config{ClientID: p.cfg.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return Person{}, errFailed(err)
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(flow.Nonce)) != 1 {
		return Person{}, errFailed(errors.New("the id_token is of another sign-in: its nonce differs"))
	}
	if verified.AccessTokenHash != "" {
		if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
			return Person{}, errFailed(err)
		}
	}
	claims := map[string]json.RawMessage{}
	if err := verified.Claims(&claims); err != nil {
		return Person{}, errFailed(err)
	}
	// OpenID Connect Core, 3.1.3.7, rules 4 and 5.
	if party := text(claims["azp"]); party != p.cfg.ClientID && (party != "" || len(verified.Audience) > 1) {
		return Person{}, errFailed(fmt.Errorf("the id_token is for another party: %q", party))
	}
	if err := p.complete(ctx, found, token, verified.Subject, claims); err != nil {
		return Person{}, err
	}
	return p.person(verified.Subject, claims)
}

// complete asks the provider for what it left out of the id_token: some put no
// more there than who it is.
func (p *Provider) complete(ctx context.Context, found *gooidc.Provider, token *oauth2.Token, subject string, claims map[string]json.RawMessage) error {
	_, email := claims["email"]
	_, groups := claims[p.cfg.GroupsClaim]
	if found.UserInfoEndpoint() == "" || email && (groups || p.cfg.GroupsClaim == "") {
		return nil
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return errUnreachable(err)
	}
	if info.Subject != subject {
		return errFailed(errors.New("the provider's userinfo is about somebody else"))
	}
	more := map[string]json.RawMessage{}
	if err := info.Claims(&more); err != nil {
		return errFailed(err)
	}
	if !email { // an address and whether it is verified come from one place
		delete(claims, "email_verified")
	}
	for name, value := range more {
		if _, known := claims[name]; !known && (name != "email_verified" || !email) {
			claims[name] = value
		}
	}
	return nil
}

func (p *Provider) person(subject string, claims map[string]json.RawMessage) (Person, error) {
	who := Person{Subject: subject, Email: text(claims["email"]), Name: text(claims["name"]), Groups: p.groups(claims)}
	if subject == "" || len(subject) > maxText || len(who.Email) > maxText {
		return Person{}, errFailed(errors.New("the provider names nobody, or at too great a length"))
	}
	// Some providers write it as a text.
	who.EmailVerified = string(claims["email_verified"]) == "true" || text(claims["email_verified"]) == "true"
	return who, nil
}

// groups are weir's groups that the claim stands for. A claim that is not there
// stands for none: providers leave out empty ones.
func (p *Provider) groups(claims map[string]json.RawMessage) []string {
	raw, ok := claims[p.cfg.GroupsClaim]
	if p.cfg.GroupsClaim == "" || !ok {
		return nil
	}
	var values []string
	if json.Unmarshal(raw, &values) != nil {
		values = []string{text(raw)}
	}
	names := map[string]struct{}{}
	for _, v := range values {
		if name, mapped := p.cfg.Groups[v]; mapped {
			names[name] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// text is a JSON string; "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// discover reads the provider's own description, once.
func (p *Provider) discover(ctx context.Context) (*gooidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.cause == nil || p.now().Sub(p.failed) >= retryAfter {
		p.found, p.cause = gooidc.NewProvider(gooidc.ClientContext(context.WithoutCancel(ctx), p.client), p.cfg.Issuer) // whoever hangs up must not make it fail for others
		p.failed = p.now()
	}
	if p.cause != nil {
		return nil, errUnreachable(p.cause)
	}
	return p.found, nil
}

func (p *Provider) exchange(found *gooidc.Provider) *oauth2.Config {
	scopes := p.cfg.Scopes
	if len(scopes) == 0 {
		scopes = []string{"email", "profile"}
	}
	if !slices.Contains(scopes, gooidc.ScopeOpenID) {
		scopes = append([]string{gooidc.ScopeOpenID}, scopes...)
	}
	endpoint := found.Endpoint()
	if p.cfg.ClientSecret == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client has nothing to authenticate with
	}
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret.Reveal(), Endpoint: endpoint, RedirectURL: p.redirect, Scopes: scopes,
	}
}

// errFailed says no more to the outside than that it did not work.
func errFailed(cause error) error {
	return fault.New(fault.Unauthenticated, "oidc_failed", "", "The sign-in through the identity provider failed. Please start again.").With(cause)
}

func errUnreachable(cause error) error {
	return fault.New(fault.BadUpstream, "oidc_unreachable", "", "The identity provider could not be reached.").With(cause)
}

// Refused is a sign-in that the provider ended with an error of its own.
func Refused(code string) error {
	code = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r == '_' {
			return r
		}
		return -1
	}, code[:min(len(code), 64)])
	return fault.New(fault.Unauthenticated, "oidc_refused", "", "The identity provider refused the sign-in: %s.", code)
}
