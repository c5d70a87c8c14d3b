package nativeapi

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/openai/openai-go/v3/auth"

	"weir/internal/access"
	"weir/internal/identity"
	"weir/internal/issuer"
	"weir/internal/optional"
	"weir/internal/org"
)

// testIssuer is an issuer of tokens on loopback.
type testIssuer struct {
	t   *testing.T
	url string
	now func() time.Time

	mu    sync.Mutex
	key   *ecdsa.PrivateKey
	keyID string
	down  bool
}

func newIssuer(t *testing.T, now func() time.Time) *testIssuer {
	t.Helper()
	i := &testIssuer{t: t, now: now}
	i.rotate("one")
	server := httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func (i *testIssuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var answer any
	switch {
	case i.down:
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	case r.URL.Path == "/.well-known/openid-configuration":
		answer = map[string]any{"issuer": i.url, "jwks_uri": i.url + "/keys"}
	default:
		answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: i.keyID, Algorithm: "ES256", Use: "sig"}}}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (i *testIssuer) rotate(keyID string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.keyID = key, keyID
}

// fall makes the issuer answer nothing any more.
func (i *testIssuer) fall() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = true
}

// token signs claims; nil takes one away from those of a good token.
func (i *testIssuer) token(change map[string]any) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	claims := map[string]any{
		"iss": i.url, "aud": []string{"other", "weir"}, "sub": "repo:acme/app:main", "exp": i.now().Add(5 * time.Minute).Unix(), "iat": i.now().Unix(),
		"repository": "acme/app", "protected": true, "run": 12345678901234567, "kubernetes.io": map[string]any{"namespace": "builds"},
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.key, KeyID: i.keyID}}, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	return must[string](i.t)(token, err)
}

// workload is a service account that an issuer's tokens are exchanged for keys
// of.
type workload struct {
	*testIssuer
	f        *fixture
	provider org.WorkloadIdentityProvider
	rule     org.FederationRule
	account  org.ServiceAccount
}

func (f *fixture) workload() *workload {
	f.t.Helper()
	ctx := f.t.Context()
	w := &workload{testIssuer: newIssuer(f.t, f.clock.Now), f: f}
	f.Org.IssuerKeys = issuer.New(f.clock.Now, nil)
	w.account, _, _ = f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
	p, err := f.Org.CreateWorkloadIdentityProvider(ctx, f.actor(), org.NewWorkloadIdentityProvider{
		Type: "oidc", Name: "pipelines", Issuer: w.url, Audience: "weir",
		Transformations: []org.AttributeTransformation{{Attribute: "namespace", Expression: "assertion['kubernetes.io'].namespace"}},
	})
	w.provider = must[org.WorkloadIdentityProvider](f.t)(p, err)
	w.rule = w.newRule(`{"repository": "acme/app", "namespace": "builds", "run": 12345678901234567, "protected": true}`, "api.model.request")
	return w
}

func (w *workload) newRule(matchers string, scopes ...string) org.FederationRule {
	w.t.Helper()
	in := org.NewFederationRule{ProjectID: w.account.ProjectID, ServiceAccountID: w.account.ID}
	if err := json.Unmarshal([]byte(matchers), &in.Matchers); err != nil {
		w.t.Fatal(err)
	}
	if scopes != nil {
		in.Permissions = optional.Of(org.RulePermissions{Type: org.PermissionsRestricted, Scopes: scopes})
	}
	rule, err := w.f.Org.CreateFederationRule(w.t.Context(), w.f.actor(), w.provider.ID, in)
	return must[org.FederationRule](w.t)(rule, err)
}

// exchange is the body of an exchange that succeeds.
func (w *workload) exchange() map[string]any { return w.exchangeOf(w.token(nil)) }

func (w *workload) exchangeOf(token string) map[string]any {
	return map[string]any{
		"grant_type": org.GrantTokenExchange, "subject_token": token, "subject_token_type": org.TokenTypeJWT,
		"identity_provider_id": w.provider.ID, "service_account_id": w.account.ID,
	}
}

// refusedToken wants an exchange to be refused without saying why.
func (w *workload) refusedToken(what string, body map[string]any) {
	w.t.Helper()
	a := w.f.as("").post("/workload_identity/token", body)
	if a.status != http.StatusUnauthorized || !strings.Contains(string(a.body), `"invalid_subject_token"`) || strings.Contains(string(a.body), w.url) {
		w.t.Errorf("%s: %d %s", what, a.status, a.body)
	}
}

func TestTokensAreExchanged(t *testing.T) {
	f := newFixture(t)
	w := f.workload()
	before := f.lastSeq()
	a := f.as("").post("/workload_identity/token", w.exchange())
	got := ok[accessToken](t, a)
	if !strings.HasPrefix(got.AccessToken, "sk-svcacct-") || got.ExpiresIn != 3600 || got.TokenType != "Bearer" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", a.status, a.body)
	}
	events := f.events(before)
	if len(events) != 2 || events[1].Actor.ServiceAccountID != w.account.ID || events[1].Actor.IPAddress == "" ||
		!strings.Contains(string(events[1].Details), `"subject":"repo:acme/app:main"`) || !strings.Contains(string(events[1].Details), w.rule.ID) {
		t.Errorf("recorded %+v", events)
	}
	caller, err := f.Identity.ByKey(t.Context(), got.AccessToken, identity.From{})
	if err != nil || caller.PrincipalID() != w.account.ID || !caller.Grants.Allows(access.ModelsRequest, access.Scope{ProjectID: w.account.ProjectID}) ||
		caller.Grants.Allows(access.ModelsRead, access.Scope{ProjectID: w.account.ProjectID}) {
		t.Errorf("the key is %+v, %v", caller, err)
	}
	f.clock.advance(time.Hour + time.Second)
	if _, err := f.Identity.ByKey(t.Context(), got.AccessToken, identity.From{}); err == nil {
		t.Error("the key works after an hour")
	}

	// A day later it goes, with the next exchange.
	f.clock.advance(24 * time.Hour)
	ok[accessToken](t, f.as("").post("/workload_identity/token", w.exchange()))
	keys, err := f.Org.APIKeys(t.Context(), f.Organization.ID, w.account.ProjectID, org.APIKeyFilter{Page: org.Page{Limit: 100}, ServiceAccountID: w.account.ID})
	if n := len(must[org.Rows[org.APIKey]](t)(keys, err).Items); n != 2 { // the account's own, and the new one
		t.Errorf("%d keys are left", n)
	}
}

// OpenAI's own client takes what the exchange answers, when it is sent here.
func TestTokensAreExchangedByOpenAIsClient(t *testing.T) {
	f := newFixture(t)
	w := f.workload()
	client, err := auth.NewWorkloadIdentityAuth(auth.WorkloadIdentity{
		IdentityProviderID: w.provider.ID, ServiceAccountID: w.account.ID, Provider: tokenSource{w},
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := client.GetToken(t.Context(), redirected(f.url+root+"/workload_identity/token"))
	if err != nil || !strings.HasPrefix(token, "sk-svcacct-") {
		t.Errorf("%q %v", token, err)
	}
}

type tokenSource struct{ *workload }

func (tokenSource) TokenType() auth.SubjectTokenType { return auth.SubjectTokenTypeJWT }
func (s tokenSource) GetToken(_ context.Context, _ auth.HTTPDoer) (string, error) {
	return s.token(nil), nil
}

// redirected sends every request to one address.
type redirected string

func (r redirected) Do(req *http.Request) (*http.Response, error) {
	u, err := url.Parse(string(r))
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = u, u.Host
	return http.DefaultTransport.RoundTrip(req)
}

func TestTokensThatAreNotAccepted(t *testing.T) {
	f := newFixture(t)
	w := f.workload()
	stranger := newIssuer(t, f.clock.Now)
	stranger.url = w.url // it says so
	before := f.lastSeq()
	for what, claims := range map[string]map[string]any{
		"expired":                     {"exp": f.clock.Now().Add(-2 * time.Minute).Unix()},
		"without an end":              {"exp": nil},
		"not valid yet":               {"nbf": f.clock.Now().Add(2 * time.Minute).Unix()},
		"issued in the future":        {"iat": f.clock.Now().Add(2 * time.Minute).Unix()},
		"of another issuer":           {"iss": "https://evil.example.com"},
		"of the issuer, more or less": {"iss": w.url + "/"},
		"for another audience":        {"aud": "weird"},
		"for nobody":                  {"aud": nil},
		"of another repository":       {"repository": "acme/app2"},
		"of a list of repositories":   {"repository": []string{"acme/app"}},
		"without the claim":           {"repository": nil},
		"of a number not the rule's":  {"run": 12345678901234568},
		"of a number in a text":       {"run": "12345678901234567"},
		"of true in a text":           {"protected": "true"},
		"of another namespace":        {"kubernetes.io": map[string]any{"namespace": "prod"}},
		"of no namespace":             {"kubernetes.io": "builds"},
		"that names the attribute":    {"kubernetes.io": nil, "namespace": "builds"},
	} {
		w.refusedToken(what, w.exchangeOf(w.token(claims)))
	}
	good := w.token(nil)
	head, rest, _ := strings.Cut(good, ".")
	payload, _, _ := strings.Cut(rest, ".")
	none := "eyJhbGciOiJub25lIn0." + payload + "."
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	symmetric, err := jwt.Signed(hmac).Claims(map[string]any{"iss": w.url, "aud": "weir", "exp": f.clock.Now().Add(time.Minute).Unix()}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{
		"by another key": stranger.token(nil), "without a signature": none, "with half a signature": good[:len(good)-10],
		"with another payload": head + "." + payload[:len(payload)-4] + "AAAA." + good[strings.LastIndex(good, ".")+1:],
		"by a shared secret":   symmetric, "that is none": "token", "that is empty text": " ", "of dots": "...", "of bytes": "a.\u0001.b",
	} {
		w.refusedToken(what, w.exchangeOf(token))
	}
	other := w.exchange()
	other["service_account_id"] = "svc_acct_none"
	w.refusedToken("for another account", other)
	other = w.exchange()
	other["identity_provider_id"] = "wip_none"
	w.refusedToken("of an unknown provider", other)

	if events := f.events(before); len(events) > 0 {
		t.Errorf("refusals left %+v", events)
	}
	if _, details := f.denials(t); len(details) == 0 {
		t.Error("refusals are not taken note of")
	}

	// Switched off, taken away, archived.
	change := func(in org.FederationRuleChange) {
		t.Helper()
		_, err := f.Org.UpdateFederationRule(t.Context(), f.actor(), w.provider.ID, w.rule.ID, in)
		must[any](t)(nil, err)
	}
	change(org.FederationRuleChange{Enabled: optional.Of(false)})
	w.refusedToken("by a rule that is off", w.exchange())
	change(org.FederationRuleChange{Enabled: optional.Of(true)})
	_, err = f.Org.UpdateWorkloadIdentityProvider(t.Context(), f.actor(), w.provider.ID, org.WorkloadIdentityProviderChange{Enabled: optional.Of(false)})
	must[any](t)(nil, err)
	w.refusedToken("of a provider that is off", w.exchange())
	_, err = f.Org.UpdateWorkloadIdentityProvider(t.Context(), f.actor(), w.provider.ID, org.WorkloadIdentityProviderChange{Enabled: optional.Of(true)})
	must[any](t)(nil, err)
	ok[accessToken](t, f.as("").post("/workload_identity/token", w.exchange()))
	if err := f.Org.DeleteFederationRule(t.Context(), f.actor(), w.provider.ID, w.rule.ID); err != nil {
		t.Fatal(err)
	}
	w.refusedToken("without a rule", w.exchange())
}

// Keys of the issuer change; while it is down, those that are known are taken.
func TestIssuersKeysChange(t *testing.T) {
	f := newFixture(t)
	w := f.workload()
	exchange := func() int { return f.as("").post("/workload_identity/token", w.exchange()).status }
	if got := exchange(); got != http.StatusOK {
		t.Fatal(got)
	}
	w.rotate("two")
	w.refusedToken("by a key that was not asked for again so soon", w.exchange())
	f.clock.advance(11 * time.Second)
	if got := exchange(); got != http.StatusOK {
		t.Errorf("by a new key: %d", got)
	}
	w.fall()
	f.clock.advance(time.Hour)
	if got := exchange(); got != http.StatusOK {
		t.Errorf("by a known key while the issuer is down: %d", got)
	}
	f.clock.advance(24 * time.Hour)
	if got := exchange(); got != http.StatusServiceUnavailable {
		t.Errorf("by a key that nobody vouches for any more: %d", got)
	}

	// Keys that were uploaded need no issuer.
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.key.Public()}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Org.UpdateWorkloadIdentityProvider(t.Context(), f.actor(), w.provider.ID, org.WorkloadIdentityProviderChange{
		Verification: optional.Of(org.TokenVerification{Type: org.VerifyByJWKS, JWKS: set}),
	})
	must[any](t)(nil, err)
	if got := exchange(); got != http.StatusOK {
		t.Errorf("by an uploaded key: %d", got)
	}
}

func TestExchangesThatAreMistakes(t *testing.T) {
	f := newFixture(t)
	w := f.workload()
	for _, test := range []struct {
		field string
		value any
		code  string
	}{
		{"grant_type", nil, "missing_required_parameter"}, {"grant_type", "client_credentials", "invalid_value"},
		{"subject_token", nil, "missing_required_parameter"}, {"subject_token", 7, "invalid_type"},
		{"subject_token", strings.Repeat("x", 20_000), "string_above_max_length"},
		{"subject_token_type", nil, "missing_required_parameter"}, {"subject_token_type", org.TokenTypeAccess, "invalid_value"},
		{"identity_provider_id", nil, "missing_required_parameter"}, {"service_account_id", nil, "missing_required_parameter"},
		{"scope", "everything", "unknown_parameter"},
	} {
		body := w.exchange()
		body[test.field] = test.value
		a := f.as("").post("/workload_identity/token", body)
		if refused(t, a, http.StatusBadRequest, test.code, test.field); t.Failed() {
			t.Fatal(fmt.Sprint(test))
		}
	}
}
