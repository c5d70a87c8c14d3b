package nativeapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/optional"
	"weir/internal/org"
)

func TestProjectKey(t *testing.T) {
	f := newFixture(t)
	project := f.project()
	path := "/projects/" + project.ID + "/api_keys"
	a := f.owner().post(path, map[string]any{"name": "app", "expires_in_seconds": 3600, "scopes": []string{"api.model.request"}})
	made := ok[projectKey](t, a)
	if !strings.HasPrefix(made.Value, "sk-proj-") || !strings.HasSuffix(made.Value, made.RedactedValue[len(made.RedactedValue)-4:]) ||
		made.ProjectID != project.ID || made.Owner.Type != "user" || made.Owner.User.ID != f.Owner.ID || made.Owner.ServiceAccount != nil ||
		*made.ExpiresAt != f.clock.Now().Unix()+3600 || len(made.Scopes) != 1 || made.PreviousUntil != nil {
		t.Errorf("created %+v", made)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("an answer with a secret may be cached")
	}
	if who := ok[me](t, f.as(made.Value).get("/me")); who.ID != f.Owner.ID || *who.APIKeyID != made.ID || *who.ProjectID != project.ID ||
		len(who.Permissions.Organization) != 0 || len(who.Permissions.Projects[project.ID]) != 1 {
		t.Errorf("me: %+v", who)
	}
	f.clock.advance(time.Hour)
	refused(t, f.as(made.Value).get("/me"), http.StatusUnauthorized, "invalid_api_key", "")

	somebody, _ := f.user(access.OrganizationReader)
	if got := ok[projectKey](t, f.owner().post(path, map[string]any{"name": "theirs", "owner_user_id": somebody.ID})); got.Owner.User.ID != somebody.ID {
		t.Errorf("for somebody else: %+v", got)
	}
}

func TestProjectKeyRefusals(t *testing.T) {
	f := newFixture(t)
	project := f.project()
	path := "/projects/" + project.ID + "/api_keys"
	for body, want := range map[string][2]string{
		`{}`:                                   {"missing_required_parameter", "name"},
		`{"name":""}`:                          {"empty_string", "name"},
		`{"name":"x","scopes":"all"}`:          {"invalid_type", "scopes"},
		`{"name":"x","scopes":["everything"]}`: {"invalid_value", "scopes[0]"},
		`{"name":"x","owner_user_id":"user-none"}`:   {"invalid_value", "owner_user_id"},
		`{"name":"x","owner_user_id":7}`:             {"invalid_type", "owner_user_id"},
		`{"name":"x","expires_in_seconds":0}`:        {"integer_below_min_value", "expires_in_seconds"},
		`{"name":"x","expires_in_seconds":1e9}`:      {"invalid_type", "expires_in_seconds"},
		`{"name":"x","expires_in_seconds":31536001}`: {"integer_above_max_value", "expires_in_seconds"},
	} {
		refused(t, f.owner().post(path, body), http.StatusBadRequest, want[0], want[1])
	}
	refused(t, f.owner().post("/projects/proj_none/api_keys", `{"name":"x"}`), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().post(path+"/key_none/rotate", `{}`), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().post("/admin_api_keys/key_none/rotate", `{}`), http.StatusNotFound, "not_found", "")
	key := ok[projectKey](t, f.owner().post(path, `{"name":"x"}`))
	refused(t, f.owner().post(path+"/"+key.ID+"/rotate", `{"overlap_seconds":-1}`), http.StatusBadRequest, "integer_below_min_value", "overlap_seconds")
	refused(t, f.owner().post(path+"/"+key.ID+"/rotate", `{"overlap_seconds":2592001}`), http.StatusBadRequest, "integer_above_max_value", "overlap_seconds")
	refused(t, f.owner().post(path+"/"+key.ID+"/rotate", `{"overlap_seconds":"1m"}`), http.StatusBadRequest, "invalid_type", "overlap_seconds")
	refused(t, f.owner().post("/projects/"+f.project().ID+"/api_keys/"+key.ID+"/rotate", `{}`), http.StatusNotFound, "not_found", "")
	if _, err := f.Org.ArchiveProject(t.Context(), f.actor(), project.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, f.owner().post(path, `{"name":"x"}`), http.StatusBadRequest, "project_archived", "")
	refused(t, f.owner().post(path+"/"+key.ID+"/rotate", `{}`), http.StatusBadRequest, "project_archived", "")
}

func TestRotationOverlaps(t *testing.T) {
	f := newFixture(t)
	path := "/projects/" + f.Organization.DefaultProjectID + "/api_keys"
	key := ok[projectKey](t, f.owner().post(path, `{"name":"app"}`))
	next := ok[projectKey](t, f.owner().post(path+"/"+key.ID+"/rotate", `{"overlap_seconds":60}`))
	if next.ID != key.ID || next.Value == key.Value || next.CreatedAt != key.CreatedAt || *next.PreviousUntil != f.clock.Now().Unix()+60 {
		t.Errorf("rotated %+v", next)
	}
	ok[me](t, f.as(key.Value).get("/me"))
	ok[me](t, f.as(next.Value).get("/me"))
	f.clock.advance(59 * time.Second)
	ok[me](t, f.as(key.Value).get("/me"))
	f.clock.advance(time.Second)
	refused(t, f.as(key.Value).get("/me"), http.StatusUnauthorized, "invalid_api_key", "")
	ok[me](t, f.as(next.Value).get("/me"))

	last := ok[projectKey](t, f.owner().post(path+"/"+key.ID+"/rotate", nil)) // at once
	refused(t, f.as(next.Value).get("/me"), http.StatusUnauthorized, "invalid_api_key", "")
	ok[me](t, f.as(last.Value).get("/me"))
}

func TestAdminKeyRotation(t *testing.T) {
	f := newFixture(t)
	id := *ok[me](t, f.owner().get("/me")).APIKeyID
	next := ok[adminKey](t, f.owner().post("/admin_api_keys/"+id+"/rotate", `{"overlap_seconds":60}`))
	if next.ID != id || !strings.HasPrefix(next.Value, "sk-admin-") || next.Owner.ID != f.Owner.ID || next.Owner.Role != "owner" {
		t.Errorf("rotated %+v", next)
	}
	ok[me](t, f.owner().get("/me"))
	f.clock.advance(time.Minute)
	refused(t, f.owner().get("/me"), http.StatusUnauthorized, "invalid_api_key", "")
	ok[me](t, f.as(next.Value).get("/me"))
}

// A key made for somebody else acts as that person and no more.
func TestAdminKeyForSomebodyElse(t *testing.T) {
	f := newFixture(t)
	reader, _ := f.user(access.OrganizationReader)
	made := ok[adminKey](t, f.owner().post("/admin_api_keys", map[string]any{"name": "hers", "owner_user_id": reader.ID}))
	if made.Owner.ID != reader.ID || !strings.HasPrefix(made.Value, "sk-admin-") {
		t.Errorf("made %+v", made)
	}
	if who := ok[me](t, f.as(made.Value).get("/me")); who.ID != reader.ID {
		t.Errorf("it acts as %+v", who)
	}
	refused(t, f.as(made.Value).post("/admin_api_keys", map[string]any{"name": "x", "owner_user_id": f.Owner.ID}), http.StatusForbidden, "insufficient_permissions", "")
	for _, body := range []string{`{"name":"x","owner_user_id":"user-none"}`, `{"name":"x","owner_user_id":""}`} {
		refused(t, f.owner().post("/admin_api_keys", body), http.StatusNotFound, "not_found", "")
	}
	refused(t, f.owner().post("/admin_api_keys", `{"name":"x"}`), http.StatusBadRequest, "missing_required_parameter", "owner_user_id")
}

// Nobody gets at more than they hold by making or rotating a key.
func TestKeysDoNotClimb(t *testing.T) {
	f := newFixture(t)
	project := f.Organization.DefaultProjectID
	path := "/projects/" + project + "/api_keys"
	_, ownerKey, _ := f.serviceAccount(project, access.ProjectOwner)
	boss, _, bossSecret := f.serviceAccount(project, access.ProjectOwner)
	account, ownKey, secret := f.serviceAccount(project, access.ProjectMember)
	somebody := ok[projectKey](t, f.owner().post(path, `{"name":"the owner's"}`))

	made := ok[projectKey](t, f.as(secret).post(path, `{"name":"mine"}`))
	if made.Owner.ServiceAccount == nil || made.Owner.ServiceAccount.ID != account.ID || !strings.HasPrefix(made.Value, "sk-svcacct-") {
		t.Errorf("an account's own key: %+v", made)
	}
	ok[projectKey](t, f.as(secret).post(path+"/"+ownKey.ID+"/rotate", `{"overlap_seconds":60}`))
	for name, a := range map[string]answer{
		"a member makes a person's key":        f.as(secret).post(path, map[string]any{"name": "x", "owner_user_id": f.Owner.ID}),
		"a project owner makes a person's key": f.as(bossSecret).post(path, map[string]any{"name": "x", "owner_user_id": f.Owner.ID}),
		"a member rotates an owner's key":      f.as(secret).post(path+"/"+ownerKey.ID+"/rotate", `{}`),
		"a member rotates a person's key":      f.as(secret).post(path+"/"+somebody.ID+"/rotate", `{}`),
		"a project owner rotates a person's":   f.as(bossSecret).post(path+"/"+somebody.ID+"/rotate", `{}`),
		"in another project":                   f.as(bossSecret).post("/projects/"+f.project().ID+"/api_keys", `{"name":"x"}`),
		"an admin key by a project key":        f.as(bossSecret).post("/admin_api_keys/key_any/rotate", `{}`),
	} {
		t.Run(name, func(t *testing.T) { refused(t, a, http.StatusForbidden, "insufficient_permissions", "") })
	}
	ok[projectKey](t, f.as(bossSecret).post(path+"/"+ownKey.ID+"/rotate", `{}`))

	// An account that is more in a workspace than who manages the project.
	f.join(f.workspace.ID, account.ID, access.WorkspaceAdmin)
	f.join(f.workspace.ID, boss.ID, access.WorkspaceMember)
	refused(t, f.as(bossSecret).post(path+"/"+ownKey.ID+"/rotate", `{}`), http.StatusForbidden, "insufficient_permissions", "")
	f.join(f.workspace.ID, boss.ID, access.WorkspaceAdmin)
	ok[projectKey](t, f.as(bossSecret).post(path+"/"+ownKey.ID+"/rotate", `{}`))
	ok[projectKey](t, f.owner().post(path+"/"+ownKey.ID+"/rotate", `{}`))

	_, narrow, err := f.Org.CreateAPIKey(t.Context(), f.actor(), project, org.NewAPIKey{
		Name: "narrow", ServiceAccountID: boss.ID, Scopes: []string{string(access.APIKeysWrite), "api.model.read"}, ExpiresInSeconds: optional.Of(int64(3600)),
	})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, f.as(narrow).post(path, `{"name":"wide"}`), http.StatusForbidden, "insufficient_permissions", "scopes")
	refused(t, f.as(narrow).post(path, `{"name":"wide","scopes":["api.model.request"]}`), http.StatusForbidden, "insufficient_permissions", "scopes")
	ok[projectKey](t, f.as(narrow).post(path, `{"name":"as narrow","scopes":["api.model.read"]}`))
	other := ok[projectKey](t, f.as(bossSecret).post(path, `{"name":"wide"}`))
	refused(t, f.as(narrow).post(path+"/"+other.ID+"/rotate", `{}`), http.StatusForbidden, "insufficient_permissions", "scopes")
}

// A key that expires makes and rotates none that works longer than itself.
func TestKeysDoNotOutliveWhoMadeThem(t *testing.T) {
	f := newFixture(t)
	project := f.Organization.DefaultProjectID
	path := "/projects/" + project + "/api_keys"
	boss, lasting, _ := f.serviceAccount(project, access.ProjectOwner)
	short, secret, err := f.Org.CreateAPIKey(t.Context(), f.actor(), project, org.NewAPIKey{
		Name: "short", ServiceAccountID: boss.ID, ExpiresInSeconds: optional.Of(int64(3600)),
	})
	if err != nil {
		t.Fatal(err)
	}
	made := ok[projectKey](t, f.as(secret).post(path, `{"name":"no end asked for"}`))
	if made.ExpiresAt == nil || *made.ExpiresAt != short.ExpiresAt.Unix() {
		t.Errorf("made %+v", made)
	}
	f.clock.advance(time.Minute) // the full hour would now be a minute too long
	refused(t, f.as(secret).post(path, `{"name":"x","expires_in_seconds":3600}`), http.StatusForbidden, "insufficient_permissions", "expires_in_seconds")
	ok[projectKey](t, f.as(secret).post(path, `{"name":"x","expires_in_seconds":60}`))

	refused(t, f.as(secret).post(path+"/"+lasting.ID+"/rotate", `{}`), http.StatusForbidden, "insufficient_permissions", "")
	ok[projectKey](t, f.as(secret).post(path+"/"+made.ID+"/rotate", `{}`))
	next := ok[projectKey](t, f.as(secret).post(path+"/"+short.ID+"/rotate", `{"overlap_seconds":60}`)) // itself
	if *next.ExpiresAt != short.ExpiresAt.Unix() {
		t.Errorf("rotated itself to %+v", next)
	}

	admin, adminSecret, err := f.Org.CreateAdminKey(t.Context(), f.actor(), org.NewAdminKey{Name: "short", UserID: f.Owner.ID, ExpiresInSeconds: optional.Of(int64(60))})
	if err != nil {
		t.Fatal(err)
	}
	lastingAdmin := *ok[me](t, f.owner().get("/me")).APIKeyID
	refused(t, f.as(adminSecret).post("/admin_api_keys/"+lastingAdmin+"/rotate", `{}`), http.StatusForbidden, "insufficient_permissions", "")
	refused(t, f.as(adminSecret).post(path+"/"+lasting.ID+"/rotate", `{}`), http.StatusForbidden, "insufficient_permissions", "")
	ok[adminKey](t, f.as(adminSecret).post("/admin_api_keys/"+admin.ID+"/rotate", `{"overlap_seconds":30}`))
	f.clock.advance(time.Hour)
	refused(t, f.as(made.Value).get("/me"), http.StatusUnauthorized, "invalid_api_key", "")
}

// Links that a key gives out end with it.
func TestLinksDoNotOutliveTheirKey(t *testing.T) {
	f := newFixture(t)
	lasting := f.invite(access.OrganizationReader)
	colleague, _ := f.user(access.OrganizationReader)
	key, secret, err := f.Org.CreateAdminKey(t.Context(), f.actor(), org.NewAdminKey{Name: "short", UserID: f.Owner.ID, ExpiresInSeconds: optional.Of(int64(60))})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, f.as(secret).post("/invites/"+lasting.ID+"/link", nil), http.StatusForbidden, "insufficient_permissions", "")
	if reset := ok[passwordReset](t, f.as(secret).post("/users/"+colleague.ID+"/password_reset", nil)); reset.ExpiresAt != key.ExpiresAt.Unix() {
		t.Errorf("reset: %+v", reset)
	}
	by := org.SystemGrantor(f.Organization.ID)
	by.Key = org.KeyLimits{ExpiresAt: key.ExpiresAt}
	brief := must[org.Invite](t)(f.Org.CreateInvite(t.Context(), by, org.NewInvite{Email: "brief@example.com", Role: "reader"}))
	if !brief.ExpiresAt.Equal(key.ExpiresAt) {
		t.Errorf("invite: %+v", brief)
	}
	link := ok[inviteLink](t, f.as(secret).post("/invites/"+brief.ID+"/link", nil))
	f.clock.advance(time.Minute)
	if a := f.accept(link.Token, "Somebody", "a good password"); a.status != http.StatusBadRequest {
		t.Errorf("accepted behind the key's end: %d %s", a.status, a.body)
	}
}
