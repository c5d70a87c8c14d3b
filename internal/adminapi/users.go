package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// user is a person of the organization as the API shows it, or a service
// account where one stands in a person's place.
type user struct {
	Object                         string        `json:"object"` // organization.user
	ID                             string        `json:"id"`
	Name                           *string       `json:"name"`
	Email                          *string       `json:"email"`
	Role                           *string       `json:"role"` // owner, reader, or null: custom roles only
	AddedAt                        int64         `json:"added_at"`
	Created                        int64         `json:"created"`
	IsDefault                      bool          `json:"is_default"`
	IsServiceAccount               bool          `json:"is_service_account"`
	IsScaleTierAuthorizedPurchaser *bool         `json:"is_scale_tier_authorized_purchaser"` // weir sells nothing
	IsSCIMManaged                  bool          `json:"is_scim_managed"`
	APIKeyLastUsedAt               *int64        `json:"api_key_last_used_at"`
	TechnicalLevel                 *string       `json:"technical_level"`
	DeveloperPersona               *string       `json:"developer_persona"`
	Projects                       *userProjects `json:"projects"`
	User                           nestedUser    `json:"user"`
}

// userProjects are the active projects a person is in itself.
type userProjects struct {
	Object string        `json:"object"` // list
	Data   []userProject `json:"data"`
}

type userProject struct {
	ID   string  `json:"id"`
	Name string  `json:"name"`
	Role *string `json:"role"` // owner, member, viewer, or null: custom roles only
}

// nestedUser repeats the person without the membership.
type nestedUser struct {
	Object   string  `json:"object"` // user
	ID       string  `json:"id"`
	Email    *string `json:"email"`
	Name     *string `json:"name"`
	Picture  *string `json:"picture"`
	Enabled  bool    `json:"enabled"`
	Banned   bool    `json:"banned"`
	BannedAt *int64  `json:"banned_at"`
}

type userChange struct {
	Role             optional.Value[string] `json:"role"`
	RoleID           optional.Value[string] `json:"role_id"`
	TechnicalLevel   optional.Value[string] `json:"technical_level"`
	DeveloperPersona optional.Value[string] `json:"developer_persona"`
}

const (
	usersPath = "/v1/organization/users"
	userPath  = usersPath + "/{user_id}"
)

func (a *API) users() []endpoint.Endpoint {
	page := endpoint.Listing[org.UserProfile, user]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(u org.UserProfile) string { return u.ID }, Show: showUser,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+usersPath, access.ManagementRead, endpoint.AtOrganization, page, a.listUsers),
		endpoint.Read("GET "+userPath, access.ManagementRead, endpoint.AtOrganization, a.user),
		endpoint.Write("POST "+userPath, access.ManagementWrite, endpoint.AtOrganization, []audit.Action{audit.UserUpdated}, a.updateUser),
		endpoint.Act("DELETE "+userPath, access.ManagementWrite, endpoint.AtOrganization,
			[]audit.Action{audit.UserDeleted, audit.APIKeyDeleted}, a.deleteUser),
	}
}

func (a *API) listUsers(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.UserProfile], error) {
	filter := org.UserFilter{Page: p, Emails: c.Query.Strings("emails")}
	if err := c.Query.Err(); err != nil {
		return org.Rows[org.UserProfile]{}, err
	}
	return a.org.UserProfiles(ctx, c.OrganizationID(), filter)
}

func (a *API) user(ctx context.Context, c *endpoint.Call) (user, error) {
	u, err := a.org.UserProfile(ctx, c.OrganizationID(), c.Path("user_id"))
	return showUser(u), err
}

func (a *API) updateUser(ctx context.Context, c *endpoint.Call, in userChange) (user, error) {
	u, err := a.org.UpdateUser(ctx, c.Grantor(), c.Path("user_id"), org.UserChange(in))
	return showUser(u), err
}

func (a *API) deleteUser(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	userID := c.Path("user_id")
	return endpoint.Deleted{Object: "organization.user.deleted", ID: userID, Deleted: true}, a.org.DeleteUser(ctx, c.Actor(), userID)
}

func showUser(u org.UserProfile) user {
	name, email := endpoint.TextOrNull(u.Name), endpoint.TextOrNull(u.Email)
	projects := userProjects{Object: "list", Data: []userProject{}}
	for _, m := range u.Projects {
		p := userProject{ID: m.ProjectID, Name: m.ProjectName}
		if m.Role != access.NoRole {
			p.Role = endpoint.TextOrNull(string(m.Role))
		}
		projects.Data = append(projects.Data, p)
	}
	return user{
		Object: "organization.user", ID: u.ID, Name: name, Email: email, Role: endpoint.TextOrNull(string(u.Role)),
		AddedAt: u.CreatedAt.Unix(), Created: u.CreatedAt.Unix(), APIKeyLastUsedAt: endpoint.SecondsOrNull(u.KeysLastUsedAt),
		TechnicalLevel: endpoint.TextOrNull(u.TechnicalLevel), DeveloperPersona: endpoint.TextOrNull(u.DeveloperPersona),
		Projects: &projects, IsSCIMManaged: u.Directory.Managed,
		User: nestedUser{Object: "user", ID: u.ID, Email: email, Name: name, Enabled: u.Active()},
	}
}

// showAccountAsUser is a service account where the API speaks of users.
func showAccountAsUser(s org.ServiceAccount) user {
	name := endpoint.TextOrNull(s.Name)
	return user{
		Object: "organization.user", ID: s.ID, Name: name, IsServiceAccount: true,
		AddedAt: s.CreatedAt.Unix(), Created: s.CreatedAt.Unix(),
		User: nestedUser{Object: "user", ID: s.ID, Name: name, Enabled: true},
	}
}
