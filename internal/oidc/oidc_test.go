package oidc_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/fault"
	"weir/internal/oidc"
	"weir/internal/oidc/oidctest"
)

const redirect = "https://weir.example.com/weir/v1/oidc/test/callback"

// signIn goes through one flow and returns whom the provider vouched for.
func signIn(t *testing.T, idp *oidctest.Provider, p *oidc.Provider) (oidc.Person, error) {
	t.Helper()
	address, flow, err := p.Begin(t.Context(), "/x")
	if err != nil {
		t.Fatal(err)
	}
	back := idp.Authorize(address)
	if got := (&url.URL{Scheme: back.Scheme, Host: back.Host, Path: back.Path}).String(); got != redirect {
		t.Errorf("sent back to %s", got)
	}
	if back.Query().Get("state") != flow.State || flow.ReturnTo != "/x" {
		t.Errorf("flow %+v", flow)
	}
	return p.Finish(t.Context(), flow, back.Query().Get("code"))
}

func newProvider(idp *oidctest.Provider, change ...func(*config.OIDCProvider)) *oidc.Provider {
	cfg := idp.Config("test")
	for _, fn := range change {
		fn(&cfg)
	}
	return oidc.New(cfg, redirect, time.Now)
}

func TestProviderVouches(t *testing.T) {
	idp := oidctest.New(t)
	p := newProvider(idp, func(c *config.OIDCProvider) {
		c.GroupsClaim, c.Groups = "groups", map[string]string{"idp-b": "B", "idp-a": "A", "idp-a2": "A"}
	})
	for name, tt := range map[string]struct {
		groups any
		want   []string
	}{
		"several":         {[]string{"idp-b", "other", "idp-a2", "idp-a"}, []string{"A", "B"}},
		"one, as a text":  {"idp-b", []string{"B"}},
		"none mapped":     {[]string{"B", "A"}, nil},
		"empty":           {[]string{}, nil},
		"of another type": {map[string]any{"idp-a": true}, nil},
		"mixed types":     {[]any{1, "idp-a"}, nil},
	} {
		idp.Say(func(i *oidctest.Provider) { i.Person["groups"] = tt.groups })
		who, err := signIn(t, idp, p)
		if err != nil || who.Subject != "subject-1" || who.Email != "ada@example.com" || !who.EmailVerified || who.Name != "Ada" || !slices.Equal(who.Groups, tt.want) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	for value, want := range map[any]bool{true: true, "true": true, false: false, "false": false, "yes": false, 1: false, nil: false} {
		idp.Say(func(i *oidctest.Provider) { i.Person["email_verified"] = value })
		if who, err := signIn(t, idp, p); err != nil || who.EmailVerified != want {
			t.Errorf("email_verified %v: %+v, %v", value, who, err)
		}
	}
	idp.Say(func(i *oidctest.Provider) { delete(i.Person, "email_verified") })
	if who, err := signIn(t, idp, p); err != nil || who.EmailVerified {
		t.Errorf("without email_verified: %+v, %v", who, err)
	}
}

func TestScopes(t *testing.T) {
	idp := oidctest.New(t)
	for want, scopes := range map[string][]string{"openid email profile": nil, "openid groups": {"groups"}, "email openid": {"email", "openid"}} {
		address, _, err := newProvider(idp, func(c *config.OIDCProvider) { c.Scopes = scopes }).Begin(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil || u.Query().Get("scope") != want {
			t.Errorf("%v: %s, %v", scopes, address, err)
		}
	}
}

// A token that is not this sign-in's own, fresh and signed by the provider, is
// refused, and why stays inside.
func TestBadTokens(t *testing.T) {
	idp := oidctest.New(t)
	p := newProvider(idp)
	other := oidctest.NewKey(t)
	alter := func(name string, value any) func(*oidctest.Provider) {
		return func(i *oidctest.Provider) { i.Alter = func(c oidctest.Claims) { c[name] = value } }
	}
	for name, change := range map[string]func(*oidctest.Provider){
		"another sign-in's nonce":    alter("nonce", "somebody-else's"),
		"no nonce":                   alter("nonce", nil),
		"another client's":           alter("aud", "other-client"),
		"no audience":                alter("aud", nil),
		"two audiences, no party":    alter("aud", []string{"other", oidctest.ClientID}),
		"another party":              alter("azp", "other-client"),
		"expired":                    alter("exp", time.Now().Add(-time.Minute).Unix()),
		"without an end":             alter("exp", nil),
		"not valid yet":              alter("nbf", time.Now().Add(time.Hour).Unix()),
		"another issuer's":           alter("iss", "https://elsewhere.example"),
		"of nobody":                  alter("sub", ""),
		"of somebody very long":      alter("sub", strings.Repeat("x", 10_000)),
		"an access token of another": alter("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"signed with another key":    func(i *oidctest.Provider) { i.Sign = func(raw []byte) string { return i.SignWith(other, raw) } },
		"not signed":                 func(i *oidctest.Provider) { i.Sign = oidctest.Unsigned },
		"signed with the secret": func(i *oidctest.Provider) {
			i.Sign = func(raw []byte) string {
				return oidctest.SignedWithSecret([]byte(oidctest.ClientSecret+oidctest.ClientSecret), raw)
			}
		},
		"changed after signing": func(i *oidctest.Provider) {
			i.Sign = func(raw []byte) string {
				whole := strings.Split(i.SignWith(other, raw), ".")
				return strings.Split(oidctest.Unsigned(raw), ".")[0] + "." + whole[1] + "." + whole[2]
			}
		},
		"empty":   func(i *oidctest.Provider) { i.Sign = func([]byte) string { return "" } },
		"garbage": func(i *oidctest.Provider) { i.Sign = func([]byte) string { return "a.b.c" } },
	} {
		idp.Say(func(i *oidctest.Provider) { i.Alter, i.Sign = nil, nil; change(i) })
		who, err := signIn(t, idp, p)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Unauthenticated || f.Code != "oidc_failed" || who.Subject != "" {
			t.Errorf("%s: %+v, %v", name, who, err)
			continue
		}
		if strings.Contains(f.Message, "nonce") || f.Cause == nil {
			t.Errorf("%s: says %q", name, f.Message)
		}
	}
	idp.Say(func(i *oidctest.Provider) { i.Alter, i.Sign = nil, nil })
	if _, err := signIn(t, idp, p); err != nil {
		t.Error("after all that:", err)
	}
	idp.Say(func(i *oidctest.Provider) {
		i.Alter = func(c oidctest.Claims) { c["aud"], c["azp"] = []string{"other", oidctest.ClientID}, oidctest.ClientID }
	})
	if _, err := signIn(t, idp, p); err != nil {
		t.Error("two audiences, and we are the party:", err)
	}
}

func TestCodesOfOthers(t *testing.T) {
	idp := oidctest.New(t)
	p := newProvider(idp)
	address, mine, err := p.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	_, theirs, err := p.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	if mine.State == theirs.State || mine.Nonce == theirs.Nonce || mine.Verifier == theirs.Verifier {
		t.Error("two flows share a secret")
	}
	refuse := func(what string, flow oidc.Flow, code string) {
		t.Helper()
		if _, err := p.Finish(t.Context(), flow, code); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refuse("a code nobody gave", mine, "invented")
	refuse("a code of another flow", theirs, idp.Authorize(address).Query().Get("code"))
	code := idp.Authorize(address).Query().Get("code")
	if _, err := p.Finish(t.Context(), mine, code); err != nil {
		t.Fatal(err)
	}
	refuse("a code that was used", mine, code)
	wrong := newProvider(idp, func(c *config.OIDCProvider) { c.ClientSecret = "wrong" })
	if _, err := signIn(t, idp, wrong); !fault.Is(err, fault.Unauthenticated) || strings.Contains(err.Error(), "wrong ") {
		t.Errorf("a wrong client secret: %v", err)
	}
}

// Some providers put little into the id_token.
func TestUserInfoCompletes(t *testing.T) {
	idp := oidctest.New(t)
	idp.Person = oidctest.Claims{"sub": "subject-1", "email_verified": true}
	idp.UserInfo = oidctest.Claims{"sub": "subject-1", "email": "ada@example.com", "email_verified": true, "groups": []string{"a"}, "name": "Ada"}
	p := newProvider(idp, func(c *config.OIDCProvider) { c.GroupsClaim, c.Groups = "groups", map[string]string{"a": "A"} })
	if who, err := signIn(t, idp, p); err != nil || who.Email != "ada@example.com" || !who.EmailVerified || !slices.Equal(who.Groups, []string{"A"}) || who.Name != "Ada" {
		t.Errorf("%+v, %v", who, err)
	}
	idp.Say(func(i *oidctest.Provider) { i.UserInfo["email_verified"] = false })
	if who, err := signIn(t, idp, p); err != nil || who.EmailVerified {
		t.Errorf("an address from one place, verified by another: %+v, %v", who, err)
	}
	// What the token says of the address, userinfo does not overrule.
	idp.Say(func(i *oidctest.Provider) {
		i.Person = oidctest.Claims{"sub": "subject-1", "email": "eve@example.com"}
		i.UserInfo["email_verified"] = true
	})
	if who, err := signIn(t, idp, p); err != nil || who.Email != "eve@example.com" || who.EmailVerified {
		t.Errorf("%+v, %v", who, err)
	}
	idp.Say(func(i *oidctest.Provider) { i.UserInfo["sub"] = "subject-2" })
	if _, err := signIn(t, idp, p); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("about somebody else: %v", err)
	}
}

func TestUnreachableProvider(t *testing.T) {
	idp := oidctest.New(t)
	up, calls := false, 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		if !up {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(`{"issuer":"http://` + "elsewhere.example" + `","authorization_endpoint":"` + idp.URL + `/authorize"}`))
	}))
	t.Cleanup(front.Close)
	now := time.Now()
	p := oidc.New(config.OIDCProvider{Name: "x", Issuer: front.URL, ClientID: "c"}, redirect, func() time.Time { return now })
	begin := func() error { _, _, err := p.Begin(t.Context(), "/"); return err }
	for range 3 {
		if err := begin(); !fault.Is(err, fault.BadUpstream) {
			t.Error(err)
		}
	}
	if calls != 1 {
		t.Errorf("a provider that is down was called %d times at once", calls)
	}
	up, now = true, now.Add(time.Minute)
	if err := begin(); !fault.Is(err, fault.BadUpstream) || calls != 2 {
		t.Errorf("one that names another issuer: %v after %d calls", err, calls)
	}
}

// A provider that answers without end is cut off.
func TestProviderThatTalksTooMuch(t *testing.T) {
	var front *httptest.Server
	front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + front.URL + `","authorization_endpoint":"` + front.URL + `/authorize","x":"` + strings.Repeat("x", 600<<10) + `"}`))
	}))
	t.Cleanup(front.Close)
	p := oidc.New(config.OIDCProvider{Name: "x", Issuer: front.URL, ClientID: "c"}, redirect, time.Now)
	if _, _, err := p.Begin(t.Context(), "/"); !fault.Is(err, fault.BadUpstream) {
		t.Error(err)
	}
}

func TestRefusedSaysWhatTheProviderSaid(t *testing.T) {
	for code, want := range map[string]string{"access_denied": "access_denied", "<b>\nx": "bx", strings.Repeat("a", 1000): strings.Repeat("a", 64)} {
		if err := oidc.Refused(code); !strings.HasSuffix(err.Error(), ": "+want+".") {
			t.Error(err)
		}
	}
}
