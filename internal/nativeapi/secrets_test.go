package nativeapi

import (
	"net/http"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/endpoint/endpointtest"
)

// What goes in secret comes out nowhere: not in the answer that saves it, not
// in lists, errors or the audit log. What weir makes comes out once.
func TestSecretsStayIn(t *testing.T) {
	f := newFixture(t)
	given := map[string]string{
		"api_key": "sk-up-first-0123456789abcdef", "admin_key": "sk-admin-first-0123456789abcdef", "header": "header-secret-0123456789",
		"second api_key": "sk-up-second-0123456789abcdef", "second admin_key": "sk-admin-second-0123456789abcdef", "second header": "header-secret-9876543210",
		"refused api_key": "sk-up-refused-0123456789abcdef", "short": "hunter2", "password": endpointtest.Password, "owner's admin key": f.AdminKey,
	}
	conn := ok[probedConnection](t, f.owner().post("/connections", map[string]any{
		"name": "x", "provider": "openai", "api_key": given["api_key"], "admin_key": given["admin_key"], "headers": map[string]string{"X-Auth": given["header"]},
	}))
	path := "/connections/" + conn.ID
	ok[probedConnection](t, f.owner().post(path, map[string]any{
		"api_key": given["second api_key"], "admin_key": given["second admin_key"], "headers": map[string]string{"X-Auth": given["second header"]},
	}))
	ok[probedConnection](t, f.owner().post(path, map[string]any{"api_key": given["short"]}))
	refused(t, f.owner().post(path, map[string]any{"name": "", "api_key": given["refused api_key"]}), http.StatusBadRequest, "empty_string", "name")
	refused(t, f.owner().post(path, map[string]any{"headers": map[string]string{"X-Auth": given["header"] + "\n"}}), http.StatusBadRequest, "invalid_value", "headers")
	refused(t, f.owner().post(path, map[string]any{"base_url": "https://user:" + given["short"] + "@example.com"}), http.StatusBadRequest, "invalid_value", "base_url")
	f.as("").post("/session", map[string]string{"email": f.Owner.Email, "password": endpointtest.Password + "!"})

	browser, s := f.signIn()
	made := ok[projectKey](t, f.owner().post("/projects/"+f.Organization.DefaultProjectID+"/api_keys", `{"name":"k"}`))
	rotated := ok[projectKey](t, f.owner().post("/projects/"+f.Organization.DefaultProjectID+"/api_keys/"+made.ID+"/rotate", `{"overlap_seconds":9}`))
	account, _, saSecret := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
	f.join(f.workspace.ID, account.ID, access.WorkspaceMember)
	given["service account's key"] = saSecret
	given["cookie"] = strings.TrimPrefix(browser.header.Get("Cookie"), "weir_session=")

	for _, who := range []client{f.owner(), browser, f.as(saSecret), f.as("sk-admin-unknown-" + given["short"])} {
		for _, path := range []string{"/connections", path, path + "/models", "/audit_events?limit=100", "/me", "/workspaces"} {
			who.get(path)
		}
	}
	f.owner().delete(path)

	everything := strings.Join(f.seen, "\n")
	for what, secret := range given {
		if strings.Contains(everything, secret) {
			t.Errorf("%s came out", what)
		}
	}
	for what, secret := range map[string]string{"csrf token": s.CSRFToken, "key": made.Value, "rotated key": rotated.Value} {
		if n := strings.Count(everything, secret); n != 1 {
			t.Errorf("the %s came out %d times", what, n)
		}
	}
}
