package adminapi_test

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// What is wrong with a request is said with its parameter and a stable code,
// and a refused request changes nothing.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	p := w.project("home")
	account, _ := w.account(p.ID, access.ProjectMember)
	o, home := "/v1/organization", "/v1/organization/projects/"+p.ID
	start := "?start_time=" + unix(day(-1))
	long := strings.Repeat("ä", org.MaxNameLength+1)
	tests := []struct {
		method, path, body string
		status             int
		param, code        string
	}{
		// Bodies.
		{"POST", o + "/projects", `{`, 400, "", ""},
		{"POST", o + "/projects", `[]`, 400, "", ""},
		{"POST", o + "/projects", `"name"`, 400, "", ""},
		{"POST", o + "/projects", `null`, 400, "", ""},
		{"POST", o + "/projects", `{"name": "a"} trailing`, 400, "", ""},
		{"POST", o + "/projects", "{\"name\": \"\xff\"}", 400, "", ""},
		{"POST", o + "/projects", strings.Repeat("[", 100_000), 400, "", ""},
		{"POST", o + "/projects", `{"name": "` + strings.Repeat("x", endpoint.MaxBody) + `"}`, 413, "", "request_too_large"},
		{"POST", o + "/projects", ``, 400, "name", "missing_required_parameter"},
		{"POST", o + "/projects", `{}`, 400, "name", "missing_required_parameter"},
		{"POST", o + "/projects", `{"name": null}`, 400, "name", "missing_required_parameter"},
		{"POST", o + "/projects", `{"name": 7}`, 400, "name", "invalid_type"},
		{"POST", o + "/projects", `{"name": ["a"]}`, 400, "name", "invalid_type"},
		{"POST", o + "/projects", `{"name": ""}`, 400, "name", "empty_string"},
		{"POST", o + "/projects", `{"name": "` + long + `"}`, 400, "name", "string_above_max_length"},
		{"POST", o + "/projects", `{"name": "a\u0000b"}`, 400, "name", "invalid_value"},
		{"POST", o + "/projects", `{"name": "a", "name": "b"}`, 400, "name", "duplicate_parameter"},
		{"POST", o + "/projects", `{"name": "a", "residency": "MOON"}`, 400, "residency", "invalid_value"},
		{"POST", o + "/projects", `{"name": "a", "residency": 1}`, 400, "residency", "invalid_type"},
		{"POST", home, `{"name": ""}`, 400, "name", "empty_string"},
		{"POST", home, `{"external_key_id": {}}`, 400, "external_key_id", "invalid_type"},
		{"POST", o + "/admin_api_keys", `{"name": "a", "expires_in_seconds": 0}`, 400, "expires_in_seconds", "integer_below_min_value"},
		{"POST", o + "/admin_api_keys", `{"name": "a", "expires_in_seconds": 31536001}`, 400, "expires_in_seconds", "integer_above_max_value"},
		{"POST", o + "/admin_api_keys", `{"name": "a", "expires_in_seconds": 99999999999999999999}`, 400, "expires_in_seconds", "integer_above_max_value"},
		{"POST", o + "/admin_api_keys", `{"name": "a", "expires_in_seconds": -99999999999999999999}`, 400, "expires_in_seconds", "integer_below_min_value"},
		{"POST", o + "/admin_api_keys", `{"name": "a", "expires_in_seconds": 1.5}`, 400, "expires_in_seconds", "invalid_type"},
		{"POST", o + "/admin_api_keys", `{"name": "a", "expires_in_seconds": "60"}`, 400, "expires_in_seconds", "invalid_type"},
		{"POST", home + "/service_accounts", `{"name": "a", "create_service_account_only": "yes"}`, 400, "create_service_account_only", "invalid_type"},
		{"POST", home + "/service_accounts", `{"name": "a", "create_service_account_only": true, "expires_in_seconds": 60}`, 400, "expires_in_seconds", "invalid_value"},
		{"POST", home + "/service_accounts/" + account.ID, `{"role": "none"}`, 400, "role", "invalid_value"},
		{"POST", home + "/service_accounts/" + account.ID + "/api_keys", `{"scopes": ["everything"]}`, 400, "scopes[0]", "invalid_value"},
		{"POST", home + "/service_accounts/" + account.ID + "/api_keys", `{"scopes": ["api.model.read", 7]}`, 400, "scopes[1]", "invalid_type"},
		{"POST", home + "/service_accounts/" + account.ID + "/api_keys", `{"scopes": {}}`, 400, "scopes", "invalid_type"},

		// Lists.
		{"GET", o + "/projects?limit=0", "", 400, "limit", "integer_below_min_value"},
		{"GET", o + "/projects?limit=101", "", 400, "limit", "integer_above_max_value"},
		{"GET", o + "/projects?limit=ten", "", 400, "limit", "invalid_type"},
		{"GET", o + "/projects?limit=99999999999999999999", "", 400, "limit", "integer_above_max_value"},
		{"GET", o + "/projects?include_archived=maybe", "", 400, "include_archived", "invalid_type"},
		{"GET", o + "/projects?after=proj_none", "", 400, "after", "invalid_cursor"},
		{"GET", o + "/projects?after=%00", "", 400, "after", "invalid_value"},
		{"GET", o + "/projects?after=%ff", "", 400, "after", "invalid_value"},
		{"GET", o + "/projects?limit=%zz", "", 400, "", "invalid_value"},
		{"GET", o + "/admin_api_keys?order=sideways", "", 400, "order", "invalid_value"},
		{"GET", o + "/admin_api_keys?after=key_none", "", 400, "after", "invalid_cursor"},
		{"GET", home + "/api_keys?owner_project_access=maybe", "", 400, "owner_project_access", "invalid_value"},
		{"GET", home + "/api_keys?after=key_none", "", 400, "after", "invalid_cursor"},
		{"GET", o + "/users?emails[]=%00", "", 400, "emails", "invalid_value"},
		{"GET", o + "/users?" + strings.Repeat("emails[]=a&", endpoint.MaxListValues+1), "", 400, "emails", "array_above_max_length"},
		{"GET", o + "/audit_logs?event_types[]=project.exploded", "", 400, "event_types", "invalid_value"},
		{"GET", o + "/audit_logs?event_types[]=tenant.user.added", "", 400, "event_types", "invalid_value"},
		{"GET", o + "/audit_logs?event_types[]=role.bound_to_resource", "", 400, "event_types", "invalid_value"},
		{"GET", o + "/audit_logs?tenant_only=true&event_types[]=project.created", "", 400, "event_types", "invalid_value"},
		{"GET", o + "/audit_logs?tenant_only=true&after=audit_log-none", "", 400, "after", "invalid_cursor"},
		{"GET", o + "/audit_logs?effective_at[gte]=yesterday", "", 400, "effective_at[gte]", "invalid_type"},
		{"GET", o + "/audit_logs?effective_at[lt]=-1", "", 400, "effective_at[lt]", "invalid_value"},
		{"GET", o + "/audit_logs?after=a&before=b", "", 400, "before", "invalid_cursor"},
		{"GET", o + "/audit_logs?before=audit_log-none", "", 400, "before", "invalid_cursor"},

		// Reports.
		{"GET", o + "/usage/completions", "", 400, "start_time", "missing_required_parameter"},
		{"GET", o + "/costs", "", 400, "start_time", "missing_required_parameter"},
		{"GET", o + "/usage/completions?start_time=today", "", 400, "start_time", "invalid_type"},
		{"GET", o + "/usage/completions?start_time=1700000000000", "", 400, "start_time", "invalid_value"}, // milliseconds
		{"GET", o + "/usage/completions?start_time=-5", "", 400, "start_time", "invalid_value"},
		{"GET", o + "/usage/completions" + start + "&end_time=" + unix(day(-1)), "", 400, "end_time", "invalid_value"},
		{"GET", o + "/usage/completions" + start + "&end_time=" + unix(day(-2)), "", 400, "end_time", "invalid_value"},
		{"GET", o + "/usage/completions" + start + "&bucket_width=1w", "", 400, "bucket_width", "invalid_value"},
		{"GET", o + "/usage/completions" + start + "&limit=32", "", 400, "limit", "integer_above_max_value"},
		{"GET", o + "/usage/completions" + start + "&limit=0", "", 400, "limit", "integer_below_min_value"},
		{"GET", o + "/usage/completions" + start + "&limit=169&bucket_width=1h", "", 400, "limit", "integer_above_max_value"},
		{"GET", o + "/usage/completions" + start + "&limit=1441&bucket_width=1m", "", 400, "limit", "integer_above_max_value"},
		{"GET", o + "/usage/completions" + start + "&group_by[]=size", "", 400, "group_by", "invalid_value"},
		{"GET", o + "/usage/completions" + start + "&group_by=model,project_id", "", 400, "group_by", "invalid_value"},
		{"GET", o + "/usage/completions" + start + "&batch=perhaps", "", 400, "batch", "invalid_type"},
		{"GET", o + "/usage/completions" + start + "&page=garbage", "", 400, "page", "invalid_cursor"},
		{"GET", o + "/usage/completions" + start + "&page=page_AAAAAGdGxdEiJdKOAAAAAGcqsYA%3D", "", 400, "page", "invalid_cursor"},
		{"GET", o + "/usage/images" + start + "&sizes[]=3x3", "", 400, "sizes", "invalid_value"},
		{"GET", o + "/usage/images" + start + "&sources[]=camera", "", 400, "sources", "invalid_value"},
		{"GET", o + "/usage/web_search_calls" + start + "&context_levels=extreme", "", 400, "context_levels", "invalid_value"},
		{"GET", o + "/usage/vector_stores" + start + "&group_by=model", "", 400, "group_by", "invalid_value"},
		{"GET", o + "/costs" + start + "&bucket_width=1h", "", 400, "bucket_width", "invalid_value"},
		{"GET", o + "/costs" + start + "&limit=181", "", 400, "limit", "integer_above_max_value"},
		{"GET", o + "/costs" + start + "&group_by=model", "", 400, "group_by", "invalid_value"},
		{"GET", o + "/costs" + start + "&group_by[]=project_id&group_by[]=service_tier", "", 400, "group_by", "invalid_value"},
		{"GET", o + "/usage/embeddings" + start + "&group_by[]=api_source", "", 400, "group_by", "invalid_value"},
		{"GET", o + "/usage/file_search_calls" + start + "&group_by[]=api_source", "", 400, "group_by", "invalid_value"},
		{"GET", o + "/usage/decisions" + start + "&group_by[]=line_item", "", 400, "group_by", "invalid_value"},
		{"GET", o + "/costs" + start + "&page=page_", "", 400, "page", "invalid_cursor"},

		// Ids.
		{"GET", o + "/projects/proj_none", "", 404, "", "not_found"},
		{"POST", o + "/projects/proj_none", `{"name": "a"}`, 404, "", "not_found"},
		{"POST", o + "/projects/proj_none/archive", "", 404, "", "not_found"},
		{"GET", o + "/projects/proj_none/service_accounts", "", 404, "", "not_found"},
		{"POST", o + "/projects/proj_none/service_accounts", `{"name": "a"}`, 404, "", "not_found"},
		{"GET", o + "/projects/proj_none/api_keys", "", 404, "", "not_found"},
		{"GET", o + "/projects/proj_none/api_keys/key_none", "", 404, "", "not_found"},
		{"DELETE", home + "/api_keys/key_none", "", 404, "", "not_found"},
		{"DELETE", home + "/service_accounts/svc_acct_none", "", 404, "", "not_found"},
		{"POST", home + "/service_accounts/svc_acct_none", `{"name": "a"}`, 404, "", "not_found"},
		{"POST", home + "/service_accounts/svc_acct_none/api_keys", "", 404, "", "not_found"},
		{"GET", o + "/admin_api_keys/key_none", "", 404, "", "not_found"},
		{"DELETE", o + "/admin_api_keys/key_none", "", 404, "", "not_found"},
		{"GET", o + "/users/user-none", "", 404, "", "not_found"},
		{"GET", o + "/projects/%00", "", 404, "", "not_found"},
		{"GET", o + "/projects/%ff%fe", "", 404, "", "not_found"},
		{"GET", o + "/projects/a%2fb", "", 404, "", "not_found"},
		{"GET", o + "/projects/" + strings.Repeat("x", 5000), "", 404, "", "not_found"},
		{"GET", o + "/projects/%27%20OR%201=1--", "", 404, "", "not_found"},

		// Paths and methods.
		{"GET", o, "", 404, "", ""},
		{"GET", o + "/nothing", "", 404, "", ""},
		{"GET", "/v1/projects/" + p.ID, "", 404, "", ""},
		{"GET", o + "/projects/", "", 404, "", ""},
		{"GET", o + "//projects", "", 404, "", ""},
		{"GET", o + "/users/../projects", "", 404, "", ""},
		{"GET", o + "/users/%2e%2e/projects", "", 404, "", ""},
		{"GET", o + "/./projects", "", 404, "", ""},
		{"GET", "/V1/organization/projects", "", 404, "", ""},
		{"PUT", o + "/projects", "", 405, "", "method_not_supported"},
		{"PATCH", home, `{"name": "a"}`, 405, "", "method_not_supported"},
		{"DELETE", home, "", 405, "", "method_not_supported"},
		{"OPTIONS", o + "/costs", "", 405, "", "method_not_supported"},
		{"POST", o + "/usage/completions" + start, "", 405, "", "method_not_supported"},
	}
	before := w.logged()
	for _, test := range tests {
		name := fmt.Sprintf("%s %.90s %.60s", test.method, test.path, test.body)
		got := w.call(w.AdminKey, test.method, test.path, test.body)
		if got.status != test.status {
			t.Errorf("%s: %d %.200s, want %d", name, got.status, got.raw, test.status)
			continue
		}
		if f := got.failure(t); f.Param != test.param || f.Code != test.code || f.Type != "invalid_request_error" {
			t.Errorf("%s: param %q code %q type %q, want %q %q", name, f.Param, f.Code, f.Type, test.param, test.code)
		}
	}
	if after := w.logged(); !slices.Equal(before, after) {
		t.Errorf("refused requests changed something: %q", after[len(before):])
	}
}

// A cursor belongs to the report it came from.
func TestCursorOfAnotherReport(t *testing.T) {
	w := newWorld(t)
	path := "/v1/organization/usage/completions?start_time=" + unix(day(-20))
	next := url.QueryEscape(w.get(path + "&limit=2")["next_page"].(string))
	for _, other := range []string{
		path + "&bucket_width=1h",
		path + "&end_time=" + unix(day(-19)),                                      // ends before
		path + "&end_time=" + unix(day(-18)),                                      // ends where the page would begin
		"/v1/organization/usage/completions?start_time=" + unix(day(-3)),          // begins after
		"/v1/organization/usage/embeddings?bucket_width=1m&start_time=" + unix(0), // other buckets
	} {
		got := w.call(w.AdminKey, "GET", other+"&page="+next, "")
		if got.status != 400 || got.failure(t).Param != "page" {
			t.Errorf("%s: %d %s", other, got.status, got.raw)
		}
	}
}

// A query that cannot be read stops a change before it is made.
func TestUnreadableQueryChangesNothing(t *testing.T) {
	w := newWorld(t)
	before := w.logged()
	if got := w.call(w.AdminKey, "POST", "/v1/organization/projects?%zz", `{"name": "a"}`); got.status != 400 {
		t.Errorf("%d %s", got.status, got.raw)
	}
	if after := w.logged(); len(after) != len(before) {
		t.Errorf("recorded %q", after[len(before):])
	}
}

// Ids of one project do not resolve under another, nor an organization's under
// another organization's key.
func TestScopesOfIDs(t *testing.T) {
	w := newWorld(t)
	here, there := w.project("here"), w.project("there")
	account, _ := w.account(there.ID, access.ProjectMember)
	keys, err := w.Org.APIKeys(t.Context(), w.Organization.ID, there.ID, org.APIKeyFilter{Page: org.Page{Limit: 1}})
	key := must(t, keys, err).Items[0]
	adminKeys, err := w.Org.AdminKeys(t.Context(), w.Organization.ID, org.Page{Limit: 1})
	adminKey := must(t, adminKeys, err).Items[0]
	_, _, strangerKey := w.NewOrganization(t, "stranger@example.com")
	w.seedUsage()

	routes := func(projectID string) []string {
		p := "/v1/organization/projects/" + projectID
		return []string{
			"GET " + p + "/service_accounts/" + account.ID, "POST " + p + "/service_accounts/" + account.ID,
			"DELETE " + p + "/service_accounts/" + account.ID, "POST " + p + "/service_accounts/" + account.ID + "/api_keys",
			"GET " + p + "/api_keys/" + key.ID, "DELETE " + p + "/api_keys/" + key.ID,
		}
	}
	refuse := func(secret string, routes []string) {
		t.Helper()
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			body := ""
			if method == "POST" {
				body = `{"name": "a"}`
			}
			if got := w.call(secret, method, path, body); got.status != 404 {
				t.Errorf("%s: %d %s", route, got.status, got.raw)
			}
		}
	}
	before := w.logged()
	refuse(w.AdminKey, routes(here.ID))
	p := "/v1/organization/projects/" + there.ID
	refuse(strangerKey, append(routes(there.ID), "GET "+p, "POST "+p, "POST "+p+"/archive", "GET "+p+"/service_accounts", "POST "+p+"/service_accounts",
		"GET "+p+"/api_keys", "GET /v1/organization/users/"+w.Owner.ID, "GET /v1/organization/admin_api_keys/"+adminKey.ID,
		"DELETE /v1/organization/admin_api_keys/"+adminKey.ID))
	if after := w.logged(); len(after) != len(before) {
		t.Errorf("recorded %q", after[len(before):])
	}
	for _, path := range []string{"projects", "users", "admin_api_keys", "audit_logs?limit=100", "costs?start_time=" + unix(day(-1)), "usage/completions?start_time=" + unix(day(-1))} {
		a := w.call(strangerKey, "GET", "/v1/organization/"+path, "")
		for _, id := range []string{w.Organization.ID, w.Owner.ID, here.ID, there.ID, adminKey.ID, account.ID, "num_model_requests", "amount"} {
			if a.status != 200 || strings.Contains(string(a.raw), id) {
				t.Errorf("%s shows %s to a stranger: %d %s", path, id, a.status, a.raw)
			}
		}
	}
	if got := w.call(strangerKey, "GET", "/v1/organization/projects?after="+here.ID, ""); got.status != 400 {
		t.Errorf("a stranger's cursor: %d %s", got.status, got.raw)
	}
}

func TestAuthentication(t *testing.T) {
	w := newWorld(t)
	path := "/v1/organization/projects"
	for _, test := range []struct{ authorization, code string }{
		{"", ""},
		{"Bearer", ""},
		{"Bearer ", ""},
		{"Basic " + w.AdminKey, ""},
		{"Bearer sk-admin-wrong-wrong-wrong-wrong", "invalid_api_key"},
		{"Bearer \x80\xff", "invalid_api_key"},
		{"Bearer " + strings.Repeat("k", 4000), "invalid_api_key"},
	} {
		got := w.raw("GET " + path + " HTTP/1.1\r\nHost: weir\r\nConnection: close\r\nAuthorization: " + test.authorization + "\r\n\r\n")
		if got.status != 401 || got.failure(t).Code != test.code || strings.Contains(string(got.raw), "wrong-wrong") {
			t.Errorf("%q: %d %s", test.authorization, got.status, got.raw)
		}
	}
	account, secret := w.account(w.project("p").ID, access.ProjectOwner)
	got := w.call(secret, "GET", path, "")
	if f := got.failure(t); got.status != 403 || f.Code != "insufficient_permissions" || !strings.Contains(f.Message, "Missing scopes: api.project.read") {
		t.Errorf("a project key of %s: %d %s", account.ID, got.status, got.raw)
	}
	if got := w.call(w.AdminKey, "GET", path, ""); got.header.Get("Openai-Organization") != w.Organization.ID || !strings.HasPrefix(got.header.Get("X-Request-Id"), "req_") {
		t.Errorf("headers %v", got.header)
	}
}

// raw sends bytes that no client of ours would.
func (w *world) raw(request string) answer {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte(request)); err != nil {
		w.t.Fatal(err)
	}
	return readAnswer(w.t, conn)
}
