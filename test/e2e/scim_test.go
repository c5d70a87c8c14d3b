package e2e

import (
	"net/http"
	"testing"
)

// TestSCIM: who is deactivated by an identity provider can call no model from
// the next request on.
func TestSCIM(t *testing.T) {
	p := serve(t, t.TempDir())
	type m = map[string]any
	var token struct {
		Value string `json:"value"`
	}
	must(t, "POST", p.address+"/weir/v1/scim_tokens", adminKey, m{"name": "provider"}, &token)
	scim := func(method, path, body string) (status int, location string) {
		t.Helper()
		resp := send(t, method, p.address+"/scim/v2"+path, body, map[string]string{
			"Authorization": "Bearer " + token.Value, "Content-Type": "application/scim+json",
		})
		_ = resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Location")
	}
	var owner struct {
		ID string `json:"id"`
	}
	must(t, "GET", p.address+"/weir/v1/me", adminKey, nil, &owner)
	if status, location := scim("POST", "/Users", `{"userName":"second@example.com"}`); status != http.StatusCreated || location == "" {
		t.Fatalf("creating: %d %q", status, location)
	}
	var users struct {
		Data []identified `json:"data"`
	}
	must(t, "GET", p.address+"/v1/organization/users?emails=second@example.com", adminKey, nil, &users)
	if len(users.Data) != 1 {
		t.Fatalf("found %v", users)
	}
	must(t, "POST", p.address+"/v1/organization/users/"+users.Data[0].ID, adminKey, m{"role": "owner"}, nil)
	var projects struct {
		Data []identified `json:"data"`
	}
	must(t, "GET", p.address+"/v1/organization/projects", adminKey, nil, &projects)
	var key struct {
		Value string `json:"value"`
	}
	must(t, "POST", p.address+"/weir/v1/projects/"+projects.Data[0].ID+"/api_keys", adminKey, m{"name": "mine"}, &key)
	models := func() int {
		status, _ := call(t, "GET", p.address+"/v1/models", key.Value, nil, nil)
		return status
	}
	if got := models(); got != http.StatusOK {
		t.Fatalf("with the key: %d", got)
	}
	if status, _ := scim("PATCH", "/Users/"+owner.ID, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`); status != http.StatusOK {
		t.Fatalf("deactivating: %d", status)
	}
	if got := models(); got != http.StatusUnauthorized {
		t.Errorf("with the key of somebody who is deactivated: %d", got)
	}
	if status, _ := call(t, "GET", p.address+"/weir/v1/me", adminKey, nil, nil); status != http.StatusUnauthorized {
		t.Errorf("with the admin key: %d", status)
	}
}
