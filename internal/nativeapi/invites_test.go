package nativeapi

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/oidc/oidctest"
	"weir/internal/optional"
	"weir/internal/org"
)

const newcomerPassword = "a newcomer's password"

// invite sends one to an address nobody has had before.
func (f *fixture) invite(role access.OrganizationRole, projects ...org.InviteProject) org.Invite {
	f.t.Helper()
	by := org.Grantor{Actor: f.actor(), Holds: access.Unlimited()}
	return must[org.Invite](f.t)(f.Org.CreateInvite(f.t.Context(), by, org.NewInvite{
		Email: f.name() + "@example.com", Role: string(role), Projects: optional.Of(projects),
	}))
}

func (f *fixture) inviteLink(inviteID string) inviteLink {
	f.t.Helper()
	return ok[inviteLink](f.t, f.owner().post("/invites/"+inviteID+"/link", nil))
}

func (f *fixture) accept(token, name, password string) answer {
	f.t.Helper()
	return f.as("").post("/invites/accept", map[string]string{"token": token, "name": name, "password": password})
}

// inviteTarget is target for invites.
func (f *fixture) inviteTarget(pattern string) (path string, body any) {
	f.t.Helper()
	invite := f.invite(access.OrganizationReader)
	if pattern != "/invites/accept" {
		return "/invites/" + invite.ID + "/link", nil
	}
	by := org.Grantor{Actor: f.actor(), Holds: access.Unlimited()}
	_, token, err := f.Org.CreateInviteLink(f.t.Context(), by, invite.ID)
	return pattern, map[string]string{"token": must[string](f.t)(token, err), "name": "Newcomer", "password": newcomerPassword}
}

func TestInviteIsAccepted(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.PublicURL = "https://weir.example.com/" })
	home, archived := f.project(), f.project()
	invite := f.invite(access.OrganizationReader,
		org.InviteProject{ProjectID: home.ID, Role: access.ProjectOwner}, org.InviteProject{ProjectID: archived.ID, Role: access.ProjectMember})
	if _, err := f.Org.ArchiveProject(t.Context(), f.actor(), archived.ID); err != nil {
		t.Fatal(err)
	}
	before := f.lastSeq()
	a := f.owner().post("/invites/"+invite.ID+"/link", nil)
	link := ok[inviteLink](t, a)
	if link.URL != "https://weir.example.com/weir/join#"+link.Token || link.InviteID != invite.ID || link.ExpiresAt != invite.ExpiresAt.Unix() || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("link: %+v %v", link, a.header)
	}

	refused(t, f.accept(link.Token, "", newcomerPassword), http.StatusBadRequest, "empty_string", "name")
	refused(t, f.accept(link.Token, "a\x1b[2J", newcomerPassword), http.StatusBadRequest, "invalid_value", "name")
	refused(t, f.accept(link.Token, strings.Repeat("n", 257), newcomerPassword), http.StatusBadRequest, "string_above_max_length", "name")
	refused(t, f.accept(link.Token, "Ann", "short"), http.StatusBadRequest, "password_too_short", "password")
	for _, extra := range []string{`"role": "owner"`, `"email": "me@example.com"`, `"projects": []`, `"id": "user-me"`} {
		a := f.as("").post("/invites/accept", `{"token": "`+link.Token+`", "name": "Ann", "password": "`+newcomerPassword+`", `+extra+`}`)
		name, _, _ := strings.Cut(strings.Trim(extra, `"`), `"`)
		refused(t, a, http.StatusBadRequest, "unknown_parameter", name)
	}

	joined := ok[joinedUser](t, f.accept(link.Token, "Ann", newcomerPassword))
	if joined.Email != invite.Email || joined.Name != "Ann" || joined.Role != "reader" || len(joined.Projects.Data) != 1 ||
		joined.Projects.Data[0] != (joinedProject{home.ID, home.Name, "owner"}) {
		t.Errorf("joined: %+v", joined)
	}
	events := f.events(before)
	if got := slices.Collect(names(events)); !slices.Equal(got, []string{audit.InviteLinkCreated.Name, "invite.accepted", "user.added", "user.added"}) {
		t.Fatalf("recorded %v", got)
	}
	if e := events[1]; string(e.Details) != `{"id":"`+invite.ID+`"}` || e.Actor.UserID != joined.ID || e.Actor.UserEmail != invite.Email || e.Actor.IPAddress != "127.0.0.1" {
		t.Errorf("recorded %+v %s", e, e.Details)
	}
	if e := events[3]; e.ProjectID != home.ID || e.ResourceID != joined.ID {
		t.Errorf("recorded %+v", e)
	}

	// It signs in right after, and may do what was given and nothing else.
	browser, _ := f.signInAs(invite.Email, newcomerPassword)
	if who := ok[me](t, browser.get("/me")); who.ID != joined.ID {
		t.Errorf("signed in as %+v", who)
	}
	refused(t, browser.get("/requests"), http.StatusForbidden, "insufficient_permissions", "")
	made := browser.post("/projects/"+home.ID+"/api_keys", map[string]string{"name": "mine"})
	if made.status != http.StatusOK {
		t.Errorf("%s: %d %s", made.call, made.status, made.body)
	}
	refused(t, f.accept(link.Token, "Again", newcomerPassword), http.StatusBadRequest, "invalid_token", "token")
	refused(t, f.owner().post("/invites/"+invite.ID+"/link", nil), http.StatusBadRequest, "invite_accepted", "")
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, body := range f.seen {
		if strings.Contains(body, "$argon2id$") {
			t.Errorf("an answer holds a hash: %s", body)
		}
	}
}

// Whatever is wrong with a token, its holder learns no more than that.
func TestInviteTokensThatDoNotWork(t *testing.T) {
	f := newFixture(t)
	var said []byte
	dead := func(what, token string) {
		t.Helper()
		a := f.accept(token, "Ann", newcomerPassword)
		refused(t, a, http.StatusBadRequest, "invalid_token", "token")
		if said == nil {
			said = a.body
		}
		if string(a.body) != string(said) {
			t.Errorf("%s is told apart: %s", what, a.body)
		}
	}
	people, before := len(f.people()), f.lastSeq()
	invite := f.invite(access.OrganizationReader)
	first := f.inviteLink(invite.ID)
	second := f.inviteLink(invite.ID)
	dead("one replaced", first.Token)
	dead("an empty one", "")
	dead("an id", invite.ID)
	dead("other letters", strings.ToLower(second.Token))

	taken := f.inviteLink(f.invite(access.OrganizationReader).ID)
	if err := f.Org.DeleteInvite(t.Context(), f.actor(), taken.InviteID); err != nil {
		t.Fatal(err)
	}
	dead("one taken back", taken.Token)

	f.clock.advance(org.InviteLifetime)
	dead("an expired one", second.Token)
	refused(t, f.owner().post("/invites/"+invite.ID+"/link", nil), http.StatusBadRequest, "invite_expired", "")
	refused(t, f.owner().post("/invites/invite-none/link", nil), http.StatusNotFound, "not_found", "")
	_, _, foreigner := f.NewOrganization(t, "owner@elsewhere.example")
	refused(t, f.as(foreigner).post("/invites/"+invite.ID+"/link", nil), http.StatusNotFound, "not_found", "")
	if len(f.people()) != people {
		t.Errorf("%d people became %v", people, f.people())
	}
	for _, e := range f.events(before) {
		if e.Action == audit.InviteAccepted.Name || e.Action == audit.UserAdded.Name {
			t.Errorf("recorded %+v", e)
		}
	}
}

// Guessing is slowed down by where it comes from, and a good token then waits.
func TestInviteTokensAreThrottled(t *testing.T) {
	f := newFixture(t)
	link := f.inviteLink(f.invite(access.OrganizationReader).ID)
	for range 10 {
		refused(t, f.accept("a guess", "Ann", newcomerPassword), http.StatusBadRequest, "invalid_token", "token")
	}
	refused(t, f.accept(link.Token, "Ann", newcomerPassword), http.StatusTooManyRequests, "rate_limit_exceeded", "")
	f.clock.advance(5 * time.Minute)
	ok[joinedUser](t, f.accept(link.Token, "Ann", newcomerPassword))
}

func TestInviteIsAcceptedOnce(t *testing.T) {
	f := newFixture(t)
	people := len(f.people())
	link := f.inviteLink(f.invite(access.OrganizationReader).ID)
	results := make(chan int, 6)
	for range cap(results) {
		go func() { results <- f.accept(link.Token, "Ann", newcomerPassword).status }()
	}
	good := 0
	for range cap(results) {
		if <-results == http.StatusOK {
			good++
		}
	}
	if got := len(f.people()); good != 1 || got != people+1 {
		t.Errorf("%d accepted one token, and %d people became %d", good, people, got)
	}
}

// An invite is as good as who stands for it: nobody leaves a way back in behind.
func TestInviteFallsWithWhoSentIt(t *testing.T) {
	f := newFixture(t)
	leaving, key := f.user(access.OrganizationOwner)
	by := org.Grantor{Actor: f.actor(), Holds: access.Unlimited()}
	by.UserID, by.UserEmail = leaving.ID, leaving.Email
	invite := must[org.Invite](t)(f.Org.CreateInvite(t.Context(), by, org.NewInvite{Email: "back@example.com", Role: "owner"}))
	theirs := ok[inviteLink](t, f.as(key).post("/invites/"+invite.ID+"/link", nil))
	if _, err := f.Org.UpdateUser(t.Context(), org.SystemGrantor(f.Organization.ID), leaving.ID, org.UserChange{Role: optional.Of("reader")}); err != nil {
		t.Fatal(err)
	}
	refused(t, f.accept(theirs.Token, "Back", newcomerPassword), http.StatusBadRequest, "invalid_token", "token")
	refused(t, f.as(key).post("/invites/"+invite.ID+"/link", nil), http.StatusForbidden, "insufficient_permissions", "")
	// Through a provider neither.
	f.says("subject-back", "back@example.com", true)
	refused(t, f.throughProvider("test"), http.StatusForbidden, "user_unknown", "")
	// Another owner may stand for it.
	ok[joinedUser](t, f.accept(f.inviteLink(invite.ID).Token, "Back", newcomerPassword))
}

// Who was deactivated stands for nothing, though it keeps its roles.
func TestInviteOfSomebodyDeactivated(t *testing.T) {
	f := newFixture(t)
	leaving, key := f.user(access.OrganizationOwner)
	invite := f.invite(access.OrganizationReader)
	theirs := ok[inviteLink](t, f.as(key).post("/invites/"+invite.ID+"/link", nil))
	if _, err := f.Store.Update(t.Context(), audit.System(f.Organization.ID), func(tx org.Tx) error {
		u, err := tx.User(t.Context(), f.Organization.ID, leaving.ID)
		if err != nil {
			return err
		}
		u.DeactivatedAt = f.clock.Now()
		return tx.UpdateUser(t.Context(), u)
	}); err != nil {
		t.Fatal(err)
	}
	refused(t, f.accept(theirs.Token, "Back", newcomerPassword), http.StatusBadRequest, "invalid_token", "token")
	ok[joinedUser](t, f.accept(f.inviteLink(invite.ID).Token, "Ann", newcomerPassword))
}

// Whose address an identity provider has verified is joined by signing in.
func TestInviteIsAcceptedThroughProvider(t *testing.T) {
	f := newFixture(t)
	home := f.project()
	invite := f.invite(access.OrganizationOwner, org.InviteProject{ProjectID: home.ID, Role: access.ProjectMember})
	link := f.inviteLink(invite.ID)
	before := f.lastSeq()
	f.says("subject-7", invite.Email, false)
	refused(t, f.throughProvider("test"), http.StatusForbidden, "email_unverified", "")
	f.says("subject-7", strings.ToUpper(invite.Email), true)
	f.idp.Say(func(p *oidctest.Provider) { p.Person["name"] = "Grace" })
	browser := browserAfter(f, f.throughProvider("test"))
	who := ok[me](t, browser.get("/me"))
	if who.Name != "Grace" || *who.Email != invite.Email || len(who.Roles) != 2 {
		t.Errorf("signed in as %+v", who)
	}
	want := []string{"invite.accepted", "user.added", "user.added", audit.IdentityLinked.Name, audit.LoginSucceeded.Name}
	if got := slices.Collect(names(f.events(before))); !slices.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
	refused(t, f.accept(link.Token, "Grace", newcomerPassword), http.StatusBadRequest, "invalid_token", "token")
	ok[endpoint.Deleted](t, browser.delete("/session"))
}

// Where an organization may be called from, it may be joined from.
func TestInvitesKeepToIPAllowlists(t *testing.T) {
	f := newFixture(t)
	link := f.inviteLink(f.invite(access.OrganizationReader).ID)
	who := audit.System(f.Organization.ID)
	far := f.allowlist("", true, "192.0.2.0/24")
	refused(t, f.accept(link.Token, "Ann", newcomerPassword), http.StatusForbidden, org.CodeAddressRefused, "")
	if err := f.Org.DeleteIPAllowlist(t.Context(), who, far.ID); err != nil {
		t.Fatal(err)
	}
	ok[joinedUser](t, f.accept(link.Token, "Ann", newcomerPassword))
}

// An address that joined in another way keeps what it has: the token is no way
// to set its password.
func TestInviteOfSomebodyWhoJoinedSince(t *testing.T) {
	f := newFixture(t)
	invite := f.invite(access.OrganizationOwner)
	link := f.inviteLink(invite.ID)
	u, _ := f.person(access.OrganizationReader, endpointtest.Password)
	if _, err := f.Store.Update(t.Context(), audit.System(f.Organization.ID), func(tx org.Tx) error {
		kept, err := tx.User(t.Context(), f.Organization.ID, u.ID)
		if err != nil {
			return err
		}
		kept.Email = invite.Email
		return tx.UpdateUser(t.Context(), kept)
	}); err != nil {
		t.Fatal(err)
	}
	refused(t, f.accept(link.Token, "Ann", newcomerPassword), http.StatusBadRequest, "email_taken", "token")
	browser, _ := f.signInAs(invite.Email, endpointtest.Password)
	if who := ok[me](t, browser.get("/me")); who.ID != u.ID || len(who.Roles) != 1 || who.Roles[0].Role != "reader" {
		t.Errorf("signed in as %+v", who)
	}
}

func TestInvitePage(t *testing.T) {
	f := newFixture(t)
	get := func(path string) (*http.Response, string) {
		req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+path, nil))
		res := must[*http.Response](t)(http.DefaultClient.Do(req))
		defer res.Body.Close()
		return res, string(must[[]byte](t)(io.ReadAll(res.Body)))
	}
	for path, kind := range map[string]string{org.InvitePage: "text/html", "/weir/join/page.js": "text/javascript", "/weir/join/page.css": "text/css", org.ResetPage: "text/html", "/weir/reset/page.js": "text/javascript"} {
		res, body := get(path)
		policy := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), kind) || len(body) == 0 ||
			!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
		// What the policy does not let run must not be there.
		if strings.Contains(body, "style=") || strings.Contains(body, "onclick") || strings.Contains(body, "<script>") || strings.Contains(body, "innerHTML") {
			t.Errorf("%s holds what its policy forbids: %s", path, body)
		}
	}
	refused(t, f.as("").get("/weir/join/other"), http.StatusNotFound, "", "")
	refused(t, f.as("").call(http.MethodPost, "/weir/join", nil), http.StatusNotFound, "", "")
}
