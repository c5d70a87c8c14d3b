package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// from is call as somebody at another address: through a proxy that says so.
func from(t *testing.T, forwarded, method, url, key, body string) (status int, raw string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if forwarded != "" {
		req.Header.Set("X-Forwarded-For", forwarded)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

const refusedAddress = `"ip_address_not_allowed"`

// Behind a trusted proxy the caller's address is what the proxy says, on every
// API alike; what a caller says of itself does not count.
func TestAddressesBehindATrustedProxy(t *testing.T) {
	p := serve(t, t.TempDir(), "WEIR_TRUSTED_PROXIES=127.0.0.1,10.0.0.0/8")
	projectID, key := project(t, p.address, "Weather")
	projects, models, lists := p.address+"/v1/organization/projects", p.address+"/v1/models", p.address+"/weir/v1/ip_allowlists"
	wants := func(what string, status int, says, forwarded, method, url, key, body string) string {
		t.Helper()
		got, raw := from(t, forwarded, method, url, key, body)
		if got != status || !strings.Contains(raw, says) {
			t.Errorf("%s: %d %s; want %d %s", what, got, raw, status, says)
		}
		return raw
	}
	var made struct {
		ID string `json:"id"`
	}
	must(t, "POST", lists, adminKey, map[string]any{"name": "office", "allowed_ips": []string{"192.0.2.0/24"}}, &made)
	activate := lists + "/" + made.ID + "/activate"
	wants("a lock-out", 400, "ip_allowlist_lockout", "203.0.113.9", "POST", activate, adminKey, "")
	wants("a lock-out, spoofed", 400, "ip_allowlist_lockout", "192.0.2.7, 203.0.113.9", "POST", activate, adminKey, "")
	wants("from the office", 200, made.ID, "192.0.2.7", "POST", activate, adminKey, "")

	for _, at := range []struct {
		forwarded string
		allowed   bool
	}{
		{"192.0.2.7", true}, {"203.0.113.9, 192.0.2.7", true}, {"192.0.2.7, 10.1.2.3", true},
		{"203.0.113.9", false}, {"192.0.2.7, 203.0.113.9", false}, {"192.0.2.7, unknown", false}, {"", false}, {"2001:db8::1", false},
	} {
		status, says := 200, ""
		if !at.allowed {
			status, says = 403, refusedAddress
		}
		wants("Admin API from "+at.forwarded, status, says, at.forwarded, "GET", projects, adminKey, "")
		wants("weir's API from "+at.forwarded, status, says, at.forwarded, "GET", p.address+"/weir/v1/me", adminKey, "")
		wants("models from "+at.forwarded, status, says, at.forwarded, "GET", models, key, "")
		if !at.allowed { // as if the password were wrong
			status, says = 401, `"invalid_credentials"`
		}
		wants("sign-in from "+at.forwarded, status, says, at.forwarded, "POST", p.address+"/weir/v1/session", "", `{"email":"owner@localhost","password":"e2e-password"}`)
	}
	log := wants("the audit log", 200, "login.succeeded", "192.0.2.7", "GET", p.address+"/weir/v1/audit_events?limit=100", adminKey, "")
	if !strings.Contains(log, `"ip_address":"192.0.2.7"`) || !strings.Contains(log, `"ip_address":"203.0.113.9"`) {
		t.Errorf("the log names other addresses: %s", log)
	}
	if !strings.Contains(p.stderr.String(), `"ip_address":"203.0.113.9"`) {
		t.Error("the access record does not name the caller's address")
	}
	wants("metrics from outside", 403, refusedAddress, "203.0.113.9", "GET", p.address+"/metrics", adminKey, "")
	wants("metrics without a key", 401, "", "192.0.2.7", "GET", p.address+"/metrics", "", "")
	wants("metrics as if from this machine", 401, "", "127.0.0.1", "GET", p.address+"/metrics", "", "")
	wants("metrics with a key", 200, "weir_", "192.0.2.7", "GET", p.address+"/metrics", adminKey, "")

	// The project's own list narrows further.
	raw := wants("a project's list", 200, "", "192.0.2.7", "POST", lists, adminKey, `{"name":"server","allowed_ips":["192.0.2.99"],"project_id":"`+projectID+`"}`)
	_, id, _ := strings.Cut(raw, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	wants("activated", 200, "", "192.0.2.7", "POST", lists+"/"+id+"/activate", adminKey, "")
	wants("models from the office", 403, refusedAddress, "192.0.2.7", "GET", models, key, "")
	wants("models from the server", 200, "", "192.0.2.99", "GET", models, key, "")
	wants("administration from the office", 200, "", "192.0.2.7", "GET", projects, adminKey, "")
}

// Without a trusted proxy nobody can say that they are elsewhere.
func TestAddressesCannotBeSpoofed(t *testing.T) {
	p := serve(t, t.TempDir())
	lists := p.address + "/weir/v1/ip_allowlists"
	var made struct {
		ID string `json:"id"`
	}
	must(t, "POST", lists, adminKey, map[string]any{"name": "office", "allowed_ips": []string{"192.0.2.0/24"}}, &made)
	if status, raw := from(t, "192.0.2.7", "POST", lists+"/"+made.ID+"/activate", adminKey, ""); status != 400 || !strings.Contains(raw, "127.0.0.1") {
		t.Errorf("%d %s", status, raw)
	}
	must(t, "POST", lists+"/"+made.ID, adminKey, map[string]any{"allowed_ips": []string{"127.0.0.1"}}, nil)
	must(t, "POST", lists+"/"+made.ID+"/activate", adminKey, nil, nil)
	if status, raw := from(t, "203.0.113.9", "GET", p.address+"/v1/organization/projects", adminKey, ""); status != 200 {
		t.Errorf("%d %s", status, raw)
	}
	if status, _ := from(t, "127.0.0.1", "GET", p.address+"/metrics", "", ""); status != 401 {
		t.Errorf("metrics that came through somebody: %d", status)
	}
	if status, _ := from(t, "", "GET", p.address+"/metrics", "", ""); status != 200 {
		t.Errorf("metrics from this machine: %d", status)
	}
}
