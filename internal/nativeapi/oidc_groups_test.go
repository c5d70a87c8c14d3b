package nativeapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/oidc/oidctest"
	"weir/internal/org"
)

// group makes one; SCIM keeps it when scim is true.
func (f *fixture) group(name string, scim bool) org.Group {
	f.t.Helper()
	g := must[org.Group](f.t)(f.Org.CreateGroup(f.t.Context(), f.actor(), name))
	if g.SCIMManaged = scim; scim {
		if _, err := f.Store.Update(f.t.Context(), audit.System(g.OrganizationID), func(tx org.Tx) error { return tx.UpdateGroup(f.t.Context(), g) }); err != nil {
			f.t.Fatal(err)
		}
	}
	return g
}

func (f *fixture) assign(groupID, projectID, roleID string) {
	f.t.Helper()
	to := org.Assignee{ProjectID: projectID, GroupID: groupID}
	if _, _, err := f.Org.AssignRole(f.t.Context(), org.SystemGrantor(f.Organization.ID), to, roleID); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) groupsOf(userID string) []string {
	f.t.Helper()
	var names []string
	if err := f.Store.View(f.t.Context(), func(r org.Reader) error {
		ids, err := r.GroupsOf(f.t.Context(), f.Organization.ID, userID)
		for _, groupID := range ids {
			g, err := r.Group(f.t.Context(), f.Organization.ID, groupID)
			if err != nil {
				return err
			}
			names = append(names, g.Name)
		}
		return err
	}); err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func (f *fixture) mapped(change func(*config.OIDCProvider)) {
	cfg := f.idp.Config("test")
	cfg.JustInTime, cfg.GroupsClaim = true, "groups"
	cfg.Groups = map[string]string{"idp-eng": "Engineers", "idp-ops": "Operators", "idp-scim": "Kept", "idp-admin": "Admins", "idp-gone": "Nowhere"}
	if change != nil {
		change(&cfg)
	}
	f.serve(cfg)
}

// signsIn signs in with the groups the provider says and returns what the person
// is in.
func (f *fixture) signsIn(groups ...string) (userID string, in []string) {
	f.t.Helper()
	f.idp.Say(func(p *oidctest.Provider) { p.Person["groups"] = groups })
	a := f.throughProvider("test")
	if a.status != http.StatusFound {
		f.t.Fatalf("%d %s", a.status, a.body)
	}
	who := ok[me](f.t, browserAfter(f, a).get("/me"))
	return who.ID, f.groupsOf(who.ID)
}

func TestOIDCGroupsFollowTheProvider(t *testing.T) {
	f := newFixture(t)
	engineers, own, kept := f.group("Engineers", false), f.group("Own", false), f.group("Kept", true)
	f.group("Operators", false)
	f.group("Engineers", false) // of one name, the oldest is meant
	project := f.project()
	f.assign(engineers.ID, project.ID, access.ProjectMember.ID(project.ID))
	f.mapped(nil)
	f.says("subject-1", "grace@example.com", true)
	before := f.lastSeq()
	userID, in := f.signsIn("idp-eng", "idp-scim", "idp-gone", "Own", "Engineers")
	if !slices.Equal(in, []string{"Engineers"}) {
		t.Errorf("in %v", in)
	}
	events := f.events(before)
	if got := slices.Collect(names(events)); !slices.Equal(got, []string{"user.added", audit.IdentityLinked.Name, "group.updated", "login.succeeded"}) {
		t.Errorf("recorded %v", got)
	}
	if e := events[2]; e.ResourceID != engineers.ID || !strings.Contains(string(e.Details), userID) || e.Actor.UserID != userID {
		t.Errorf("recorded %+v %s", e, e.Details)
	}
	// What the group holds, the session may do at once.
	a := f.throughProvider("test")
	if who := ok[me](t, browserAfter(f, a).get("/me")); !slices.Contains(who.Permissions.Projects[project.ID], access.ModelsRequest) {
		t.Errorf("permissions: %+v", who.Permissions)
	}

	// Groups that are not the provider's to speak of stay.
	if _, err := f.Store.Update(t.Context(), f.actor(), func(tx org.Tx) error {
		for _, g := range []org.Group{own, kept} {
			m := org.GroupMember{OrganizationID: g.OrganizationID, GroupID: g.ID, PrincipalID: userID, PrincipalKind: org.PrincipalUser, CreatedAt: f.clock.Now()}
			if err := tx.InsertGroupMember(t.Context(), m); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		says, want []string
		events     int
	}{
		{[]string{"idp-eng", "idp-ops"}, []string{"Engineers", "Kept", "Operators", "Own"}, 1},
		{[]string{"idp-ops"}, []string{"Kept", "Operators", "Own"}, 1},
		{[]string{"idp-ops"}, []string{"Kept", "Operators", "Own"}, 0},
		{nil, []string{"Kept", "Own"}, 1},
	} {
		before := f.lastSeq()
		if _, in := f.signsIn(step.says...); !slices.Equal(in, step.want) {
			t.Errorf("the provider says %v: in %v, want %v", step.says, in, step.want)
		}
		if events := f.events(before); len(events) != step.events+1 {
			t.Errorf("the provider says %v: recorded %v", step.says, slices.Collect(names(events)))
		}
	}
	f.signsIn("idp-eng")
	f.idp.Say(func(p *oidctest.Provider) { delete(p.Person, "groups") })
	f.throughProvider("test")
	if in := f.groupsOf(userID); !slices.Equal(in, []string{"Kept", "Own"}) {
		t.Errorf("without the claim: in %v", in)
	}
}

// A provider makes nobody a manager of the organization whom the configuration
// does not let it make one.
func TestOIDCGroupsMakeNoOwner(t *testing.T) {
	f := newFixture(t)
	admins := f.group("Admins", false)
	f.assign(admins.ID, "", access.OrganizationOwner.ID(f.Organization.ID))
	trusted := func(c *config.OIDCProvider) { c.OwnerGroups = []string{"Admins"} }
	f.says("subject-1", "grace@example.com", true)
	for _, step := range []struct {
		change func(*config.OIDCProvider)
		says   []string
		want   []string
	}{
		{nil, []string{"idp-admin"}, nil},
		{trusted, []string{"idp-admin"}, []string{"Admins"}},
		{nil, nil, []string{"Admins"}}, // it can neither give nor take any more
		{trusted, nil, nil},
	} {
		f.mapped(step.change)
		if _, in := f.signsIn(step.says...); !slices.Equal(in, step.want) {
			t.Errorf("the provider says %v: in %v, want %v", step.says, in, step.want)
		}
	}
}

// The last owner stays one, whatever the provider says.
func TestOIDCLastOwnerStays(t *testing.T) {
	f := newFixture(t)
	admins := f.group("Admins", false)
	f.assign(admins.ID, "", access.OrganizationOwner.ID(f.Organization.ID))
	f.mapped(func(c *config.OIDCProvider) { c.OwnerGroups = []string{"Admins"} })
	f.says("subject-1", f.Owner.Email, true)
	f.signsIn("idp-admin")
	// Owner by the group alone.
	if _, err := f.Org.UnassignRole(t.Context(), org.SystemGrantor(f.Organization.ID), org.Assignee{UserID: f.Owner.ID}, access.OrganizationOwner.ID(f.Organization.ID)); err != nil {
		t.Fatal(err)
	}
	before := f.lastSeq()
	if _, in := f.signsIn(); !slices.Equal(in, []string{"Admins"}) {
		t.Errorf("in %v", in)
	}
	if got := slices.Collect(names(f.events(before))); !slices.Equal(got, []string{"login.succeeded"}) {
		t.Errorf("recorded %v", got)
	}
}
