package org_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/optional"
	"weir/internal/org"
)

func system(env *endpointtest.Env) org.Grantor { return org.SystemGrantor(env.Organization.ID) }

// person adds a user to the organization.
func person(t *testing.T, env *endpointtest.Env, name string, role access.OrganizationRole) org.User {
	t.Helper()
	u := org.User{ID: id.New(id.User), OrganizationID: env.Organization.ID, Email: name + "@example.com", Name: name, Role: role, CreatedAt: time.Now()}
	_, err := env.Store.Update(t.Context(), actor(env), func(tx org.Tx) error { return tx.InsertUser(t.Context(), u) })
	check(t, err)
	return u
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused wants err to be a fault with this code and param, and nothing to have
// been recorded since before.
func refused(t *testing.T, env *endpointtest.Env, what string, before int, err error, code, param string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code || f.Param != param {
		t.Errorf("%s: %v, want %s %s", what, err, code, param)
	}
	if got := events(t, env); got != before {
		t.Errorf("%s: refused and recorded", what)
	}
}

// held is what a principal may do now.
func held(t *testing.T, env *endpointtest.Env, principalID string) (grants access.Grants) {
	t.Helper()
	check(t, env.Store.View(t.Context(), func(r org.Reader) error {
		var err error
		grants, err = org.GrantsOf(t.Context(), r, env.Organization.ID, principalID)
		return err
	}))
	return grants
}

// holding is a user acting with what it holds.
func holding(t *testing.T, env *endpointtest.Env, userID string) org.Grantor {
	t.Helper()
	return org.Grantor{
		Actor: audit.Actor{OrganizationID: env.Organization.ID, Type: audit.ActorAPIKey, UserID: userID}, Holds: held(t, env, userID),
	}
}

// The last owner can be lost by no path, itself or through a group.
func TestTheLastOwnerStays(t *testing.T) {
	env := endpointtest.New(t)
	ctx, by, o := t.Context(), system(env), env.Organization.ID
	owner := access.OrganizationOwner.ID(o)
	refuse := func(what string, userID, groupID string) {
		t.Helper()
		before := events(t, env)
		paths := map[string]func() error{"deleting": func() error { return env.Org.DeleteUser(ctx, by.Actor, userID) }}
		if groupID == "" {
			paths["demoting"] = func() error {
				_, err := env.Org.UpdateUser(ctx, by, userID, org.UserChange{Role: optional.Of("reader")})
				return err
			}
			paths["demoting by id"] = func() error {
				_, err := env.Org.UpdateUser(ctx, by, userID, org.UserChange{RoleID: optional.Of(access.OrganizationReader.ID(o))})
				return err
			}
			paths["unassigning"] = func() error {
				_, err := env.Org.UnassignRole(ctx, by, org.Assignee{UserID: userID}, owner)
				return err
			}
		} else {
			paths["leaving the group"] = func() error { return env.Org.RemoveGroupMember(ctx, by.Actor, groupID, userID) }
			paths["deleting the group"] = func() error { return env.Org.DeleteGroup(ctx, by.Actor, groupID) }
			paths["unassigning the group"] = func() error {
				_, err := env.Org.UnassignRole(ctx, by, org.Assignee{GroupID: groupID}, owner)
				return err
			}
		}
		for path, fn := range paths {
			refused(t, env, what+": "+path, before, fn(), "last_owner", "")
		}
	}
	refuse("a single owner", env.Owner.ID, "")

	second := person(t, env, "second", access.OrganizationReader)
	group, err := env.Org.CreateGroup(ctx, by.Actor, "owners")
	check(t, err)
	_, _, err = env.Org.AssignRole(ctx, by, org.Assignee{GroupID: group.ID}, owner)
	check(t, err)
	refuse("an empty group owns nothing", env.Owner.ID, "")
	account, _, _, err := env.Org.CreateServiceAccount(ctx, by.Actor, env.Organization.DefaultProjectID, org.NewServiceAccount{Name: "robot"})
	check(t, err)
	_, err = env.Org.AddGroupMember(ctx, by, group.ID, account.ID)
	check(t, err)
	refuse("a service account is no owner", env.Owner.ID, "")
	_, err = env.Org.AddGroupMember(ctx, by, group.ID, second.ID)
	check(t, err)
	_, err = env.Org.UpdateUser(ctx, by, env.Owner.ID, org.UserChange{Role: optional.Of("reader")})
	check(t, err)
	refuse("an owner through a group", second.ID, group.ID)
}

// Nobody gives, changes or takes away what they do not hold.
func TestNobodyGivesWhatTheyDoNotHold(t *testing.T) {
	env := endpointtest.New(t)
	ctx, by, o := t.Context(), system(env), env.Organization.ID
	project, err := env.Org.CreateProject(ctx, by.Actor, org.NewProject{Name: "p"})
	check(t, err)
	other, err := env.Org.CreateProject(ctx, by.Actor, org.NewProject{Name: "other"})
	check(t, err)
	p := project.ID
	member, target, boss := person(t, env, "member", access.OrganizationReader), person(t, env, "target", access.OrganizationReader), person(t, env, "boss", access.OrganizationReader)
	for userID, role := range map[string]string{member.ID: "member", boss.ID: "owner"} {
		_, err = env.Org.AddProjectUser(ctx, by, p, org.NewProjectUser{UserID: optional.Of(userID), Role: role})
		check(t, err)
	}
	strong, err := env.Org.CreateRole(ctx, by, org.NewRole{ProjectID: p, Name: "strong", Permissions: []string{"api.apps.write"}})
	check(t, err)
	group, err := env.Org.CreateGroup(ctx, by.Actor, "owners of the project")
	check(t, err)
	_, _, err = env.Org.AssignRole(ctx, by, org.Assignee{ProjectID: p, GroupID: group.ID}, access.ProjectOwner.ID(p))
	check(t, err)

	weak := holding(t, env, member.ID)
	before := events(t, env)
	to := func(userID string) org.Assignee { return org.Assignee{ProjectID: p, UserID: userID} }
	for what, fn := range map[string]func() error{
		"making an owner": func() error {
			_, _, err := env.Org.AssignRole(ctx, weak, to(target.ID), access.ProjectOwner.ID(p))
			return err
		},
		"making oneself an owner": func() error {
			_, err := env.Org.UpdateProjectUser(ctx, weak, p, member.ID, optional.Of("owner"))
			return err
		},
		"adding an owner": func() error {
			_, err := env.Org.AddProjectUser(ctx, weak, p, org.NewProjectUser{UserID: optional.Of(target.ID), Role: "owner"})
			return err
		},
		"adding a group as owner": func() error { _, err := env.Org.AddProjectGroup(ctx, weak, p, group.ID, "owner"); return err },
		"assigning a stronger role": func() error {
			_, _, err := env.Org.AssignRole(ctx, weak, to(member.ID), strong.ID)
			return err
		},
		"a role with more": func() error {
			_, err := env.Org.CreateRole(ctx, weak, org.NewRole{ProjectID: p, Name: "more", Permissions: []string{"api.apps.write"}})
			return err
		},
		"weakening a stronger role": func() error {
			_, err := env.Org.UpdateRole(ctx, weak, p, strong.ID, org.RoleChange{Permissions: optional.Of([]string{})})
			return err
		},
		"deleting a stronger role": func() error { return env.Org.DeleteRole(ctx, weak, p, strong.ID) },
		"unmaking an owner": func() error {
			_, err := env.Org.UnassignRole(ctx, weak, to(boss.ID), access.ProjectOwner.ID(p))
			return err
		},
		"demoting an owner": func() error {
			_, err := env.Org.UpdateProjectUser(ctx, weak, p, boss.ID, optional.Of("viewer"))
			return err
		},
		"removing an owner":          func() error { return env.Org.RemoveProjectUser(ctx, weak, p, boss.ID) },
		"removing a group of owners": func() error { return env.Org.RemoveProjectGroup(ctx, weak, p, group.ID) },
		"joining a group of owners":  func() error { _, err := env.Org.AddGroupMember(ctx, weak, group.ID, member.ID); return err },
		"making a member elsewhere": func() error {
			_, _, err := env.Org.AssignRole(ctx, weak, org.Assignee{ProjectID: other.ID, UserID: member.ID}, access.ProjectMember.ID(other.ID))
			return err
		},
		"a role of the organization": func() error {
			_, err := env.Org.CreateRole(ctx, weak, org.NewRole{Name: "usage", Permissions: []string{"api.usage.read"}})
			return err
		},
		"becoming owner of everything": func() error {
			_, err := env.Org.UpdateUser(ctx, weak, member.ID, org.UserChange{Role: optional.Of("owner")})
			return err
		},
		"assigning ownership": func() error {
			_, _, err := env.Org.AssignRole(ctx, weak, org.Assignee{UserID: member.ID}, access.OrganizationOwner.ID(o))
			return err
		},
	} {
		refused(t, env, what, before, fn(), "insufficient_permissions", "")
	}

	_, _, err = env.Org.AssignRole(ctx, weak, to(target.ID), access.ProjectMember.ID(p))
	check(t, err)
	own, err := env.Org.CreateRole(ctx, weak, org.NewRole{ProjectID: p, Name: "files", Permissions: []string{"api.files.read", "api.files.read"}})
	check(t, err)
	if len(own.Permissions) != 1 || own.CreatedBy != member.ID {
		t.Errorf("made %+v", own)
	}
	check(t, env.Org.RemoveProjectUser(ctx, holding(t, env, boss.ID), p, member.ID))
}

// Assignments are refused twice, in the wrong scope, and of what there is not;
// a project that is archived has neither users nor roles.
func TestAssignmentsThatAreRefused(t *testing.T) {
	env := endpointtest.New(t)
	ctx, by, o := t.Context(), system(env), env.Organization.ID
	project, err := env.Org.CreateProject(ctx, by.Actor, org.NewProject{Name: "p"})
	check(t, err)
	archived, err := env.Org.CreateProject(ctx, by.Actor, org.NewProject{Name: "old"})
	check(t, err)
	p, user := project.ID, person(t, env, "user", access.OrganizationReader)
	ofOrganization, err := env.Org.CreateRole(ctx, by, org.NewRole{Name: "usage", Permissions: []string{"api.usage.read"}})
	check(t, err)
	ofProject, err := env.Org.CreateRole(ctx, by, org.NewRole{ProjectID: p, Name: "files", Permissions: []string{"api.files.read"}})
	check(t, err)
	elsewhere, err := env.Org.CreateRole(ctx, by, org.NewRole{ProjectID: archived.ID, Name: "files", Permissions: []string{"api.files.read"}})
	check(t, err)
	group, err := env.Org.CreateGroup(ctx, by.Actor, "g")
	check(t, err)
	account, _, _, err := env.Org.CreateServiceAccount(ctx, by.Actor, archived.ID, org.NewServiceAccount{Name: "robot"})
	check(t, err)
	_, err = env.Org.ArchiveProject(ctx, by.Actor, archived.ID)
	check(t, err)
	_, err = env.Org.AddGroupMember(ctx, by, group.ID, user.ID)
	check(t, err)
	inProject, atTop := org.Assignee{ProjectID: p, UserID: user.ID}, org.Assignee{UserID: user.ID}
	_, _, err = env.Org.AssignRole(ctx, by, inProject, ofProject.ID)
	check(t, err)
	assign := func(to org.Assignee, roleID string) error {
		_, _, err := env.Org.AssignRole(ctx, by, to, roleID)
		return err
	}
	role := func(in org.NewRole) error { _, err := env.Org.CreateRole(ctx, by, in); return err }
	update := func(roleID string, in org.RoleChange) error {
		_, err := env.Org.UpdateRole(ctx, by, "", roleID, in)
		return err
	}
	before := events(t, env)
	for what, tt := range map[string]struct {
		err         error
		code, param string
	}{
		"assigned twice":                      {assign(inProject, ofProject.ID), "role_already_assigned", "role_id"},
		"a predefined role twice":             {assign(atTop, access.OrganizationReader.ID(o)), "role_already_assigned", "role_id"},
		"an organization's role in a project": {assign(inProject, ofOrganization.ID), "role_scope_mismatch", "role_id"},
		"ownership of all in a project":       {assign(inProject, access.OrganizationOwner.ID(o)), "role_scope_mismatch", "role_id"},
		"a project's role at the top":         {assign(atTop, ofProject.ID), "role_scope_mismatch", "role_id"},
		"a project's ownership at the top":    {assign(atTop, access.ProjectOwner.ID(p)), "role_scope_mismatch", "role_id"},
		"another project's role":              {assign(inProject, elsewhere.ID), "invalid_value", "role_id"},
		"another project's ownership":         {assign(inProject, access.ProjectOwner.ID(archived.ID)), "invalid_value", "role_id"},
		"another organization's ownership":    {assign(atTop, access.OrganizationOwner.ID("org-other")), "invalid_value", "role_id"},
		"no such role":                        {assign(atTop, "role_none"), "invalid_value", "role_id"},
		"no such user":                        {assign(org.Assignee{UserID: "user-none"}, ofOrganization.ID), "not_found", ""},
		"no such group":                       {assign(org.Assignee{GroupID: "group_none"}, ofOrganization.ID), "not_found", ""},
		"an account at the top":               {assign(org.Assignee{UserID: account.ID}, ofOrganization.ID), "not_found", ""},
		"an account of another project":       {assign(org.Assignee{ProjectID: p, UserID: account.ID}, ofProject.ID), "not_found", ""},
		"in an archived project":              {assign(org.Assignee{ProjectID: archived.ID, UserID: user.ID}, elsewhere.ID), "project_archived", ""},
		"in no project":                       {assign(org.Assignee{ProjectID: "proj_none", UserID: user.ID}, elsewhere.ID), "not_found", ""},
		"a member twice":                      {func() error { _, err := env.Org.AddGroupMember(ctx, by, group.ID, user.ID); return err }(), "already_member", "user_id"},
		"a group in a group":                  {func() error { _, err := env.Org.AddGroupMember(ctx, by, group.ID, group.ID); return err }(), "invalid_value", "user_id"},
		"not assigned":                        {func() error { _, err := env.Org.UnassignRole(ctx, by, atTop, ofOrganization.ID); return err }(), "not_found", ""},
		"a user of the project already": {func() error {
			_, err := env.Org.AddProjectUser(ctx, by, p, org.NewProjectUser{Email: optional.Of(user.Email), Role: "member"})
			return err
		}(), "already_member", "user_id"},
		"nobody": {func() error {
			_, err := env.Org.AddProjectUser(ctx, by, p, org.NewProjectUser{Role: "member"})
			return err
		}(), "missing_required_parameter", "user_id"},
		"two people": {func() error {
			_, err := env.Org.AddProjectUser(ctx, by, p, org.NewProjectUser{UserID: optional.Of(user.ID), Email: optional.Of(env.Owner.Email), Role: "member"})
			return err
		}(), "invalid_value", "email"},
		"no such project role": {func() error {
			_, err := env.Org.AddProjectUser(ctx, by, p, org.NewProjectUser{UserID: optional.Of(env.Owner.ID), Role: "boss"})
			return err
		}(), "invalid_value", "role"},
		"a name taken":            {role(org.NewRole{Name: "usage"}), "name_taken", "role_name"},
		"a predefined name":       {role(org.NewRole{Name: "reader"}), "name_taken", "role_name"},
		"a blank name":            {role(org.NewRole{Name: " "}), "invalid_value", "role_name"},
		"an unknown permission":   {role(org.NewRole{Name: "x", Permissions: []string{"api.everything"}}), "invalid_value", "permissions"},
		"a reserved permission":   {role(org.NewRole{Name: "x", Permissions: []string{"api.management.write"}}), "invalid_value", "permissions"},
		"usage in a project":      {role(org.NewRole{ProjectID: p, Name: "x", Permissions: []string{"api.usage.read"}}), "invalid_value", "permissions"},
		"renaming to a taken one": {update(ofOrganization.ID, org.RoleChange{Name: optional.Of("owner")}), "name_taken", "role_name"},
		"a predefined role":       {update(access.OrganizationReader.ID(o), org.RoleChange{Name: optional.Of("x")}), "predefined_role", ""},
		"deleting a predefined":   {env.Org.DeleteRole(ctx, by, p, access.ProjectViewer.ID(p)), "predefined_role", ""},
		"another scope's role":    {update(ofProject.ID, org.RoleChange{Name: optional.Of("x")}), "not_found", ""},
	} {
		refused(t, env, what, before, tt.err, tt.code, tt.param)
	}
}

// Deleting a user takes its keys along, and says of each that it went.
func TestDeletingAUserRevokesItsKeys(t *testing.T) { deleteUserWithKeys(t, 1_500) }

// deleteUserWithKeys returns how long it takes to delete a user who has as many
// keys of a project, and an admin key.
func deleteUserWithKeys(t *testing.T, keys int) time.Duration {
	t.Helper()
	env := endpointtest.New(t)
	ctx, by := t.Context(), system(env)
	user := person(t, env, "busy", access.OrganizationReader)
	_, err := env.Store.Update(ctx, by.Actor, func(tx org.Tx) error {
		for i := range keys {
			secret := fmt.Sprint("sk-proj-", i)
			if err := tx.InsertAPIKey(ctx, org.APIKey{
				ID: id.New(id.Key), OrganizationID: user.OrganizationID, ProjectID: env.Organization.DefaultProjectID, Name: "k", UserID: user.ID,
				Secret: org.Secret{Hash: id.HashOf(secret)}, CreatedAt: time.Now(),
			}); err != nil {
				return err
			}
		}
		return nil
	})
	check(t, err)
	_, secret, err := env.Org.CreateAdminKey(ctx, by.Actor, org.NewAdminKey{Name: "k", UserID: user.ID})
	check(t, err)
	before := events(t, env)
	began := time.Now()
	check(t, env.Org.DeleteUser(ctx, by.Actor, user.ID))
	took := time.Since(began)
	if got := events(t, env) - before; got != keys+2 {
		t.Errorf("%d events, want one for the user and one for each key", got)
	}
	for _, key := range []string{secret, "sk-proj-7"} {
		if _, err := env.Identity.ByKey(ctx, key, fromHere()); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s still works: %v", key, err)
		}
	}
	refused(t, env, "again", events(t, env), env.Org.DeleteUser(ctx, by.Actor, user.ID), "not_found", "")
	return took
}

func fromHere() identity.From { return identity.From{IPAddress: "127.0.0.1"} }
