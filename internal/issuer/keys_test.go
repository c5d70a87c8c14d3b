package issuer_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"weir/internal/fault"
	"weir/internal/issuer"
	"weir/internal/org"
)

// site is an issuer's web site, whose pages a test writes.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]string // by path; "" is a page that fails
	asked atomic.Int64      // for keys
}

func newSite(t *testing.T, start func(http.Handler) *httptest.Server) *site {
	t.Helper()
	s := &site{pages: map[string]string{}}
	s.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			s.asked.Add(1)
		}
		s.mu.Lock()
		page := s.pages[r.URL.Path]
		s.mu.Unlock()
		switch target, moved := strings.CutPrefix(page, "-> "); {
		case page == "":
			http.Error(w, "no", http.StatusInternalServerError)
		case moved:
			http.Redirect(w, r, target, http.StatusFound)
		default:
			_, _ = io.WriteString(w, page)
		}
	}))
	t.Cleanup(s.Close)
	s.write("/.well-known/openid-configuration", `{"issuer": "`+s.URL+`", "jwks_uri": "`+s.URL+`/keys"}`)
	return s
}

func (s *site) write(path, page string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = page
}

func (s *site) provider() org.WorkloadIdentityProvider {
	return org.WorkloadIdentityProvider{ID: "wip_1", Issuer: s.URL, Verification: org.TokenVerification{Type: org.VerifyByDiscovery}}
}

// key is a public key in JSON.
func key(t *testing.T, keyID string) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(jose.JSONWebKey{Key: public, KeyID: keyID})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestKeysAreKeptForAWhile(t *testing.T) {
	s, c := newSite(t, httptest.NewServer), &clock{time.Now()}
	s.write("/keys", `{"keys": [`+key(t, "a")+`, {"kty": "new"}, {"kty": "oct", "k": "c2VjcmV0"}, 7]}`)
	keys := issuer.New(c.Now, nil)
	wants := func(keyID string, asked int64, has ...string) {
		t.Helper()
		got, err := keys.Keys(t.Context(), s.provider(), keyID)
		if err != nil || len(got) != len(has) || s.asked.Load() != asked {
			t.Fatalf("keys %v, %v; asked %d times, want %d", got, err, s.asked.Load(), asked)
		}
		for i, id := range has {
			if got[i].KeyID != id {
				t.Errorf("key %s, want %s", got[i].KeyID, id)
			}
		}
	}
	wants("a", 1, "a") // what is no public key is passed over
	wants("a", 1, "a")
	wants("", 1, "a")
	wants("b", 1, "a") // not asked for again so soon, whatever a token says
	c.now = c.now.Add(11 * time.Second)
	s.write("/keys", `{"keys": [`+key(t, "b")+`]}`)
	wants("a", 1, "a")
	wants("b", 2, "b")
	c.now = c.now.Add(11 * time.Minute)
	wants("b", 3, "b") // they are asked for anew
	s.write("/keys", "")
	c.now = c.now.Add(time.Hour)
	wants("b", 4, "b")
	wants("b", 4, "b") // and not at each token while the issuer fails
	c.now = c.now.Add(24 * time.Hour)
	if got, err := keys.Keys(t.Context(), s.provider(), "b"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("keys of yesterday: %v, %v", got, err)
	}

	// Another address is another set.
	moved := s.provider()
	moved.Verification.DiscoveryURL = s.URL + "/elsewhere"
	s.write("/elsewhere", `{"issuer": "`+s.URL+`", "jwks_uri": "`+s.URL+`/keys2"}`)
	s.write("/keys2", `{"keys": [`+key(t, "c")+`]}`)
	if got, err := keys.Keys(t.Context(), moved, "c"); err != nil || len(got) != 1 || got[0].KeyID != "c" {
		t.Errorf("keys of another address: %v, %v", got, err)
	}
}

func TestManyTokensAskOnce(t *testing.T) {
	s := newSite(t, httptest.NewServer)
	s.write("/keys", `{"keys": [`+key(t, "a")+`]}`)
	keys := issuer.New(time.Now, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got, err := keys.Keys(t.Context(), s.provider(), "a"); err != nil || len(got) != 1 {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := s.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// Keys that cannot be trusted are none.
func TestKeysThatAreNotTaken(t *testing.T) {
	const discovery = "/.well-known/openid-configuration"
	elsewhere := newSite(t, httptest.NewServer)
	elsewhere.write("/keys", `{"keys": [`+key(t, "evil")+`]}`)
	tls := newSite(t, httptest.NewTLSServer) // whose certificate nobody knows
	tls.write("/keys", `{"keys": [`+key(t, "a")+`]}`)
	for what, pages := range map[string]map[string]string{
		"no discovery document":        {discovery: ""},
		"no JSON":                      {discovery: "<html>"},
		"another issuer's":             {discovery: `{"issuer": "https://other.example.com", "jwks_uri": "https://other.example.com/keys"}`},
		"keys without TLS elsewhere":   {discovery: `{"issuer": "URL", "jwks_uri": "http://192.0.2.1/keys"}`},
		"keys in a file":               {discovery: `{"issuer": "URL", "jwks_uri": "file:///etc/passwd"}`},
		"keys at no address":           {discovery: `{"issuer": "URL", "jwks_uri": ""}`},
		"a redirect that drops TLS":    {"/keys": "-> http://192.0.2.1/keys"},
		"a redirect without an end":    {"/keys": "-> /keys"},
		"no keys":                      {"/keys": ""},
		"an empty list":                {"/keys": `{"keys": []}`},
		"a shared secret":              {"/keys": `{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}`},
		"more than anybody needs":      {"/keys": `{"keys": [], "x": "` + strings.Repeat("x", 600<<10) + `"}`},
		"a list of something else":     {"/keys": `{"keys": {}}`},
		"a certificate that is nobody": {discovery: `{"issuer": "URL", "jwks_uri": "` + tls.URL + `/keys"}`},
	} {
		s := newSite(t, httptest.NewServer)
		s.write("/keys", `{"keys": [`+key(t, "a")+`]}`)
		for path, page := range pages {
			s.write(path, strings.ReplaceAll(page, "URL", s.URL))
		}
		if got, err := issuer.New(time.Now, nil).Keys(t.Context(), s.provider(), "a"); !fault.Is(err, fault.Unavailable) || strings.Contains(err.(*fault.Error).Message, s.URL) {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}

	// An issuer elsewhere cannot make weir call this machine.
	p := elsewhere.provider()
	p.Issuer, p.Verification.DiscoveryURL = "https://issuer.example.com", elsewhere.URL+discovery
	if got, err := issuer.New(time.Now, nil).Keys(t.Context(), p, "evil"); !fault.Is(err, fault.Unavailable) || elsewhere.asked.Load() > 0 {
		t.Errorf("keys of this machine: %v, %v", got, err)
	}
}

// An issuer with TLS is taken at its certificate.
func TestKeysOverTLS(t *testing.T) {
	s := newSite(t, httptest.NewTLSServer)
	s.write("/keys", `{"keys": [`+key(t, "a")+`]}`)
	keys := issuer.New(time.Now, s.Client().Transport.(*http.Transport).TLSClientConfig)
	if got, err := keys.Keys(t.Context(), s.provider(), "a"); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}
