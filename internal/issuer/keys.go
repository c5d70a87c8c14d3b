// Package issuer asks OpenID Connect issuers for the keys that they sign tokens
// with, and keeps them for a while.
package issuer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"weir/internal/fault"
	"weir/internal/org"
)

const (
	timeout      = 10 * time.Second // of one document
	maxKeys      = 100              // of an issuer
	fresh        = 10 * time.Minute // so long keys are taken without asking again
	usable       = 24 * time.Hour   // so long they are, while the issuer does not answer
	patience     = 10 * time.Second // between two askings, whatever tokens say
	wellKnown    = "/.well-known/openid-configuration"
	maxRedirects = 3 // redirects
)

// Keys implements org.IssuerKeys over HTTP. The zero value is not ready; see
// [New].
type Keys struct {
	client *http.Client
	now    func() time.Time

	mu   sync.Mutex
	sets map[string]*set // by provider id: as many as there are providers
}

// set is what is known of one provider's keys. Its lock is held while the issuer
// is asked, so that of many tokens at once one asks.
type set struct {
	mu     sync.Mutex
	source string // that the keys are of
	keys   []jose.JSONWebKey
	read   time.Time // of the keys
	asked  time.Time
	err    error // of the last asking
}

var _ org.IssuerKeys = (*Keys)(nil)

// New returns keys of issuers that are reached by TLS, or on this machine
// without. roots may be nil: those of the system.
func New(now func() time.Time, roots *tls.Config) *Keys {
	dialer := &net.Dialer{Timeout: timeout}
	return &Keys{
		now: now, sets: map[string]*set{},
		client: &http.Client{
			Timeout: timeout,
			Transport: Bounded(&http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: roots,
				TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout,
				IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 1, ForceAttemptHTTP2: true,
			}),
			CheckRedirect: func(r *http.Request, via []*http.Request) error {
				if len(via) > maxRedirects {
					return errors.New("too many redirects")
				}
				return reachable(r.URL, via[0].URL)
			},
		},
	}
}

// Keys implements org.IssuerKeys.
func (k *Keys) Keys(ctx context.Context, p org.WorkloadIdentityProvider, keyID string) ([]jose.JSONWebKey, error) {
	s := k.set(p.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := k.now()
	source := p.Issuer + " " + discoveryURL(p)
	if s.source != source {
		s.source, s.keys, s.read, s.asked, s.err = source, nil, time.Time{}, time.Time{}, nil
	}
	if known := now.Sub(s.read) < fresh && s.has(keyID); !known && now.Sub(s.asked) >= patience {
		s.ask(ctx, k, p, now)
	}
	if len(s.keys) > 0 && now.Sub(s.read) < usable {
		return s.keys, nil
	}
	return nil, fault.New(fault.Unavailable, "issuer_unavailable", "", "The issuer of the token does not give its keys now. Try again later.").With(s.err)
}

func (k *Keys) set(providerID string) *set {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.sets[providerID]
	if s == nil {
		s = &set{}
		k.sets[providerID] = s
	}
	return s
}

func (s *set) has(keyID string) bool {
	return slices.ContainsFunc(s.keys, func(key jose.JSONWebKey) bool { return keyID == "" || key.KeyID == keyID || key.KeyID == "" })
}

// ask replaces the keys by what the issuer answers; when it does not, they stay.
func (s *set) ask(ctx context.Context, k *Keys, p org.WorkloadIdentityProvider, now time.Time) {
	// Whoever asked may be gone; who waits for the lock still wants the keys.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*timeout)
	defer cancel()
	keys, err := k.fetch(ctx, p)
	s.asked, s.err = now, err
	if err == nil {
		s.keys, s.read = keys, now
	}
}

func discoveryURL(p org.WorkloadIdentityProvider) string {
	if p.Verification.DiscoveryURL != "" {
		return p.Verification.DiscoveryURL
	}
	return strings.TrimSuffix(p.Issuer, "/") + wellKnown
}

// fetch reads the discovery document and the keys that it points to (OpenID
// Connect Discovery 1.0, section 4).
func (k *Keys) fetch(ctx context.Context, p org.WorkloadIdentityProvider) ([]jose.JSONWebKey, error) {
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("reading the issuer's address: %w", err)
	}
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := k.get(ctx, discoveryURL(p), issuer, &document); err != nil {
		return nil, fmt.Errorf("reading the discovery document: %w", err)
	}
	if document.Issuer != p.Issuer {
		return nil, fmt.Errorf("the discovery document is of the issuer %.200q", document.Issuer)
	}
	var listed struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := k.get(ctx, document.JWKSURI, issuer, &listed); err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	keys := publicKeys(listed.Keys)
	if len(keys) == 0 {
		return nil, errors.New("the issuer lists no public key")
	}
	return keys, nil
}

// publicKeys passes over what is not understood, as RFC 7517 has it (section 5).
func publicKeys(listed []json.RawMessage) []jose.JSONWebKey {
	var keys []jose.JSONWebKey
	for _, raw := range listed {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && key.Valid() && key.IsPublic() && len(keys) < maxKeys {
			keys = append(keys, key)
		}
	}
	return keys
}

func (k *Keys) get(ctx context.Context, address string, issuer *url.URL, into any) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("reading the address: %w", err)
	}
	if err := reachable(u, issuer); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "weir")
	res, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", u.Redacted(), res.StatusCode)
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("reading %s: %w", u.Redacted(), err)
	}
	return json.Unmarshal(raw, into)
}

// reachable refuses addresses that keys cannot be trusted from. An issuer on
// this machine may be without TLS, and may point to this machine; one elsewhere
// may not make weir call services here.
func reachable(u, issuer *url.URL) error {
	here := isLoopback(u.Hostname())
	switch {
	case here && !isLoopback(issuer.Hostname()):
		return fmt.Errorf("%.200q points to this machine", u.Redacted())
	case u.Scheme == "https" && u.Hostname() != "", u.Scheme == "http" && here:
		return nil
	}
	return fmt.Errorf("%.200q is not an https address", u.Redacted())
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
