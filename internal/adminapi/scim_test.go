package adminapi_test

import (
	"testing"

	"github.com/openai/openai-go/v3"

	"weir/internal/audit"
	"weir/internal/org"
)

// Whom an identity provider keeps is shown so, and what it did is in OpenAI's
// log as done by a machine with a key.
func TestWhatAnIdentityProviderKeeps(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	token, _, err := w.Org.CreateSCIMToken(ctx, w.actor(), org.NewSCIMToken{Name: "provider"})
	must(t, token, err)
	provider := audit.Actor{OrganizationID: w.Organization.ID, Type: audit.ActorSCIM, APIKeyID: token.ID}
	made, err := w.Org.CreateDirectoryUser(ctx, provider, org.DirectoryUser{UserName: "ann@example.com", Active: true})
	must(t, made, err)
	shown := func() map[string]any {
		t.Helper()
		return w.call(w.AdminKey, "GET", "/v1/organization/users/"+made.ID, "").json(t)
	}
	if u := shown(); u["is_scim_managed"] != true || u["user"].(map[string]any)["enabled"] != true {
		t.Errorf("kept: %v", u)
	}
	owner := w.call(w.AdminKey, "GET", "/v1/organization/users/"+w.Owner.ID, "").json(t)
	if owner["is_scim_managed"] != false {
		t.Errorf("the owner: %v", owner)
	}
	changed, err := w.Org.ChangeDirectoryUser(ctx, provider, made.ID, nil, func(u *org.DirectoryUser) error { u.Active = false; return nil })
	must(t, changed, err)
	if u := shown(); u["user"].(map[string]any)["enabled"] != false {
		t.Errorf("deactivated: %v", u)
	}
	page, err := w.client.Admin.Organization.AuditLogs.List(ctx, openai.AdminOrganizationAuditLogListParams{
		EventTypes: []string{"scim.enabled", "user.added", "user.updated"}, ResourceIDs: []string{made.ID, w.Organization.ID},
	})
	if err != nil || len(page.Data) != 3 {
		t.Fatalf("%+v (%v)", page, err)
	}
	for _, e := range page.Data[:2] {
		if key := e.Actor.APIKey; key.ID != token.ID || key.ServiceAccount.ID != token.ID {
			t.Errorf("the actor is %s", e.RawJSON())
		}
	}
	if page.Data[2].Type != "scim.enabled" || page.Data[2].ScimEnabled.ID != w.Organization.ID {
		t.Errorf("enabled: %s", page.Data[2].RawJSON())
	}
}
