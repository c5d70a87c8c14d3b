package nativeapi

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/identity"
	"weir/internal/org"
)

// signInTarget is target for what people sign in with. The owner has one session
// before the call.
func (f *fixture) signInTarget(pattern string) (path string, body any) {
	f.t.Helper()
	f.withoutSecondFactor(f.Owner.ID)
	if _, err := f.Org.RevokeSessions(f.t.Context(), f.actor(), f.Owner.ID, ""); err != nil {
		f.t.Fatal(err)
	}
	_, s := f.signIn()
	switch {
	case strings.HasPrefix(pattern, "/users/{user_id}"):
		return strings.Replace(pattern, "{user_id}", f.Owner.ID, 1), nil
	case pattern == "/sessions/{session_id}":
		return "/sessions/" + s.ID, nil
	case pattern == "/password":
		return pattern, map[string]string{"current_password": endpointtest.Password, "new_password": endpointtest.Password}
	case pattern == "/password_reset/accept":
		_, token, err := f.Org.StartPasswordReset(f.t.Context(), f.actor(), f.Owner.ID, f.Owner.ID, org.KeyLimits{})
		return pattern, map[string]string{"token": must[string](f.t)(token, err), "new_password": endpointtest.Password}
	}
	return pattern, nil
}

// person makes a user with a password, signed in.
func (f *fixture) person(role access.OrganizationRole, password string) (org.User, client) {
	f.t.Helper()
	u, _ := f.user(role)
	hash := must[string](f.t)(identity.HashPassword(password))
	if err := f.Org.SetPassword(f.t.Context(), f.actor(), u.ID, hash, ""); err != nil {
		f.t.Fatal(err)
	}
	browser, _ := f.signInAs(u.Email, password)
	return u, browser
}

// browserOf is a person's browser after a sign-in, however the person signs in.
func (f *fixture) browserOf(u org.User) client {
	f.t.Helper()
	_, token, csrf, err := f.Org.StartSession(f.t.Context(), org.NewSession{User: u})
	return f.as("").with("Cookie", endpoint.SessionCookie+"="+must[string](f.t)(token, err)).with(endpoint.CSRFHeader, csrf)
}

func (f *fixture) signInAs(email, password string) (client, session) {
	f.t.Helper()
	a := f.as("").post("/session", map[string]string{"email": email, "password": password})
	s := ok[session](f.t, a)
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return f.as("").with("Cookie", cookie).with(endpoint.CSRFHeader, s.CSRFToken), s
}

func TestSessionsAreListedAndRevoked(t *testing.T) {
	f := newFixture(t)
	here, mine := f.signIn()
	there, second := f.signIn()
	stranger, browser := f.person(access.OrganizationReader, "a reader's password")

	listed := ok[page[sessionEntry]](t, here.get("/sessions"))
	if len(listed.Data) != 2 || listed.Data[0].ID != second.ID || listed.Data[0].Current || listed.Data[1].ID != mine.ID || !listed.Data[1].Current {
		t.Errorf("listed: %+v", listed.Data)
	}
	if s := listed.Data[1]; s.UserID != f.Owner.ID || s.IPAddress != "127.0.0.1" || !strings.HasPrefix(s.UserAgent, "Go-http-client") || s.ExpiresAt != mine.ExpiresAt {
		t.Errorf("listed: %+v", s)
	}
	others := ok[page[sessionEntry]](t, here.get("/sessions?user_id="+stranger.ID))
	if len(others.Data) != 1 || others.Data[0].UserID != stranger.ID {
		t.Errorf("the reader's: %+v", others.Data)
	}
	refused(t, here.get("/sessions?user_id=user-nobody"), http.StatusNotFound, "not_found", "")
	refused(t, browser.get("/sessions?user_id="+f.Owner.ID), http.StatusForbidden, "insufficient_permissions", "")
	ok[page[sessionEntry]](t, browser.get("/sessions?user_id="+stranger.ID))

	refused(t, browser.delete("/sessions/"+second.ID), http.StatusNotFound, "not_found", "")
	refused(t, browser.delete("/sessions/sess_none"), http.StatusNotFound, "not_found", "")
	ok[me](t, there.get("/me"))
	ok[endpoint.Deleted](t, here.delete("/sessions/"+second.ID))
	refused(t, there.get("/me"), http.StatusUnauthorized, "session_expired", "")
	ok[endpoint.Deleted](t, here.delete("/sessions/"+others.Data[0].ID))
	refused(t, browser.get("/me"), http.StatusUnauthorized, "session_expired", "")

	again, _ := f.signIn()
	refused(t, here.with(endpoint.CSRFHeader, "").delete("/sessions"), http.StatusForbidden, "csrf_token_missing", "")
	if got := ok[revoked](t, here.delete("/sessions")); got.Revoked != 1 {
		t.Errorf("revoked: %+v", got)
	}
	refused(t, again.get("/me"), http.StatusUnauthorized, "session_expired", "")
	ok[me](t, here.get("/me"))
}

// Whatever cookie a browser was made to hold before a sign-in is no session
// after it.
func TestSessionFixation(t *testing.T) {
	f := newFixture(t)
	planted := f.as("").with("Cookie", endpoint.SessionCookie+"=planted-by-somebody-else")
	a := planted.post("/session", map[string]string{"email": f.Owner.Email, "password": endpointtest.Password})
	ok[session](t, a)
	if cookieOf(t, a).Value == "planted-by-somebody-else" {
		t.Error("the sign-in took a token it was given")
	}
	refused(t, planted.get("/me"), http.StatusUnauthorized, "session_expired", "")
	before, first := f.signIn()
	b := before.post("/session", map[string]string{"email": f.Owner.Email, "password": endpointtest.Password})
	if second := ok[session](t, b); second.ID == first.ID || second.CSRFToken == first.CSRFToken || cookieOf(t, a).Value == cookieOf(t, b).Value {
		t.Error("two sign-ins share a secret")
	}
}

func TestPasswordIsChanged(t *testing.T) {
	f := newFixture(t)
	u, here := f.person(access.OrganizationReader, "the old password")
	there, _ := f.signInAs(u.Email, "the old password")
	change := func(current, replacement string) answer {
		return here.post("/password", map[string]string{"current_password": current, "new_password": replacement})
	}
	before := f.lastSeq()
	refused(t, change("wrong", "the new password"), http.StatusBadRequest, "wrong_password", "current_password")
	refused(t, change("the old password", "short"), http.StatusBadRequest, "password_too_short", "new_password")
	refused(t, change("the old password", "         "), http.StatusBadRequest, "password_too_short", "new_password")
	refused(t, change("the old password", strings.Repeat("x", 1025)), http.StatusBadRequest, "string_above_max_length", "new_password")
	if events := f.events(before); len(events) > 0 {
		t.Errorf("refusals left %v", slices.Collect(names(events)))
	}
	ok[me](t, there.get("/me"))

	ok[passwordSet](t, change("the old password", "the new password"))
	ok[me](t, here.get("/me"))
	refused(t, there.get("/me"), http.StatusUnauthorized, "session_expired", "")
	refused(t, f.as("").post("/session", map[string]string{"email": u.Email, "password": "the old password"}), http.StatusUnauthorized, "invalid_credentials", "")
	f.signInAs(u.Email, "the new password")

	events := f.events(before)
	if got := slices.Collect(names(events)); !slices.Equal(got, []string{"user.updated", "weir.session.revoked", "login.failed", "login.succeeded"}) {
		t.Errorf("recorded %v", got)
	}
	if e := events[0]; e.Type != "user.updated" || e.ResourceID != u.ID || bytes.Contains(e.Details, []byte("argon2")) || bytes.Contains(e.Details, []byte("new password")) {
		t.Errorf("recorded %+v %s", e, e.Details)
	}
}

// A stolen session must not be a place to guess the password at.
func TestPasswordChangesAreThrottled(t *testing.T) {
	f := newFixture(t)
	u, here := f.person(access.OrganizationReader, "the old password")
	for range 10 {
		refused(t, here.post("/password", map[string]string{"current_password": "guess", "new_password": "the new password"}), http.StatusBadRequest, "wrong_password", "current_password")
	}
	right := map[string]string{"current_password": "the old password", "new_password": "the new password"}
	refused(t, here.post("/password", right), http.StatusTooManyRequests, "rate_limit_exceeded", "")
	refused(t, f.as("").post("/session", map[string]string{"email": u.Email, "password": "the old password"}), http.StatusTooManyRequests, "rate_limit_exceeded", "")
	f.clock.advance(5 * time.Minute)
	ok[passwordSet](t, here.post("/password", right))
}

func TestPasswordReset(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.PublicURL = "https://weir.example.com/" })
	u, browser := f.person(access.OrganizationReader, "the forgotten one")
	start := func() passwordReset {
		t.Helper()
		return ok[passwordReset](t, f.owner().post("/users/"+u.ID+"/password_reset", nil))
	}
	accept := func(token, password string) answer {
		return f.as("").post("/password_reset/accept", map[string]string{"token": token, "new_password": password})
	}
	refusedToken := func(token string) {
		t.Helper()
		refused(t, accept(token, "the new password"), http.StatusBadRequest, "invalid_token", "token")
	}
	first := start()
	if first.UserID != u.ID || first.ExpiresAt != f.clock.Now().Add(time.Hour).Unix() {
		t.Errorf("reset: %+v", first)
	}
	if first.URL != "https://weir.example.com/weir/reset#"+first.Token {
		t.Errorf("link: %s", first.URL)
	}
	second := start()
	refusedToken(first.Token) // the second took its place
	refusedToken("")
	refusedToken(second.ID)
	refusedToken(strings.ToLower(second.Token))
	refused(t, accept(second.Token, "short"), http.StatusBadRequest, "password_too_short", "new_password")
	ok[me](t, browser.get("/me"))

	before := f.lastSeq()
	if got := ok[passwordSet](t, accept(second.Token, "the new password")); got.UserID != u.ID {
		t.Errorf("accepted: %+v", got)
	}
	events := f.events(before)
	if len(events) != 2 || events[0].Action != audit.UserUpdated.Name || events[0].Actor.UserID != u.ID || events[0].Actor.IPAddress != "127.0.0.1" {
		t.Errorf("recorded: %+v", events)
	}
	refusedToken(second.Token) // once
	refused(t, browser.get("/me"), http.StatusUnauthorized, "session_expired", "")
	f.signInAs(u.Email, "the new password")

	third := start()
	f.clock.advance(time.Hour)
	refusedToken(third.Token)
	// A password that its owner changes makes a waiting reset void.
	fourth := start()
	here, _ := f.signInAs(u.Email, "the new password")
	ok[passwordSet](t, here.post("/password", map[string]string{"current_password": "the new password", "new_password": "the newest one"}))
	refusedToken(fourth.Token)

	refused(t, f.owner().post("/users/user-nobody/password_reset", nil), http.StatusNotFound, "not_found", "")
	for _, body := range f.seen {
		if strings.Contains(body, "$argon2id$") {
			t.Errorf("an answer holds a hash: %s", body)
		}
	}
}

// Two who hold one token cannot both choose the password.
func TestPasswordResetIsAcceptedOnce(t *testing.T) {
	f := newFixture(t)
	u, _ := f.person(access.OrganizationReader, "the forgotten one")
	reset := ok[passwordReset](t, f.owner().post("/users/"+u.ID+"/password_reset", nil))
	results := make(chan int, 4)
	for range cap(results) {
		go func() {
			results <- f.as("").post("/password_reset/accept", map[string]string{"token": reset.Token, "new_password": "the new password"}).status
		}()
	}
	good := 0
	for range cap(results) {
		if <-results == http.StatusOK {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d accepted one token", good)
	}
}

// What a person changes in a session is as hard to break as the rest.
func TestHostileInputInASession(t *testing.T) {
	f := newFixture(t)
	u, browser := f.person(access.OrganizationReader, "a reader's password")
	long := strings.Repeat("x", 500_000)
	for _, path := range []string{"/password", "/totp", "/totp/confirm", "/totp/recovery_codes", "/totp/disable"} {
		for _, body := range []string{
			"null", "[]", `{"code":0}`, `{"code":null}`, `{"code":["1"]}`, `{"code":"\u0000"}`, `{"code":"` + long + `"}`, `{"code":"1","code":"2"}`,
			`{"code":"١٢٣٤٥٦"}`, `{"code":"-1e+05"}`, `{"current_password":"\u0000","new_password":"\u0000aaaaaaaa"}`,
			`{"current_password":"a reader's password","new_password":"` + long + `"}`, `{"current_password":{},"new_password":[]}`,
			`{"current_password":"x","new_password":"xxxxxxxx","user_id":"` + f.Owner.ID + `"}`, `{"code":"1","confirmed":true,"user_id":"` + f.Owner.ID + `"}`,
		} {
			f.clock.advance(time.Minute) // so that no throttle hides what comes after it
			if a := browser.post(path, body); a.status != http.StatusBadRequest && !(path == "/totp" && a.status == http.StatusOK) && a.status != http.StatusTooManyRequests {
				t.Errorf("%s %.80s: %d %.200s", path, body, a.status, a.body)
			}
		}
	}
	if got := ok[totpState](t, browser.get("/totp")); got.Enabled {
		t.Errorf("%+v", got)
	}
	f.clock.advance(5 * time.Minute)
	f.signInAs(u.Email, "a reader's password")
}
