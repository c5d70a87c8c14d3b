package nativeapi

import (
	"net/http"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

func TestWorkspace(t *testing.T) {
	f := newFixture(t)
	project := f.project()
	made := ok[workspace](t, f.owner().post("/workspaces", map[string]any{"name": "research", "project_ids": []string{project.ID}}))
	if made.Name != "research" || made.ProjectIDs == nil || len(*made.ProjectIDs) != 1 || (*made.ProjectIDs)[0] != project.ID {
		t.Errorf("created %+v", made)
	}
	path := "/workspaces/" + made.ID
	if got := ok[workspace](t, f.owner().post(path, `{"project_ids":null}`)); got.ProjectIDs != nil || got.Name != "research" {
		t.Errorf("opened to all: %+v", got)
	}
	if got := ok[workspace](t, f.owner().post(path, `{"project_ids":[]}`)); got.ProjectIDs == nil || len(*got.ProjectIDs) != 0 {
		t.Errorf("closed to all: %+v", got)
	}
	if got := ok[workspace](t, f.owner().post(path, `{"name":"lab-2"}`)); got.Name != "lab-2" || got.ProjectIDs == nil {
		t.Errorf("renamed: %+v", got)
	}
	if got := ok[workspace](t, f.owner().get(path)); got.Name != "lab-2" {
		t.Errorf("read back %+v", got)
	}
	ok[endpoint.Deleted](t, f.owner().delete(path))
	refused(t, f.owner().get(path), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().delete(path), http.StatusNotFound, "not_found", "")
}

func TestWorkspaceRefusals(t *testing.T) {
	f := newFixture(t)
	taken := f.newWorkspace()
	for body, want := range map[string][2]string{
		`{}`:                               {"missing_required_parameter", "name"},
		`{"name":null}`:                    {"missing_required_parameter", "name"},
		`{"name":""}`:                      {"empty_string", "name"},
		`{"name":"Research"}`:              {"invalid_value", "name"},
		`{"name":"-a"}`:                    {"invalid_value", "name"},
		`{"name":"a/b"}`:                   {"invalid_value", "name"},
		`{"name":["a"]}`:                   {"invalid_type", "name"},
		`{"name":"v1"}`:                    {"reserved_name", "name"},
		`{"name":"weir"}`:                  {"reserved_name", "name"},
		`{"name":"healthz"}`:               {"reserved_name", "name"},
		`{"name":"default"}`:               {"name_taken", "name"},
		`{"name":"` + taken.Name + `"}`:    {"name_taken", "name"},
		`{"name":"x","project_ids":["p"]}`: {"invalid_value", "project_ids[0]"},
		`{"name":"x","project_ids":{}}`:    {"invalid_type", "project_ids"},
		`{"name":"` + strings.Repeat("a", 50) + `"}`: {"string_above_max_length", "name"},
	} {
		refused(t, f.owner().post("/workspaces", body), http.StatusBadRequest, want[0], want[1])
	}
	refused(t, f.owner().post("/workspaces/"+f.workspace.ID, `{"name":"other"}`), http.StatusBadRequest, "default_workspace", "")
	refused(t, f.owner().delete("/workspaces/"+f.workspace.ID), http.StatusBadRequest, "default_workspace", "")
	refused(t, f.owner().post("/workspaces/"+taken.ID, `{"name":"console"}`), http.StatusBadRequest, "reserved_name", "name")
	f.connection(taken.ID)
	refused(t, f.owner().delete("/workspaces/"+taken.ID), http.StatusBadRequest, "workspace_not_empty", "")
}

// An admin of a workspace lets no project into it that it does not administer.
func TestOpeningAWorkspace(t *testing.T) {
	f := newFixture(t)
	theirs, others := f.project(), f.project()
	user, key := f.user(access.OrganizationReader)
	must[org.ProjectUser](t)(f.Org.AddProjectUser(t.Context(), org.SystemGrantor(f.Organization.ID), theirs.ID, org.NewProjectUser{UserID: optional.Of(user.ID), Role: "owner"}))
	w := ok[workspace](t, f.owner().post("/workspaces", map[string]any{"name": "lab", "project_ids": []string{}}))
	f.join(w.ID, user.ID, access.WorkspaceAdmin)
	path := "/workspaces/" + w.ID
	refused(t, f.as(key).post(path, `{"project_ids":null}`), http.StatusForbidden, "insufficient_permissions", "project_ids")
	refused(t, f.as(key).post(path, map[string]any{"project_ids": []string{theirs.ID, others.ID}}), http.StatusForbidden, "insufficient_permissions", "project_ids[1]")
	ok[workspace](t, f.as(key).post(path, map[string]any{"project_ids": []string{theirs.ID}}))
	ok[workspace](t, f.owner().post(path, map[string]any{"project_ids": []string{theirs.ID, others.ID}}))
	ok[workspace](t, f.as(key).post(path, map[string]any{"project_ids": []string{others.ID}})) // it was in
	ok[workspace](t, f.owner().post(path, `{"project_ids":null}`))
	ok[workspace](t, f.as(key).post(path, map[string]any{"project_ids": []string{others.ID}})) // and everybody was
}

// Members of a group are in the workspaces that the group is in, for as long.
func TestGroupsAreMembers(t *testing.T) {
	f := newFixture(t)
	user, key := f.user(access.OrganizationReader)
	group := must[org.Group](t)(f.Org.CreateGroup(t.Context(), f.actor(), "builders"))
	path := "/workspaces/" + f.workspace.ID
	refused(t, f.as(key).get(path), http.StatusForbidden, "insufficient_permissions", "")
	if got := ok[member](t, f.owner().post(path+"/members", map[string]string{"principal_id": group.ID, "role": "admin"})); got.PrincipalType != "group" {
		t.Errorf("added %+v", got)
	}
	refused(t, f.as(key).get(path), http.StatusForbidden, "insufficient_permissions", "")
	must[org.GroupMember](t)(f.Org.AddGroupMember(t.Context(), org.SystemGrantor(f.Organization.ID), group.ID, user.ID))
	f.join(f.workspace.ID, user.ID, access.WorkspaceMember) // itself a member, through the group an admin
	if got := f.as(key).post(path, map[string]any{"project_ids": nil}); got.status != http.StatusOK {
		t.Errorf("an admin through a group: %d %s", got.status, got.body)
	}
	if err := f.Org.DeleteGroup(t.Context(), f.actor(), group.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, f.as(key).post(path, map[string]any{"project_ids": nil}), http.StatusForbidden, "insufficient_permissions", "")
	if got := f.as(key).get(path); got.status != http.StatusOK {
		t.Errorf("a member itself: %d %s", got.status, got.body)
	}
	if got := ok[page[member]](t, f.owner().get(path+"/members")); len(got.Data) != 1 {
		t.Errorf("the group is a member still: %+v", got)
	}
}

func TestMembers(t *testing.T) {
	f := newFixture(t)
	account, _, _ := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
	path := "/workspaces/" + f.workspace.ID + "/members"
	added := ok[member](t, f.owner().post(path, map[string]string{"principal_id": account.ID, "role": "member"}))
	if added.PrincipalID != account.ID || added.ID != account.ID || added.PrincipalType != "service_account" || added.Role != "member" || added.WorkspaceID != f.workspace.ID {
		t.Errorf("added %+v", added)
	}
	if got := ok[member](t, f.owner().post(path, map[string]string{"principal_id": account.ID, "role": "admin"})); got.Role != "admin" || got.CreatedAt != added.CreatedAt {
		t.Errorf("changed %+v", got)
	}
	if got := ok[member](t, f.owner().post(path, map[string]string{"principal_id": f.Owner.ID, "role": "admin"})); got.PrincipalType != "user" {
		t.Errorf("a person: %+v", got)
	}
	if got := ok[page[member]](t, f.owner().get(path)); len(got.Data) != 2 {
		t.Errorf("listed %+v", got)
	}
	if got := ok[member](t, f.owner().get(path+"/"+account.ID)); got.Role != "admin" {
		t.Errorf("read back %+v", got)
	}
	ok[endpoint.Deleted](t, f.owner().delete(path+"/"+account.ID))
	refused(t, f.owner().get(path+"/"+account.ID), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().delete(path+"/"+account.ID), http.StatusNotFound, "not_found", "")

	for body, want := range map[string][2]string{
		`{"role":"member"}`:                                       {"missing_required_parameter", "principal_id"},
		`{"principal_id":"` + account.ID + `"}`:                   {"missing_required_parameter", "role"},
		`{"principal_id":"` + account.ID + `","role":"owner"}`:    {"invalid_value", "role"},
		`{"principal_id":"user-nobody","role":"member"}`:          {"invalid_value", "principal_id"},
		`{"principal_id":["` + account.ID + `"],"role":"member"}`: {"invalid_type", "principal_id"},
	} {
		refused(t, f.owner().post(path, body), http.StatusBadRequest, want[0], want[1])
	}
	refused(t, f.owner().get("/workspaces/ws_none/members"), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().post("/workspaces/ws_none/members", map[string]string{"principal_id": account.ID, "role": "admin"}), http.StatusNotFound, "not_found", "")
}

// What a member of a workspace may do: put a model on a connection that an
// admin registered, and nothing to the connection.
func TestServiceAccountAsMember(t *testing.T) {
	f := newFixture(t)
	lab, elsewhere := f.newWorkspace(), f.newWorkspace()
	conn, hidden := f.connection(lab.ID), f.connection(elsewhere.ID)
	account, _, key := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
	sa := f.as(key)
	at := func(c string) map[string]any {
		return map[string]any{"name": f.name(), "workspace_id": lab.ID, "upstreams": []any{map[string]any{"connection_id": c, "model": "gpt-4o-mini"}}}
	}
	refused(t, sa.post("/model_endpoints", at(conn.ID)), http.StatusForbidden, "insufficient_permissions", "")

	f.join(lab.ID, account.ID, access.WorkspaceMember)
	made := ok[modelEndpoint](t, sa.post("/model_endpoints", at(conn.ID)))
	if *made.CreatedBy != account.ID || made.URL != "/"+lab.Name+"/models/"+made.Name {
		t.Errorf("created %+v", made)
	}
	ok[modelEndpoint](t, sa.post("/model_endpoints/"+made.ID, `{"enabled":false}`))
	refused(t, sa.post("/model_endpoints", at(hidden.ID)), http.StatusBadRequest, "invalid_value", "upstreams[0].connection_id")
	inDefault := at(conn.ID)
	delete(inDefault, "workspace_id")
	refused(t, sa.post("/model_endpoints", inDefault), http.StatusForbidden, "insufficient_permissions", "")

	if got := ok[connection](t, sa.get("/connections/"+conn.ID)); got.ID != conn.ID {
		t.Errorf("its connection: %+v", got)
	}
	refused(t, sa.get("/connections/"+hidden.ID), http.StatusNotFound, "not_found", "")
	refused(t, sa.post("/connections", map[string]any{"name": "x", "provider": "sandbox", "workspace_ids": []string{lab.ID}}), http.StatusForbidden, "insufficient_permissions", "")
	refused(t, sa.post("/connections/"+conn.ID, `{"base_url":"https://evil.example"}`), http.StatusForbidden, "insufficient_permissions", "")
	refused(t, sa.get("/workspaces/"+elsewhere.ID), http.StatusForbidden, "insufficient_permissions", "")
	refused(t, sa.post("/workspaces/"+lab.ID+"/members", map[string]string{"principal_id": account.ID, "role": "admin"}), http.StatusForbidden, "insufficient_permissions", "")
	foreign := f.modelEndpoint(elsewhere.ID)
	refused(t, sa.get("/model_endpoints/"+foreign.ID), http.StatusNotFound, "not_found", "")
	refused(t, sa.delete("/model_endpoints/"+foreign.ID), http.StatusNotFound, "not_found", "")
	if got := ok[page[modelEndpoint]](t, sa.get("/model_endpoints")); len(got.Data) != 1 || got.Data[0].ID != made.ID {
		t.Errorf("sees %+v", got.Data)
	}
	if got := ok[page[workspace]](t, sa.get("/workspaces")); len(got.Data) != 1 || got.Data[0].ID != lab.ID {
		t.Errorf("sees %+v", got.Data)
	}
	who := ok[me](t, sa.get("/me"))
	if who.Type != "service_account" || who.ID != account.ID || *who.ProjectID != f.Organization.DefaultProjectID || len(who.Roles) != 2 ||
		who.Roles[0] != (role{"project", f.Organization.DefaultProjectID, "member"}) || who.Roles[1] != (role{"workspace", lab.ID, "member"}) ||
		len(who.Permissions.Organization) != 0 || len(who.Permissions.Workspaces[lab.ID]) == 0 {
		t.Errorf("me: %+v", who)
	}

	ok[endpoint.Deleted](t, f.owner().delete("/workspaces/"+lab.ID+"/members/"+account.ID))
	refused(t, sa.get("/model_endpoints/"+made.ID), http.StatusForbidden, "insufficient_permissions", "")
}
