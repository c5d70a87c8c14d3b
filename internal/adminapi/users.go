package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// user is a person of the organization as the API shows it. Left out is what
// weir cannot say: when a person's keys were last used, and their projects.
type user struct {
	Object           string     `json:"object"` // organization.user
	ID               string     `json:"id"`
	Name             *string    `json:"name"`
	Email            *string    `json:"email"`
	Role             *string    `json:"role"` // owner, reader, or null: custom roles only
	AddedAt          int64      `json:"added_at"`
	Created          int64      `json:"created"`
	IsDefault        bool       `json:"is_default"`
	IsServiceAccount bool       `json:"is_service_account"`
	IsSCIMManaged    bool       `json:"is_scim_managed"`
	TechnicalLevel   *string    `json:"technical_level"`
	DeveloperPersona *string    `json:"developer_persona"`
	User             nestedUser `json:"user"`
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

const usersPath = "/v1/organization/users"

func (a *API) users() []endpoint.Endpoint {
	page := endpoint.Listing[org.User, user]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(u org.User) string { return u.ID }, Show: showUser,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+usersPath, access.ManagementRead, endpoint.AtOrganization, page, a.listUsers),
		endpoint.Read("GET "+usersPath+"/{user_id}", access.ManagementRead, endpoint.AtOrganization, a.user),
	}
}

func (a *API) listUsers(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.User], error) {
	filter := org.UserFilter{Page: p, Emails: c.Query.Strings("emails")}
	if err := c.Query.Err(); err != nil {
		return org.Rows[org.User]{}, err
	}
	return a.org.Users(ctx, c.OrganizationID(), filter)
}

func (a *API) user(ctx context.Context, c *endpoint.Call) (user, error) {
	u, err := a.org.User(ctx, c.OrganizationID(), c.Path("user_id"))
	return showUser(u), err
}

func showUser(u org.User) user {
	name, email := endpoint.TextOrNull(u.Name), endpoint.TextOrNull(u.Email)
	return user{
		Object: "organization.user", ID: u.ID, Name: name, Email: email, Role: endpoint.TextOrNull(string(u.Role)),
		AddedAt: u.CreatedAt.Unix(), Created: u.CreatedAt.Unix(),
		User: nestedUser{Object: "user", ID: u.ID, Email: email, Name: name, Enabled: true},
	}
}
