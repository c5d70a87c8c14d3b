// Package oidctest is an OpenID Connect provider on loopback, which says what a
// test wants it to and checks what is sent to it.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"weir/internal/config"
)

// The client that the provider knows.
const (
	ClientID     = "weir-client"
	ClientSecret = "client-secret-0123456789"
)

// Claims of a token.
type Claims = map[string]any

// Provider answers like one. The fields may be changed between sign-ins.
type Provider struct {
	URL string
	Now func() time.Time

	mu sync.Mutex
	// Person is what id_tokens say of whoever signs in.
	Person Claims
	// UserInfo is what /userinfo says; nil: the endpoint is not announced.
	UserInfo Claims
	// Alter changes a token's claims before it is signed.
	Alter func(Claims)
	// Sign makes the token; nil signs with the provider's key.
	Sign func(payload []byte) string
	// Tokens counts calls of /token.
	Tokens int

	t     *testing.T
	key   *ecdsa.PrivateKey
	codes map[string]grant
}

// grant is what a code was given for.
type grant struct{ nonce, challenge, redirect string }

// New starts a provider.
func New(t *testing.T) *Provider {
	t.Helper()
	p := &Provider{t: t, Now: time.Now, codes: map[string]grant{}, key: NewKey(t), Person: Claims{
		"sub": "subject-1", "email": "ada@example.com", "email_verified": true, "name": "Ada",
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.describe)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	p.URL = srv.URL
	return p
}

// NewKey returns a key, of the provider's kind.
func NewKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Config is how weir is told of the provider.
func (p *Provider) Config(name string) config.OIDCProvider {
	return config.OIDCProvider{Name: name, Issuer: p.URL, ClientID: ClientID, ClientSecret: ClientSecret}
}

// Say changes what the provider does.
func (p *Provider) Say(change func(*Provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller hung up, if it fails
}

func (p *Provider) describe(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	about := Claims{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256", "none", "HS256"}, // some announce what nobody should use
	}
	if p.UserInfo != nil {
		about["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	answer(w, http.StatusOK, about)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "key-1", Algorithm: "ES256", Use: "sig"}}})
}

// Authorize is the person saying yes at the address a sign-in sent the browser
// to. It checks the address and returns where the browser is sent back to.
func (p *Provider) Authorize(address string) *url.URL {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme+"://"+u.Host+u.Path != p.URL+"/authorize" || q.Get("response_type") != "code" || q.Get("client_id") != ClientID ||
		q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 {
		p.t.Fatalf("sent to %s", address)
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = grant{nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri")}
	p.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		p.t.Fatal(err)
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	return back
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Tokens++
	id, secret, _ := r.BasicAuth()
	given, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code")) // once
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case id != ClientID || secret != ClientSecret:
		answer(w, http.StatusUnauthorized, Claims{"error": "invalid_client"})
		return
	case !ok, given.redirect != r.PostFormValue("redirect_uri"), base64.RawURLEncoding.EncodeToString(sum[:]) != given.challenge:
		answer(w, http.StatusBadRequest, Claims{"error": "invalid_grant"})
		return
	}
	now := p.Now()
	claims := Claims{"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": given.nonce}
	for name, value := range p.Person {
		claims[name] = value
	}
	if p.Alter != nil {
		p.Alter(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	token := ""
	if p.Sign != nil {
		token = p.Sign(payload)
	} else {
		token = p.SignWith(p.key, payload)
	}
	answer(w, http.StatusOK, Claims{"access_token": "access-token", "token_type": "Bearer", "expires_in": 3600, "id_token": token})
}

// SignWith signs a token with any key, in the name of the provider's own.
func (p *Provider) SignWith(key *ecdsa.PrivateKey, payload []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "key-1"}}, nil)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		p.t.Error(err)
	}
	return token
}

// Unsigned is a token with the algorithm none.
func Unsigned(payload []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
}

// SignedWithSecret is a token whose signature anybody could make who knows the
// provider's public key, or here the client's secret: HMAC.
func SignedWithSecret(secret []byte, payload []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, nil)
	if err != nil {
		return err.Error()
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return err.Error()
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return err.Error()
	}
	return token
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer access-token" {
		answer(w, http.StatusUnauthorized, Claims{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, p.UserInfo)
}
