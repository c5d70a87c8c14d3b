package adminapi_test

import (
	"testing"

	"weir/internal/access"
	"weir/internal/optional"
	"weir/internal/org"
)

// A key without scopes acts in the workspaces of its owner. Whoever manages a
// project's keys and holds less there neither makes such a key nor makes one of
// another.
func TestKeysBringNoStrangersWorkspaces(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("home")
	boss := w.newcomer()
	w.enter(p.ID, boss.ID, "owner")
	bossKey := w.adminKeyOf(boss.ID)
	account, _ := w.account(p.ID, access.ProjectMember)
	accountKeys := "/v1/organization/projects/" + p.ID + "/service_accounts/" + account.ID + "/api_keys"
	workspaces, err := w.Org.Workspaces(ctx, w.Organization.ID, nil, org.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	workspaceID := workspaces.Items[0].ID
	join := func(principalID string, role access.WorkspaceRole) {
		t.Helper()
		m, err := w.Org.PutWorkspaceMember(ctx, w.actor(), workspaceID, principalID, string(role))
		must(t, m, err)
	}
	narrow := func(in org.NewAPIKey) string {
		t.Helper()
		in.Name, in.Scopes, in.ExpiresInSeconds = "narrow", []string{"api.model.read"}, optional.Of(int64(3600))
		key, _, err := w.Org.CreateAPIKey(ctx, w.actor(), p.ID, in)
		return projectKeyPath(p.ID, must(t, key, err).ID)
	}
	ofAccount, ofOwner := narrow(org.NewAPIKey{ServiceAccountID: account.ID}), narrow(org.NewAPIKey{UserID: w.Owner.ID})
	post := func(path, body string, want int) {
		t.Helper()
		if got := w.call(bossKey, "POST", path, body); got.status != want {
			t.Errorf("%s %s: %d %s, want %d", path, body, got.status, got.raw, want)
		}
	}
	post(accountKeys, `{}`, 200)

	join(account.ID, access.WorkspaceAdmin)
	join(w.Owner.ID, access.WorkspaceAdmin)
	join(boss.ID, access.WorkspaceMember)
	before := len(w.logged())
	post(accountKeys, `{}`, 403)
	post(accountKeys, `{"scopes": []}`, 403)
	post(ofAccount, `{"scopes": []}`, 403)
	post(ofOwner, `{"scopes": []}`, 403)
	if got := w.logged()[before:]; len(got) > 0 && got[0] != "weir.access.denied" {
		t.Errorf("refused requests changed something: %q", got)
	}
	post(accountKeys, `{"scopes": ["api.model.request"]}`, 200)
	post(ofAccount, `{"scopes": ["api.model.request"]}`, 200)
	post(ofAccount, `{"expires_in_seconds": 60}`, 200)

	join(boss.ID, access.WorkspaceAdmin)
	post(accountKeys, `{}`, 200)
	post(ofAccount, `{"scopes": []}`, 200)
	post(ofOwner, `{"scopes": []}`, 200)
}
