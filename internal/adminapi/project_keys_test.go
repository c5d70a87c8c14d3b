package adminapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/org"
)

// recorded returns the audit events of an action, oldest first.
func (w *world) recorded(action audit.Action) []audit.Event {
	w.t.Helper()
	var events []audit.Event
	err := w.Store.View(w.t.Context(), func(r org.Reader) error {
		return r.AuditChain(w.t.Context(), w.Organization.ID, 0, func(e audit.Event) error {
			if e.Action == action.Name {
				events = append(events, e)
			}
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return events
}

func TestProjectKeyUpdateThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("Weather")
	account, secret := w.account(p.ID, access.ProjectOwner)
	key := w.keyOf(p.ID, account.ID)
	keys := w.client.Admin.Organization.Projects.APIKeys

	got, err := keys.Update(ctx, p.ID, key.ID, openai.AdminOrganizationProjectAPIKeyUpdateParams{
		Scopes: []string{"api.model.read", "api.all.read"}, ExpiresInSeconds: 3600,
	})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(time.Unix(got.ExpiresAt, 0)); left < 59*time.Minute || left > time.Hour {
		t.Errorf("expires in %v", left)
	}
	if got.ID != key.ID || got.RedactedValue != key.Redacted || strings.Contains(got.RawJSON(), secret) || strings.Contains(got.RawJSON(), `"value"`) {
		t.Errorf("answered %s", got.RawJSON())
	}
	caller, err := w.Identity.ByKey(ctx, secret, identityFrom())
	if held := caller.Grants.Projects[p.ID]; err != nil || !held.Has(access.APIKeysRead) || held.Has(access.APIKeysWrite) || held.Has(access.ModelsRequest) {
		t.Errorf("the key holds %v (%v)", caller.Grants, err)
	}

	// What is left out stays; an empty list lifts the restriction.
	expires := got.ExpiresAt
	if got, err = keys.Update(ctx, p.ID, key.ID, openai.AdminOrganizationProjectAPIKeyUpdateParams{Scopes: []string{}}); err != nil || got.ExpiresAt != expires {
		t.Errorf("lifting the restriction: %s (%v)", got.RawJSON(), err)
	}
	if caller, err = w.Identity.ByKey(ctx, secret, identityFrom()); err != nil || !caller.Grants.Projects[p.ID].Has(access.APIKeysWrite) {
		t.Errorf("the key holds %v (%v)", caller.Grants, err)
	}
	if _, err = keys.Update(ctx, p.ID, key.ID, openai.AdminOrganizationProjectAPIKeyUpdateParams{ExpiresInSeconds: 60}); err != nil {
		t.Error(err)
	}

	var changes []string
	for _, e := range w.recorded(audit.APIKeyUpdated) {
		if e.ProjectID != p.ID || e.ResourceID != key.ID {
			t.Errorf("recorded of %s in %s", e.ResourceID, e.ProjectID)
		}
		changes = append(changes, string(e.Details))
	}
	want := []string{
		`{"id":"` + key.ID + `","changes_requested":{"expires_in_seconds":3600,"scopes":["api.model.read","api.all.read"]}}`,
		`{"id":"` + key.ID + `","changes_requested":{"scopes":[]}}`,
		`{"id":"` + key.ID + `","changes_requested":{"expires_in_seconds":60}}`,
	}
	if !slices.Equal(changes, want) {
		t.Errorf("recorded\n%s\nwant\n%s", strings.Join(changes, "\n"), strings.Join(want, "\n"))
	}
}

func TestProjectKeyUpdateRefusals(t *testing.T) {
	w := newWorld(t)
	p, other := w.project("home"), w.project("other")
	account, _ := w.account(p.ID, access.ProjectMember)
	key := w.keyOf(p.ID, account.ID)
	foreign, _, foreignKey := w.NewOrganization(t, "stranger@example.com")
	path := projectKeyPath(p.ID, key.ID)
	many := strings.Repeat(`"api.model.read",`, 200) + `"api.model.read"`
	before := len(w.logged())
	for _, c := range []struct {
		key, path, body string
		status          int
		param, code     string
	}{
		{w.AdminKey, path, ``, 400, "", "missing_required_parameter"},
		{w.AdminKey, path, `{"name": "x", "id": "key_x", "redacted_value": "sk-..."}`, 400, "", "missing_required_parameter"},
		{w.AdminKey, path, `{"scopes": null}`, 400, "scopes", "invalid_type"},
		{w.AdminKey, path, `{"scopes": [], "expires_in_seconds": null}`, 400, "expires_in_seconds", "invalid_type"},
		{w.AdminKey, path, `{"scopes": "api.model.read"}`, 400, "scopes", "invalid_type"},
		{w.AdminKey, path, `{"scopes": ["all"]}`, 400, "scopes[0]", "invalid_value"},
		{w.AdminKey, path, `{"scopes": ["api.model.read", "\u0000"]}`, 400, "scopes[1]", "invalid_value"},
		{w.AdminKey, path, `{"scopes": [` + many + `]}`, 400, "scopes", "array_above_max_length"},
		{w.AdminKey, path, `{"expires_in_seconds": 0}`, 400, "expires_in_seconds", "integer_below_min_value"},
		{w.AdminKey, path, `{"expires_in_seconds": 31536001}`, 400, "expires_in_seconds", "integer_above_max_value"},
		{w.AdminKey, path, `{"expires_in_seconds": "60"}`, 400, "expires_in_seconds", "invalid_type"},
		{w.AdminKey, projectKeyPath(other.ID, key.ID), `{"scopes": []}`, 404, "", "not_found"},
		{w.AdminKey, projectKeyPath(p.ID, "key_none"), `{"scopes": []}`, 404, "", "not_found"},
		{foreignKey, path, `{"scopes": []}`, 404, "", "not_found"},
		{foreignKey, projectKeyPath(foreign.DefaultProjectID, key.ID), `{"scopes": []}`, 404, "", "not_found"},
	} {
		got := w.call(c.key, "POST", c.path, c.body)
		if f := got.failure(t); got.status != c.status || f.Param != c.param || f.Code != c.code {
			t.Errorf("%s: %d %s", c.body, got.status, got.raw)
		}
	}
	if now, err := w.Org.APIKey(t.Context(), w.Organization.ID, p.ID, key.ID); err != nil || len(now.Scopes) != 0 || !now.ExpiresAt.IsZero() || len(w.logged()) != before {
		t.Errorf("a refused change left %+v (%v)", now, err)
	}

	w.Org.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	expired, _, err := w.Org.CreateAPIKey(t.Context(), w.actor(), p.ID, org.NewAPIKey{ServiceAccountID: account.ID, ExpiresInSeconds: optional.Of(int64(60))})
	must(t, expired, err)
	w.Org.Now = time.Now
	if got := w.call(w.AdminKey, "POST", projectKeyPath(p.ID, expired.ID), `{"expires_in_seconds": 60}`); got.status != 400 || got.failure(t).Code != "api_key_expired" {
		t.Errorf("an expired key: %d %s", got.status, got.raw)
	}
	_, err = w.Org.ArchiveProject(t.Context(), w.actor(), p.ID)
	must(t, expired, err)
	if got := w.call(w.AdminKey, "POST", path, `{"scopes": []}`); got.status != 400 || got.failure(t).Code != "project_archived" {
		t.Errorf("in an archived project: %d %s", got.status, got.raw)
	}
}

// An admin key that expires gives out nothing that lasts longer than itself.
func TestExpiringAdminKeysDoNotOutliveThemselves(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	short, secret, err := w.Org.CreateAdminKey(ctx, w.actor(), org.NewAdminKey{Name: "short", UserID: w.Owner.ID, ExpiresInSeconds: optional.Of(int64(600))})
	must(t, short, err)
	p := w.project("home")
	account, _ := w.account(p.ID, access.ProjectMember)
	accounts := "/v1/organization/projects/" + p.ID + "/service_accounts"
	end := short.ExpiresAt.Unix()

	for name, c := range map[string]struct{ path, body, at string }{
		"admin key":               {"/v1/organization/admin_api_keys", `{"name": "x"}`, "expires_at"},
		"account's first key":     {accounts, `{"name": "x"}`, "api_key.expires_at"},
		"account's second key":    {accounts + "/" + account.ID + "/api_keys", ``, "expires_at"},
		"key of null's lifetime":  {accounts + "/" + account.ID + "/api_keys", `{"expires_in_seconds": null}`, "expires_at"},
		"admin key that is short": {"/v1/organization/admin_api_keys", `{"name": "x", "expires_in_seconds": 60}`, ""},
	} {
		got := w.call(secret, "POST", c.path, c.body)
		if got.status != 200 {
			t.Errorf("%s: %d %s", name, got.status, got.raw)
			continue
		}
		shown := got.json(t)
		if first, ok := strings.CutPrefix(c.at, "api_key."); ok {
			shown, c.at = shown["api_key"].(map[string]any), first
		}
		if c.at != "" && shown[c.at] != float64(end) {
			t.Errorf("%s ends at %v, the caller's at %d", name, shown[c.at], end)
		}
	}
	before := len(w.logged())
	for path, body := range map[string]string{
		"/v1/organization/admin_api_keys": `{"name": "x", "expires_in_seconds": 3600}`,
		accounts:                          `{"name": "x", "expires_in_seconds": 3600}`,
		accounts + "/" + account.ID + "/api_keys":          `{"expires_in_seconds": 3600}`,
		projectKeyPath(p.ID, w.keyOf(p.ID, account.ID).ID): `{"expires_in_seconds": 3600}`,
	} {
		if got := w.call(secret, "POST", path, body); got.status != 403 || got.failure(t).Param != "expires_in_seconds" {
			t.Errorf("%s: %d %s", path, got.status, got.raw)
		}
	}
	if len(w.logged()) != before {
		t.Error("a refused key is in the audit log")
	}
}

// A created service-account key takes every option, and its secret works within
// them.
func TestServiceAccountKeyOptions(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("home")
	account, _ := w.account(p.ID, access.ProjectMember)
	path := "/v1/organization/projects/" + p.ID + "/service_accounts/" + account.ID + "/api_keys"
	got := w.call(w.AdminKey, "POST", path, `{"name": "ci", "scopes": ["api.model.request"], "expires_in_seconds": 3600}`)
	var key struct {
		ID, Name, Value string
		ExpiresAt       int64 `json:"expires_at"`
	}
	if err := json.Unmarshal(got.raw, &key); err != nil || got.status != 200 {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	if left := time.Until(time.Unix(key.ExpiresAt, 0)); key.Name != "ci" || left < 59*time.Minute || left > time.Hour || !strings.HasPrefix(key.Value, id.ServiceAccountSecret) {
		t.Errorf("made %s", got.raw)
	}
	caller, err := w.Identity.ByKey(ctx, key.Value, identityFrom())
	if held := caller.Grants.Projects[p.ID]; err != nil || len(held) != 1 || !held.Has(access.ModelsRequest) {
		t.Errorf("holds %v (%v)", held, err)
	}
	if shown := w.get(projectKeyPath(p.ID, key.ID)); shown["expires_at"] != float64(key.ExpiresAt) || len(shown["scopes"].([]any)) != 1 {
		t.Errorf("shown %v", shown)
	}
}
