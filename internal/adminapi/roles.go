package adminapi

import (
	"context"
	"slices"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// role is a role as the API shows it.
type role struct {
	Object         string              `json:"object"` // role
	ID             string              `json:"id"`
	Name           string              `json:"name"`
	Description    *string             `json:"description"`
	Permissions    []access.Permission `json:"permissions"`
	ResourceType   access.ResourceType `json:"resource_type"`
	PredefinedRole bool                `json:"predefined_role"`
}

type newRole struct {
	RoleName    string                 `json:"role_name" required:"true"`
	Permissions []string               `json:"permissions" required:"true"`
	Description optional.Value[string] `json:"description"`
}

type roleChange struct {
	RoleName    optional.Value[string]   `json:"role_name"`
	Permissions optional.Value[[]string] `json:"permissions"`
	Description optional.Value[string]   `json:"description"`
}

// place is where a family of rows that the API has twice hangs: at the
// organization, and under a project of its own root.
type place struct {
	root  string
	scope endpoint.Scope
}

func places() []place {
	return []place{{"/v1/organization", endpoint.AtOrganization}, {"/v1/projects/{project_id}", endpoint.AtProject}}
}

func (a *API) roles() []endpoint.Endpoint {
	page := endpoint.Listing[org.Role, role]{
		Envelope: endpoint.ByCursor, Limit: 1000, Max: 1000, Ordered: true, Ascending: true,
		ID: func(r org.Role) string { return r.ID }, Show: showRole,
	}
	var rows []endpoint.Endpoint
	for _, at := range places() {
		list, one := at.root+"/roles", at.root+"/roles/{role_id}"
		rows = slices.Concat(rows, []endpoint.Endpoint{
			endpoint.List("GET "+list, access.RolesRead, at.scope, page, a.listRoles),
			endpoint.Write("POST "+list, access.RolesWrite, at.scope, []audit.Action{audit.RoleCreated}, a.createRole),
			endpoint.Read("GET "+one, access.RolesRead, at.scope, a.role),
			endpoint.Write("POST "+one, access.RolesWrite, at.scope, []audit.Action{audit.RoleUpdated}, a.updateRole),
			endpoint.Act("DELETE "+one, access.RolesWrite, at.scope, []audit.Action{audit.RoleDeleted}, a.deleteRole),
		})
	}
	return rows
}

// In these, and in what is assigned, the path of the organization's rows has no
// project, whose id is "" then.

func (a *API) listRoles(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.Role], error) {
	return a.org.Roles(ctx, c.OrganizationID(), c.Path("project_id"), p)
}

func (a *API) createRole(ctx context.Context, c *endpoint.Call, in newRole) (role, error) {
	r, err := a.org.CreateRole(ctx, c.Grantor(), org.NewRole{
		ProjectID: c.Path("project_id"), Name: in.RoleName, Permissions: in.Permissions, Description: in.Description,
	})
	return showRole(r), err
}

func (a *API) role(ctx context.Context, c *endpoint.Call) (role, error) {
	r, err := a.org.Role(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("role_id"))
	return showRole(r), err
}

func (a *API) updateRole(ctx context.Context, c *endpoint.Call, in roleChange) (role, error) {
	r, err := a.org.UpdateRole(ctx, c.Grantor(), c.Path("project_id"), c.Path("role_id"), org.RoleChange{
		Name: in.RoleName, Permissions: in.Permissions, Description: in.Description,
	})
	return showRole(r), err
}

func (a *API) deleteRole(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	roleID := c.Path("role_id")
	return endpoint.Deleted{Object: "role.deleted", ID: roleID, Deleted: true},
		a.org.DeleteRole(ctx, c.Grantor(), c.Path("project_id"), roleID)
}

func showRole(r org.Role) role {
	return role{
		Object: "role", ID: r.ID, Name: r.Name, Description: endpoint.TextOrNull(r.Description), Permissions: r.Permissions,
		ResourceType: r.ResourceType(), PredefinedRole: r.Predefined,
	}
}
