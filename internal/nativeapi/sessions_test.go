package nativeapi

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/org"
)

// signIn returns the owner's browser, which sends the cookie and, unlike other
// sites, the token.
func (f *fixture) signIn() (browser client, s session) {
	f.t.Helper()
	a := f.as("").post("/session", map[string]string{"email": f.Owner.Email, "password": endpointtest.Password})
	s = ok[session](f.t, a)
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return f.as("").with("Cookie", cookie).with(endpoint.CSRFHeader, s.CSRFToken), s
}

func cookieOf(t *testing.T, a answer) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%s: %d cookies", a.call, len(cookies))
	}
	return cookies[0]
}

func TestSession(t *testing.T) {
	f := newFixture(t)
	credentials := map[string]string{"email": strings.ToUpper(f.Owner.Email), "password": endpointtest.Password}
	a := f.as("").post("/session", credentials)
	s, cookie := ok[session](t, a), cookieOf(t, a)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Secure || cookie.Domain != "" ||
		cookie.MaxAge != int(org.SessionLifetime/time.Second) || cookie.Name != endpoint.SessionCookie {
		t.Errorf("cookie: %+v", cookie)
	}
	if s.User.ID != f.Owner.ID || s.Organization.ID != f.Organization.ID || s.ExpiresAt != f.clock.Now().Add(org.SessionLifetime).Unix() {
		t.Errorf("session: %+v", s)
	}
	if bytes.Contains(a.body, []byte(cookie.Value)) || a.header.Get("Cache-Control") != "no-store" {
		t.Error("the cookie's token is in the body, or the body may be cached")
	}

	browser := f.as("").with("Cookie", cookie.Name+"="+cookie.Value)
	who := ok[me](t, browser.get("/me"))
	if who.ID != f.Owner.ID || *who.SessionID != s.ID || who.APIKeyID != nil {
		t.Errorf("me: %+v", who)
	}
	body := map[string]string{"name": "by-session"}
	refused(t, browser.post("/workspaces", body), http.StatusForbidden, "csrf_token_missing", "")
	refused(t, browser.with(endpoint.CSRFHeader, "guess").post("/workspaces", body), http.StatusForbidden, "csrf_token_missing", "")
	browser = browser.with(endpoint.CSRFHeader, s.CSRFToken)
	ok[workspace](t, browser.post("/workspaces", body))

	over := browser.delete("/session")
	if got := ok[endpoint.Deleted](t, over); got.ID != s.ID || cookieOf(t, over).MaxAge >= 0 || cookieOf(t, over).Value != "" {
		t.Errorf("sign-out: %+v, %+v", got, cookieOf(t, over))
	}
	refused(t, browser.get("/me"), http.StatusUnauthorized, "session_expired", "")
}

func TestSessionCookieIsSecureBehindAProxyThatSpeaksTLS(t *testing.T) {
	f := newFixture(t)
	credentials := map[string]string{"email": f.Owner.Email, "password": endpointtest.Password}
	for proto, secure := range map[string]bool{"https": true, "HTTPS": true, "http": false, "": false} {
		a := f.as("").with("X-Forwarded-Proto", proto).post("/session", credentials)
		cookie := cookieOf(t, a)
		if ok[session](t, a); cookie.Secure != secure || strings.HasPrefix(cookie.Name, "__Host-") != secure {
			t.Errorf("forwarded from %q: %+v", proto, cookie)
		}
		browser := f.as("").with("X-Forwarded-Proto", proto)
		ok[me](t, browser.with("Cookie", cookie.Name+"="+cookie.Value).get("/me"))
		if secure { // a neighbour below the same domain can plant a cookie without the prefix
			refused(t, browser.with("Cookie", endpoint.SessionCookie+"="+cookie.Value).get("/me"), http.StatusUnauthorized, "", "")
			ok[me](t, browser.with("Cookie", endpoint.SessionCookie+"=planted; "+cookie.Name+"="+cookie.Value).get("/me"))
		}
	}
}

func TestSessionCookieIsSecureBehindTLS(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.SecureCookies = true })
	a := f.as("").post("/session", map[string]string{"email": f.Owner.Email, "password": endpointtest.Password})
	cookie := cookieOf(t, a)
	if ok[session](t, a); !cookie.Secure || cookie.Name != "__Host-weir_session" {
		t.Errorf("the cookie would be sent in the clear: %+v", cookie)
	}
	ok[me](t, f.as("").with("Cookie", cookie.Name+"="+cookie.Value).get("/me"))
}

func TestSessionEnds(t *testing.T) {
	f := newFixture(t)
	browser, _ := f.signIn()
	for range 7 { // used now and then, it lasts its whole life
		f.clock.advance(org.SessionLifetime/7 - time.Second)
		ok[me](t, browser.get("/me"))
	}
	f.clock.advance(7 * time.Second)
	refused(t, browser.get("/me"), http.StatusUnauthorized, "session_expired", "")
}

// What is not used ends sooner, whether its last use was written down or not.
func TestUnusedSessionEnds(t *testing.T) {
	for name, written := range map[string]bool{"written down": true, "gathered": false} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.Org.SessionLimits = org.SessionLimits{Idle: 10 * time.Minute}
			browser, s := f.signIn()
			for range 3 {
				f.clock.advance(10*time.Minute - time.Second)
				ok[me](t, browser.get("/me"))
				if written {
					must[any](t)(nil, f.Identity.Used.Flush(t.Context(), f.Store))
				}
			}
			listed := ok[page[sessionEntry]](t, browser.get("/sessions"))
			if written && (len(listed.Data) != 1 || listed.Data[0].ID != s.ID || listed.Data[0].LastUsedAt != f.clock.Now().Unix()) {
				t.Errorf("listed: %+v", listed.Data)
			}
			f.clock.advance(10 * time.Minute)
			refused(t, browser.get("/me"), http.StatusUnauthorized, "session_expired", "")
			if listed := ok[page[sessionEntry]](t, f.owner().get("/sessions")); len(listed.Data) > 0 {
				t.Errorf("an ended session is listed: %+v", listed.Data)
			}
		})
	}
}

// A key beside a cookie is what counts: a stale cookie must not get in a
// program's way.
func TestKeyGoesBeforeCookie(t *testing.T) {
	f := newFixture(t)
	browser, _ := f.signIn()
	if got := ok[me](t, f.owner().with("Cookie", endpoint.SessionCookie+"=stale").get("/me")); got.APIKeyID == nil {
		t.Errorf("me: %+v", got)
	}
	refused(t, browser.with("Authorization", "Bearer sk-admin-unknown-0123456789").get("/me"), http.StatusUnauthorized, "invalid_api_key", "")
}

func TestSignInRefusals(t *testing.T) {
	f := newFixture(t)
	before := f.lastSeq()
	wrong := f.as("").post("/session", map[string]string{"email": f.Owner.Email, "password": "wrong"})
	refused(t, wrong, http.StatusUnauthorized, "invalid_credentials", "")
	unknown := f.as("").post("/session", map[string]string{"email": "nobody@example.com", "password": "wrong"})
	if wrong.status != unknown.status || !bytes.Equal(wrong.body, unknown.body) {
		t.Errorf("a wrong password is told from an unknown address:\n%s\n%s", wrong.body, unknown.body)
	}
	if wrong.header.Get("Set-Cookie") != "" {
		t.Error("a refused sign-in sets a cookie")
	}
	events := f.events(before)
	if len(events) != 1 || events[0].Action != audit.LoginFailed.Name || events[0].Actor.UserID != f.Owner.ID {
		t.Errorf("recorded: %+v", events)
	}

	for body, want := range map[string][2]string{
		`{}`:                                  {"missing_required_parameter", "email"},
		`{"email":"a@b.c"}`:                   {"missing_required_parameter", "password"},
		`{"email":"a@b.c","password":7}`:      {"invalid_type", "password"},
		`{"email":["a@b.c"],"password":"x"}`:  {"invalid_type", "email"},
		`{"email":"a","email":"b"}`:           {"duplicate_parameter", "email"},
		`{"email":"a@b.c","password":"\ud8"}`: {"", ""},
		`not JSON`:                            {"", ""},
	} {
		refused(t, f.as("").post("/session", body), http.StatusBadRequest, want[0], want[1])
	}
	refused(t, f.as("").with("Sec-Fetch-Site", "cross-site").post("/session", map[string]string{"email": f.Owner.Email, "password": endpointtest.Password}),
		http.StatusForbidden, "cross_origin", "")
	refused(t, f.owner().delete("/session"), http.StatusBadRequest, "no_session", "")
}

func TestSignInIsThrottled(t *testing.T) {
	f := newFixture(t)
	for range 10 {
		refused(t, f.as("").post("/session", map[string]string{"email": f.Owner.Email, "password": "wrong"}), http.StatusUnauthorized, "invalid_credentials", "")
	}
	right := map[string]string{"email": f.Owner.Email, "password": endpointtest.Password}
	refused(t, f.as("").post("/session", right), http.StatusTooManyRequests, "rate_limit_exceeded", "")
	f.clock.advance(5 * time.Minute)
	ok[session](t, f.as("").post("/session", right))
}
