package access

import "maps"

// Grants are all the permissions a caller holds in one organization. What is
// held at the organization holds in each of its projects and workspaces.
type Grants struct {
	Organization Set
	// Outside are held at the organization and reach into no project or
	// workspace.
	Outside    Set
	Projects   map[string]Set
	Workspaces map[string]Set
}

// Allows reports whether the caller may do p at scope.
func (g Grants) Allows(p Permission, at Scope) bool {
	if p == Authenticated || g.Organization.Has(p) {
		return true
	}
	if at == (Scope{}) {
		return g.Outside.Has(p)
	}
	if at.ProjectID != "" && g.Projects[at.ProjectID].Has(p) {
		return true
	}
	return at.WorkspaceID != "" && g.Workspaces[at.WorkspaceID].Has(p)
}

// AllowsSomewhere reports whether the caller may do p at any scope; list
// endpoints then show only the scopes where it may.
func (g Grants) AllowsSomewhere(p Permission) bool {
	if g.Allows(p, Scope{}) {
		return true
	}
	for _, s := range g.Projects {
		if s.Has(p) {
			return true
		}
	}
	for _, s := range g.Workspaces {
		if s.Has(p) {
			return true
		}
	}
	return false
}

// AllowsAll reports whether the caller may do all of s at scope, and names a
// permission that is missing, the first in order.
func (g Grants) AllowsAll(s Set, at Scope) (missing Permission, ok bool) {
	for _, p := range s.Sorted() {
		if !g.Allows(p, at) {
			return p, false
		}
	}
	return "", true
}

// Unlimited is everything everywhere, for what weir does by itself.
func Unlimited() Grants { return Grants{Organization: OrganizationOwner.Permissions()} }

// InProject returns what of g counts in a project.
func (g Grants) InProject(projectID string) Set {
	s := g.Organization.inProjects()
	for p := range g.Projects[projectID] {
		s[p] = struct{}{}
	}
	return s
}

// Enters reports whether the holder has access to a project: it has a role
// there, or one of the organization's that lets it work in every project, which
// a reader's does not.
func (g Grants) Enters(projectID string) bool {
	if _, ok := g.Projects[projectID]; ok {
		return true
	}
	for p := range g.Organization {
		if LivesInProjects(p) && !readerReach.Has(p) {
			return true
		}
	}
	return false
}

// AtOrganization returns what counts at the organization.
func (g Grants) AtOrganization() Set {
	s := make(Set, len(g.Organization)+len(g.Outside))
	maps.Copy(s, g.Organization)
	maps.Copy(s, g.Outside)
	return s
}

// with returns s and more together. Neither is changed, and the result may be
// either of them: somebody may be in ten thousand projects with the same role.
func (s Set) with(more Set) Set {
	if len(s) == 0 {
		return more
	}
	both := make(Set, len(s)+len(more))
	maps.Copy(both, s)
	maps.Copy(both, more)
	return both
}

// AddOrganizationRole adds what a custom role of the organization gives: it
// reaches into every project. The set must not be changed afterwards, which
// holds for every set of g's.
func (g *Grants) AddOrganizationRole(holds Set) { g.Organization = g.Organization.with(holds) }

// AddProjectRole adds what a role of a project gives; see AddOrganizationRole.
func (g *Grants) AddProjectRole(projectID string, holds Set) {
	if g.Projects == nil {
		g.Projects = map[string]Set{}
	}
	g.Projects[projectID] = g.Projects[projectID].with(holds)
}

// AddPredefined adds what a predefined role gives.
func (g *Grants) AddPredefined(role Predefined) {
	if role.Project != "" {
		g.AddProjectRole(role.Resource, role.Project.preset())
		return
	}
	g.AddOrganizationRole(role.Organization.reach())
	if role.Organization == OrganizationReader {
		g.Outside = g.Outside.with(role.Organization.preset())
	}
}
