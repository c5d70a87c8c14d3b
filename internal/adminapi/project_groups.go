package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/org"
)

// projectGroup is a group in a project as the API shows it. It has no id.
type projectGroup struct {
	Object    string `json:"object"` // project.group
	ProjectID string `json:"project_id"`
	GroupID   string `json:"group_id"`
	GroupName string `json:"group_name"`
	GroupType string `json:"group_type"` // group
	CreatedAt int64  `json:"created_at"`
}

type newProjectGroup struct {
	GroupID string `json:"group_id" required:"true"`
	Role    string `json:"role" required:"true"` // a role's id
}

type projectGroupDeleted struct {
	Object  string `json:"object"` // project.group.deleted
	Deleted bool   `json:"deleted"`
}

const (
	projectGroupsPath = projectPath + "/groups"
	projectGroupPath  = projectGroupsPath + "/{group_id}"
)

func (a *API) projectGroups() []endpoint.Endpoint {
	page := endpoint.Listing[org.ProjectGroup, projectGroup]{
		Envelope: endpoint.ByCursor, Limit: 20, Max: 100, Ordered: true, Ascending: true,
		ID: func(g org.ProjectGroup) string { return g.PrincipalID }, Show: showProjectGroup,
	}
	const at = endpoint.AtProject
	return []endpoint.Endpoint{
		endpoint.List("GET "+projectGroupsPath, access.GroupsRead, at, page, a.listProjectGroups),
		endpoint.Write("POST "+projectGroupsPath, access.GroupsWrite, at, []audit.Action{audit.RoleAssignmentCreated}, a.addProjectGroup),
		endpoint.Read("GET "+projectGroupPath, access.GroupsRead, at, a.projectGroup),
		endpoint.Act("DELETE "+projectGroupPath, access.GroupsWrite, at, []audit.Action{audit.RoleAssignmentDeleted}, a.removeProjectGroup),
	}
}

func (a *API) listProjectGroups(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.ProjectGroup], error) {
	return a.org.ProjectGroups(ctx, c.OrganizationID(), c.Path("project_id"), p)
}

func (a *API) addProjectGroup(ctx context.Context, c *endpoint.Call, in newProjectGroup) (projectGroup, error) {
	g, err := a.org.AddProjectGroup(ctx, c.Grantor(), c.Path("project_id"), in.GroupID, in.Role)
	return showProjectGroup(g), err
}

func (a *API) projectGroup(ctx context.Context, c *endpoint.Call) (projectGroup, error) {
	wanted := c.Query.Enum("group_type", groupType, groupType, "tenant_group")
	if err := c.Query.Err(); err != nil {
		return projectGroup{}, err
	}
	g, err := a.org.ProjectGroup(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("group_id"))
	if err == nil && wanted != groupType {
		err = fault.NotFoundf("Tenant group with ID '%s' not found.", g.PrincipalID)
	}
	return showProjectGroup(g), err
}

func (a *API) removeProjectGroup(ctx context.Context, c *endpoint.Call) (projectGroupDeleted, error) {
	return projectGroupDeleted{Object: "project.group.deleted", Deleted: true},
		a.org.RemoveProjectGroup(ctx, c.Grantor(), c.Path("project_id"), c.Path("group_id"))
}

func showProjectGroup(g org.ProjectGroup) projectGroup {
	return projectGroup{
		Object: "project.group", ProjectID: g.ProjectID, GroupID: g.PrincipalID, GroupName: g.Group.Name, GroupType: groupType,
		CreatedAt: g.ProjectMember.CreatedAt.Unix(),
	}
}
