package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// tenant is an organization with one of everything that has an id.
type tenant struct {
	address string
	key     string            // admin key
	ids     map[string]string // by the name of the path variable
	caller  string            // a service account's key

	directory string // an identity provider's token
}

// identified is an object of which a test needs the id.
type identified struct {
	ID string `json:"id"`
}

func newTenant(t *testing.T, address, key string) *tenant {
	t.Helper()
	x := &tenant{address: address, key: key, ids: map[string]string{}}
	create := func(variable, path string, body map[string]any) {
		t.Helper()
		var made identified
		x.must(t, "POST", path, body, &made)
		x.ids[variable] = made.ID
	}
	create("workspace_id", "/weir/v1/workspaces", map[string]any{"name": "lab"})
	create("connection_id", "/weir/v1/connections", map[string]any{"name": "sandbox", "provider": "sandbox"})
	create("model_endpoint_id", "/weir/v1/model_endpoints", map[string]any{"name": "chat", "upstreams": []any{
		map[string]any{"connection_id": x.ids["connection_id"], "model": "gpt-4o-mini"},
	}})
	create("project_id", "/v1/organization/projects", map[string]any{"name": "Project"})
	project := "/v1/organization/projects/" + x.ids["project_id"]
	var account struct {
		ID     string `json:"id"`
		APIKey struct {
			ID    string `json:"id"`
			Value string `json:"value"`
		} `json:"api_key"`
	}
	x.must(t, "POST", project+"/service_accounts", map[string]any{"name": "bot"}, &account)
	x.ids["service_account_id"], x.ids["api_key_id"], x.caller = account.ID, account.APIKey.ID, account.APIKey.Value
	x.ids["principal_id"] = account.ID
	x.must(t, "POST", "/weir/v1/workspaces/"+x.ids["workspace_id"]+"/members", map[string]any{"principal_id": account.ID, "role": "member"}, nil)
	create("group_id", "/v1/organization/groups", map[string]any{"name": "group"})
	create("role_id", "/v1/organization/roles", map[string]any{"role_name": "role", "permissions": []string{"api.usage.read"}})
	create("key_id", "/v1/organization/admin_api_keys", map[string]any{"name": "second"})
	create("notification_channel_id", "/weir/v1/notification_channels", map[string]any{"name": "ops", "type": "email", "recipients": []string{"ops@example.com"}})
	status, raw := call(t, "POST", address+"/v1/chat/completions", x.caller, map[string]any{
		"model": "gpt-4o-mini", "messages": []map[string]string{{"role": "user", "content": "Hello"}},
	}, nil)
	if status != http.StatusOK {
		t.Fatalf("a call by the new tenant: %d %s", status, raw)
	}
	x.trust(t, create) // after the call: its project then asks for client certificates
	x.people(t, create)
	// Names, not ids: nobody has them for its own.
	x.ids["rate_limit_id"], x.ids["provider"] = "rl-gpt-4o", "example"
	var requests struct {
		Data []identified `json:"data"`
	}
	within(t, 10*time.Second, "the request log has the call", func() bool {
		x.must(t, "GET", "/weir/v1/requests", nil, &requests)
		return len(requests.Data) == 1
	})
	x.ids["request_id"] = requests.Data[0].ID
	return x
}

func (x *tenant) must(t *testing.T, method, path string, body, out any) {
	t.Helper()
	must(t, method, x.address+path, x.key, body, out)
}

// everything is what the tenant's administrator can see of it.
func (x *tenant) everything(t *testing.T) string {
	t.Helper()
	var all bytes.Buffer
	project := "/v1/organization/projects/" + x.ids["project_id"]
	for _, path := range append(append(x.trusted(), x.peopled()...),
		"/v1/organization/projects?include_archived=true", project, project+"/api_keys", project+"/service_accounts",
		"/v1/organization/users", "/v1/organization/groups", "/v1/organization/roles", "/v1/organization/groups/"+x.ids["group_id"]+"/users",
		"/v1/organization/groups/"+x.ids["group_id"]+"/roles", project+"/users", project+"/groups", "/weir/v1/workspaces", "/weir/v1/workspaces/"+x.ids["workspace_id"]+"/members",
		"/weir/v1/connections", "/weir/v1/model_endpoints", "/weir/v1/notification_channels", "/weir/v1/deliveries", "/weir/v1/requests", "/weir/v1/audit_events?limit=100",
	) {
		status, raw := call(t, "GET", x.address+path, x.key, nil, nil)
		if status != http.StatusOK {
			t.Fatalf("GET %s: %d %s", path, status, raw)
		}
		all.WriteString(regexp.MustCompile(`"\w*last_used_at":(null|\d+)`).ReplaceAllString(string(raw), ""))
	}
	return all.String()
}

// twoTenants returns two organizations of one install, the second made beside
// the running server.
func twoTenants(t *testing.T) (a, b *tenant) {
	t.Helper()
	dir := t.TempDir()
	p := serve(t, dir)
	code, out := run(t, []string{"WEIR_DATA_DIR=" + dir}, "organizations", "create", "--name", "Second", "--owner-email", "owner@second.example")
	key := regexp.MustCompile(`sk-admin-\w+`).FindString(out)
	if code != 0 || key == "" {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	return newTenant(t, p.address, adminKey), newTenant(t, p.address, key)
}

// TestTenantsAreApart calls every address of the described APIs that takes an
// id with the ids of another organization.
func TestTenantsAreApart(t *testing.T) {
	a, b := twoTenants(t)
	before := b.everything(t)

	var description struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	a.must(t, "GET", "/weir/v1/openapi.json", nil, &description)
	variable := regexp.MustCompile(`\{(\w+)\}`)
	bodies := map[string]map[string]any{
		"members": {"principal_id": a.ids["principal_id"], "role": "admin"},
		"roles":   {"role": "owner"},
		"named":   {"name": "taken-over"},
	}
	tried := 0
	for pattern, operations := range description.Paths {
		if !strings.Contains(pattern, "{") {
			continue
		}
		if strings.HasSuffix(pattern, "/{fine_tuned_model_checkpoint}/permissions") || strings.HasPrefix(pattern, "/weir/v1/rate_limits/") {
			continue // a name of the provider's, and what this organization has for it
		}
		path := variable.ReplaceAllStringFunc(pattern, func(v string) string {
			id, ok := b.ids[strings.Trim(v, "{}")]
			if !ok {
				t.Errorf("%s: the test has no %s", pattern, v)
			}
			return id
		})
		for method := range operations {
			method = strings.ToUpper(method)
			if !slices.Contains([]string{"GET", "POST", "DELETE"}, method) {
				continue
			}
			for name, body := range bodies {
				if method != "POST" && name != "named" {
					continue
				}
				var sent any
				if method == "POST" {
					sent = body
				}
				tried++
				status, raw := call(t, method, a.address+path, a.key, sent, nil)
				if status != http.StatusNotFound && status != http.StatusBadRequest || bytes.Contains(raw, []byte("owner@second")) {
					t.Errorf("%s %s with the other organization's ids: %d %s", method, pattern, status, raw)
				}
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d operations were tried", tried)
	}

	for what, c := range map[string]struct {
		path string
		body map[string]any
	}{
		"their user in a group":        {"/v1/organization/groups/" + a.ids["group_id"] + "/users", map[string]any{"user_id": b.ids["user_id"]}},
		"their role for a group":       {"/v1/organization/groups/" + a.ids["group_id"] + "/roles", map[string]any{"role_id": b.ids["role_id"]}},
		"their user in a project":      {"/v1/organization/projects/" + a.ids["project_id"] + "/users", map[string]any{"user_id": b.ids["user_id"], "role": "member"}},
		"their group in a project":     {"/v1/organization/projects/" + a.ids["project_id"] + "/groups", map[string]any{"group_id": b.ids["group_id"], "role": "member"}},
		"a key for their user":         {"/weir/v1/projects/" + a.ids["project_id"] + "/api_keys", map[string]any{"name": "x", "owner_user_id": b.ids["user_id"]}},
		"an endpoint on their account": {"/weir/v1/model_endpoints", map[string]any{"name": "x", "upstreams": []any{map[string]any{"connection_id": b.ids["connection_id"], "model": "gpt-4o"}}}},
		"an endpoint in their place":   {"/weir/v1/model_endpoints", map[string]any{"name": "x", "workspace_id": b.ids["workspace_id"], "upstreams": []any{map[string]any{"connection_id": a.ids["connection_id"], "model": "gpt-4o"}}}},
		"a connection in their place":  {"/weir/v1/connections", map[string]any{"name": "x", "provider": "sandbox", "workspace_ids": []string{b.ids["workspace_id"]}}},
		"a workspace for their work":   {"/weir/v1/workspaces", map[string]any{"name": "x", "project_ids": []string{b.ids["project_id"]}}},
		"their account as a member":    {"/weir/v1/workspaces/" + a.ids["workspace_id"] + "/members", map[string]any{"principal_id": b.ids["principal_id"], "role": "admin"}},
		"their user as a member":       {"/weir/v1/workspaces/" + a.ids["workspace_id"] + "/members", map[string]any{"principal_id": b.ids["user_id"], "role": "admin"}},
	} {
		if status, raw := call(t, "POST", a.address+c.path, a.key, c.body, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, status, raw)
		}
	}
	since := time.Now().Add(-time.Hour).Unix()
	for _, query := range []string{
		"/v1/organization/usage/completions?start_time=%d&group_by=project_id&project_ids=" + b.ids["project_id"],
		"/v1/organization/usage/completions?start_time=%d&group_by=api_key_id&api_key_ids=" + b.ids["api_key_id"],
		"/v1/organization/costs?start_time=%d&group_by=project_id&project_ids=" + b.ids["project_id"],
		"/weir/v1/requests?start_time=%d&project_ids=" + b.ids["project_id"],
		"/weir/v1/audit_events?effective_at[gt]=%d&project_ids=" + b.ids["project_id"],
		"/weir/v1/audit_events?effective_at[gt]=%d&resource_ids=" + b.ids["connection_id"],
	} {
		status, raw := call(t, "GET", a.address+fmt.Sprintf(query, since), a.key, nil, nil)
		if bytes.Contains(raw, []byte(b.ids["project_id"])) || bytes.Contains(raw, []byte(b.ids["api_key_id"])) || bytes.Contains(raw, []byte("resource_id")) || status >= 500 {
			t.Errorf("%s: %d %s", query, status, raw)
		}
	}
	for _, list := range []string{
		"/weir/v1/workspaces?after=" + b.ids["workspace_id"], "/weir/v1/connections?after=" + b.ids["connection_id"],
		"/weir/v1/requests?after=" + b.ids["request_id"], "/v1/organization/projects?after=" + b.ids["project_id"],
		"/v1/organization/admin_api_keys?after=" + b.ids["key_id"], "/v1/organization/users?after=" + b.ids["user_id"],
		"/v1/organization/groups?after=" + b.ids["group_id"], "/v1/organization/roles?after=" + b.ids["role_id"],
	} {
		if status, raw := call(t, "GET", a.address+list, a.key, nil, nil); status != http.StatusBadRequest {
			t.Errorf("a list after a row of the other organization: %s: %d %s", list, status, raw)
		}
	}
	// The other's names are free, and its models' addresses lead nowhere.
	if status, raw := call(t, "POST", a.address+"/lab/models/chat/chat/completions", a.caller, map[string]any{"model": "chat", "messages": []any{}}, nil); status < 400 || status >= 500 {
		t.Errorf("a model endpoint in a workspace that has none of that name here: %d %s", status, raw)
	}
	if after := b.everything(t); after != before {
		t.Errorf("the other organization has changed:\n%s\n%s", before, after)
	}
}
