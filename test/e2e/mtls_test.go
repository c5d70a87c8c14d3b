package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/peer/peertest"
)

// secured is a weir that serves TLS, with a project that may call the sandbox.
type secured struct {
	*process
	key, projectID string
	servers        *x509.CertPool
	certFile       string
	keyFile        string
}

func serveTLS(t *testing.T, env ...string) (*secured, *peertest.Authority) {
	t.Helper()
	authority := peertest.NewAuthority(t, "servers")
	s := &secured{servers: x509.NewCertPool(), certFile: filepath.Join(t.TempDir(), "cert.pem"), keyFile: filepath.Join(t.TempDir(), "key.pem")}
	s.servers.AddCert(authority.Certificate)
	s.install(t, authority, "first")
	s.process = serve(t, t.TempDir(), append(env, "WEIR_TLS_CERT_FILE="+s.certFile, "WEIR_TLS_KEY_FILE="+s.keyFile)...)
	admin := s.client()
	s.expect(t, admin, "POST", "/weir/v1/connections", adminKey, `{"name":"sandbox","provider":"sandbox"}`, "")
	var made struct {
		ID     string
		APIKey struct{ Value string } `json:"api_key"`
	}
	s.decode(t, s.expect(t, admin, "POST", "/v1/organization/projects", adminKey, `{"name":"p"}`, ""), &made)
	s.projectID = made.ID
	s.decode(t, s.expect(t, admin, "POST", "/v1/organization/projects/"+made.ID+"/service_accounts", adminKey, `{"name":"bot"}`, ""), &made)
	s.key = made.APIKey.Value
	return s, authority
}

// install puts a new certificate where weir reads it.
func (s *secured) install(t *testing.T, a *peertest.Authority, name string) {
	t.Helper()
	certificate, key := a.Server(t, name)
	for path, text := range map[string][]byte{s.certFile: certificate, s.keyFile: key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// client shows the certificates, over connections that it keeps.
func (s *secured) client(shown ...tls.Certificate) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: s.servers, Certificates: shown, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(8)},
	}}
}

// expect makes a call, and fails unless it is answered 200, or refused with code.
func (s *secured) expect(t *testing.T, c *http.Client, method, path, key, body, code string) []byte {
	t.Helper()
	got, raw := s.code(t, c, method, path, key, body)
	if got != code {
		t.Fatalf("%s %s: %q, want %q: %s", method, path, got, code, raw)
	}
	return raw
}

// code is the code that a call is refused with; "" when it is not.
func (s *secured) code(t *testing.T, c *http.Client, method, path, key, body string) (code string, raw []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.address+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if raw, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		return "", raw
	}
	var refusal struct{ Error struct{ Code string } }
	s.decode(t, raw, &refusal)
	return refusal.Error.Code, raw
}

func (s *secured) decode(t *testing.T, raw []byte, out any) {
	t.Helper()
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
}

// calls a model.
func (s *secured) calls(t *testing.T, c *http.Client, code string) {
	t.Helper()
	s.expect(t, c, "POST", "/v1/chat/completions", s.key, `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}`, code)
}

// upload keeps an authority's certificate and returns its id.
func (s *secured) upload(t *testing.T, c *http.Client, a *peertest.Authority) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"certificate": peertest.PEM(a.Certificate.Raw)})
	if err != nil {
		t.Fatal(err)
	}
	var kept struct{ ID string }
	s.decode(t, s.expect(t, c, "POST", "/v1/organization/certificates", adminKey, string(body), ""), &kept)
	return kept.ID
}

// Where certificates are active, callers of models show one; everybody else goes on
// as before, and nobody asks for what they cannot show themselves.
func TestClientCertificates(t *testing.T) {
	s, _ := serveTLS(t)
	devices, spare := peertest.NewAuthority(t, "devices"), peertest.NewAuthority(t, "spare")
	device := devices.Below(t, "plant").Issue(t, "device", nil)
	bare, shows, stranger := s.client(), s.client(device), s.client(peertest.NewAuthority(t, "else").Issue(t, "stranger", nil))
	for _, c := range []*http.Client{bare, shows, stranger} { // over connections on which nobody was asked
		s.calls(t, c, "")
	}

	const base = "/v1/organization/certificates"
	ids := func(id string) string { return `{"certificate_ids":["` + id + `"]}` }
	first := s.upload(t, shows, devices)
	s.expect(t, bare, "POST", base+"/activate", adminKey, ids(first), "certificate_lockout")
	s.calls(t, bare, "")
	s.expect(t, shows, "POST", base+"/activate", adminKey, ids(first), "") // over the connection that uploaded, but for weir's closing it

	s.calls(t, shows, "")
	s.calls(t, bare, "client_certificate_required")
	s.expect(t, bare, "GET", "/v1/models", s.key, "", "client_certificate_required")
	if got, _ := s.code(t, stranger, "GET", "/v1/models", s.key, ""); got == "" {
		t.Error("a stranger's certificate is accepted")
	}
	s.calls(t, stranger, "client_certificate_refused") // asked by now
	forged := s.client()
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.address+"/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("X-Forwarded-Client-Cert", peertest.Forwarded(device))
	resp, err := forged.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a certificate that the caller says a proxy has seen: %d", resp.StatusCode)
	}

	// The Admin API asks for none, so whoever lost the device is not locked out of it.
	s.expect(t, bare, "GET", base, adminKey, "", "")
	second := s.upload(t, bare, spare)
	s.expect(t, bare, "POST", base+"/activate", adminKey, ids(second), "")
	s.calls(t, s.client(spare.Issue(t, "new device", nil)), "")
	s.expect(t, shows, "POST", base+"/deactivate", adminKey, ids(first), "certificate_lockout")
	s.expect(t, shows, "POST", base+"/deactivate", adminKey, ids(second), "")
	s.expect(t, bare, "POST", base+"/deactivate", adminKey, ids(first), "")
	s.calls(t, bare, "")

	// In the project alone.
	project := "/v1/organization/projects/" + s.projectID + "/certificates/"
	s.expect(t, bare, "POST", project+"activate", adminKey, ids(first), "certificate_lockout")
	s.expect(t, shows, "POST", project+"activate", adminKey, ids(first), "")
	s.calls(t, bare, "client_certificate_required")
	s.calls(t, shows, "")
}

// A proxy that was named says which certificate a caller has shown to it.
func TestForwardedClientCertificates(t *testing.T) {
	p := serve(t, t.TempDir(), "WEIR_TRUSTED_PROXIES=127.0.0.1")
	must(t, "POST", p.address+"/weir/v1/connections", adminKey, map[string]any{"name": "sandbox", "provider": "sandbox"}, nil)
	_, key := project(t, p.address, "p")
	devices := peertest.NewAuthority(t, "devices")
	device := peertest.Forwarded(devices.Issue(t, "device", nil))
	var kept struct{ ID string }
	must(t, "POST", p.address+"/v1/organization/certificates", adminKey, map[string]any{"certificate": peertest.PEM(devices.Certificate.Raw)}, &kept)
	activate := func(shown string) int {
		return forwarded(t, "POST", p.address+"/v1/organization/certificates/activate", adminKey, shown, `{"certificate_ids":["`+kept.ID+`"]}`)
	}
	if status := activate(peertest.Forwarded(peertest.NewAuthority(t, "else").Issue(t, "x", nil))); status != http.StatusBadRequest {
		t.Errorf("activated with another certificate: %d", status)
	}
	if status := activate(device); status != http.StatusOK {
		t.Errorf("activated with the device's: %d", status)
	}
	for shown, want := range map[string]int{device: 200, "": 403, peertest.Forwarded(peertest.NewAuthority(t, "else").Issue(t, "x", nil)): 403} {
		if status := forwarded(t, "GET", p.address+"/v1/models", key, shown, ""); status != want {
			t.Errorf("called with %.40q: %d, want %d", shown, status, want)
		}
	}
}

func forwarded(t *testing.T, method, url, key, shown, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	if shown != "" {
		req.Header.Set("X-Forwarded-Client-Cert", shown)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// serverName is whose certificate a new connection is shown.
func (s *secured) serverName(t *testing.T) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.address, "https://"), &tls.Config{RootCAs: s.servers, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// A renewed certificate is shown without a restart, and a broken one is not.
func TestServerCertificatesAreReloaded(t *testing.T) {
	s, authority := serveTLS(t)
	if got := s.serverName(t); got != "first" {
		t.Fatalf("shown at first: %s", got)
	}
	if err := os.WriteFile(s.certFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.waitFor(t, "reading the TLS certificate")
	if got := s.serverName(t); got != "first" {
		t.Errorf("shown while the file is broken: %s", got)
	}
	s.install(t, authority, "second")
	within(t, 20*time.Second, "the new certificate is shown", func() bool { return s.serverName(t) == "second" })
}
