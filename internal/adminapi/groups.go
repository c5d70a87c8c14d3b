package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// group is a group as the API shows it. It has no object.
type group struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	CreatedAt     int64  `json:"created_at"`
	IsSCIMManaged bool   `json:"is_scim_managed"`
	GroupType     string `json:"group_type,omitempty"` // group; left out of the answer to an update
}

// groupType is the only type of group there is: weir has no tenant above the
// organization.
const groupType = "group"

type groupName struct {
	Name string `json:"name" required:"true"`
}

// groupUser is a member in a list.
type groupUser struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Email *string `json:"email"` // null for a service account
}

// groupMemberUser is a member by itself.
type groupMemberUser struct {
	ID               string  `json:"id"`
	Name             string  `json:"name"`
	Email            *string `json:"email"`
	Picture          *string `json:"picture"`
	IsServiceAccount bool    `json:"is_service_account"`
	UserType         string  `json:"user_type"` // user
}

type newGroupUser struct {
	UserID string `json:"user_id" required:"true"`
}

type groupUserAdded struct {
	Object  string `json:"object"` // group.user
	UserID  string `json:"user_id"`
	GroupID string `json:"group_id"`
}

type groupUserDeleted struct {
	Object  string `json:"object"` // group.user.deleted
	Deleted bool   `json:"deleted"`
}

const (
	groupsPath     = "/v1/organization/groups"
	groupPath      = groupsPath + "/{group_id}"
	groupUsersPath = groupPath + "/users"
	groupUserPath  = groupUsersPath + "/{user_id}"
)

func (a *API) groups() []endpoint.Endpoint {
	page := endpoint.Listing[org.Group, group]{
		Envelope: endpoint.ByCursor, Limit: 100, Max: 1000, Ordered: true, Ascending: true,
		ID: func(g org.Group) string { return g.ID }, Show: showGroup,
	}
	members := endpoint.Listing[org.Principal, groupUser]{
		Envelope: endpoint.ByCursor, Limit: 100, Max: 1000, Ordered: true,
		ID: func(p org.Principal) string { return p.ID() }, Show: showGroupUser,
	}
	const at = endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.List("GET "+groupsPath, access.GroupsRead, at, page, a.listGroups),
		endpoint.Write("POST "+groupsPath, access.GroupsWrite, at, []audit.Action{audit.GroupCreated}, a.createGroup),
		endpoint.Read("GET "+groupPath, access.GroupsRead, at, a.group),
		endpoint.Write("POST "+groupPath, access.GroupsWrite, at, []audit.Action{audit.GroupUpdated}, a.renameGroup),
		endpoint.Act("DELETE "+groupPath, access.GroupsWrite, at, []audit.Action{audit.GroupDeleted}, a.deleteGroup),
		endpoint.List("GET "+groupUsersPath, access.GroupsRead, at, members, a.listGroupUsers),
		endpoint.Write("POST "+groupUsersPath, access.GroupsWrite, at, []audit.Action{audit.GroupUpdated}, a.addGroupUser),
		endpoint.Read("GET "+groupUserPath, access.GroupsRead, at, a.groupUser),
		endpoint.Act("DELETE "+groupUserPath, access.GroupsWrite, at, []audit.Action{audit.GroupUpdated}, a.removeGroupUser),
	}
}

func (a *API) listGroups(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.Group], error) {
	return a.org.Groups(ctx, c.OrganizationID(), p)
}

func (a *API) createGroup(ctx context.Context, c *endpoint.Call, in groupName) (group, error) {
	g, err := a.org.CreateGroup(ctx, c.Actor(), in.Name)
	return showGroup(g), err
}

func (a *API) group(ctx context.Context, c *endpoint.Call) (group, error) {
	g, err := a.org.Group(ctx, c.OrganizationID(), c.Path("group_id"))
	return showGroup(g), err
}

func (a *API) renameGroup(ctx context.Context, c *endpoint.Call, in groupName) (group, error) {
	g, err := a.org.RenameGroup(ctx, c.Actor(), c.Path("group_id"), in.Name)
	shown := showGroup(g)
	shown.GroupType = ""
	return shown, err
}

func (a *API) deleteGroup(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	groupID := c.Path("group_id")
	return endpoint.Deleted{Object: "group.deleted", ID: groupID, Deleted: true}, a.org.DeleteGroup(ctx, c.Actor(), groupID)
}

func (a *API) listGroupUsers(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.Principal], error) {
	return a.org.GroupMembers(ctx, c.OrganizationID(), c.Path("group_id"), p)
}

func (a *API) addGroupUser(ctx context.Context, c *endpoint.Call, in newGroupUser) (groupUserAdded, error) {
	m, err := a.org.AddGroupMember(ctx, c.Grantor(), c.Path("group_id"), in.UserID)
	return groupUserAdded{Object: "group.user", UserID: m.PrincipalID, GroupID: m.GroupID}, err
}

func (a *API) groupUser(ctx context.Context, c *endpoint.Call) (groupMemberUser, error) {
	p, err := a.org.GroupMember(ctx, c.OrganizationID(), c.Path("group_id"), c.Path("user_id"))
	if err != nil {
		return groupMemberUser{}, err
	}
	brief := showGroupUser(p)
	return groupMemberUser{
		ID: brief.ID, Name: brief.Name, Email: brief.Email, IsServiceAccount: p.Account != nil, UserType: "user",
	}, nil
}

func (a *API) removeGroupUser(ctx context.Context, c *endpoint.Call) (groupUserDeleted, error) {
	return groupUserDeleted{Object: "group.user.deleted", Deleted: true},
		a.org.RemoveGroupMember(ctx, c.Actor(), c.Path("group_id"), c.Path("user_id"))
}

func showGroup(g org.Group) group {
	return group{ID: g.ID, Name: g.Name, CreatedAt: g.CreatedAt.Unix(), IsSCIMManaged: g.SCIMManaged, GroupType: groupType}
}

func showGroupUser(p org.Principal) groupUser {
	if s := p.Account; s != nil {
		return groupUser{ID: s.ID, Name: s.Name}
	}
	return groupUser{ID: p.User.ID, Name: p.User.Name, Email: endpoint.TextOrNull(p.User.Email)}
}
