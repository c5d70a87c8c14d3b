package access

import (
	"testing"

	"pgregory.net/rapid"
)

var permissions = []Permission{
	ManagementRead, ManagementWrite, UsageRead, ProjectRead, APIKeysWrite, ModelsRequest, ConnectionsWrite, RequestsRead,
}

func someGrants(rt *rapid.T) Grants {
	set := rapid.Custom(func(rt *rapid.T) Set { return NewSet(rapid.SliceOf(rapid.SampledFrom(permissions)).Draw(rt, "set")...) })
	scoped := rapid.MapOf(rapid.SampledFrom([]string{"a", "b"}), set)
	return Grants{Organization: set.Draw(rt, "organization"), Projects: scoped.Draw(rt, "projects"), Workspaces: scoped.Draw(rt, "workspaces")}
}

// What is granted in one project or workspace reaches no other, a project's
// grants no workspace of the same name, and the organization's reach all.
func TestGrantsStayInTheirScope(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := someGrants(rt)
		p := rapid.SampledFrom(permissions).Draw(rt, "permission")
		somewhere := g.Organization.Has(p)
		for _, name := range []string{"a", "b", "c"} {
			if got, want := g.Allows(p, Scope{ProjectID: name}), g.Organization.Has(p) || g.Projects[name].Has(p); got != want {
				rt.Fatalf("%s in project %s: %v, want %v", p, name, got, want)
			}
			if got, want := g.Allows(p, Scope{WorkspaceID: name}), g.Organization.Has(p) || g.Workspaces[name].Has(p); got != want {
				rt.Fatalf("%s in workspace %s: %v, want %v", p, name, got, want)
			}
			somewhere = somewhere || g.Projects[name].Has(p) || g.Workspaces[name].Has(p)
		}
		if got := g.Allows(p, Scope{}); got != g.Organization.Has(p) {
			rt.Fatalf("%s at the organization: %v", p, got)
		}
		if got := g.AllowsSomewhere(p); got != somewhere {
			rt.Fatalf("%s somewhere: %v, want %v", p, got, somewhere)
		}
		if !g.Allows(Authenticated, Scope{}) {
			rt.Fatal("a known caller is not let in")
		}
	})
}

func TestValidScope(t *testing.T) {
	for scope, want := range map[string]bool{
		"api.model.read": true, "weir.connections.write": true, "api.organization.projects.api_keys.read": true, "api.responses.request": true,
		"": false, "api": false, "api.read": false, "api..read": false, "api.model.erase": false, "API.model.read": false, "x.model.read": false, "api.model.read ": false,
	} {
		if ValidScope(scope) != want {
			t.Errorf("%q: %v", scope, !want)
		}
	}
}
