package org_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/sqlstore"
)

// noFeed derives nothing: these tests ask the store.
type noFeed struct{}

func (noFeed) Committed(context.Context, int64) {}

// tenant is an organization on a store of either engine.
type tenant struct {
	*org.Service
	by       org.Grantor
	owner    string
	projects []string
	users    []string
}

func newTenant(t *testing.T, open func() *sqldb.DB) *tenant {
	t.Helper()
	ctx := t.Context()
	store, err := sqlstore.Open(ctx, open())
	check(t, err)
	n := &tenant{Service: &org.Service{Store: store, Feed: noFeed{}, Now: time.Now}}
	o, err := n.CreateOrganization(ctx, org.NewOrganization{Name: "Acme", OwnerEmail: "owner@example.com", AdminSecret: id.Secret(id.AdminSecret)})
	check(t, err)
	n.by = org.SystemGrantor(o.ID)
	users, err := n.Users(ctx, o.ID, org.UserFilter{Page: org.Page{Limit: 1}})
	check(t, err)
	n.owner = users.Items[0].ID
	for i := range 2 {
		p, err := n.CreateProject(ctx, n.by.Actor, org.NewProject{Name: fmt.Sprint("p", i)})
		check(t, err)
		n.projects = append(n.projects, p.ID)
	}
	for i := range 3 {
		n.users = append(n.users, n.newUser(t, fmt.Sprintf("u%d@example.com", i)))
	}
	return n
}

func (n *tenant) newUser(t *testing.T, email string) string {
	t.Helper()
	u := org.User{ID: id.New(id.User), OrganizationID: n.by.OrganizationID, Email: email, Name: "Somebody", CreatedAt: time.Now()}
	_, err := n.Store.Update(t.Context(), n.by.Actor, func(tx org.Tx) error { return tx.InsertUser(t.Context(), u) })
	check(t, err)
	return u.ID
}

// assigned is one assignment; the project "" is the organization.
type assigned struct{ principal, project, role string }

// ledger is what grants and revocations should have come to, kept as naively as
// can be.
type ledger struct {
	roles    map[string]access.Set      // by id
	scope    map[string]string          // of a role: its project
	groups   map[string]map[string]bool // members by group
	assigned map[assigned]bool
}

// may reports whether the user may do p in the project ("": at the
// organization).
func (l *ledger) may(user, project string, p access.Permission) bool {
	for a := range l.assigned {
		if (a.principal == user || l.groups[a.principal][user]) && l.roles[a.role].Has(p) && (a.project == "" || a.project == project) {
			return true
		}
	}
	return false
}

// No sequence of grants and revocations leaves a permission that no assignment
// gives, nor loses one that an assignment does.
func TestHoldingFollowsFromAssignments(t *testing.T) {
	permissions := []string{"api.files.read", "api.files.write", "api.model.request", "api.responses.write"}
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		n := newTenant(t, open)
		ctx := t.Context()
		made := 0
		rapid.Check(t, func(rt *rapid.T) {
			l := ledger{roles: map[string]access.Set{}, scope: map[string]string{}, groups: map[string]map[string]bool{}, assigned: map[assigned]bool{}}
			pick := func(of []string) string { return rapid.SampledFrom(of).Draw(rt, "which") }
			scopes := append([]string{""}, n.projects...)
			for range rapid.IntRange(1, 25).Draw(rt, "steps") {
				made++
				roles, groups := slices.Sorted(maps.Keys(l.roles)), slices.Sorted(maps.Keys(l.groups))
				principal, isGroup := pick(n.users), false
				if len(groups) > 0 && rapid.Bool().Draw(rt, "group") {
					principal, isGroup = pick(groups), true
				}
				step := rapid.IntRange(0, 8).Draw(rt, "step")
				switch {
				case step == 0 || len(roles) == 0:
					set := rapid.SliceOfDistinct(rapid.SampledFrom(permissions), rapid.ID[string]).Draw(rt, "permissions")
					role, err := n.CreateRole(ctx, n.by, org.NewRole{ProjectID: pick(scopes), Name: fmt.Sprint("r", made), Permissions: set})
					check(t, err)
					l.roles[role.ID], l.scope[role.ID] = access.NewSet(role.Permissions...), role.ProjectID
				case step == 1:
					group, err := n.CreateGroup(ctx, n.by.Actor, "g")
					check(t, err)
					l.groups[group.ID] = map[string]bool{}
				case step == 2:
					roleID := pick(roles)
					set := rapid.SliceOfDistinct(rapid.SampledFrom(permissions), rapid.ID[string]).Draw(rt, "permissions")
					role, err := n.UpdateRole(ctx, n.by, l.scope[roleID], roleID, org.RoleChange{Permissions: optional.Of(set)})
					check(t, err)
					l.roles[roleID] = access.NewSet(role.Permissions...)
				case step == 3:
					roleID := pick(roles)
					check(t, n.DeleteRole(ctx, n.by, l.scope[roleID], roleID))
					delete(l.roles, roleID)
					maps.DeleteFunc(l.assigned, func(a assigned, _ bool) bool { return a.role == roleID })
				case step == 4 && isGroup:
					check(t, n.DeleteGroup(ctx, n.by.Actor, principal))
					delete(l.groups, principal)
					maps.DeleteFunc(l.assigned, func(a assigned, _ bool) bool { return a.principal == principal })
				case step == 5 && isGroup:
					user := pick(n.users)
					if l.groups[principal][user] {
						check(t, n.RemoveGroupMember(ctx, n.by.Actor, principal, user))
						delete(l.groups[principal], user)
					} else {
						_, err := n.AddGroupMember(ctx, n.by, principal, user)
						check(t, err)
						l.groups[principal][user] = true
					}
				case step == 6 && !isGroup:
					project := pick(n.projects)
					err := n.RemoveProjectUser(ctx, n.by, project, principal)
					in := false
					maps.DeleteFunc(l.assigned, func(a assigned, _ bool) bool {
						gone := a.principal == principal && a.project == project
						in = in || gone
						return gone
					})
					if (err == nil) != in {
						rt.Fatalf("in the project %v, and removing is %v", in, err)
					}
				default:
					roleID := pick(roles)
					a := assigned{principal, l.scope[roleID], roleID}
					to := org.Assignee{ProjectID: a.project, UserID: principal}
					if isGroup {
						to = org.Assignee{ProjectID: a.project, GroupID: principal}
					}
					if l.assigned[a] {
						_, err := n.UnassignRole(ctx, n.by, to, roleID)
						check(t, err)
						delete(l.assigned, a)
					} else {
						_, _, err := n.AssignRole(ctx, n.by, to, roleID)
						check(t, err)
						l.assigned[a] = true
					}
				}
			}
			n.compare(ctx, rt, &l, permissions)
			for group := range l.groups { // the next round begins with nothing
				check(t, n.DeleteGroup(ctx, n.by.Actor, group))
			}
			for roleID := range l.roles {
				check(t, n.DeleteRole(ctx, n.by, l.scope[roleID], roleID))
			}
		})
	})
}

// compare holds what is held against the ledger, everywhere.
func (n *tenant) compare(ctx context.Context, rt *rapid.T, l *ledger, permissions []string) {
	rt.Helper()
	for _, user := range n.users {
		var grants access.Grants
		if err := n.Store.View(ctx, func(r org.Reader) error {
			var err error
			grants, err = org.GrantsOf(ctx, r, n.by.OrganizationID, user)
			return err
		}); err != nil {
			rt.Fatal(err)
		}
		for _, project := range append([]string{"", "proj_other"}, n.projects...) {
			for _, name := range permissions {
				p := access.Permission(name)
				if got, want := grants.Allows(p, access.Scope{ProjectID: project}), l.may(user, project, p); got != want {
					rt.Fatalf("%s may %s in %q: %v, and assignments say %v", user, p, project, got, want)
				}
			}
		}
		for _, project := range n.projects {
			_, err := n.ProjectUser(ctx, n.by.OrganizationID, project, user)
			want := false
			for a := range l.assigned {
				want = want || a.principal == user && a.project == project
			}
			if (err == nil) != want {
				rt.Fatalf("%s is in %s: %v, assigned there: %v", user, project, err, want)
			}
		}
	}
}

// Two administrators at once: whatever they do, the organization keeps an owner,
// names stay unique, and nothing is assigned twice.
func TestAdministratorsAtOnce(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		n := newTenant(t, open)
		ctx, o := t.Context(), n.by.OrganizationID
		owner, reader := access.OrganizationOwner.ID(o), access.OrganizationReader.ID(o)
		rounds := 0
		rapid.Check(t, func(rt *rapid.T) {
			rounds++
			group, err := n.CreateGroup(ctx, n.by.Actor, "owners")
			check(t, err)
			second := n.newUser(t, fmt.Sprintf("second%d@example.com", rounds))
			_, _, err = n.AssignRole(ctx, n.by, org.Assignee{GroupID: group.ID}, owner)
			check(t, err)
			_, err = n.AddGroupMember(ctx, n.by, group.ID, second)
			check(t, err)
			people := []string{n.owner, second}
			moves := []func(user string) error{
				func(user string) error {
					_, err := n.UpdateUser(ctx, n.by, user, org.UserChange{Role: optional.Of("reader")})
					return err
				},
				func(user string) error {
					_, err := n.UnassignRole(ctx, n.by, org.Assignee{UserID: user}, owner)
					return err
				},
				func(user string) error { return n.RemoveGroupMember(ctx, n.by.Actor, group.ID, user) },
				func(string) error { return n.DeleteGroup(ctx, n.by.Actor, group.ID) },
				func(string) error {
					_, err := n.UnassignRole(ctx, n.by, org.Assignee{GroupID: group.ID}, owner)
					return err
				},
				func(user string) error {
					if user == n.owner {
						return nil // the next round needs it
					}
					return n.DeleteUser(ctx, n.by.Actor, user)
				},
				func(string) error {
					_, err := n.CreateRole(ctx, n.by, org.NewRole{Name: fmt.Sprint("name ", rounds), Permissions: []string{"api.usage.read"}})
					return err
				},
				func(user string) error {
					_, _, err := n.AssignRole(ctx, n.by, org.Assignee{UserID: user}, reader)
					return err
				},
				func(user string) error { _, err := n.AddGroupMember(ctx, n.by, group.ID, user); return err },
				func(user string) error {
					_, err := n.AddProjectUser(ctx, n.by, n.projects[0], org.NewProjectUser{UserID: optional.Of(user), Role: "member"})
					return err
				},
			}
			var admins sync.WaitGroup
			failed := make(chan error, 100)
			for range 2 {
				plan := rapid.SliceOfN(rapid.IntRange(0, len(moves)*len(people)-1), 1, 8).Draw(rt, "plan")
				admins.Go(func() {
					for _, move := range plan {
						err := moves[move%len(moves)](people[move/len(moves)])
						if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
							failed <- err
						}
					}
				})
			}
			admins.Wait()
			close(failed)
			for err := range failed {
				rt.Error(err)
			}
			n.checkInvariants(ctx, rt)
			// The owner is one again, for the next round.
			_, err = n.UpdateUser(ctx, n.by, n.owner, org.UserChange{Role: optional.Of("owner")})
			check(t, err)
		})
	})
}

func (n *tenant) checkInvariants(ctx context.Context, rt *rapid.T) {
	rt.Helper()
	o := n.by.OrganizationID
	err := n.Store.View(ctx, func(r org.Reader) error {
		owned, err := r.HasOwner(ctx, o)
		if !owned {
			rt.Error("nobody owns the organization")
		}
		names := map[string]bool{}
		if err := r.EachRole(ctx, func(role org.Role) error {
			if names[role.ProjectID+"/"+role.Name] {
				rt.Errorf("two roles are called %q", role.Name)
			}
			names[role.ProjectID+"/"+role.Name] = true
			return nil
		}); err != nil {
			return err
		}
		for _, user := range append([]string{n.owner}, n.users...) {
			rows, err := r.AssignmentsOf(ctx, o, user)
			if err != nil {
				return err
			}
			seen := map[string]bool{}
			for _, a := range rows {
				if seen[a.ProjectID+a.RoleID] {
					rt.Errorf("%s is assigned %s twice", user, a.RoleID)
				}
				seen[a.ProjectID+a.RoleID] = true
			}
		}
		return err
	})
	if err != nil {
		rt.Error(err)
	}
	if err := n.Store.View(ctx, func(r org.Reader) error {
		previous := ""
		return r.AuditChain(ctx, o, 0, func(e audit.Event) error {
			err := e.Verify(previous)
			previous = e.Hash
			return err
		})
	}); err != nil {
		rt.Errorf("the audit log: %v", err)
	}
}
