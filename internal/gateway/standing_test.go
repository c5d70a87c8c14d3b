package gateway

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/upstream/upstreamtest"
)

func (r *rig) grantor() org.Grantor { return org.SystemGrantor(r.actor.OrganizationID) }

// person adds a reader to the organization.
func (r *rig) person(t testing.TB, email string) org.User {
	t.Helper()
	u := org.User{ID: id.New(id.User), OrganizationID: r.actor.OrganizationID, Email: email, Name: "Person", Role: access.OrganizationReader, CreatedAt: r.org.Now()}
	_, err := r.store.Update(t.Context(), audit.System(u.OrganizationID), func(tx org.Tx) error { return tx.InsertUser(t.Context(), u) })
	must(t, err)
	return u
}

// A key does what its owner may do in the project at that moment, however the
// owner came by it.
func TestKeysFollowTheStandingOfTheirOwners(t *testing.T) {
	r := newRig(t)
	ctx, by, p := t.Context(), r.grantor(), r.project.ID
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	user := r.person(t, "person@example.com")
	_, key, err := r.org.CreateAPIKey(ctx, r.actor, p, org.NewAPIKey{UserID: user.ID})
	must(t, err)
	is := func(what string, want int) {
		t.Helper()
		equal(t, what, r.status(t, key, chatModel), want)
	}
	self := org.Assignee{ProjectID: p, UserID: user.ID}
	assign := func(to org.Assignee, roleID string) {
		t.Helper()
		_, _, err := r.org.AssignRole(ctx, by, to, roleID)
		must(t, err)
	}
	unassign := func(from org.Assignee, roleID string) {
		t.Helper()
		_, err := r.org.UnassignRole(ctx, by, from, roleID)
		must(t, err)
	}
	is("a reader outside the project", 403)
	assign(self, access.ProjectViewer.ID(p))
	is("a viewer", 403)
	equal(t, "models to a viewer", r.do(t, call{key: key, method: "GET", path: "/v1/models"}).StatusCode, 200)
	assign(self, access.ProjectMember.ID(p))
	is("a member", 200)
	unassign(self, access.ProjectMember.ID(p))
	is("a viewer again", 403)

	custom, err := r.org.CreateRole(ctx, by, org.NewRole{ProjectID: p, Name: "caller", Permissions: []string{"api.files.read"}})
	must(t, err)
	assign(self, custom.ID)
	is("a custom role without models", 403)
	_, err = r.org.UpdateRole(ctx, by, p, custom.ID, org.RoleChange{Permissions: optional.Of([]string{"api.model.request"})})
	must(t, err)
	is("the role now calls models", 200)
	must(t, r.org.DeleteRole(ctx, by, p, custom.ID))
	is("the role is gone", 403)

	group, err := r.org.CreateGroup(ctx, r.actor, "callers")
	must(t, err)
	_, err = r.org.AddProjectGroup(ctx, by, p, group.ID, "member")
	must(t, err)
	is("not in the group", 403)
	_, err = r.org.AddGroupMember(ctx, by, group.ID, user.ID)
	must(t, err)
	is("in the group", 200)
	must(t, r.org.RemoveProjectUser(ctx, by, p, user.ID))
	is("by the group alone", 200)
	must(t, r.org.RemoveProjectGroup(ctx, by, p, group.ID))
	is("the group has left the project", 403)
	everywhere, err := r.org.CreateRole(ctx, by, org.NewRole{Name: "callers", Permissions: []string{"api.model.request"}})
	must(t, err)
	assign(org.Assignee{GroupID: group.ID}, everywhere.ID)
	is("the group calls models everywhere", 200)
	must(t, r.org.DeleteGroup(ctx, r.actor, group.ID))
	is("the group is gone", 403)
	_, err = r.org.UpdateUser(ctx, by, user.ID, org.UserChange{Role: optional.Of("owner")})
	must(t, err)
	is("an owner of the organization", 200)
	must(t, r.org.DeleteUser(ctx, r.actor, user.ID))
	is("deleted", 401)

	account := org.Assignee{ProjectID: p, UserID: r.account.ID}
	unassign(account, access.ProjectMember.ID(p))
	equal(t, "an account without a role", r.status(t, r.key, chatModel), 403)
	assign(account, access.ProjectOwner.ID(p))
	equal(t, "an account with one", r.status(t, r.key, chatModel), 200)
}

// TestStandingIsTheRebuiltOne makes random grants and revocations. What the
// snapshot made of them is what it reads from nothing, and what package identity
// says; nothing outlives the assignment that gave it.
func TestStandingIsTheRebuiltOne(t *testing.T) {
	r := newRig(t)
	ctx, by := t.Context(), r.grantor()
	second, _, _, _ := r.newProject(t, "second")
	projects := []string{r.project.ID, second.ID}
	var owners []string
	for i := range 3 {
		u := r.person(t, fmt.Sprintf("p%d@example.com", i))
		owners = append(owners, u.ID)
		if i > 0 { // one gets its first key later
			_, _, err := r.org.CreateAPIKey(ctx, r.actor, projects[i%2], org.NewAPIKey{UserID: u.ID})
			must(t, err)
		}
	}
	made := 0
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "which") }
		groups, err := r.org.Groups(ctx, r.actor.OrganizationID, org.Page{Limit: 100})
		must(t, err)
		for range rapid.IntRange(1, 10).Draw(rt, "changes") {
			made++
			project, owner := projects[pick(2)], owners[pick(3)]
			roles, err := r.org.Roles(ctx, r.actor.OrganizationID, project, org.Page{Limit: 100, Ascending: true})
			must(t, err)
			role := roles.Items[pick(len(roles.Items))]
			assignee := org.Assignee{ProjectID: project, UserID: owner}
			if len(groups.Items) > 0 && pick(2) == 0 {
				assignee = org.Assignee{ProjectID: project, GroupID: groups.Items[pick(len(groups.Items))].ID}
			}
			switch pick(9) {
			case 0, 1:
				_, _, err = r.org.AssignRole(ctx, by, assignee, role.ID)
			case 2:
				_, err = r.org.UnassignRole(ctx, by, assignee, role.ID)
			case 3:
				_, err = r.org.CreateRole(ctx, by, org.NewRole{ProjectID: project, Name: fmt.Sprint("r", made), Permissions: []string{"api.model.request"}})
			case 4:
				permissions := [][]string{{}, {"api.files.read"}, {"api.model.request", "api.responses.write"}}[pick(3)]
				_, err = r.org.UpdateRole(ctx, by, project, role.ID, org.RoleChange{Permissions: optional.Of(permissions)})
			case 5:
				err = r.org.DeleteRole(ctx, by, project, role.ID)
			case 6:
				_, err = r.org.CreateGroup(ctx, r.actor, fmt.Sprint("g", made))
			case 7:
				if assignee.GroupID != "" {
					if pick(2) == 0 {
						_, err = r.org.AddGroupMember(ctx, by, assignee.GroupID, owner)
					} else {
						err = r.org.RemoveGroupMember(ctx, r.actor, assignee.GroupID, owner)
					}
				}
			case 8:
				if assignee.GroupID != "" && pick(3) == 0 {
					err = r.org.DeleteGroup(ctx, r.actor, assignee.GroupID)
				} else {
					_, _, err = r.org.CreateAPIKey(ctx, r.actor, project, org.NewAPIKey{UserID: owner})
				}
			}
			if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
				rt.Fatal(err)
			}
			groups, err = r.org.Groups(ctx, r.actor.OrganizationID, org.Page{Limit: 100})
			must(t, err)
		}
		fresh := NewSnapshot(r.store)
		must(t, fresh.Rebuild(ctx))
		now, anew := r.Snapshot.state.Load(), fresh.state.Load()
		must(t, r.store.View(ctx, func(reader org.Reader) error {
			for _, owner := range owners {
				grants, err := org.GrantsOf(ctx, reader, r.actor.OrganizationID, owner)
				must(t, err)
				hasKey := anew.holders.at(lastByte(owner), owner) != nil
				for _, project := range projects {
					got, want := now.standing(owner, project), anew.standing(owner, project)
					if got != want {
						rt.Errorf("%s in %s: incremental %x, rebuilt %x", owner, project, got, want)
					}
					for _, p := range []access.Permission{access.ModelsRequest, responsesWrite} {
						if hasKey && got.Has(p) != grants.InProject(project).Has(p) {
							rt.Errorf("%s may %s in %s: the gateway says %v", owner, p, project, got.Has(p))
						}
					}
				}
			}
			return nil
		}))
	})
}
