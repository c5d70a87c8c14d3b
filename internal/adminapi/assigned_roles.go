package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// assignedRole is a role that somebody was assigned.
type assignedRole struct {
	ID               string              `json:"id"` // the role's
	Name             string              `json:"name"`
	Permissions      []access.Permission `json:"permissions"`
	ResourceType     access.ResourceType `json:"resource_type"`
	PredefinedRole   bool                `json:"predefined_role"`
	Description      *string             `json:"description"`
	CreatedAt        *int64              `json:"created_at"` // of the role; null for a predefined one, as are the next four
	UpdatedAt        *int64              `json:"updated_at"`
	CreatedBy        *string             `json:"created_by"`
	CreatedByUserObj *roleCreator        `json:"created_by_user_obj"`
	Metadata         map[string]string   `json:"metadata"` // weir keeps none
	// AssignmentSources are groups through which a user holds the role as well.
	AssignmentSources []assignmentSource `json:"assignment_sources"`
}

// roleCreator is the person who made a role.
type roleCreator struct {
	ID    string  `json:"id"`
	Name  *string `json:"name"`
	Email *string `json:"email"`
}

type assignmentSource struct {
	PrincipalID   string `json:"principal_id"`
	PrincipalType string `json:"principal_type"` // group
}

type roleToAssign struct {
	RoleID string `json:"role_id" required:"true"`
}

// userRole is a role that was assigned to a user or a service account.
type userRole struct {
	Object string `json:"object"` // user.role
	User   user   `json:"user"`
	Role   role   `json:"role"`
}

// groupRole is a role that was assigned to a group.
type groupRole struct {
	Object string       `json:"object"` // group.role
	Group  groupSummary `json:"group"`
	Role   role         `json:"role"`
}

// groupSummary is a group beside its role; what identity providers keep has
// another name here than elsewhere.
type groupSummary struct {
	Object      string `json:"object"` // group
	ID          string `json:"id"`
	Name        string `json:"name"`
	CreatedAt   int64  `json:"created_at"`
	SCIMManaged bool   `json:"scim_managed"`
}

// unassigned confirms that a role was taken away.
type unassigned struct {
	Object  string `json:"object"` // user.role.deleted or group.role.deleted
	Deleted bool   `json:"deleted"`
}

// assignments are one family, hung at users and at groups, of the organization
// and of a project. A service account stands in a user's place within its
// project.
func (a *API) assignments() []endpoint.Endpoint {
	page := endpoint.Listing[org.AssignedRole, assignedRole]{
		Envelope: endpoint.ByCursor, Limit: 1000, Max: 1000, Ordered: true,
		ID: func(r org.AssignedRole) string { return r.ID }, Show: showAssignedRole,
	}
	var rows []endpoint.Endpoint
	for _, at := range places() {
		for _, of := range []string{"/users/{user_id}", "/groups/{group_id}"} {
			list, one := at.root+of+"/roles", at.root+of+"/roles/{role_id}"
			rows = append(rows,
				endpoint.List("GET "+list, access.RolesRead, at.scope, page, a.listAssignedRoles),
				endpoint.Write("POST "+list, access.RolesWrite, at.scope, []audit.Action{audit.RoleAssignmentCreated}, a.assignRole),
				endpoint.Read("GET "+one, access.RolesRead, at.scope, a.assignedRole),
				endpoint.Act("DELETE "+one, access.RolesWrite, at.scope, []audit.Action{audit.RoleAssignmentDeleted}, a.unassignRole),
			)
		}
	}
	return rows
}

// assignee is whom the path names; what it does not name is "".
func assignee(c *endpoint.Call) org.Assignee {
	return org.Assignee{ProjectID: c.Path("project_id"), UserID: c.Path("user_id"), GroupID: c.Path("group_id")}
}

func (a *API) listAssignedRoles(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.AssignedRole], error) {
	return a.org.AssignedRoles(ctx, c.OrganizationID(), assignee(c), p)
}

func (a *API) assignRole(ctx context.Context, c *endpoint.Call, in roleToAssign) (any, error) {
	r, principal, err := a.org.AssignRole(ctx, c.Grantor(), assignee(c), in.RoleID)
	if err != nil {
		return nil, err
	}
	if g := principal.Group; g != nil {
		return groupRole{Object: "group.role", Role: showRole(r), Group: groupSummary{
			Object: "group", ID: g.ID, Name: g.Name, CreatedAt: g.CreatedAt.Unix(), SCIMManaged: g.SCIMManaged,
		}}, nil
	}
	if s := principal.Account; s != nil {
		return userRole{Object: "user.role", Role: showRole(r), User: showAccountAsUser(*s)}, nil
	}
	profile, err := a.org.UserProfile(ctx, c.OrganizationID(), principal.User.ID)
	return userRole{Object: "user.role", Role: showRole(r), User: showUser(profile)}, err
}

func (a *API) assignedRole(ctx context.Context, c *endpoint.Call) (assignedRole, error) {
	r, err := a.org.AssignedRole(ctx, c.OrganizationID(), assignee(c), c.Path("role_id"))
	return showAssignedRole(r), err
}

func (a *API) unassignRole(ctx context.Context, c *endpoint.Call) (unassigned, error) {
	principal, err := a.org.UnassignRole(ctx, c.Grantor(), assignee(c), c.Path("role_id"))
	if principal.Group != nil {
		return unassigned{Object: "group.role.deleted", Deleted: true}, err
	}
	return unassigned{Object: "user.role.deleted", Deleted: true}, err
}

func showAssignedRole(r org.AssignedRole) assignedRole {
	shown := assignedRole{
		ID: r.ID, Name: r.Name, Permissions: r.Permissions, ResourceType: r.ResourceType(), PredefinedRole: r.Predefined,
		Description: endpoint.TextOrNull(r.Description),
		CreatedAt:   endpoint.SecondsOrNull(r.CreatedAt), UpdatedAt: endpoint.SecondsOrNull(r.UpdatedAt), CreatedBy: endpoint.TextOrNull(r.CreatedBy),
	}
	if u := r.Creator; u != nil {
		shown.CreatedByUserObj = &roleCreator{ID: u.ID, Name: endpoint.TextOrNull(u.Name), Email: endpoint.TextOrNull(u.Email)}
	}
	for _, groupID := range r.Groups {
		shown.AssignmentSources = append(shown.AssignmentSources, assignmentSource{PrincipalID: groupID, PrincipalType: string(org.PrincipalGroup)})
	}
	return shown
}
