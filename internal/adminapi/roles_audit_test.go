package adminapi_test

import (
	"reflect"
	"slices"
	"testing"
)

// The log shows who gave what to whom, in the shapes OpenAI's log has.
func TestRolesInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	p, user, group := w.project("home"), w.newcomer(), w.newGroup()
	role := w.newRole(p.ID, "api.files.read")
	const o = "/v1/organization"
	before := len(w.get(o + "/audit_logs?limit=100")["data"].([]any))
	for _, call := range []struct{ method, path, body string }{
		{"POST", "/v1/projects/" + p.ID + "/roles/" + role.ID, `{"permissions": ["api.files.write"], "role_name": "writer"}`},
		{"POST", "/v1/projects/" + p.ID + "/users/" + user.ID + "/roles", `{"role_id": "` + role.ID + `"}`},
		{"POST", o + "/groups/" + group.ID + "/users", `{"user_id": "` + user.ID + `"}`},
		{"POST", o + "/groups/" + group.ID, `{"name": "renamed"}`},
		{"POST", o + "/users/" + user.ID, `{"role": "owner"}`},
		{"DELETE", "/v1/projects/" + p.ID + "/roles/" + role.ID, ""},
		{"DELETE", o + "/groups/" + group.ID, ""},
		{"DELETE", o + "/users/" + user.ID, ""},
	} {
		if got := w.call(w.AdminKey, call.method, call.path, call.body); got.status != 200 {
			t.Fatalf("%s %s: %d %s", call.method, call.path, got.status, got.raw)
		}
	}
	events := w.get(o + "/audit_logs?limit=100")["data"].([]any)
	events = events[:len(events)-before]
	slices.Reverse(events)
	assignment := "role_assignment_" + role.ID + "_" + user.ID
	want := []struct {
		kind, id, project string
		details           map[string]any
	}{
		{"role.updated", role.ID, p.ID, map[string]any{"changes_requested": map[string]any{
			"role_name": "writer", "permissions_added": []any{"api.files.write"}, "permissions_removed": []any{"api.files.read"},
			"resource_type": "api.project", "resource_id": p.ID,
		}}},
		{"role.assignment.created", assignment, p.ID, map[string]any{
			"principal_id": user.ID, "principal_type": "user", "resource_id": p.ID, "resource_type": "api.project",
		}},
		{"group.updated", group.ID, w.Organization.DefaultProjectID, map[string]any{"changes_requested": map[string]any{"members_added": []any{user.ID}}}},
		{"group.updated", group.ID, w.Organization.DefaultProjectID, map[string]any{"changes_requested": map[string]any{"group_name": "renamed"}}},
		{"user.updated", user.ID, w.Organization.DefaultProjectID, map[string]any{"changes_requested": map[string]any{"role": "owner"}}},
		{"role.deleted", role.ID, p.ID, map[string]any{}},
		{"group.deleted", group.ID, w.Organization.DefaultProjectID, map[string]any{}},
		{"user.deleted", user.ID, w.Organization.DefaultProjectID, map[string]any{}},
	}
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d: %v", len(events), len(want), events)
	}
	for i, tt := range want {
		event := events[i].(map[string]any)
		tt.details["id"] = tt.id
		if event["type"] != tt.kind || !reflect.DeepEqual(event[tt.kind], any(tt.details)) || event["project"].(map[string]any)["id"] != tt.project {
			t.Errorf("event %d is %v, want %s of %s with %v", i, event, tt.kind, tt.project, tt.details)
		}
	}
}
