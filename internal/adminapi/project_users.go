package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// projectUser is a person in a project as the API shows it.
type projectUser struct {
	Object  string  `json:"object"` // organization.project.user
	ID      string  `json:"id"`
	Name    *string `json:"name"`
	Email   *string `json:"email"`
	Role    string  `json:"role"` // owner, member, viewer, or none: custom roles only
	AddedAt int64   `json:"added_at"`
}

type newProjectUser struct {
	UserID optional.Value[string] `json:"user_id"`
	Email  optional.Value[string] `json:"email"`
	Role   string                 `json:"role" required:"true"`
}

type projectUserChange struct {
	Role optional.Value[string] `json:"role"`
}

const (
	projectUsersPath = projectPath + "/users"
	projectUserPath  = projectUsersPath + "/{user_id}"
)

func (a *API) projectUsers() []endpoint.Endpoint {
	page := endpoint.Listing[org.ProjectUser, projectUser]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(u org.ProjectUser) string { return u.PrincipalID }, Show: showProjectUser,
	}
	const at = endpoint.AtProject
	return []endpoint.Endpoint{
		endpoint.List("GET "+projectUsersPath, access.ProjectRead, at, page, a.listProjectUsers),
		endpoint.Write("POST "+projectUsersPath, access.ProjectWrite, at, []audit.Action{audit.UserAdded}, a.addProjectUser),
		endpoint.Read("GET "+projectUserPath, access.ProjectRead, at, a.projectUser),
		endpoint.Write("POST "+projectUserPath, access.ProjectWrite, at, []audit.Action{audit.UserUpdated}, a.updateProjectUser),
		endpoint.Act("DELETE "+projectUserPath, access.ProjectWrite, at, []audit.Action{audit.UserDeleted}, a.removeProjectUser),
	}
}

func (a *API) listProjectUsers(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.ProjectUser], error) {
	return a.org.ProjectUsers(ctx, c.OrganizationID(), c.Path("project_id"), p)
}

func (a *API) addProjectUser(ctx context.Context, c *endpoint.Call, in newProjectUser) (projectUser, error) {
	u, err := a.org.AddProjectUser(ctx, c.Grantor(), c.Path("project_id"), org.NewProjectUser(in))
	return showProjectUser(u), err
}

func (a *API) projectUser(ctx context.Context, c *endpoint.Call) (projectUser, error) {
	u, err := a.org.ProjectUser(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("user_id"))
	return showProjectUser(u), err
}

func (a *API) updateProjectUser(ctx context.Context, c *endpoint.Call, in projectUserChange) (projectUser, error) {
	u, err := a.org.UpdateProjectUser(ctx, c.Grantor(), c.Path("project_id"), c.Path("user_id"), in.Role)
	return showProjectUser(u), err
}

func (a *API) removeProjectUser(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	userID := c.Path("user_id")
	return endpoint.Deleted{Object: "organization.project.user.deleted", ID: userID, Deleted: true},
		a.org.RemoveProjectUser(ctx, c.Grantor(), c.Path("project_id"), userID)
}

func showProjectUser(u org.ProjectUser) projectUser {
	return projectUser{
		Object: "organization.project.user", ID: u.PrincipalID, Name: endpoint.TextOrNull(u.User.Name), Email: endpoint.TextOrNull(u.User.Email),
		Role: string(u.Role), AddedAt: u.ProjectMember.CreatedAt.Unix(),
	}
}
