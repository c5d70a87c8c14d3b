package adminapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/org"
)

// What is wrong with a request about roles, groups or people is said with its
// parameter and a stable code, and changes nothing.
func TestRefusalsAboutRolesAndGroups(t *testing.T) {
	w := newWorld(t)
	p, user, group := w.project("home"), w.newcomer(), w.newGroup()
	role := w.newRole("", "api.usage.read")
	other, _, _ := w.NewOrganization(t, "other@example.com")
	foreign, err := w.Org.CreateGroup(t.Context(), org.SystemGrantor(other.ID).Actor, "theirs")
	must(t, foreign, err)
	theirs, err := w.Org.CreateRole(t.Context(), org.SystemGrantor(other.ID), org.NewRole{Name: "theirs", Permissions: []string{"api.usage.read"}})
	must(t, theirs, err)
	const o = "/v1/organization"
	home, local := o+"/projects/"+p.ID, "/v1/projects/"+p.ID
	mine := o + "/groups/" + group.ID
	many := `["api.usage.read"` + strings.Repeat(`, "api.usage.read"`, 200) + `]`
	tests := []struct {
		method, path, body string
		status             int
		param, code        string
	}{
		{"POST", o + "/groups", `{}`, 400, "name", "missing_required_parameter"},
		{"POST", o + "/groups", `{"name": ""}`, 400, "name", "empty_string"},
		{"POST", o + "/groups", `{"name": "` + strings.Repeat("x", 256) + `"}`, 400, "name", "string_above_max_length"},
		{"POST", o + "/groups", `{"name": "a\u0000"}`, 400, "name", "invalid_value"},
		{"POST", o + "/groups", `{"name": ["a"]}`, 400, "name", "invalid_type"},
		{"POST", mine, `{"name": "\u202e"}`, 400, "name", "invalid_value"},
		{"POST", mine + "/users", `{"user_id": 7}`, 400, "user_id", "invalid_type"},
		{"POST", mine + "/users", `{"user_id": "user-none"}`, 400, "user_id", "invalid_value"},
		{"POST", mine + "/users", `{"user_id": "` + group.ID + `"}`, 400, "user_id", "invalid_value"},
		{"POST", mine + "/roles", `{"role_id": null}`, 400, "role_id", "missing_required_parameter"},
		{"POST", mine + "/roles", `{"role_id": "` + theirs.ID + `"}`, 400, "role_id", "invalid_value"},
		{"POST", mine + "/roles", `{"role_id": "` + access.OrganizationOwner.ID(other.ID) + `"}`, 400, "role_id", "invalid_value"},
		{"POST", mine + "/roles", `{"role_id": "` + access.ProjectOwner.ID(p.ID) + `"}`, 400, "role_id", "role_scope_mismatch"},
		{"POST", local + "/groups/" + group.ID + "/roles", `{"role_id": "` + role.ID + `"}`, 400, "role_id", "role_scope_mismatch"},
		{"POST", o + "/roles", `{"permissions": []}`, 400, "role_name", "missing_required_parameter"},
		{"POST", o + "/roles", `{"role_name": "x"}`, 400, "permissions", "missing_required_parameter"},
		{"POST", o + "/roles", `{"role_name": "x", "permissions": "api.usage.read"}`, 400, "permissions", "invalid_type"},
		{"POST", o + "/roles", `{"role_name": "x", "permissions": [1]}`, 400, "permissions[0]", "invalid_type"},
		{"POST", o + "/roles", `{"role_name": "x", "permissions": ["api.usage.erase"]}`, 400, "permissions", "invalid_value"},
		{"POST", o + "/roles", `{"role_name": "x", "permissions": ["api.management.write"]}`, 400, "permissions", "invalid_value"},
		{"POST", o + "/roles", `{"role_name": "x", "permissions": ` + many + `}`, 400, "permissions", "array_above_max_length"},
		{"POST", o + "/roles", `{"role_name": "owner", "permissions": []}`, 400, "role_name", "name_taken"},
		{"POST", o + "/roles/" + role.ID, `{"role_name": ""}`, 400, "role_name", "empty_string"},
		{"POST", o + "/roles/" + role.ID, `{"permissions": ["x"]}`, 400, "permissions", "invalid_value"},
		{"POST", o + "/roles/" + access.OrganizationOwner.ID(w.Organization.ID), `{"permissions": []}`, 400, "", "predefined_role"},
		{"DELETE", local + "/roles/" + access.ProjectMember.ID(p.ID), "", 400, "", "predefined_role"},
		{"POST", home + "/users", `{"user_id": "` + user.ID + `"}`, 400, "role", "missing_required_parameter"},
		{"POST", home + "/users", `{"role": "member"}`, 400, "user_id", "missing_required_parameter"},
		{"POST", home + "/users", `{"user_id": null, "email": null, "role": "member"}`, 400, "user_id", "missing_required_parameter"},
		{"POST", home + "/users", `{"email": "nobody@example.com", "role": "member"}`, 400, "email", "invalid_value"},
		{"POST", home + "/users", `{"email": "other@example.com", "role": "member"}`, 400, "email", "invalid_value"},
		{"POST", home + "/users", `{"user_id": "` + user.ID + `", "role": "admin"}`, 400, "role", "invalid_value"},
		{"POST", home + "/groups", `{"group_id": "` + foreign.ID + `", "role": "` + access.ProjectOwner.ID(p.ID) + `"}`, 400, "group_id", "invalid_value"},
		{"POST", home + "/groups", `{"group_id": "` + group.ID + `", "role": "` + access.ProjectOwner.ID("proj_other") + `"}`, 400, "role", "invalid_value"},
		{"POST", o + "/users/" + user.ID, `{"role": "admin"}`, 400, "role", "invalid_value"},
		{"POST", o + "/users/" + user.ID, `{"role_id": "` + access.ProjectOwner.ID(p.ID) + `"}`, 400, "role_id", "role_scope_mismatch"},
		{"POST", o + "/users/" + user.ID, `{"technical_level": "` + strings.Repeat("x", 257) + `"}`, 400, "technical_level", "string_above_max_length"},

		{"GET", o + "/groups?limit=1001", "", 400, "limit", "integer_above_max_value"},
		{"GET", o + "/groups?limit=-1", "", 400, "limit", "integer_below_min_value"},
		{"GET", o + "/groups?order=up", "", 400, "order", "invalid_value"},
		{"GET", o + "/groups?after=" + foreign.ID, "", 400, "after", "invalid_cursor"},
		{"GET", o + "/roles?after=role_none", "", 400, "after", "invalid_cursor"},
		{"GET", o + "/roles?after=" + theirs.ID, "", 400, "after", "invalid_cursor"},
		{"GET", home + "/groups?limit=101", "", 400, "limit", "integer_above_max_value"},
		{"GET", home + "/users?limit=0", "", 400, "limit", "integer_below_min_value"},
		{"GET", home + "/groups/" + group.ID + "?group_type=x", "", 400, "group_type", "invalid_value"},

		{"GET", o + "/groups/" + foreign.ID, "", 404, "", "not_found"},
		{"DELETE", o + "/groups/" + foreign.ID, "", 404, "", "not_found"},
		{"GET", o + "/groups/" + foreign.ID + "/users", "", 404, "", "not_found"},
		{"GET", o + "/roles/" + theirs.ID, "", 404, "", "not_found"},
		{"DELETE", o + "/roles/" + theirs.ID, "", 404, "", "not_found"},
		{"GET", o + "/roles/" + access.OrganizationOwner.ID(other.ID), "", 404, "", "not_found"},
		{"GET", local + "/roles/" + role.ID, "", 404, "", "not_found"},
		{"GET", mine + "/users/" + user.ID, "", 404, "", "not_found"},
		{"DELETE", mine + "/users/" + user.ID, "", 404, "", "not_found"},
		{"DELETE", mine + "/roles/" + role.ID, "", 404, "", "not_found"},
		{"GET", o + "/users/user-none/roles", "", 404, "", "not_found"},
		{"POST", o + "/users/user-none/roles", `{"role_id": "` + role.ID + `"}`, 404, "", "not_found"},
		{"GET", home + "/users/" + user.ID, "", 404, "", "not_found"},
		{"POST", home + "/users/" + user.ID, `{"role": "owner"}`, 404, "", "not_found"},
		{"DELETE", home + "/users/" + user.ID, "", 404, "", "not_found"},
		{"DELETE", home + "/groups/" + group.ID, "", 404, "", "not_found"},
		{"GET", "/v1/projects/proj_none/roles", "", 404, "", "not_found"},
		{"GET", "/v1/projects/%00/roles", "", 404, "", "not_found"},
		{"GET", o + "/groups/%ff/users/%00", "", 404, "", "not_found"},
		{"POST", o + "/users/" + strings.Repeat("x", 5000), `{"role": "owner"}`, 404, "", "not_found"},
		{"PUT", o + "/roles", "", 405, "", "method_not_supported"},
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

// A project's owner with an admin key manages that project through it and
// nothing else; what a member may not give, a request cannot smuggle in.
func TestNobodyClimbsThroughTheAPI(t *testing.T) {
	w := newWorld(t)
	home, away := w.project("home"), w.project("away")
	boss, member, victim := w.newcomer(), w.newcomer(), w.newcomer()
	w.enter(home.ID, boss.ID, "owner")
	w.enter(home.ID, member.ID, "member")
	bossKey, memberKey := w.adminKeyOf(boss.ID), w.adminKeyOf(member.ID)
	strong := w.newGroup()
	w.assign(org.Assignee{GroupID: strong.ID}, access.OrganizationOwner.ID(w.Organization.ID))
	const o = "/v1/organization"
	assign := func(roleID string) string { return `{"role_id": "` + roleID + `"}` }
	before := w.logged()
	for _, tt := range []struct{ key, method, path, body string }{
		{bossKey, "POST", o + "/users/" + boss.ID, `{"role": "owner"}`},
		{bossKey, "POST", o + "/users/" + boss.ID + "/roles", assign(access.OrganizationOwner.ID(w.Organization.ID))},
		{bossKey, "POST", o + "/groups/" + strong.ID + "/users", `{"user_id": "` + boss.ID + `"}`},
		{bossKey, "POST", o + "/projects/" + away.ID + "/users", `{"user_id": "` + boss.ID + `", "role": "owner"}`},
		{bossKey, "POST", "/v1/projects/" + away.ID + "/users/" + boss.ID + "/roles", assign(access.ProjectViewer.ID(away.ID))},
		{bossKey, "POST", "/v1/projects/" + away.ID + "/roles", `{"role_name": "x", "permissions": []}`},
		{bossKey, "DELETE", o + "/users/" + victim.ID, ""},
		{bossKey, "POST", o + "/admin_api_keys", `{"name": "x"}`},
		{bossKey, "POST", "/v1/projects/" + home.ID + "/roles", `{"role_name": "x", "permissions": ["api.apps.write"]}`},
		{memberKey, "POST", "/v1/projects/" + home.ID + "/users/" + member.ID + "/roles", assign(access.ProjectOwner.ID(home.ID))},
		{memberKey, "DELETE", "/v1/projects/" + home.ID + "/users/" + boss.ID + "/roles/" + access.ProjectOwner.ID(home.ID), ""},
		{memberKey, "POST", o + "/projects/" + home.ID + "/groups", `{"group_id": "` + strong.ID + `", "role": "` + access.ProjectOwner.ID(home.ID) + `"}`},
		{memberKey, "POST", o + "/projects/" + home.ID + "/users", `{"user_id": "` + victim.ID + `", "role": "viewer"}`},
	} {
		if got := w.call(tt.key, tt.method, tt.path, tt.body); got.status != 403 || got.failure(t).Code != "insufficient_permissions" {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, got.status, got.raw)
		}
	}
	changed := slices.DeleteFunc(w.logged()[len(before):], func(action string) bool { return action == "weir.access.denied" })
	if len(changed) > 0 {
		t.Errorf("refused requests changed something: %q", changed)
	}
	if got := w.call(bossKey, "POST", o+"/projects/"+home.ID+"/users", `{"user_id": "`+victim.ID+`", "role": "viewer"}`); got.status != 200 {
		t.Errorf("an owner adds to the project: %d %s", got.status, got.raw)
	}
	if got := w.call(memberKey, "POST", "/v1/projects/"+home.ID+"/users/"+victim.ID+"/roles", assign(access.ProjectMember.ID(home.ID))); got.status != 200 {
		t.Errorf("a member makes a member: %d %s", got.status, got.raw)
	}
}
