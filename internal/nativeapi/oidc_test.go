package nativeapi

import (
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/oidc"
	"weir/internal/oidc/oidctest"
	"weir/internal/org"
)

// begun is a sign-in through a provider whose person has said yes: what the
// browser calls next, and the cookie it kept.
type begun struct {
	path   string
	cookie string
	query  url.Values
}

// begin goes to the provider and back.
func (f *fixture) begin(provider, returnTo string) begun {
	f.t.Helper()
	path := "/oidc/" + provider + "/start"
	if returnTo != "" {
		path += "?return_to=" + url.QueryEscape(returnTo)
	}
	a := f.as("").get(path)
	if a.status != http.StatusFound {
		f.t.Fatalf("%s: %d %s", a.call, a.status, a.body)
	}
	cookie := cookieOf(f.t, a)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != oidcPath+"/" || cookie.MaxAge != int(oidc.FlowLifetime/time.Second) {
		f.t.Errorf("cookie: %+v", cookie)
	}
	back := f.idp.Authorize(a.header.Get("Location"))
	if !strings.HasPrefix(back.String(), "https://weir.example.com/weir/v1/oidc/"+provider+"/callback?") {
		f.t.Errorf("the provider sends back to %s", back)
	}
	f.flow = cookie.Name + "=" + cookie.Value
	return begun{path: "/oidc/" + provider + "/callback?" + back.RawQuery, cookie: f.flow, query: back.Query()}
}

// carrying is the client with the cookie that a call of the path needs.
func (f *fixture) carrying(c client, path string) client {
	if strings.HasSuffix(path, "/callback") {
		return c.with("Cookie", f.flow)
	}
	return c
}

// finish is the browser that comes back.
func (f *fixture) finish(b begun) answer { return f.as("").with("Cookie", b.cookie).get(b.path) }

// link ties a user to an account of the provider called linked.
func (f *fixture) link(userID string) {
	f.t.Helper()
	if _, err := f.Store.Update(f.t.Context(), f.actor(), func(tx org.Tx) error {
		if _, err := tx.ExternalIdentityOf(f.t.Context(), f.Organization.ID, "linked", userID); err == nil {
			return nil
		}
		return tx.InsertExternalIdentity(f.t.Context(), org.ExternalIdentity{
			OrganizationID: f.Organization.ID, Provider: "linked", Subject: "subject", UserID: userID, CreatedAt: f.clock.Now(),
		})
	}); err != nil {
		f.t.Fatal(err)
	}
}

// throughProvider signs somebody in.
func (f *fixture) throughProvider(provider string) answer { return f.finish(f.begin(provider, "")) }

// says sets what the provider says of whoever signs in.
func (f *fixture) says(subject, email string, verified any) {
	f.idp.Say(func(p *oidctest.Provider) {
		p.Person["sub"], p.Person["email"], p.Person["email_verified"] = subject, email, verified
	})
}

func cookiesOf(a answer) map[string]*http.Cookie {
	set := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		set[c.Name] = c
	}
	return set
}

func browserAfter(f *fixture, a answer) client {
	set := cookiesOf(a)
	return f.as("").with("Cookie", endpoint.SessionCookie+"="+set[endpoint.SessionCookie].Value).with(endpoint.CSRFHeader, set[csrfCookie].Value)
}

func TestOIDCSignIn(t *testing.T) {
	f := newFixture(t)
	f.says("subject-1", strings.ToUpper(f.Owner.Email), true)
	before := f.lastSeq()
	a := f.finish(f.begin("test", "/console?tab=1#top"))
	if a.status != http.StatusFound || a.header.Get("Location") != "/console?tab=1#top" || a.header.Get("Cache-Control") != "no-store" || len(a.body) > 0 {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	set := cookiesOf(a)
	if s, c, gone := set[endpoint.SessionCookie], set[csrfCookie], set[flowCookie]; !s.HttpOnly || s.SameSite != http.SameSiteLaxMode || s.Path != "/" ||
		c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != s.MaxAge || s.MaxAge != int(org.SessionLifetime/time.Second) || gone.MaxAge >= 0 || gone.Value != "" {
		t.Errorf("cookies: %v %v %v", s, c, gone)
	}
	browser := browserAfter(f, a)
	who := ok[me](t, browser.get("/me"))
	if who.ID != f.Owner.ID {
		t.Errorf("signed in as %+v", who)
	}
	refused(t, browser.with(endpoint.CSRFHeader, "").post("/workspaces", map[string]string{"name": "x"}), http.StatusForbidden, "csrf_token_missing", "")
	ok[workspace](t, browser.post("/workspaces", map[string]string{"name": "by-oidc"}))
	events := f.events(before)[:2]
	if got := slices.Collect(names(events)); !slices.Equal(got, []string{audit.IdentityLinked.Name, audit.LoginSucceeded.Name}) {
		t.Errorf("recorded %v", got)
	}
	for _, e := range events {
		if e.Actor.UserID != f.Owner.ID || e.Actor.Type != audit.ActorSession || e.Actor.SessionID != *who.SessionID || e.Actor.IPAddress != "127.0.0.1" {
			t.Errorf("%s by %+v", e.Action, e.Actor)
		}
	}

	set[csrfCookie].MaxAge = 0
	over := browser.with("Cookie", browser.header.Get("Cookie")+"; "+set[csrfCookie].Name+"="+set[csrfCookie].Value).delete("/session")
	if gone := cookiesOf(over); over.status != http.StatusOK || gone[csrfCookie] == nil || gone[csrfCookie].MaxAge >= 0 || gone[csrfCookie].Value != "" {
		t.Errorf("signed out: %d, %v", over.status, gone)
	}

	// Known by the subject from now on, whatever the address becomes.
	f.says("subject-1", "renamed@example.com", true)
	before = f.lastSeq()
	again := f.throughProvider("test")
	if again.header.Get("Location") != "/weir/v1/me" {
		t.Errorf("sent to %s", again.header.Get("Location"))
	}
	if got := ok[me](t, browserAfter(f, again).get("/me")); got.ID != f.Owner.ID || *got.SessionID == *who.SessionID {
		t.Errorf("signed in as %+v", got)
	}
	if got := slices.Collect(names(f.events(before))); !slices.Equal(got, []string{audit.LoginSucceeded.Name}) {
		t.Errorf("recorded %v", got)
	}
	// Somebody else who has the address now is not that person.
	f.says("subject-2", f.Owner.Email, true)
	before = f.lastSeq()
	a = f.throughProvider("test")
	refused(t, a, http.StatusForbidden, "identity_taken", "")
	if set := cookiesOf(a); len(set) != 1 || set[flowCookie].MaxAge >= 0 {
		t.Errorf("a refused sign-in sets %v", set)
	}
	if events := f.events(before); len(events) != 1 || events[0].Action != audit.LoginFailed.Name || events[0].Actor.UserID != f.Owner.ID || !strings.Contains(string(events[0].Details), "identity_taken") {
		t.Errorf("recorded %+v", events)
	}
	// Untied, the user is found by the address again.
	tied := ok[externalIdentities](t, f.owner().get("/users/"+f.Owner.ID+"/identities"))
	if len(tied.Data) != 1 || tied.Data[0].ID != "test" || tied.Data[0].Subject != "subject-1" {
		t.Errorf("tied to %+v", tied)
	}
	ok[endpoint.Deleted](t, f.owner().delete("/users/"+f.Owner.ID+"/identities/test"))
	refused(t, f.owner().delete("/users/"+f.Owner.ID+"/identities/test"), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().get("/users/user-nobody/identities"), http.StatusNotFound, "not_found", "")
	if got := ok[me](t, browserAfter(f, f.throughProvider("test")).get("/me")); got.ID != f.Owner.ID {
		t.Errorf("signed in as %+v", got)
	}
	listed := ok[oidcProviders](t, f.as("").get("/oidc"))
	if len(listed.Data) != 1 || listed.Data[0].Name != "test" || listed.Data[0].StartURL != "/weir/v1/oidc/test/start" {
		t.Errorf("listed: %+v", listed)
	}
}

func TestOIDCRefusesWhomTheRulesDo(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.OIDC = nil })
	cfg := f.idp.Config("test")
	cfg.Domains = []string{"example.com", "Example.org"}
	cfg.JustInTime = true
	f.serve(cfg)
	f.says("subject-1", f.Owner.Email, true)
	f.throughProvider("test")
	people := len(f.people())
	for name, tt := range map[string]struct {
		subject, email string
		verified       any
		code           string
	}{
		"unverified":                       {"s", f.Owner.Email, false, "email_unverified"},
		"verified in other words":          {"s", f.Owner.Email, "yes", "email_unverified"},
		"no word of it":                    {"s", f.Owner.Email, nil, "email_unverified"},
		"no address":                       {"s", "", true, "email_unverified"},
		"another domain":                   {"s", "ada@elsewhere.example", true, "domain_not_allowed"},
		"a domain that ends alike":         {"s", "ada@notexample.com", true, "domain_not_allowed"},
		"a domain below":                   {"s", "ada@mail.example.com", true, "domain_not_allowed"},
		"two domains":                      {"s", "ada@example.com@elsewhere.example", true, "domain_not_allowed"},
		"no domain":                        {"s", "example.com@", true, "domain_not_allowed"},
		"known, from another domain now":   {"subject-1", "ada@elsewhere.example", true, "domain_not_allowed"},
		"known, and not verified any more": {"subject-1", f.Owner.Email, false, "email_unverified"},
	} {
		f.says(tt.subject, tt.email, tt.verified)
		a := f.throughProvider("test")
		refused(t, a, http.StatusForbidden, tt.code, "")
		if cookiesOf(a)[endpoint.SessionCookie] != nil || a.header.Get("Location") != "" {
			t.Errorf("%s: %v", name, a.header)
		}
	}
	for _, email := range []string{"not an address@example.com", "a\x00b@example.com", "Ada <ada@example.com"} {
		f.says("s", email, true)
		if a := f.throughProvider("test"); a.status != http.StatusBadRequest && a.status != http.StatusForbidden {
			t.Errorf("%q: %d %s", email, a.status, a.body)
		}
	}
	if got := len(f.people()); got != people {
		t.Errorf("%d people became %d", people, got)
	}
	f.says("s", "new@EXAMPLE.ORG", true)
	if a := f.throughProvider("test"); a.status != http.StatusFound {
		t.Errorf("an allowed domain: %d %s", a.status, a.body)
	}
}

// serve puts the API up anew, with other providers.
func (f *fixture) serve(providers ...config.OIDCProvider) {
	f.t.Helper()
	o := Options{Org: f.Org, Usage: f.Usage, Identity: f.Identity, Book: f.api.book, Logger: slog.New(slog.DiscardHandler), Now: f.clock.Now}
	for _, cfg := range providers {
		f.with(&o, cfg)
	}
	f.api = New(o)
	f.url = endpointtest.Serve(f.t, f.api.Handler())
}

func (f *fixture) people() []org.User {
	f.t.Helper()
	return must[org.Rows[org.User]](f.t)(f.Org.Users(f.t.Context(), f.Organization.ID, org.UserFilter{Page: org.Page{Limit: 100}})).Items
}

func TestOIDCJustInTime(t *testing.T) {
	f := newFixture(t)
	people := len(f.people())
	f.says("subject-9", "Grace@example.com", true)
	f.idp.Say(func(p *oidctest.Provider) { p.Person["name"] = "Grace" })
	before := f.lastSeq()
	refused(t, f.throughProvider("test"), http.StatusForbidden, "user_unknown", "")
	if events := f.events(before); len(events) > 0 || len(f.people()) != people {
		t.Errorf("a stranger left %v", events)
	}
	cfg := f.idp.Config("test")
	cfg.JustInTime = true
	f.serve(cfg)
	a := f.throughProvider("test")
	who := ok[me](t, browserAfter(f, a).get("/me"))
	if who.Name != "Grace" || *who.Email != "Grace@example.com" || len(who.Roles) != 1 || who.Roles[0].Role != "reader" {
		t.Errorf("signed in as %+v", who)
	}
	events := f.events(before)
	if got := slices.Collect(names(events)); !slices.Equal(got, []string{"user.added", audit.IdentityLinked.Name, audit.LoginSucceeded.Name}) {
		t.Errorf("recorded %v", got)
	}
	for _, e := range events {
		if e.Actor.UserID != who.ID || e.Actor.UserEmail != "Grace@example.com" {
			t.Errorf("%s by %+v", e.Action, e.Actor)
		}
	}
	f.throughProvider("test")
	if got := len(f.people()); got != people+1 {
		t.Errorf("%d people, want one more than %d", got, people)
	}
	// There is no password to sign in with.
	for _, password := range []string{"", "x"} {
		refused(t, f.try("grace@example.com", password, ""), http.StatusUnauthorized, "invalid_credentials", "")
	}
	refused(t, browserAfter(f, a).post("/password", map[string]string{"current_password": "", "new_password": "a new password"}), http.StatusBadRequest, "no_password", "current_password")

	cfg.DefaultRole = "none"
	f.serve(cfg)
	f.says("subject-10", "none@example.com", true)
	f.idp.Say(func(p *oidctest.Provider) { p.Person["name"] = "\u202e\n" })
	if who := ok[me](t, browserAfter(f, f.throughProvider("test")).get("/me")); len(who.Roles) != 0 || who.Name != "none@example.com" {
		t.Errorf("signed in as %+v", who)
	}
}

// Two of one person's first sign-ins at once make one user.
func TestOIDCJustInTimeAtOnce(t *testing.T) {
	f := newFixture(t)
	cfg := f.idp.Config("test")
	cfg.JustInTime = true
	f.serve(cfg)
	people := len(f.people())
	f.says("subject-9", "grace@example.com", true)
	flows := make([]begun, 4)
	for i := range flows {
		flows[i] = f.begin("test", "")
	}
	results := make(chan int, len(flows))
	for _, b := range flows {
		go func() { results <- f.finish(b).status }()
	}
	for range flows {
		if status := <-results; status != http.StatusFound {
			t.Errorf("%d", status)
		}
	}
	if got := len(f.people()); got != people+1 {
		t.Errorf("%d people, want one more than %d", got, people)
	}
}

func TestOIDCFlowIsOneBrowsersOwn(t *testing.T) {
	f := newFixture(t)
	other := f.idp.Config("other")
	f.serve(f.idp.Config("test"), other)
	broken := func(what string, a answer, code string) {
		t.Helper()
		refused(t, a, http.StatusBadRequest, code, "state")
		if cookiesOf(a)[endpoint.SessionCookie] != nil {
			t.Errorf("%s: signed in", what)
		}
	}
	mine, theirs := f.begin("test", ""), f.begin("test", "")
	broken("no cookie: a link somebody sent", f.as("").get(mine.path), "invalid_state")
	broken("another browser's cookie", f.as("").with("Cookie", theirs.cookie).get(mine.path), "invalid_state")
	broken("a cookie of one's own making", f.as("").with("Cookie", flowCookie+"=e30").get(mine.path), "invalid_state")
	broken("no cookie that could be one", f.as("").with("Cookie", flowCookie+"=%%%").get(mine.path), "invalid_state")
	// Not at its end, where a letter may stand for bits that nobody reads.
	changed, middle := []byte(mine.cookie), len(mine.cookie)-10
	if changed[middle]++; changed[middle] == 'z'+1 || changed[middle] == 'Z'+1 || changed[middle] == '9'+1 {
		changed[middle] = 'A'
	}
	broken("a changed cookie", f.as("").with("Cookie", string(changed)).get(mine.path), "invalid_state")
	broken("no state", f.as("").with("Cookie", mine.cookie).get("/oidc/test/callback?code="+mine.query.Get("code")), "invalid_state")
	broken("another provider's", f.as("").with("Cookie", mine.cookie).get(strings.Replace(mine.path, "/test/", "/other/", 1)), "invalid_state")
	refused(t, f.as("").with("Cookie", mine.cookie).get("/oidc/test/callback?state="+mine.query.Get("state")), http.StatusBadRequest, "missing_required_parameter", "code")
	refused(t, f.as("").with("Cookie", mine.cookie).get(mine.path+"&iss=https%3A%2F%2Felsewhere.example"), http.StatusUnauthorized, "oidc_refused", "")
	if f.idp.Tokens != 0 {
		t.Errorf("%d codes were taken to the provider", f.idp.Tokens)
	}
	said := f.as("").with("Cookie", mine.cookie).get("/oidc/test/callback?error=access_denied&state=" + mine.query.Get("state"))
	refused(t, said, http.StatusUnauthorized, "oidc_refused", "")
	if !strings.HasPrefix(said.header.Get("Content-Type"), "application/json") {
		t.Errorf("answered in %s", said.header.Get("Content-Type"))
	}
	if a := f.finish(mine); a.status != http.StatusFound {
		t.Fatalf("%d %s", a.status, a.body)
	}
	// Replayed: the code is used, and with a fresh one the state is.
	refused(t, f.finish(mine), http.StatusUnauthorized, "oidc_failed", "")
	fresh := f.begin("test", "")
	broken("a fresh code for a used state", f.as("").with("Cookie", mine.cookie).get("/oidc/test/callback?state="+mine.query.Get("state")+"&code="+codeFor(f, mine)), "state_used")

	f.clock.advance(oidc.FlowLifetime)
	broken("too late", f.finish(fresh), "invalid_state")

	// A code of another flow of the same browser is not this flow's.
	first, second := f.begin("test", ""), f.begin("test", "")
	refused(t, f.as("").with("Cookie", first.cookie).get("/oidc/test/callback?state="+first.query.Get("state")+"&code="+second.query.Get("code")), http.StatusUnauthorized, "oidc_failed", "")
	f.idp.Say(func(p *oidctest.Provider) {
		p.Alter = func(c oidctest.Claims) { c["nonce"] = "another" }
	})
	a := f.throughProvider("test")
	refused(t, a, http.StatusUnauthorized, "oidc_failed", "")
	if strings.Contains(string(a.body), "nonce") || cookiesOf(a)[endpoint.SessionCookie] != nil {
		t.Errorf("%s %v", a.body, a.header)
	}
}

// openFlow reads what a browser has kept.
func openFlow(f *fixture, b begun) oidc.Flow {
	f.t.Helper()
	req := must[*http.Request](f.t)(http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.url+root+b.path, nil))
	req.Header.Set("Cookie", b.cookie)
	return must[oidc.Flow](f.t)(f.api.flow(&endpoint.Call{Request: req, Query: endpoint.ParseQuery(req.URL.RawQuery)}, f.api.oidc[0]))
}

// codeFor is a fresh code of the provider for a flow that has ended.
func codeFor(f *fixture, b begun) string {
	f.t.Helper()
	flow := openFlow(f, b)
	u := must[*url.URL](f.t)(url.Parse(f.as("").get("/oidc/test/start").header.Get("Location")))
	q, sum := u.Query(), sha256.Sum256([]byte(flow.Verifier))
	q.Set("state", flow.State)
	q.Set("nonce", flow.Nonce)
	q.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
	u.RawQuery = q.Encode()
	return f.idp.Authorize(u.String()).Query().Get("code")
}

// Only paths of this address are followed after a sign-in, as browsers read them.
func TestOIDCReturnsToThisAddressOnly(t *testing.T) {
	f := newFixture(t)
	for _, bad := range []string{
		"https://evil.example", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "evil.example", "javascript:alert(1)", "http:evil.example",
		"/x\r\nSet-Cookie: a=b", "/\t/evil.example", " /x", "/x y", "?x", "#x", "/%zz", "/\u202e", "/" + strings.Repeat("x", 2048), ".//evil.example", "https:/evil.example",
	} {
		refused(t, f.as("").get("/oidc/test/start?return_to="+url.QueryEscape(bad)), http.StatusBadRequest, "invalid_value", "return_to")
	}
	for _, good := range []string{"/", "/console", "/console/a%20b?x=1&y=//z#//top", "/a//b"} {
		if a := f.finish(f.begin("test", good)); a.header.Get("Location") != good {
			t.Errorf("%s became %s", good, a.header.Get("Location"))
		}
	}
}

func TestOIDCWithoutProviders(t *testing.T) {
	f := newFixture(t)
	f.serve()
	if listed := ok[oidcProviders](t, f.as("").get("/oidc")); len(listed.Data) != 0 {
		t.Errorf("listed: %+v", listed)
	}
	for _, path := range []string{"/oidc/test/start", "/oidc/test/callback?code=x&state=y", "/oidc//start", "/oidc/%00/start", "/oidc/../start"} {
		if a := f.as("").get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestOIDCProviderIsDown(t *testing.T) {
	f := newFixture(t)
	cfg := f.idp.Config("down")
	cfg.Issuer = "http://127.0.0.1:1"
	f.serve(cfg)
	refused(t, f.as("").get("/oidc/down/start"), http.StatusBadGateway, "oidc_unreachable", "")
}

// A provider is one organization's. The same address elsewhere is somebody else.
func TestOIDCStaysInItsOrganization(t *testing.T) {
	f := newFixture(t)
	foreign, stranger, _ := f.NewOrganization(t, "else@example.com")
	f.says("subject-1", stranger.Email, true)
	refused(t, f.throughProvider("test"), http.StatusForbidden, "user_unknown", "")
	theirs := f.idp.Config("theirs")
	theirs.OrganizationID = foreign.ID
	f.serve(f.idp.Config("test"), theirs)
	if who := ok[me](t, browserAfter(f, f.throughProvider("theirs")).get("/me")); who.ID != stranger.ID || who.Organization.ID != foreign.ID {
		t.Errorf("signed in as %+v", who)
	}
	refused(t, f.throughProvider("test"), http.StatusForbidden, "user_unknown", "") // the subject is known there, not here
	f.says("subject-1", f.Owner.Email, true)
	if who := ok[me](t, browserAfter(f, f.throughProvider("test")).get("/me")); who.ID != f.Owner.ID {
		t.Errorf("signed in as %+v", who)
	}
}

// A provider vouches with its own second factor; passwords still need weir's.
func TestOIDCAsksForNoCode(t *testing.T) {
	f := newFixture(t)
	u, _, _, _ := f.enrolled("a reader's password")
	f.says("subject-1", u.Email, true)
	if who := ok[me](t, browserAfter(f, f.throughProvider("test")).get("/me")); who.ID != u.ID || who.Roles[0].Role != string(access.OrganizationReader) {
		t.Errorf("signed in as %+v", who)
	}
	refused(t, f.try(u.Email, "a reader's password", ""), http.StatusUnauthorized, "totp_required", "totp")
}

// From where the organization may not be called, nobody gets a session.
func TestOIDCKeepsToIPAllowlists(t *testing.T) {
	f := newFixture(t)
	f.says("subject-1", f.Owner.Email, true)
	f.allowlist("", true, "192.0.2.0/24")
	before := f.lastSeq()
	a := f.throughProvider("test")
	refused(t, a, http.StatusForbidden, org.CodeAddressRefused, "")
	if events := f.events(before); len(events) != 1 || events[0].Action != audit.LoginFailed.Name || cookiesOf(a)[endpoint.SessionCookie] != nil {
		t.Errorf("recorded %v, cookies %v", slices.Collect(names(events)), cookiesOf(a))
	}
}
