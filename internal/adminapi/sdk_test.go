package adminapi_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"

	"weir/internal/access"
	"weir/internal/optional"
	"weir/internal/org"
)

// statusOf is the status of a call that the client reports as failed.
func statusOf(t *testing.T, err error) int {
	t.Helper()
	var failed *openai.Error
	if !errors.As(err, &failed) {
		t.Fatalf("the client reports %v, not an error of the API", err)
	}
	if failed.Message == "" || failed.Type == "" {
		t.Errorf("the client cannot read the error: %q", failed.RawJSON())
	}
	return failed.StatusCode
}

func TestAdminKeysThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	keys := w.client.Admin.Organization.AdminAPIKeys

	made, err := keys.New(ctx, openai.AdminOrganizationAdminAPIKeyNewParams{Name: "deploys", ExpiresInSeconds: openai.Int(3600)})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(made.Value, "sk-admin-") || made.ExpiresAt-made.CreatedAt != 3600 {
		t.Errorf("made %+v", made)
	}
	if redacted := made.RedactedValue; !strings.Contains(redacted, "...") || strings.Contains(redacted, made.Value) ||
		!strings.HasSuffix(made.Value, redacted[strings.Index(redacted, "...")+3:]) {
		t.Errorf("%q does not redact the value", redacted)
	}
	if o := made.Owner; o.ID != w.Owner.ID || o.Type != "user" || o.Object != "organization.user" || o.Role != "owner" {
		t.Errorf("owner %+v", o)
	}
	newcomer := w.clientWith(made.Value)
	got, err := newcomer.Admin.Organization.AdminAPIKeys.Get(ctx, made.ID)
	if err != nil {
		t.Fatalf("the new key does not work: %v", err)
	}
	if got.Name != "deploys" || strings.Contains(got.RawJSON(), made.Value) || got.JSON.LastUsedAt.Valid() {
		t.Errorf("got %s", got.RawJSON())
	}
	forever, err := keys.New(ctx, openai.AdminOrganizationAdminAPIKeyNewParams{Name: "forever"})
	if err != nil || forever.AdminAPIKey.JSON.ExpiresAt.Raw() != "null" {
		t.Errorf("a key without expires_in_seconds: %v %s", err, forever.RawJSON())
	}

	gone, err := newcomer.Admin.Organization.AdminAPIKeys.Delete(ctx, made.ID) // itself
	if err != nil || !gone.Deleted || gone.ID != made.ID {
		t.Fatalf("deleting: %v %+v", err, gone)
	}
	if _, err := keys.Get(ctx, made.ID); statusOf(t, err) != 404 {
		t.Errorf("a deleted key is answered %v", err)
	}
	if _, err := newcomer.Admin.Organization.AdminAPIKeys.Get(ctx, forever.ID); statusOf(t, err) != 401 {
		t.Errorf("a deleted key still works: %v", err)
	}
}

func TestExpiredAdminKeyStops(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	made, err := w.client.Admin.Organization.AdminAPIKeys.New(ctx, openai.AdminOrganizationAdminAPIKeyNewParams{Name: "brief", ExpiresInSeconds: openai.Int(60)})
	if err != nil {
		t.Fatal(err)
	}
	w.Identity.Now = func() time.Time { return time.Now().Add(61 * time.Second) }
	brief := w.clientWith(made.Value)
	if _, err := brief.Admin.Organization.Projects.List(ctx, openai.AdminOrganizationProjectListParams{}); statusOf(t, err) != 401 {
		t.Errorf("an expired key is answered %v", err)
	}
}

func TestLastAdminKeyStays(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	keys := w.client.Admin.Organization.AdminAPIKeys
	all, err := keys.List(ctx, openai.AdminOrganizationAdminAPIKeyListParams{})
	if err != nil || len(all.Data) != 1 {
		t.Fatalf("%v %+v", err, all)
	}
	if _, err := keys.Delete(ctx, all.Data[0].ID); statusOf(t, err) != 400 {
		t.Errorf("deleting the last key: %v", err)
	}
	if _, err := keys.Get(ctx, all.Data[0].ID); err != nil {
		t.Errorf("the refused deletion had an effect: %v", err)
	}
}

func TestProjectsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	projects := w.client.Admin.Organization.Projects

	made, err := projects.New(ctx, openai.AdminOrganizationProjectNewParams{
		Name: "Weather", Residency: "EU_STORAGE_PROCESSING", ExternalKeyID: openai.String("ext_1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.Name != "Weather" || made.Status != "active" || made.ExternalKeyID != "ext_1" || string(made.Residency) != "EU_STORAGE_PROCESSING" ||
		made.JSON.ArchivedAt.Raw() != "null" {
		t.Errorf("made %s", made.RawJSON())
	}
	got, err := projects.Get(ctx, made.ID)
	if err != nil || got.RawJSON() != made.RawJSON() {
		t.Errorf("created %s, got %s (%v)", made.RawJSON(), got.RawJSON(), err)
	}
	renamed, err := projects.Update(ctx, made.ID, openai.AdminOrganizationProjectUpdateParams{Name: openai.String("Climate")})
	if err != nil || renamed.Name != "Climate" || renamed.ExternalKeyID != "ext_1" {
		t.Errorf("an update kept not what it left out: %v %s", err, renamed.RawJSON())
	}
	if a := w.call(w.AdminKey, "POST", "/v1/organization/projects/"+made.ID, `{"external_key_id": null}`); a.json(t)["external_key_id"] != nil {
		t.Errorf("null does not remove: %s", a.raw)
	}
	archived, err := projects.Archive(ctx, made.ID)
	if err != nil || archived.Status != "archived" || archived.ArchivedAt == 0 {
		t.Fatalf("archived: %v %s", err, archived.RawJSON())
	}
	if got, err := projects.Get(ctx, made.ID); err != nil || got.Status != "archived" {
		t.Errorf("an archived project is answered %v", err)
	}
	accounts := projects.ServiceAccounts
	for name, call := range map[string]func() error{
		"archive again": func() error { _, err := projects.Archive(ctx, made.ID); return err },
		"update": func() error {
			_, err := projects.Update(ctx, made.ID, openai.AdminOrganizationProjectUpdateParams{Name: openai.String("x")})
			return err
		},
		"list accounts": func() error {
			_, err := accounts.List(ctx, made.ID, openai.AdminOrganizationProjectServiceAccountListParams{})
			return err
		},
		"create account": func() error {
			_, err := accounts.New(ctx, made.ID, openai.AdminOrganizationProjectServiceAccountNewParams{Name: "x"})
			return err
		},
		"delete account": func() error { _, err := accounts.Delete(ctx, made.ID, "svc_acct_none"); return err },
	} {
		if err := call(); statusOf(t, err) != 400 {
			t.Errorf("%s of an archived project: %v", name, err)
		}
	}

	for _, withArchived := range []bool{false, true} {
		page, err := projects.List(ctx, openai.AdminOrganizationProjectListParams{IncludeArchived: openai.Bool(withArchived)})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, p := range page.Data {
			found = found || p.ID == made.ID
		}
		if found != withArchived {
			t.Errorf("include_archived=%v lists an archived project: %v", withArchived, found)
		}
	}
}

func TestDefaultProjectCannotChange(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	projects := w.client.Admin.Organization.Projects
	if _, err := projects.Update(ctx, w.Organization.DefaultProjectID, openai.AdminOrganizationProjectUpdateParams{Name: openai.String("x")}); statusOf(t, err) != 400 {
		t.Errorf("renaming the default project: %v", err)
	}
	if _, err := projects.Archive(ctx, w.Organization.DefaultProjectID); statusOf(t, err) != 400 {
		t.Errorf("archiving the default project: %v", err)
	}
}

func TestServiceAccountsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("Weather")
	accounts := w.client.Admin.Organization.Projects.ServiceAccounts

	made, err := accounts.New(ctx, p.ID, openai.AdminOrganizationProjectServiceAccountNewParams{Name: "ingest"})
	if err != nil {
		t.Fatal(err)
	}
	key := made.APIKey
	if made.Role != "member" || key.Name == "" || key.ID == "" || !strings.HasPrefix(key.Value, "sk-svcacct-") {
		t.Errorf("made %s", made.RawJSON())
	}
	bare, err := accounts.New(ctx, p.ID, openai.AdminOrganizationProjectServiceAccountNewParams{Name: "bare", CreateServiceAccountOnly: openai.Bool(true)})
	if err != nil || bare.Role != "none" || bare.JSON.APIKey.Raw() != "null" {
		t.Errorf("account only: %v %s", err, bare.RawJSON())
	}
	got, err := accounts.Get(ctx, p.ID, bare.ID)
	if err != nil || string(got.Role) != "none" || got.Name != "bare" {
		t.Errorf("got %s (%v)", got.RawJSON(), err)
	}
	changed, err := accounts.Update(ctx, p.ID, bare.ID, openai.AdminOrganizationProjectServiceAccountUpdateParams{Role: "owner"})
	if err != nil || string(changed.Role) != "owner" || changed.Name != "bare" {
		t.Errorf("changed %s (%v)", changed.RawJSON(), err)
	}
	second, err := accounts.APIKeys.New(ctx, p.ID, made.ID, openai.AdminOrganizationProjectServiceAccountAPIKeyNewParams{
		Name: openai.String("second"), Scopes: []string{"api.model.request"},
	})
	if err != nil || second.Name != "second" || !strings.HasPrefix(second.Value, "sk-svcacct-") {
		t.Fatalf("second key: %v %s", err, second.RawJSON())
	}
	if a := w.call(w.AdminKey, "POST", "/v1/organization/projects/"+p.ID+"/service_accounts/"+made.ID+"/api_keys", ""); a.status != 200 || a.json(t)["name"] == "" {
		t.Errorf("a key without a body: %d %s", a.status, a.raw)
	}

	keys := w.client.Admin.Organization.Projects.APIKeys
	listed, err := keys.Get(ctx, p.ID, second.ID)
	if err != nil || listed.Owner.Type != "service_account" || listed.Owner.ServiceAccount.ID != made.ID ||
		listed.Owner.ServiceAccount.Role != "member" || listed.OwnerProjectAccess != "active" || listed.JSON.LastUsedAt.Raw() != "null" {
		t.Errorf("listed %s (%v)", listed.RawJSON(), err)
	}
	if strings.Contains(listed.RawJSON(), second.Value) {
		t.Error("the secret is shown again")
	}

	if gone, err := accounts.Delete(ctx, p.ID, made.ID); err != nil || !gone.Deleted || gone.ID != made.ID {
		t.Fatalf("deleting: %v %+v", err, gone)
	}
	for _, keyID := range []string{key.ID, second.ID} {
		if _, err := keys.Get(ctx, p.ID, keyID); statusOf(t, err) != 404 {
			t.Errorf("a key outlived its account: %v", err)
		}
	}
	if _, err := accounts.Get(ctx, p.ID, made.ID); statusOf(t, err) != 404 {
		t.Errorf("a deleted account is answered %v", err)
	}
	if _, err := w.Identity.ByKey(ctx, second.Value, identityFrom()); err == nil {
		t.Error("a key of a deleted account still works")
	}
}

func TestProjectKeysThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("Weather")
	account, secret := w.account(p.ID, access.ProjectMember)
	person := w.person("member@example.com", access.OrganizationReader)
	if _, err := w.Org.AddProjectUser(ctx, w.grantor(), p.ID, org.NewProjectUser{UserID: optional.Of(person.ID), Role: "member"}); err != nil {
		t.Fatal(err)
	}
	for _, userID := range []string{w.Owner.ID, person.ID} {
		_, _, err := w.Org.CreateAPIKey(ctx, w.actor(), p.ID, org.NewAPIKey{Name: "mine", UserID: userID})
		if err != nil {
			t.Fatal(err)
		}
	}
	idle, _, _, err := w.Org.CreateServiceAccount(ctx, w.actor(), p.ID, org.NewServiceAccount{Name: "idle", AccountOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Org.CreateAPIKey(ctx, w.actor(), p.ID, org.NewAPIKey{Name: "idle", ServiceAccountID: idle.ID}); err != nil {
		t.Fatal(err)
	}

	keys := w.client.Admin.Organization.Projects.APIKeys
	list := func(wanted openai.AdminOrganizationProjectAPIKeyListParamsOwnerProjectAccess) []openai.ProjectAPIKey {
		t.Helper()
		page, err := keys.List(ctx, p.ID, openai.AdminOrganizationProjectAPIKeyListParams{OwnerProjectAccess: wanted})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range page.Data {
			if (string(k.OwnerProjectAccess) == "active") != (k.Owner.ServiceAccount.ID != idle.ID) {
				t.Errorf("access of %s", k.RawJSON())
			}
		}
		return page.Data
	}
	if active, inactive, all, members := list("active"), list("inactive"), list("any"), list(""); len(active) != 3 || len(inactive) != 1 || len(all) != 4 || len(members) != 3 {
		t.Errorf("active %d, inactive %d, any %d, members %d", len(active), len(inactive), len(all), len(members))
	}
	roles := map[string]string{}
	for _, k := range list("active") {
		roles[k.Owner.User.Email+k.Owner.ServiceAccount.ID] = k.Owner.User.Role + k.Owner.ServiceAccount.Role
	}
	if roles[w.Owner.Email] != "owner" || roles[person.Email] != "member" || roles[account.ID] != "member" {
		t.Errorf("roles %v", roles)
	}

	for _, k := range list("any") {
		if gone, err := keys.Delete(ctx, p.ID, k.ID); err != nil || !gone.Deleted {
			t.Errorf("deleting %s: %v", k.ID, err)
		}
		if _, err := keys.Get(ctx, p.ID, k.ID); statusOf(t, err) != 404 {
			t.Errorf("a deleted key is answered %v", err)
		}
	}
	if _, err := w.Identity.ByKey(ctx, secret, identityFrom()); err == nil {
		t.Error("a deleted key still works")
	}
	if _, err := w.client.Admin.Organization.Projects.ServiceAccounts.Get(ctx, p.ID, account.ID); err != nil {
		t.Errorf("the account went with its key: %v", err)
	}
}

func TestLastUseOfKeysIsShown(t *testing.T) {
	w := newWorld(t)
	w.get("/v1/organization/projects")
	if err := w.Identity.Used.Flush(t.Context(), w.Store); err != nil {
		t.Fatal(err)
	}
	page, err := w.client.Admin.Organization.AdminAPIKeys.List(t.Context(), openai.AdminOrganizationAdminAPIKeyListParams{})
	if err != nil || len(page.Data) != 1 || time.Since(time.Unix(page.Data[0].LastUsedAt, 0)) > time.Minute {
		t.Errorf("%v %+v", err, page)
	}
}

func TestUsersThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	reader := w.person("reader@example.com", access.OrganizationReader)
	custom := w.person("custom@example.com", "")
	users := w.client.Admin.Organization.Users

	got, err := users.Get(ctx, reader.ID)
	if err != nil || got.Email != reader.Email || got.Role != "reader" || got.AddedAt != reader.CreatedAt.Unix() || got.User.ID != reader.ID {
		t.Errorf("got %s (%v)", got.RawJSON(), err)
	}
	if got, err := users.Get(ctx, custom.ID); err != nil || got.JSON.Role.Raw() != "null" {
		t.Errorf("a user without a predefined role: %s (%v)", got.RawJSON(), err)
	}
	page, err := users.List(ctx, openai.AdminOrganizationUserListParams{Emails: []string{reader.Email, custom.Email, "nobody@example.com"}})
	if err != nil || len(page.Data) != 2 {
		t.Errorf("by two addresses: %v %+v", err, page)
	}
	if page, err = users.List(ctx, openai.AdminOrganizationUserListParams{Emails: []string{"READER@example.com"}}); err != nil || len(page.Data) != 0 {
		t.Errorf("the filter is not letter by letter: %v %+v", err, page)
	}
	if _, err := users.Get(ctx, "user-none"); statusOf(t, err) != 404 {
		t.Errorf("an unknown user is answered %v", err)
	}
}
