package orgtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

func (n *tenant) newRole(projectID string) org.Role {
	at := n.clock.next()
	return org.Role{
		ID: id.At(id.Role, at), OrganizationID: n.org.ID, ProjectID: projectID, Name: "Role " + id.New(""), Description: "what for",
		Permissions: []access.Permission{access.APIKeysRead, access.ModelsRequest}, CreatedBy: n.user.ID, CreatedAt: at, UpdatedAt: at.Add(time.Second),
	}
}

func (n *tenant) newGroup() org.Group {
	at := n.clock.next()
	return org.Group{ID: id.At(id.Group, at), OrganizationID: n.org.ID, Name: "Group", SCIMManaged: true, CreatedAt: at}
}

func (n *tenant) newGroupMember(groupID, userID string) org.GroupMember {
	return org.GroupMember{OrganizationID: n.org.ID, GroupID: groupID, PrincipalID: userID, PrincipalKind: org.PrincipalUser, CreatedAt: n.clock.next()}
}

// assign is an assignment of a role to a user.
func (n *tenant) assign(projectID, userID, roleID string) org.RoleAssignment {
	return org.RoleAssignment{
		OrganizationID: n.org.ID, ProjectID: projectID, PrincipalID: userID, PrincipalKind: org.PrincipalUser,
		RoleID: roleID, CreatedBy: n.user.ID, CreatedAt: n.clock.next(),
	}
}

// assignGroup is an assignment of a role to a group.
func (n *tenant) assignGroup(projectID, groupID, roleID string) org.RoleAssignment {
	a := n.assign(projectID, groupID, roleID)
	a.PrincipalKind = org.PrincipalGroup
	return a
}

// standing is one of everything about who may do what: a group with the
// tenant's user in it, and the group's custom role in the project.
type standing struct {
	role       org.Role
	group      org.Group
	member     org.GroupMember
	assignment org.RoleAssignment
	own        org.RoleAssignment // the user's
}

// standingOf is what every tenant has.
func standingOf(n *tenant) standing {
	at := n.org.CreatedAt
	st := standing{
		role: org.Role{
			ID: id.Role + n.org.ID, OrganizationID: n.org.ID, ProjectID: n.project.ID, Name: "Caller", Description: "calls models",
			Permissions: []access.Permission{access.ModelsRequest}, CreatedBy: n.user.ID, CreatedAt: at, UpdatedAt: at,
		},
		group: org.Group{ID: id.Group + n.org.ID, OrganizationID: n.org.ID, Name: "Callers", CreatedAt: at},
	}
	st.member = org.GroupMember{OrganizationID: n.org.ID, GroupID: st.group.ID, PrincipalID: n.user.ID, PrincipalKind: org.PrincipalUser, CreatedAt: at}
	st.own = org.RoleAssignment{
		OrganizationID: n.org.ID, ProjectID: n.project.ID, PrincipalID: n.user.ID, PrincipalKind: org.PrincipalUser,
		RoleID: st.role.ID, CreatedBy: n.user.ID, CreatedAt: at,
	}
	st.assignment = st.own
	st.assignment.PrincipalID, st.assignment.PrincipalKind = st.group.ID, org.PrincipalGroup
	return st
}

func accessFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			st := standingOf(n)
			return errors.Join(
				tx.InsertRole(ctx, st.role), tx.InsertGroup(ctx, st.group), tx.InsertGroupMember(ctx, st.member),
				tx.InsertRoleAssignment(ctx, st.assignment), tx.InsertRoleAssignment(ctx, st.own),
			)
		},
		probes: func(a *tenant) map[string]probe { return accessProbes(a, standingOf(a)) },
		writes: accessWrites,
		lists:  accessPageables(),
	}
}

func accessWrites(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
	st, p := standingOf(a), a.project.ID
	role, group := st.role, st.group
	role.OrganizationID, group.OrganizationID = o, o
	return map[string]func(org.Tx) error{
		"UpdateRole":           func(tx org.Tx) error { return tx.UpdateRole(ctx, role) },
		"DeleteRole":           func(tx org.Tx) error { return tx.DeleteRole(ctx, o, p, role.ID) },
		"DeleteRoleAssignment": func(tx org.Tx) error { return tx.DeleteRoleAssignment(ctx, o, p, group.ID, role.ID) },
		"UpdateGroup":          func(tx org.Tx) error { return tx.UpdateGroup(ctx, group) },
		"DeleteGroup":          func(tx org.Tx) error { return tx.DeleteGroup(ctx, o, group.ID) },
		"DeleteGroupMember":    func(tx org.Tx) error { return tx.DeleteGroupMember(ctx, o, group.ID, a.user.ID) },
		"DeleteUser":           func(tx org.Tx) error { _, err := tx.DeleteUser(ctx, o, a.user.ID); return err },
	}
}

// accessProbes are for isolation.
func accessProbes(n *tenant, st standing) map[string]probe {
	page := org.Page{Limit: 100}
	project := n.project.ID
	return map[string]probe{
		"Role": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.Role(ctx, o, project, st.role.ID)
		},
		"RoleByID": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.RoleByID(ctx, o, st.role.ID) },
		"Roles": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.Roles(ctx, o, project, page)
			return rows.Items, err
		},
		"RoleAssignment": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.RoleAssignment(ctx, o, project, st.group.ID, st.role.ID)
		},
		"RoleAssignments": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.RoleAssignments(ctx, o, project, st.group.ID, page)
			return rows.Items, err
		},
		"AssignmentsOf": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.AssignmentsOf(ctx, o, st.group.ID)
		},
		"Holdings": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.Holdings(ctx, o, n.user.ID) },
		"SourcesOf": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.SourcesOf(ctx, o, project, n.user.ID)
		},
		"Group": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.Group(ctx, o, st.group.ID) },
		"Groups": lists(st.group, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.Group], error) {
			return r.Groups(ctx, o, page)
		}),
		"GroupsByID": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.GroupsByID(ctx, o, []string{st.group.ID})
		},
		"GroupsByName": func(ctx context.Context, r org.Reader, o string) (any, error) {
			all, err := r.GroupsByName(ctx, o, []string{st.group.Name}) // another organization may use the name
			return slices.DeleteFunc(all, func(g org.Group) bool { return g.ID != st.group.ID }), err
		},
		"GroupMember": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.GroupMember(ctx, o, st.group.ID, n.user.ID)
		},
		"GroupMembers": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.GroupMembers(ctx, o, st.group.ID, page)
			return rows.Items, err
		},
		"GroupsOf": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.GroupsOf(ctx, o, n.user.ID) },
		"ProjectMember": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ProjectMember(ctx, o, project, n.user.ID)
		},
		"ProjectMembers": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.ProjectMembers(ctx, o, project, org.PrincipalGroup, page)
			return rows.Items, err
		},
		"ProjectsOf": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ProjectsOf(ctx, o, []string{n.user.ID})
		},
		"UsersByID": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.UsersByID(ctx, o, []string{n.user.ID})
		},
		"ServiceAccountsByID": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ServiceAccountsByID(ctx, o, []string{n.account.ID})
		},
		"KeysLastUsed": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.KeysLastUsed(ctx, o, []string{n.user.ID})
		},
	}
}

func accessNouns(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	o := n.org.ID
	for _, projectID := range []string{"", n.project.ID} {
		noun[org.Role]{
			label: "Role", kind: org.ChangeRole, id: func(v org.Role) string { return v.ID },
			create: func() org.Role { return n.newRole(projectID) },
			change: func(v *org.Role) {
				v.Name, v.Description, v.Permissions, v.UpdatedAt = "Renamed", "", []access.Permission{}, v.UpdatedAt.Add(time.Hour)
			},
			get: func(ctx context.Context, r org.Reader, v org.Role) (org.Role, error) {
				return r.Role(ctx, o, projectID, v.ID)
			},
			insert: func(ctx context.Context, tx org.Tx, v org.Role) error { return tx.InsertRole(ctx, v) },
			update: func(ctx context.Context, tx org.Tx, v org.Role) error { return tx.UpdateRole(ctx, v) },
			remove: func(ctx context.Context, tx org.Tx, v org.Role) error { return tx.DeleteRole(ctx, o, projectID, v.ID) },
		}.check(t, s, o)
	}
	ctx := t.Context()
	group, role := n.newGroup(), n.newRole("")
	same := n.newRole("")
	same.Name = role.Name
	update(t, s, o, func(tx org.Tx) error { return errors.Join(tx.InsertGroup(ctx, group), tx.InsertRole(ctx, role)) })
	wantFault(t, "a name taken", refuse(t, s, o, func(tx org.Tx) error { return tx.InsertRole(ctx, same) }), fault.Invalid, "name_taken", "role_name")
	same.ProjectID = n.project.ID
	update(t, s, o, func(tx org.Tx) error { return tx.InsertRole(ctx, same) }) // another scope, another name space
	group.Name, group.SCIMManaged = "Renamed", false
	update(t, s, o, func(tx org.Tx) error { return tx.UpdateGroup(ctx, group) })
	view(t, s, func(r org.Reader) error {
		got, err := r.Group(ctx, o, group.ID)
		equal(t, "group", got, group)
		return err
	})
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteGroup(ctx, o, group.ID) })
	wantNotFound(t, refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteGroup(ctx, o, group.ID) }), "Group with ID '"+group.ID+"' not found.")
	wantNotFound(t, refuse(t, s, o, func(tx org.Tx) error { return tx.UpdateGroup(ctx, group) }), "Group with ID '"+group.ID+"' not found.")
}

// rolesFollowAssignments: the role that users, accounts and project members
// show is what they are assigned, and being assigned is being in a project.
func rolesFollowAssignments(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o, p := t.Context(), n.org.ID, n.project.ID
	custom := n.newRole(p)
	user := n.newUser()
	user.Role = ""
	update(t, s, o, func(tx org.Tx) error { return errors.Join(tx.InsertUser(ctx, user), tx.InsertRole(ctx, custom)) })
	is := func(what string, inOrganization access.OrganizationRole, inProject access.ProjectRole) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			u, err := r.User(ctx, o, user.ID)
			equal(t, what+": organization", u.Role, inOrganization)
			m, err2 := r.ProjectMember(ctx, o, p, user.ID)
			equal(t, what+": project", m.Role, inProject)
			if inProject == "" && fault.Is(err2, fault.NotFound) {
				err2 = nil
			}
			return errors.Join(err, err2)
		})
	}
	carries := func(principalID string, write func(org.Tx) error) {
		t.Helper()
		version := update(t, s, o, write)
		changes, err := s.Changes(ctx, version-1, 10)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "change feed", changes, []org.Change{{Version: version, OrganizationID: o, Kind: org.ChangeStanding, ID: principalID}})
	}
	assign := func(a org.RoleAssignment) {
		t.Helper()
		carries(a.PrincipalID, func(tx org.Tx) error { return tx.InsertRoleAssignment(ctx, a) })
		wantFault(t, "assigned twice", refuse(t, s, o, func(tx org.Tx) error { return tx.InsertRoleAssignment(ctx, a) }),
			fault.Invalid, "role_already_assigned", "role_id")
		view(t, s, func(r org.Reader) error {
			got, err := r.RoleAssignment(ctx, o, a.ProjectID, a.PrincipalID, a.RoleID)
			equal(t, "assignment", got, a)
			return err
		})
	}
	drop := func(projectID, principalID, roleID string) {
		t.Helper()
		write := func(tx org.Tx) error { return tx.DeleteRoleAssignment(ctx, o, projectID, principalID, roleID) }
		carries(principalID, write)
		wantNotFound(t, refuse(t, s, o, write), "Role assignment with ID '"+roleID+"' not found.")
	}
	owner, reader := access.OrganizationOwner.ID(o), access.OrganizationReader.ID(o)
	is("nothing", "", "")
	assign(n.assign("", user.ID, reader))
	is("reader", access.OrganizationReader, "")
	assign(n.assign("", user.ID, owner))
	is("owner", access.OrganizationOwner, "")
	drop("", user.ID, owner)
	is("owner no more", access.OrganizationReader, "")
	first := n.assign(p, user.ID, custom.ID)
	assign(first)
	is("custom", access.OrganizationReader, access.NoRole)
	assign(n.assign(p, user.ID, access.ProjectViewer.ID(p)))
	is("viewer", access.OrganizationReader, access.ProjectViewer)
	assign(n.assign(p, user.ID, access.ProjectOwner.ID(p)))
	is("project owner", access.OrganizationReader, access.ProjectOwner)
	view(t, s, func(r org.Reader) error {
		m, err := r.ProjectMember(ctx, o, p, user.ID)
		equal(t, "in the project since", m.CreatedAt, first.CreatedAt)
		of, err2 := r.ProjectsOf(ctx, o, []string{user.ID, n.account.ID})
		equal(t, "projects", of, []org.ProjectMembership{{ProjectMember: m, ProjectName: n.project.Name}})
		return errors.Join(err, err2)
	})
	drop(p, user.ID, access.ProjectOwner.ID(p))
	drop(p, user.ID, access.ProjectViewer.ID(p))
	is("custom again", access.OrganizationReader, access.NoRole)
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteRole(ctx, o, p, custom.ID) })
	is("the role is gone", access.OrganizationReader, "")
	assign(n.assign(p, user.ID, access.ProjectMember.ID(p)))
	carries(user.ID, func(tx org.Tx) error { return tx.DeleteRoleAssignmentsOf(ctx, o, p, user.ID) })
	is("taken out", access.OrganizationReader, "")

	account := org.RoleAssignment{
		OrganizationID: o, ProjectID: p, PrincipalID: n.account.ID, PrincipalKind: org.PrincipalServiceAccount,
		RoleID: access.ProjectOwner.ID(p), CreatedAt: n.clock.next(),
	}
	assign(account)
	view(t, s, func(r org.Reader) error {
		got, err := r.ServiceAccount(ctx, o, p, n.account.ID)
		equal(t, "account's role", got.Role, access.ProjectOwner)
		return err
	})
	drop(p, n.account.ID, account.RoleID)
	drop(p, n.account.ID, access.ProjectMember.ID(p))
	view(t, s, func(r org.Reader) error {
		got, err := r.ServiceAccount(ctx, o, p, n.account.ID)
		equal(t, "account's role", got.Role, access.NoRole)
		return err
	})
}

// holdings: what a principal holds is its own and its groups'.
func holdings(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o, p := t.Context(), n.org.ID, n.project.ID
	user, group, role := n.newUser(), n.newGroup(), n.newRole(p)
	user.Role = ""
	workspace := n.newMembership(n.workspace.ID, group.ID)
	workspace.PrincipalKind = org.PrincipalGroup
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.InsertUser(ctx, user), tx.InsertGroup(ctx, group), tx.InsertRole(ctx, role),
			tx.InsertRoleAssignment(ctx, n.assignGroup("", group.ID, access.OrganizationOwner.ID(o))),
			tx.InsertRoleAssignment(ctx, n.assignGroup(p, group.ID, role.ID)),
			tx.PutWorkspaceMembership(ctx, workspace))
	})
	holds := func(what string, owned bool, want ...org.Holding) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			got, err := r.Holdings(ctx, o, user.ID)
			slices.SortFunc(got, func(a, b org.Holding) int { return len(a.ProjectID) - len(b.ProjectID) })
			equal(t, what, got, want)
			has, err2 := r.HasOwner(ctx, o)
			equal(t, what+": owned", has, owned)
			return errors.Join(err, err2)
		})
	}
	own := org.Holding{RoleID: access.OrganizationOwner.ID(o)}
	byGroup := org.Holding{ProjectID: p, RoleID: role.ID, Permissions: role.Permissions}
	holds("nothing", true)
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteRoleAssignment(ctx, o, "", n.user.ID, own.RoleID) })
	holds("nobody owns", false)
	member := n.newGroupMember(group.ID, user.ID)
	update(t, s, o, func(tx org.Tx) error { return tx.InsertGroupMember(ctx, member) })
	wantFault(t, "a member twice", refuse(t, s, o, func(tx org.Tx) error { return tx.InsertGroupMember(ctx, member) }), fault.Invalid, "already_member", "user_id")
	holds("through the group", true, own, byGroup)
	view(t, s, func(r org.Reader) error {
		sources, err := r.SourcesOf(ctx, o, p, user.ID)
		equal(t, "sources", sources, map[string][]string{role.ID: {group.ID}})
		in, err4 := r.MembershipsOf(ctx, o, user.ID)
		equal(t, "workspaces", in, []org.WorkspaceMembership{workspace})
		of, err2 := r.GroupsOf(ctx, o, user.ID)
		equal(t, "groups", of, []string{group.ID})
		assigned, err3 := r.AssignmentsOf(ctx, o, group.ID)
		if len(assigned) != 2 || assigned[0].RoleID != own.RoleID || assigned[1].RoleID != role.ID {
			t.Errorf("assigned to the group: %+v", assigned)
		}
		return errors.Join(err, err2, err3, err4)
	})
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteRole(ctx, o, p, role.ID) })
	holds("without the role", true, own)
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteGroupMember(ctx, o, group.ID, user.ID) })
	holds("left", false)
	update(t, s, o, func(tx org.Tx) error { return tx.InsertGroupMember(ctx, member) })
	holds("back", true, own)
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteGroup(ctx, o, group.ID) })
	holds("without the group", false)
	view(t, s, func(r org.Reader) error {
		if _, err := r.ProjectMember(ctx, o, p, group.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("the group is in the project still: %v", err)
		}
		return nil
	})
}

// userDeletion: a user goes with all that is its own, and nothing else does.
func userDeletion(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	st := standingOf(n)
	ctx, o := t.Context(), n.org.ID
	other := n.newUser()
	otherKey := n.newAPIKey(n.project.ID)
	otherKey.UserID = other.ID
	update(t, s, o, func(tx org.Tx) error { return errors.Join(tx.InsertUser(ctx, other), tx.InsertAPIKey(ctx, otherKey)) })
	version := update(t, s, o, func(tx org.Tx) error {
		keys, err := tx.DeleteUser(ctx, o, n.user.ID)
		equal(t, "revoked", keys, []org.RevokedKey{{ID: n.userKey.ID, ProjectID: n.project.ID}, {ID: n.adminKey.ID}})
		return err
	})
	changes, err := s.Changes(ctx, version-1, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []org.Change{
		{Version: version, OrganizationID: o, Kind: org.ChangeAPIKey, ID: n.userKey.ID},
		{Version: version, OrganizationID: o, Kind: org.ChangeUser, ID: n.user.ID},
		{Version: version, OrganizationID: o, Kind: org.ChangeWorkspace, ID: n.workspace.ID},
	} {
		if !slices.Contains(changes, want) {
			t.Errorf("no %+v among %+v", want, changes)
		}
	}
	view(t, s, func(r org.Reader) error {
		_, gone := r.User(ctx, o, n.user.ID)
		wantNotFound(t, gone, "User with ID '"+n.user.ID+"' not found.")
		_, session := r.SessionByToken(ctx, n.session.TokenHash)
		_, member := r.GroupMember(ctx, o, st.group.ID, n.user.ID)
		_, inProject := r.ProjectMember(ctx, o, n.project.ID, n.user.ID)
		for _, err := range []error{session, member, inProject} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("something is left: %v", err)
			}
		}
		held, err := r.Holdings(ctx, o, n.user.ID)
		equal(t, "held", len(held), 0)
		_, err2 := r.APIKeyByID(ctx, o, otherKey.ID)
		_, err3 := r.APIKeyByID(ctx, o, n.key.ID)
		return errors.Join(err, err2, err3)
	})
	err = refuse(t, s, o, func(tx org.Tx) error { _, err := tx.DeleteUser(ctx, o, n.user.ID); return err })
	wantNotFound(t, err, "User with ID '"+n.user.ID+"' not found.")
}

// heldRows: the snapshot is given what groups and the owners of keys hold.
func heldRows(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	st := standingOf(n)
	ctx, o := t.Context(), n.org.ID
	keyless := n.newUser()
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.InsertUser(ctx, keyless), tx.InsertGroupMember(ctx, n.newGroupMember(st.group.ID, keyless.ID)))
	})
	view(t, s, func(r org.Reader) error {
		var holders []string
		err := r.EachHeldRole(ctx, func(a org.RoleAssignment) error { holders = append(holders, a.PrincipalID); return nil })
		slices.Sort(holders)
		want := []string{n.user.ID, n.user.ID, n.account.ID, st.group.ID}
		slices.Sort(want)
		equal(t, "who holds roles", holders, want)
		return errors.Join(err,
			each(ctx, t, r.EachHeldGroup, st.member),
			each(ctx, t, r.EachRole, st.role))
	})
}
