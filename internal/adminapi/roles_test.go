package adminapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/access"
	"weir/internal/identity"
	"weir/internal/org"
)

func TestRolesThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("Weather")
	roles, inProject := w.client.Admin.Organization.Roles, w.client.Admin.Organization.Projects.Roles

	made, err := roles.New(ctx, openai.AdminOrganizationRoleNewParams{RoleName: "auditor", Permissions: []string{"api.usage.read", "api.model.read", "api.usage.read"}})
	if err != nil {
		t.Fatal(err)
	}
	if made.Name != "auditor" || made.ResourceType != "api.organization" || made.PredefinedRole || made.JSON.Description.Raw() != "null" ||
		!slices.Equal(made.Permissions, []string{"api.model.read", "api.usage.read"}) {
		t.Errorf("made %s", made.RawJSON())
	}
	if got, err := roles.Get(ctx, made.ID); err != nil || got.RawJSON() != made.RawJSON() {
		t.Errorf("created %s, got %s (%v)", made.RawJSON(), got.RawJSON(), err)
	}
	changed, err := roles.Update(ctx, made.ID, openai.AdminOrganizationRoleUpdateParams{Description: openai.String("reads")})
	if err != nil || changed.Description != "reads" || changed.Name != "auditor" || len(changed.Permissions) != 2 {
		t.Errorf("changed %s (%v)", changed.RawJSON(), err)
	}
	// The same name is free in a project.
	local, err := inProject.New(ctx, p.ID, openai.AdminOrganizationProjectRoleNewParams{RoleName: "auditor", Permissions: []string{"api.files.read"}})
	if err != nil || local.ResourceType != "api.project" {
		t.Fatalf("made %s (%v)", local.RawJSON(), err)
	}
	for name, err := range map[string]error{
		"a name taken": func() error {
			_, err := roles.New(ctx, openai.AdminOrganizationRoleNewParams{RoleName: "auditor", Permissions: []string{}})
			return err
		}(),
		"a project's role at the organization": func() error {
			_, err := roles.Update(ctx, access.OrganizationReader.ID(w.Organization.ID), openai.AdminOrganizationRoleUpdateParams{RoleName: openai.String("x")})
			return err
		}(),
		"deleting a predefined role": func() error { _, err := inProject.Delete(ctx, p.ID, access.ProjectOwner.ID(p.ID)); return err }(),
	} {
		if statusOf(t, err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"a project's role of the organization": func() error { _, err := roles.Get(ctx, local.ID); return err }(),
		"an organization's role of a project":  func() error { _, err := inProject.Get(ctx, p.ID, made.ID); return err }(),
		"another project's role":               func() error { _, err := inProject.Get(ctx, w.project("other").ID, local.ID); return err }(),
	} {
		if statusOf(t, err) != 404 {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone, err := roles.Delete(ctx, made.ID)
	if err != nil || gone.ID != made.ID || !gone.Deleted {
		t.Errorf("deleted %s (%v)", gone.RawJSON(), err)
	}
	if _, err := roles.Get(ctx, made.ID); statusOf(t, err) != 404 {
		t.Errorf("a deleted role is answered %v", err)
	}

	page, err := inProject.List(ctx, p.ID, openai.AdminOrganizationProjectRoleListParams{})
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, r := range page.Data {
		listed = append(listed, fmt.Sprint(r.Name, " ", r.PredefinedRole))
	}
	if !slices.Equal(listed, []string{"owner true", "member true", "viewer true", "auditor false"}) {
		t.Errorf("roles of the project: %q", listed)
	}
}

func TestGroupsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("Weather")
	account, _ := w.account(p.ID, access.ProjectMember)
	user := w.newcomer()
	o := w.client.Admin.Organization

	made, err := o.Groups.New(ctx, openai.AdminOrganizationGroupNewParams{Name: "Support"})
	if err != nil || made.Name != "Support" || string(made.GroupType) != "group" || made.IsScimManaged || made.CreatedAt == 0 {
		t.Fatalf("made %s (%v)", made.RawJSON(), err)
	}
	renamed, err := o.Groups.Update(ctx, made.ID, openai.AdminOrganizationGroupUpdateParams{Name: "Help"})
	if err != nil || renamed.Name != "Help" || strings.Contains(renamed.RawJSON(), "group_type") {
		t.Errorf("renamed %s (%v)", renamed.RawJSON(), err)
	}
	for _, principalID := range []string{user.ID, account.ID} {
		added, err := o.Groups.Users.New(ctx, made.ID, openai.AdminOrganizationGroupUserNewParams{UserID: principalID})
		if err != nil || added.UserID != principalID || added.GroupID != made.ID {
			t.Errorf("added %s (%v)", added.RawJSON(), err)
		}
		if _, err := o.Groups.Users.New(ctx, made.ID, openai.AdminOrganizationGroupUserNewParams{UserID: principalID}); statusOf(t, err) != 400 {
			t.Errorf("added twice: %v", err)
		}
		member, err := o.Groups.Users.Get(ctx, made.ID, principalID)
		if err != nil || member.ID != principalID || member.IsServiceAccount != (principalID == account.ID) || member.JSON.Picture.Raw() != "null" ||
			(member.Email != "") != (principalID == user.ID) {
			t.Errorf("member %s (%v)", member.RawJSON(), err)
		}
	}
	entered, err := o.Projects.Groups.New(ctx, p.ID, openai.AdminOrganizationProjectGroupNewParams{GroupID: made.ID, Role: access.ProjectMember.ID(p.ID)})
	if err != nil || entered.GroupID != made.ID || entered.GroupName != "Help" || entered.ProjectID != p.ID {
		t.Errorf("entered %s (%v)", entered.RawJSON(), err)
	}
	if _, err := o.Projects.Groups.New(ctx, p.ID, openai.AdminOrganizationProjectGroupNewParams{GroupID: made.ID, Role: access.ProjectViewer.ID(p.ID)}); statusOf(t, err) != 400 {
		t.Errorf("entered twice: %v", err)
	}
	if _, err := o.Projects.Groups.Get(ctx, p.ID, made.ID, openai.AdminOrganizationProjectGroupGetParams{GroupType: "tenant_group"}); statusOf(t, err) != 404 {
		t.Errorf("a group of a tenant: %v", err)
	}
	// What the group holds, its member does; and no longer once it is gone.
	_, secret, err := w.Org.CreateAPIKey(ctx, w.actor(), p.ID, org.NewAPIKey{UserID: user.ID})
	must(t, secret, err)
	calls := func() bool {
		caller, err := w.Identity.ByKey(ctx, secret, identity.From{})
		must(t, caller, err)
		return caller.Grants.Allows(access.ModelsRequest, access.Scope{ProjectID: p.ID})
	}
	if !calls() {
		t.Error("a member of the group may not call models")
	}
	if gone, err := o.Projects.Groups.Delete(ctx, p.ID, made.ID); err != nil || !gone.Deleted {
		t.Errorf("left %v (%v)", gone, err)
	}
	if calls() {
		t.Error("the group left the project and its members did not")
	}
	if _, err := o.Projects.Groups.Get(ctx, p.ID, made.ID, openai.AdminOrganizationProjectGroupGetParams{}); statusOf(t, err) != 404 {
		t.Errorf("a group that left is answered %v", err)
	}
	if gone, err := o.Groups.Users.Delete(ctx, made.ID, user.ID); err != nil || !gone.Deleted {
		t.Errorf("removed %v (%v)", gone, err)
	}
	if _, err := o.Groups.Users.Get(ctx, made.ID, user.ID); statusOf(t, err) != 404 {
		t.Errorf("a member that left is answered %v", err)
	}
	if gone, err := o.Groups.Delete(ctx, made.ID); err != nil || gone.ID != made.ID || !gone.Deleted {
		t.Errorf("deleted %v (%v)", gone, err)
	}
	if _, err := o.Groups.Get(ctx, made.ID); statusOf(t, err) != 404 {
		t.Errorf("a deleted group is answered %v", err)
	}
}

func TestAssignmentsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("Weather")
	user, group := w.newcomer(), w.newGroup()
	role, local := w.newRole("", "api.usage.read"), w.newRole(p.ID, "api.files.read")
	o := w.client.Admin.Organization

	given, err := o.Users.Roles.New(ctx, user.ID, openai.AdminOrganizationUserRoleNewParams{RoleID: role.ID})
	if err != nil || given.User.ID != user.ID || given.Role.ID != role.ID || given.User.Role != "reader" {
		t.Fatalf("given %s (%v)", given.RawJSON(), err)
	}
	if _, err := o.Users.Roles.New(ctx, user.ID, openai.AdminOrganizationUserRoleNewParams{RoleID: role.ID}); statusOf(t, err) != 400 {
		t.Errorf("given twice: %v", err)
	}
	toGroup, err := o.Groups.Roles.New(ctx, group.ID, openai.AdminOrganizationGroupRoleNewParams{RoleID: role.ID})
	if err != nil || toGroup.Group.ID != group.ID || toGroup.Role.ID != role.ID {
		t.Errorf("given %s (%v)", toGroup.RawJSON(), err)
	}
	held, err := o.Users.Roles.Get(ctx, user.ID, role.ID)
	if err != nil || held.Name != role.Name || held.CreatedBy != w.Owner.ID || held.CreatedByUserObj["email"] != w.Owner.Email ||
		held.JSON.AssignmentSources.Raw() != "null" || held.JSON.Metadata.Raw() != "null" || held.CreatedAt == 0 {
		t.Errorf("held %s (%v)", held.RawJSON(), err)
	}
	w.enterGroup(group.ID, user.ID)
	if held, err = o.Users.Roles.Get(ctx, user.ID, role.ID); err != nil || len(held.AssignmentSources) != 1 || held.AssignmentSources[0].PrincipalID != group.ID {
		t.Errorf("held through the group too: %s (%v)", held.RawJSON(), err)
	}
	reader, err := o.Users.Roles.Get(ctx, user.ID, access.OrganizationReader.ID(w.Organization.ID))
	if err != nil || !reader.PredefinedRole || reader.JSON.CreatedAt.Raw() != "null" || reader.JSON.CreatedByUserObj.Raw() != "null" {
		t.Errorf("predefined %s (%v)", reader.RawJSON(), err)
	}
	if gone, err := o.Users.Roles.Delete(ctx, user.ID, role.ID); err != nil || !gone.Deleted || gone.Object != "user.role.deleted" {
		t.Errorf("taken %v (%v)", gone, err)
	}
	if _, err := o.Users.Roles.Get(ctx, user.ID, role.ID); statusOf(t, err) != 404 {
		t.Errorf("a role that the group alone gives is answered %v", err)
	}
	if gone, err := o.Groups.Roles.Delete(ctx, group.ID, role.ID); err != nil || gone.Object != "group.role.deleted" {
		t.Errorf("taken %v (%v)", gone, err)
	}

	// As OpenAI's Terraform provider does: an account without a role, and then one.
	account, err := o.Projects.ServiceAccounts.New(ctx, p.ID, openai.AdminOrganizationProjectServiceAccountNewParams{Name: "robot", CreateServiceAccountOnly: openai.Bool(true)})
	must(t, account, err)
	robot, err := o.Projects.Users.Roles.New(ctx, p.ID, account.ID, openai.AdminOrganizationProjectUserRoleNewParams{RoleID: access.ProjectMember.ID(p.ID)})
	if err != nil || robot.User.ID != account.ID || !robot.User.IsServiceAccount || robot.Role.Name != "member" {
		t.Errorf("a robot's role: %s (%v)", robot.RawJSON(), err)
	}
	if got, err := o.Projects.ServiceAccounts.Get(ctx, p.ID, account.ID); err != nil || string(got.Role) != "member" {
		t.Errorf("the robot is %s (%v)", got.RawJSON(), err)
	}
	if _, err := o.Users.Roles.List(ctx, account.ID, openai.AdminOrganizationUserRoleListParams{}); statusOf(t, err) != 404 {
		t.Errorf("a robot of the organization: %v", err)
	}
	for name, roleID := range map[string]string{"of the organization": role.ID, "ownership of all": access.OrganizationOwner.ID(w.Organization.ID), "unknown": "role_none"} {
		if _, err := o.Projects.Users.Roles.New(ctx, p.ID, user.ID, openai.AdminOrganizationProjectUserRoleNewParams{RoleID: roleID}); statusOf(t, err) != 400 {
			t.Errorf("%s, in a project: %v", name, err)
		}
	}
	if _, err := o.Users.Roles.New(ctx, user.ID, openai.AdminOrganizationUserRoleNewParams{RoleID: local.ID}); statusOf(t, err) != 400 {
		t.Errorf("a project's role at the organization: %v", err)
	}
	last := access.OrganizationOwner.ID(w.Organization.ID)
	if _, err := o.Users.Roles.Delete(ctx, w.Owner.ID, last); statusOf(t, err) != 400 {
		t.Errorf("the last owner: %v", err)
	}
}

func (w *world) enterGroup(groupID, principalID string) {
	w.t.Helper()
	m, err := w.Org.AddGroupMember(w.t.Context(), w.grantor(), groupID, principalID)
	must(w.t, m, err)
}

func TestUsersOfProjectsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("Weather")
	user, other := w.newcomer(), w.newcomer()
	custom := w.newRole(p.ID, "api.files.read")
	o := w.client.Admin.Organization
	users := o.Projects.Users

	added, err := users.New(ctx, p.ID, openai.AdminOrganizationProjectUserNewParams{UserID: openai.String(user.ID), Role: "member"})
	if err != nil || added.ID != user.ID || added.Email != user.Email || added.Role != "member" || added.AddedAt == 0 {
		t.Fatalf("added %s (%v)", added.RawJSON(), err)
	}
	twice := w.call(w.AdminKey, "POST", "/v1/organization/projects/"+p.ID+"/users", `{"email": "`+user.Email+`", "role": "owner"}`)
	if twice.status != 400 || !strings.Contains(twice.failure(t).Message, "already exists in project") { // which a Terraform provider looks for
		t.Errorf("added twice: %d %s", twice.status, twice.raw)
	}
	byEmail, err := users.New(ctx, p.ID, openai.AdminOrganizationProjectUserNewParams{Email: openai.String(other.Email), Role: custom.ID})
	if err != nil || byEmail.ID != other.ID || byEmail.Role != "none" {
		t.Errorf("added %s (%v)", byEmail.RawJSON(), err)
	}
	changed, err := users.Update(ctx, p.ID, user.ID, openai.AdminOrganizationProjectUserUpdateParams{Role: openai.String("owner")})
	if err != nil || changed.Role != "owner" || changed.AddedAt != added.AddedAt {
		t.Errorf("changed %s (%v)", changed.RawJSON(), err)
	}
	if same, err := users.Update(ctx, p.ID, user.ID, openai.AdminOrganizationProjectUserUpdateParams{}); err != nil || same.Role != "owner" {
		t.Errorf("an empty change: %s (%v)", same.RawJSON(), err)
	}
	shown, err := o.Users.Get(ctx, user.ID)
	if err != nil || len(shown.Projects.Data) != 1 || shown.Projects.Data[0].ID != p.ID || shown.Projects.Data[0].Name != "Weather" || shown.Projects.Data[0].Role != "owner" {
		t.Errorf("the user is %s (%v)", shown.RawJSON(), err)
	}
	if gone, err := users.Delete(ctx, p.ID, user.ID); err != nil || gone.ID != user.ID || !gone.Deleted {
		t.Errorf("removed %v (%v)", gone, err)
	}
	if _, err := users.Get(ctx, p.ID, user.ID); statusOf(t, err) != 404 {
		t.Errorf("a removed user is answered %v", err)
	}
	page, err := users.List(ctx, p.ID, openai.AdminOrganizationProjectUserListParams{})
	if err != nil || len(page.Data) != 1 || page.Data[0].ID != other.ID {
		t.Errorf("left %+v (%v)", page, err)
	}

	_, err = o.Projects.Archive(ctx, p.ID)
	must(t, page, err)
	for name, err := range map[string]error{
		"users": func() error {
			_, err := users.List(ctx, p.ID, openai.AdminOrganizationProjectUserListParams{})
			return err
		}(),
		"adding": func() error {
			_, err := users.New(ctx, p.ID, openai.AdminOrganizationProjectUserNewParams{UserID: openai.String(user.ID), Role: "member"})
			return err
		}(),
		"removing": func() error { _, err := users.Delete(ctx, p.ID, other.ID); return err }(),
		"groups": func() error {
			_, err := o.Projects.Groups.List(ctx, p.ID, openai.AdminOrganizationProjectGroupListParams{})
			return err
		}(),
		"roles": func() error {
			_, err := o.Projects.Roles.List(ctx, p.ID, openai.AdminOrganizationProjectRoleListParams{})
			return err
		}(),
		"assigned": func() error {
			_, err := o.Projects.Users.Roles.List(ctx, p.ID, other.ID, openai.AdminOrganizationProjectUserRoleListParams{})
			return err
		}(),
	} {
		if statusOf(t, err) != 400 {
			t.Errorf("%s of an archived project: %v", name, err)
		}
	}
}

func TestUsersAreChangedAndDeleted(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	user, custom := w.newcomer(), w.newRole("", "api.usage.read")
	secret := w.adminKeyOf(user.ID)
	users := w.client.Admin.Organization.Users

	noted, err := users.Update(ctx, user.ID, openai.AdminOrganizationUserUpdateParams{TechnicalLevel: openai.String("expert"), DeveloperPersona: openai.String("data")})
	if err != nil || noted.TechnicalLevel != "expert" || noted.DeveloperPersona != "data" || noted.Role != "reader" {
		t.Errorf("noted %s (%v)", noted.RawJSON(), err)
	}
	owner, err := users.Update(ctx, user.ID, openai.AdminOrganizationUserUpdateParams{Role: openai.String("owner")})
	if err != nil || owner.Role != "owner" || owner.TechnicalLevel != "expert" {
		t.Errorf("promoted %s (%v)", owner.RawJSON(), err)
	}
	if got := w.call(secret, "GET", "/v1/organization/users", ""); got.status != 200 {
		t.Errorf("a new owner is answered %d", got.status)
	}
	reduced, err := users.Update(ctx, user.ID, openai.AdminOrganizationUserUpdateParams{RoleID: openai.String(custom.ID)})
	if err != nil || reduced.JSON.Role.Raw() != "null" {
		t.Errorf("by a custom role: %s (%v)", reduced.RawJSON(), err)
	}
	if got := w.call(secret, "GET", "/v1/organization/users", ""); got.status != 403 {
		t.Errorf("an owner no more is answered %d", got.status)
	}
	if a := w.call(w.AdminKey, "POST", "/v1/organization/users/"+user.ID, `{"technical_level": null, "id": "user-x", "object": "x", "email": "x@y.z", "password_hash": "x"}`); a.status != 200 ||
		a.json(t)["technical_level"] != nil || a.json(t)["email"] != user.Email || a.json(t)["id"] != user.ID {
		t.Errorf("null and what cannot be set: %d %s", a.status, a.raw)
	}
	if err := w.Identity.Used.Flush(ctx, w.Store); err != nil {
		t.Fatal(err)
	}
	if got, err := users.Get(ctx, user.ID); err != nil || got.APIKeyLastUsedAt == 0 {
		t.Errorf("its key was used: %s (%v)", got.RawJSON(), err)
	}
	gone, err := users.Delete(ctx, user.ID)
	if err != nil || gone.ID != user.ID || !gone.Deleted {
		t.Fatalf("deleted %v (%v)", gone, err)
	}
	if got := w.call(secret, "GET", "/v1/organization/roles", ""); got.status != 401 {
		t.Errorf("its key is answered %d", got.status)
	}
	for name, err := range map[string]error{
		"the last owner demoted": func() error {
			_, err := users.Update(ctx, w.Owner.ID, openai.AdminOrganizationUserUpdateParams{Role: openai.String("reader")})
			return err
		}(),
		"the last owner deleted": func() error { _, err := users.Delete(ctx, w.Owner.ID); return err }(),
		"two roles": func() error {
			_, err := users.Update(ctx, w.Owner.ID, openai.AdminOrganizationUserUpdateParams{Role: openai.String("owner"), RoleID: openai.String(custom.ID)})
			return err
		}(),
		"no such role": func() error {
			_, err := users.Update(ctx, w.Owner.ID, openai.AdminOrganizationUserUpdateParams{Role: openai.String("admin")})
			return err
		}(),
	} {
		if statusOf(t, err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := users.Delete(ctx, user.ID); statusOf(t, err) != 404 {
		t.Errorf("deleted twice: %v", err)
	}
}

// The lists by cursor, walked one row at a time by the client's pager, are the
// lists read whole; limit=0 is an empty page that claims nothing.
func TestCursorListsWalkedByOne(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p, user, group := w.project("home"), w.newcomer(), w.newGroup()
	for range 4 {
		w.newRole("", "api.usage.read")
		role, other, member := w.newRole(p.ID, "api.files.read"), w.newGroup(), w.newcomer()
		w.assign(org.Assignee{ProjectID: p.ID, UserID: user.ID}, role.ID)
		w.assign(org.Assignee{ProjectID: p.ID, GroupID: group.ID}, role.ID)
		w.assign(org.Assignee{ProjectID: p.ID, GroupID: other.ID}, role.ID)
		w.enterGroup(group.ID, member.ID)
		w.enter(p.ID, member.ID, "member")
	}
	o := w.client.Admin.Organization
	type list func(limit param.Opt[int64], desc bool) []string
	order := func(desc bool) string {
		if desc {
			return "desc"
		}
		return "asc"
	}
	for name, tt := range map[string]struct {
		list list
		rows int
	}{
		"roles": {func(limit param.Opt[int64], desc bool) []string {
			return walk(t, o.Roles.ListAutoPaging(ctx, openai.AdminOrganizationRoleListParams{Limit: limit, Order: openai.AdminOrganizationRoleListParamsOrder(order(desc))}),
				func(r openai.Role) string { return r.ID })
		}, 6},
		"roles of a project": {func(limit param.Opt[int64], desc bool) []string {
			return walk(t, o.Projects.Roles.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectRoleListParams{Limit: limit, Order: openai.AdminOrganizationProjectRoleListParamsOrder(order(desc))}),
				func(r openai.Role) string { return r.ID })
		}, 7},
		"groups": {func(limit param.Opt[int64], desc bool) []string {
			return walk(t, o.Groups.ListAutoPaging(ctx, openai.AdminOrganizationGroupListParams{Limit: limit, Order: openai.AdminOrganizationGroupListParamsOrder(order(desc))}),
				func(g openai.Group) string { return g.ID })
		}, 5},
		"members of a group": {func(limit param.Opt[int64], desc bool) []string {
			return walk(t, o.Groups.Users.ListAutoPaging(ctx, group.ID, openai.AdminOrganizationGroupUserListParams{Limit: limit, Order: openai.AdminOrganizationGroupUserListParamsOrder(order(desc))}),
				func(u openai.OrganizationGroupUser) string { return u.ID })
		}, 4},
		"groups of a project": {func(limit param.Opt[int64], desc bool) []string {
			return walk(t, o.Projects.Groups.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectGroupListParams{Limit: limit, Order: openai.AdminOrganizationProjectGroupListParamsOrder(order(desc))}),
				func(g openai.ProjectGroup) string { return g.GroupID })
		}, 5},
		"roles of a user in a project": {func(limit param.Opt[int64], desc bool) []string {
			return walk(t, o.Projects.Users.Roles.ListAutoPaging(ctx, p.ID, user.ID, openai.AdminOrganizationProjectUserRoleListParams{Limit: limit, Order: openai.AdminOrganizationProjectUserRoleListParamsOrder(order(desc))}),
				func(r openai.AdminOrganizationProjectUserRoleListResponse) string { return r.ID })
		}, 4},
		"roles of a group in a project": {func(limit param.Opt[int64], desc bool) []string {
			return walk(t, o.Projects.Groups.Roles.ListAutoPaging(ctx, p.ID, group.ID, openai.AdminOrganizationProjectGroupRoleListParams{Limit: limit, Order: openai.AdminOrganizationProjectGroupRoleListParamsOrder(order(desc))}),
				func(r openai.AdminOrganizationProjectGroupRoleListResponse) string { return r.ID })
		}, 4},
	} {
		up, down := tt.list(openai.Int(100), false), tt.list(openai.Int(100), true)
		if len(up) != tt.rows {
			t.Errorf("%s: %d rows, want %d", name, len(up), tt.rows)
		}
		for _, limit := range []int64{1, 2, 3} {
			if walked := tt.list(openai.Int(limit), false); !slices.Equal(walked, up) {
				t.Errorf("%s by %d: %q, whole %q", name, limit, walked, up)
			}
			if walked := tt.list(openai.Int(limit), true); !slices.Equal(walked, down) {
				t.Errorf("%s downwards by %d: %q, whole %q", name, limit, walked, down)
			}
		}
		slices.Reverse(down)
		if !slices.Equal(up, down) {
			t.Errorf("%s: downwards is not upwards turned round", name)
		}
	}
	members := func(limit param.Opt[int64]) []string {
		return walk(t, o.Projects.Users.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectUserListParams{Limit: limit}),
			func(u openai.ProjectUser) string { return u.ID })
	}
	if whole, walked := members(openai.Int(100)), members(openai.Int(1)); len(whole) != 5 || !slices.Equal(whole, walked) {
		t.Errorf("users of the project: walked %q, whole %q", walked, whole)
	}
	for _, path := range []string{"/v1/organization/roles", "/v1/organization/groups", "/v1/projects/" + p.ID + "/users/" + user.ID + "/roles"} {
		empty := w.get(path + "?limit=0")
		if len(empty["data"].([]any)) != 0 || empty["has_more"] != false || empty["next"] != nil {
			t.Errorf("%s: an empty page is %v", path, empty)
		}
	}
}
