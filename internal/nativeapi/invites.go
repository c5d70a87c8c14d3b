package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// inviteLink is what an invitation e-mail carries. The token is in the answer
// that made it and nowhere else.
type inviteLink struct {
	Object    string `json:"object"` // invite_link
	InviteID  string `json:"invite_id"`
	URL       string `json:"url"`
	Token     string `json:"token"`
	ExpiresAt int64  `json:"expires_at"`
}

type acceptedInvite struct {
	Token    string `json:"token" required:"true"`
	Name     string `json:"name" required:"true"`
	Password string `json:"password" required:"true"`
}

// joinedUser is somebody who has joined, as the Admin API shows a user.
type joinedUser struct {
	Object   string         `json:"object"` // organization.user
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Email    string         `json:"email"`
	Role     string         `json:"role"`
	AddedAt  int64          `json:"added_at"`
	Projects joinedProjects `json:"projects"`
}

type joinedProjects struct {
	Object string          `json:"object"` // list
	Data   []joinedProject `json:"data"`
}

type joinedProject struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

func (a *API) invites() []endpoint.Endpoint {
	const path, at = root + "/invites", endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.Act("POST "+path+"/{invite_id}/link", access.ManagementWrite, at, []audit.Action{audit.InviteLinkCreated}, a.createInviteLink),
		endpoint.Write("POST "+path+"/accept", access.Authenticated, at,
			[]audit.Action{audit.InviteAccepted, audit.UserAdded}, a.acceptInvite).Public(), // the second once more for each project
	}
}

func (a *API) createInviteLink(ctx context.Context, c *endpoint.Call) (inviteLink, error) {
	invite, token, err := a.org.CreateInviteLink(ctx, c.Grantor(), c.Path("invite_id"))
	c.Header.Set("Cache-Control", "no-store")
	return inviteLink{
		Object: "invite_link", InviteID: invite.ID, URL: org.InviteURL(a.publicURL, token), Token: token, ExpiresAt: invite.ExpiresAt.Unix(),
	}, err
}

// acceptInvite does not sign in: that takes the password that was just chosen.
func (a *API) acceptInvite(ctx context.Context, c *endpoint.Call, in acceptedInvite) (joinedUser, error) {
	joined, err := a.identity.AcceptInvite(ctx, in.Token, in.Name, in.Password, endpoint.From(c.Request))
	shown := joinedUser{
		Object: "organization.user", ID: joined.ID, Name: joined.Name, Email: joined.Email, Role: string(joined.Role),
		AddedAt: joined.CreatedAt.Unix(), Projects: joinedProjects{Object: "list", Data: []joinedProject{}},
	}
	for _, p := range joined.Projects {
		shown.Projects.Data = append(shown.Projects.Data, joinedProject{ID: p.ProjectID, Name: p.ProjectName, Role: string(p.Role)})
	}
	return shown, err
}
