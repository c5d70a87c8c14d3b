package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
)

// signIn signs the owner in and returns the session's cookie and csrf token.
func signIn(t *testing.T, address string) (cookie *http.Cookie, csrf string) {
	t.Helper()
	resp := send(t, "POST", address+"/weir/v1/session", `{"email":"owner@localhost","password":"e2e-password"}`, nil)
	defer resp.Body.Close()
	var session struct {
		CSRF string `json:"csrf_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&session); err != nil || resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
		t.Fatalf("signing in: %d %v, cookies %v", resp.StatusCode, err, resp.Cookies())
	}
	return resp.Cookies()[0], session.CSRF
}

// send makes a request without following redirects.
func send(t *testing.T, method, url, body string, header map[string]string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// byCookie makes a request as a browser does.
func byCookie(t *testing.T, method, url string, cookie *http.Cookie, csrf string) int {
	t.Helper()
	header := map[string]string{"Cookie": cookie.Name + "=" + cookie.Value}
	if csrf != "" {
		header["X-Csrf-Token"] = csrf
	}
	resp := send(t, method, url, "", header)
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestSession(t *testing.T) {
	p := serve(t, t.TempDir())
	cookie, csrf := signIn(t, p.address)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.MaxAge <= 0 || cookie.Domain != "" {
		t.Errorf("the cookie can be read by scripts or is sent by other sites: %v", cookie)
	}
	other, otherCSRF := signIn(t, p.address)
	if other.Value == cookie.Value || otherCSRF == csrf {
		t.Error("two sign-ins share a secret")
	}
	me, session := p.address+"/weir/v1/me", p.address+"/weir/v1/session"
	for _, c := range []struct {
		what   string
		status int
		want   int
	}{
		{"reading", byCookie(t, "GET", me, cookie, ""), 200},
		{"signing out without the csrf token", byCookie(t, "DELETE", session, cookie, ""), 403},
		{"with another session's csrf token", byCookie(t, "DELETE", session, cookie, otherCSRF), 403},
		{"with the cookie for a csrf token", byCookie(t, "DELETE", session, cookie, cookie.Value), 403},
		{"a csrf token for a cookie", byCookie(t, "GET", me, &http.Cookie{Name: cookie.Name, Value: csrf}, ""), 401},
		{"calling a model by cookie", byCookie(t, "GET", p.address+"/v1/models", cookie, csrf), 401},
		{"signing out", byCookie(t, "DELETE", session, cookie, csrf), 200},
		{"reading after signing out", byCookie(t, "GET", me, cookie, ""), 401},
		{"signing out again", byCookie(t, "DELETE", session, cookie, csrf), 401},
		{"the other session goes on", byCookie(t, "GET", me, other, ""), 200},
	} {
		if c.status != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.status, c.want)
		}
	}
	// A form of another site must not sign a visitor in as somebody else.
	resp := send(t, "POST", session, `{"email":"owner@localhost","password":"e2e-password"}`,
		map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 {
		t.Errorf("another site signs in: %d", resp.StatusCode)
	}
}
