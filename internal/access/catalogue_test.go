package access

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func within(inner, outer Set) (Permission, bool) {
	for p := range inner {
		if !outer.Has(p) {
			return p, false
		}
	}
	return "", true
}

// The presets grow: whoever is more may do all that who is less may.
func TestPresetsGrow(t *testing.T) {
	steps := []struct {
		less, more Set
	}{
		{ProjectViewer.Permissions(), ProjectMember.Permissions()},
		{ProjectMember.Permissions(), ProjectOwner.Permissions()},
		{ProjectOwner.Permissions(), OrganizationOwner.Permissions()},
		{OrganizationReader.Permissions(), OrganizationOwner.Permissions()},
		{OrganizationReader.Reach(), ProjectViewer.Permissions()}, // membership of a project decides
	}
	for i, step := range steps {
		if p, ok := within(step.less, step.more); !ok {
			t.Errorf("step %d: only the lesser role has %s", i, p)
		}
	}
	if len(OrganizationOwner.Permissions()) != len(All()) {
		t.Error("an owner of the organization lacks something")
	}
	if len(ProjectRole("").Permissions())+len(NoRole.Permissions())+len(OrganizationRole("x").Permissions()) != 0 {
		t.Error("no role grants something")
	}
}

// What the published table says about who may do what, where it matters most.
func TestPresetsFollowTheTable(t *testing.T) {
	const owner, reader, projectOwner, member, viewer = 1, 2, 4, 8, 16
	holders := map[int]Set{
		owner: OrganizationOwner.Permissions(), reader: OrganizationReader.Permissions(),
		projectOwner: ProjectOwner.Permissions(), member: ProjectMember.Permissions(), viewer: ProjectViewer.Permissions(),
	}
	for p, want := range map[Permission]int{
		ModelsRead: owner | reader | projectOwner | member | viewer, ModelsRequest: owner | reader | projectOwner | member,
		GroupsRead: owner | reader | projectOwner | member | viewer, RolesWrite: owner | projectOwner | member,
		ManagementRead: owner, ManagementWrite: owner, UsageRead: owner, "api.rate_limits.write": owner, "api.mtls.read": owner,
		"api.files.read": owner | reader | projectOwner | member | viewer, "api.files.write": owner | reader | projectOwner | member,
		"api.responses.write": owner | reader | projectOwner | member, "api.responses.read": owner | reader | projectOwner | member,
		"api.webhooks.write": owner | projectOwner | member, "api.webhooks.read": owner | reader | projectOwner | member | viewer,
		"api.apps.read": owner, "api.tunnels.use": owner, "api.tunnels.manage": owner,
		APIKeysRead: owner | reader | projectOwner | member | viewer, APIKeysWrite: owner | reader | projectOwner | member,
		ProjectRead: owner | projectOwner, ProjectWrite: owner | projectOwner, ServiceAccountsWrite: owner | projectOwner,
		"api.batch.read": owner | reader | projectOwner | member | viewer, "api.videos.read": owner | reader | projectOwner | member,
		ConnectionsWrite: owner, WorkspacesRead: owner, RequestsRead: owner,
	} {
		got := 0
		for bit, held := range holders {
			if held.Has(p) {
				got |= bit
			}
		}
		if got != want {
			t.Errorf("%s: held by %05b, want %05b", p, got, want)
		}
	}
}

// Every permission that a client may have seen somewhere is known, can stand in
// a key's scopes, and is in custom roles only where the table says so.
func TestCatalogue(t *testing.T) {
	for p, want := range map[Permission][2]bool{ // custom roles of the organization, of a project
		"api.groups.read": {}, "api.groups.write": {}, "api.roles.read": {}, "api.organization.read": {}, "api.project.read": {},
		"api.management.read": {}, "api.management.write": {}, "api.organization.billing.read": {}, "api.rate_limits.read": {}, "api.projects.write": {},
		"api.project.models.write": {}, "api.organization.projects.service_accounts.read": {}, "api.videos.write": {},
		"api.organization.projects.api_keys.read": {true, true}, "api.model.request": {true, true}, "api.model.read": {true, true},
		"api.responses.write": {true, true}, "api.files.read": {true, true}, "api.webhooks.read": {true, true},
		"api.fine_tuning.checkpoints.read": {true, false}, "api.usage.read": {true, false},
		ConnectionsWrite: {}, RequestsRead: {true, false}, ModelEndpointsWrite: {true, false},
	} {
		if !Known(p) || !ValidScope(string(p)) {
			t.Errorf("%s is not known, or no scope", p)
		}
		if got := [2]bool{InCustomRoles(p, OfOrganization), InCustomRoles(p, OfProject)}; got != want {
			t.Errorf("%s in custom roles: %v, want %v", p, got, want)
		}
	}
	for _, p := range []Permission{"", "api.model.write", "api.usage.write", "api.files", "everything"} {
		if Known(p) || InCustomRoles(p, OfOrganization) {
			t.Errorf("%q is known", p)
		}
	}
}

// A permission that is not in the table is held by nobody, and so locks everybody
// out of what asks for it.
func TestEveryConstantIsInTheTable(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`Permission += "([^"]+)"`)
	found := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range constant.FindAllSubmatch(raw, -1) {
			if found++; !Known(Permission(match[1])) {
				t.Errorf("%s: %s is not in areas, in catalogue.go", file, match[1])
			}
		}
	}
	if found < 30 {
		t.Errorf("found only %d constants", found)
	}
}

func TestRoleIDs(t *testing.T) {
	if got := OrganizationOwner.ID("org-1"); got != "role-api-organization-owner__api-organization__org-1" {
		t.Error(got)
	}
	if got := ProjectViewer.ID("proj_1"); got != "role-api-project-viewer__api-project__proj_1" {
		t.Error(got)
	}
	for _, r := range []OrganizationRole{OrganizationOwner, OrganizationReader} {
		if got, ok := ParseRoleID(r.ID("org-x")); !ok || got != (Predefined{Organization: r, Resource: "org-x"}) {
			t.Errorf("%s: %+v", r, got)
		}
	}
	for _, r := range []ProjectRole{ProjectOwner, ProjectMember, ProjectViewer} {
		if got, ok := ParseRoleID(r.ID("proj_x")); !ok || got != (Predefined{Project: r, Resource: "proj_x"}) {
			t.Errorf("%s: %+v", r, got)
		}
	}
	for _, other := range []string{"", "role_01", NoRole.ID("p"), OrganizationRole("boss").ID("o"), "role-api-project-owner", "role-api-organization-owner__api-project__p"} {
		if got, ok := ParseRoleID(other); ok {
			t.Errorf("%q is %+v", other, got)
		}
	}
}

// A mask holds what its set held.
func TestMasks(t *testing.T) {
	all := All()
	rapid.Check(t, func(rt *rapid.T) {
		set := rapid.Custom(func(rt *rapid.T) Set { return NewSet(rapid.SliceOf(rapid.SampledFrom(all)).Draw(rt, "set")...) })
		a, b := set.Draw(rt, "a"), set.Draw(rt, "b")
		both := MaskOf(a).Or(MaskOf(b))
		for _, p := range all {
			if both.Has(p) != (a.Has(p) || b.Has(p)) {
				rt.Fatalf("%s: %v", p, both.Has(p))
			}
		}
	})
	if MaskOf(NewSet("api.unknown.read")).Has("api.unknown.read") {
		t.Error("a mask has what there is not")
	}
}

// What is added to grants is what they allow, where it was added, and no more;
// the presets are not changed by it.
func TestGrantsAddUp(t *testing.T) {
	all := All()
	before := slices.Clone(OrganizationReader.Permissions().Sorted())
	rapid.Check(t, func(rt *rapid.T) {
		var g Grants
		custom := NewSet(rapid.SliceOf(rapid.SampledFrom(all)).Draw(rt, "custom")...)
		everywhere := NewSet(rapid.SliceOf(rapid.SampledFrom(all)).Draw(rt, "everywhere")...)
		g.AddPredefined(Predefined{Organization: OrganizationReader, Resource: "o"})
		g.AddProjectRole("a", custom)
		g.AddPredefined(Predefined{Project: ProjectViewer, Resource: "a"})
		g.AddOrganizationRole(everywhere)
		for _, p := range all {
			organization := OrganizationReader.Permissions().Has(p) || everywhere.Has(p)
			reaches := OrganizationReader.Reach().Has(p) || everywhere.Has(p)
			inA := reaches || custom.Has(p) || ProjectViewer.Permissions().Has(p)
			for at, want := range map[Scope]bool{{}: organization, {ProjectID: "a"}: inA, {ProjectID: "b"}: reaches, {WorkspaceID: "w"}: reaches} {
				if g.Allows(p, at) != want {
					rt.Fatalf("%s at %+v: %v", p, at, !want)
				}
			}
			if !g.Enters("a") {
				rt.Fatal("who has a role in a project does not enter it")
			}
			if g.InProject("a").Has(p) != (inA && (LivesInProjects(p) || custom.Has(p))) {
				rt.Fatalf("%s in the project: %v", p, g.InProject("a").Has(p))
			}
		}
	})
	if !slices.Equal(before, OrganizationReader.Permissions().Sorted()) {
		t.Error("a preset changed")
	}
}

// A project is entered by a role in it, or by one of the organization's that
// works in every project; a reader's lists only what there is.
func TestWhoEnters(t *testing.T) {
	for name, tt := range map[string]struct {
		add  func(*Grants)
		want bool
	}{
		"nobody":              {func(*Grants) {}, false},
		"a reader":            {func(g *Grants) { g.AddPredefined(Predefined{Organization: OrganizationReader}) }, false},
		"an owner":            {func(g *Grants) { g.AddPredefined(Predefined{Organization: OrganizationOwner}) }, true},
		"reads usage":         {func(g *Grants) { g.AddOrganizationRole(NewSet(UsageRead, ModelsRead)) }, false},
		"answers anywhere":    {func(g *Grants) { g.AddOrganizationRole(NewSet("api.responses.write")) }, true},
		"a viewer":            {func(g *Grants) { g.AddPredefined(Predefined{Project: ProjectViewer, Resource: "p"}) }, true},
		"a viewer of another": {func(g *Grants) { g.AddPredefined(Predefined{Project: ProjectViewer, Resource: "q"}) }, false},
		"a role with nothing": {func(g *Grants) { g.AddProjectRole("p", Set{}) }, true},
	} {
		var g Grants
		if tt.add(&g); g.Enters("p") != tt.want {
			t.Errorf("%s: %v", name, !tt.want)
		}
	}
}
