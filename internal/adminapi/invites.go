package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// invite is an invite as the API shows it. Older clients read invited_at, newer
// ones created_at.
type invite struct {
	Object     string          `json:"object"` // organization.invite
	ID         string          `json:"id"`
	Email      string          `json:"email"`
	Role       string          `json:"role"`   // owner or reader
	Status     string          `json:"status"` // pending, accepted or expired
	CreatedAt  int64           `json:"created_at"`
	InvitedAt  int64           `json:"invited_at"`
	ExpiresAt  int64           `json:"expires_at"`
	AcceptedAt *int64          `json:"accepted_at"`
	Projects   []inviteProject `json:"projects"`
}

type inviteProject struct {
	ID   string `json:"id" required:"true"`
	Role string `json:"role" required:"true"` // owner or member
}

type newInvite struct {
	Email    string                          `json:"email" required:"true"`
	Role     string                          `json:"role" required:"true"`
	Projects optional.Value[[]inviteProject] `json:"projects"` // left out: the default project
}

const invitesPath = "/v1/organization/invites"

func (a *API) invites() []endpoint.Endpoint {
	page := endpoint.Listing[org.Invite, invite]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(i org.Invite) string { return i.ID }, Show: a.showInvite,
	}
	const one, at = invitesPath + "/{invite_id}", endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.List("GET "+invitesPath, access.ManagementRead, at, page, a.listInvites),
		endpoint.Write("POST "+invitesPath, access.ManagementWrite, at, []audit.Action{audit.InviteSent}, a.createInvite),
		endpoint.Read("GET "+one, access.ManagementRead, at, a.invite),
		endpoint.Act("DELETE "+one, access.ManagementWrite, at, []audit.Action{audit.InviteDeleted}, a.deleteInvite),
	}
}

func (a *API) listInvites(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.Invite], error) {
	return a.org.Invites(ctx, c.OrganizationID(), p)
}

func (a *API) createInvite(ctx context.Context, c *endpoint.Call, in newInvite) (invite, error) {
	wanted := org.NewInvite{Email: in.Email, Role: in.Role}
	if in.Projects.Given() {
		projects := make([]org.InviteProject, len(in.Projects.V))
		for i, p := range in.Projects.V {
			projects[i] = org.InviteProject{ProjectID: p.ID, Role: access.ProjectRole(p.Role)}
		}
		wanted.Projects = optional.Of(projects)
	}
	made, err := a.org.CreateInvite(ctx, c.Grantor(), wanted)
	return a.showInvite(made), err
}

func (a *API) invite(ctx context.Context, c *endpoint.Call) (invite, error) {
	found, err := a.org.Invite(ctx, c.OrganizationID(), c.Path("invite_id"))
	return a.showInvite(found), err
}

func (a *API) deleteInvite(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	inviteID := c.Path("invite_id")
	return endpoint.Deleted{Object: "organization.invite.deleted", ID: inviteID, Deleted: true},
		a.org.DeleteInvite(ctx, c.Actor(), inviteID)
}

func (a *API) showInvite(i org.Invite) invite {
	shown := invite{
		Object: "organization.invite", ID: i.ID, Email: i.Email, Role: string(i.Role), Status: string(i.Status(a.org.Now())),
		CreatedAt: i.CreatedAt.Unix(), InvitedAt: i.CreatedAt.Unix(), ExpiresAt: i.ExpiresAt.Unix(),
		AcceptedAt: endpoint.SecondsOrNull(i.AcceptedAt), Projects: make([]inviteProject, len(i.Projects)),
	}
	for n, p := range i.Projects {
		shown.Projects[n] = inviteProject{ID: p.ProjectID, Role: string(p.Role)}
	}
	return shown
}
