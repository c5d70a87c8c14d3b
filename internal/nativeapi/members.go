package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// member is a principal's place in a workspace as the API shows it. Its id is
// the principal's.
type member struct {
	Object        string `json:"object"` // workspace.member
	ID            string `json:"id"`
	PrincipalID   string `json:"principal_id"`
	PrincipalType string `json:"principal_type"` // user, service_account or group
	WorkspaceID   string `json:"workspace_id"`
	Role          string `json:"role"` // admin or member
	CreatedAt     int64  `json:"created_at"`
}

type newMember struct {
	PrincipalID string `json:"principal_id" required:"true"`
	Role        string `json:"role" required:"true"`
}

func (a *API) members() []endpoint.Endpoint {
	const path, one = workspacePath + "/members", workspacePath + "/members/{principal_id}"
	page := endpoint.Listing[org.WorkspaceMembership, member]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(m org.WorkspaceMembership) string { return m.PrincipalID }, Show: showMember,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, access.WorkspacesRead, endpoint.AtWorkspace, page, a.listMembers),
		// A principal that is a member already gets the role, which is recorded as
		// weir.workspace.member.updated.
		endpoint.Write("POST "+path, access.WorkspacesWrite, endpoint.AtWorkspace,
			[]audit.Action{audit.WorkspaceMemberAdded, audit.WorkspaceMemberUpdated}, a.putMember),
		endpoint.Read("GET "+one, access.WorkspacesRead, endpoint.AtWorkspace, a.getMember),
		endpoint.Act("DELETE "+one, access.WorkspacesWrite, endpoint.AtWorkspace,
			[]audit.Action{audit.WorkspaceMemberRemoved}, a.removeMember),
	}
}

func (a *API) listMembers(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.WorkspaceMembership], error) {
	return a.org.WorkspaceMembers(ctx, c.OrganizationID(), c.Path("workspace_id"), p)
}

func (a *API) putMember(ctx context.Context, c *endpoint.Call, in newMember) (member, error) {
	m, err := a.org.PutWorkspaceMember(ctx, c.Actor(), c.Path("workspace_id"), in.PrincipalID, in.Role)
	return showMember(m), err
}

func (a *API) getMember(ctx context.Context, c *endpoint.Call) (member, error) {
	m, err := a.org.WorkspaceMember(ctx, c.OrganizationID(), c.Path("workspace_id"), c.Path("principal_id"))
	return showMember(m), err
}

func (a *API) removeMember(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	principalID := c.Path("principal_id")
	return endpoint.Deleted{Object: "workspace.member.deleted", ID: principalID, Deleted: true},
		a.org.RemoveWorkspaceMember(ctx, c.Actor(), c.Path("workspace_id"), principalID)
}

func showMember(m org.WorkspaceMembership) member {
	return member{
		Object: "workspace.member", ID: m.PrincipalID, PrincipalID: m.PrincipalID, PrincipalType: string(m.PrincipalKind),
		WorkspaceID: m.WorkspaceID, Role: string(m.Role), CreatedAt: m.CreatedAt.Unix(),
	}
}
