package nativeapi

import (
	"context"
	"maps"
	"slices"

	"weir/internal/access"
	"weir/internal/endpoint"
)

// me is who the caller is and what it may do. Its id is the principal's.
type me struct {
	Object       string       `json:"object"` // me
	Type         string       `json:"type"`   // user or service_account
	ID           string       `json:"id"`
	Name         string       `json:"name"`
	Email        *string      `json:"email"`
	APIKeyID     *string      `json:"api_key_id"` // null for a session
	SessionID    *string      `json:"session_id"` // null for a key
	ProjectID    *string      `json:"project_id"` // of a project key, which reaches no further
	Organization organization `json:"organization"`
	Roles        []role       `json:"roles"`
	Permissions  permissions  `json:"permissions"`
}

type organization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// role is a role somewhere, by name.
type role struct {
	Scope string `json:"scope"` // organization, project or workspace
	ID    string `json:"id"`    // of the organization, project or workspace
	Role  string `json:"role"`
}

// permissions are what the caller may do, sorted: in the whole organization, and
// beyond that in single projects and workspaces, by id.
type permissions struct {
	Organization []access.Permission            `json:"organization"`
	Projects     map[string][]access.Permission `json:"projects"`
	Workspaces   map[string][]access.Permission `json:"workspaces"`
}

func (a *API) me() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		endpoint.Read("GET "+root+"/me", access.Authenticated, endpoint.AtOrganization, a.getMe),
	}
}

func (a *API) getMe(ctx context.Context, c *endpoint.Call) (me, error) {
	o, err := a.org.Organization(ctx, c.OrganizationID())
	if err != nil {
		return me{}, err
	}
	shown := me{
		Object: "me", ID: c.Caller.PrincipalID(), Organization: organization{o.ID, o.Name},
		APIKeyID: endpoint.TextOrNull(c.Actor().APIKeyID), SessionID: endpoint.TextOrNull(c.Actor().SessionID), ProjectID: endpoint.TextOrNull(c.Caller.Project),
		Permissions: permissions{
			Organization: sorted(c.Caller.Grants.AtOrganization()),
			Projects:     byScope(c.Caller.Grants.Projects), Workspaces: byScope(c.Caller.Grants.Workspaces),
		},
	}
	if u := c.Caller.User; u != nil {
		shown.Type, shown.Name, shown.Email = "user", u.Name, endpoint.TextOrNull(u.Email)
	} else {
		shown.Type, shown.Name = "service_account", c.Caller.Account.Name
	}
	shown.Roles, err = a.roles(ctx, c)
	return shown, err
}

// roles are those that what the caller may do comes from: a project key is cut
// down to its project, and one with scopes reaches no workspace.
func (a *API) roles(ctx context.Context, c *endpoint.Call) ([]role, error) {
	roles := []role{}
	held, err := a.org.RolesOf(ctx, c.OrganizationID(), c.Caller.PrincipalID())
	if err != nil {
		return nil, err
	}
	for _, r := range held {
		switch {
		case r.ProjectID != "" && (c.Caller.Project == "" || c.Caller.Project == r.ProjectID):
			roles = append(roles, role{"project", r.ProjectID, r.Name})
		case r.ProjectID == "" && c.Caller.Project == "":
			roles = append(roles, role{"organization", r.OrganizationID, r.Name})
		}
	}
	memberships, err := a.org.WorkspaceMembershipsOf(ctx, c.OrganizationID(), c.Caller.PrincipalID())
	for _, m := range memberships {
		if _, holds := c.Caller.Grants.Workspaces[m.WorkspaceID]; holds {
			roles = append(roles, role{"workspace", m.WorkspaceID, string(m.Role)})
		}
	}
	return roles, err
}

func sorted(s access.Set) []access.Permission { return listed(slices.Sorted(maps.Keys(s))) }

func byScope(sets map[string]access.Set) map[string][]access.Permission {
	by := make(map[string][]access.Permission, len(sets))
	for id, s := range sets {
		by[id] = sorted(s)
	}
	return by
}
