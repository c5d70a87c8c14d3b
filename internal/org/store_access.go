package org

import (
	"context"
)

// AccessReader reads who may do what. A project id of "" stands for the
// organization itself.
type AccessReader interface {
	// Role returns a custom role; those that are predefined lie in no store.
	Role(ctx context.Context, organizationID, projectID, roleID string) (Role, error)
	// RoleByID finds it in whichever scope it is.
	RoleByID(ctx context.Context, organizationID, roleID string) (Role, error)
	// Roles lists the custom roles of the organization or of a project.
	Roles(ctx context.Context, organizationID, projectID string, p Page) (Rows[Role], error)

	RoleAssignment(ctx context.Context, organizationID, projectID, principalID, roleID string) (RoleAssignment, error)
	// RoleAssignments lists what a principal is assigned itself, not through
	// groups; Page.After is a role id.
	RoleAssignments(ctx context.Context, organizationID, projectID, principalID string, p Page) (Rows[RoleAssignment], error)
	// AssignmentsOf returns all that a principal is assigned itself anywhere.
	AssignmentsOf(ctx context.Context, organizationID, principalID string) ([]RoleAssignment, error)
	// Holdings returns every role a principal holds anywhere, its own and its
	// groups'.
	Holdings(ctx context.Context, organizationID, principalID string) ([]Holding, error)
	// SourcesOf says, by role id, through which groups of the principal it holds
	// roles at the organization or in the project.
	SourcesOf(ctx context.Context, organizationID, projectID, principalID string) (map[string][]string, error)
	// HasOwner reports whether any active user owns the organization, itself or
	// through a group.
	HasOwner(ctx context.Context, organizationID string) (bool, error)

	Group(ctx context.Context, organizationID, groupID string) (Group, error)
	Groups(ctx context.Context, organizationID string, p Page) (Rows[Group], error)
	// GroupsByID returns those of the ids that there are.
	GroupsByID(ctx context.Context, organizationID string, ids []string) ([]Group, error)
	// GroupsByName returns those with the names, which need not be unique, oldest
	// first.
	GroupsByName(ctx context.Context, organizationID string, names []string) ([]Group, error)
	GroupMember(ctx context.Context, organizationID, groupID, principalID string) (GroupMember, error)
	// GroupMembers lists a group's members; Page.After is a principal id.
	GroupMembers(ctx context.Context, organizationID, groupID string, p Page) (Rows[GroupMember], error)
	// GroupsOf returns the ids of the groups a principal is in, sorted.
	GroupsOf(ctx context.Context, organizationID, principalID string) ([]string, error)

	ProjectMember(ctx context.Context, organizationID, projectID, principalID string) (ProjectMember, error)
	// ProjectMembers lists the users or the groups of a project; Page.After is a
	// principal id.
	ProjectMembers(ctx context.Context, organizationID, projectID string, kind PrincipalKind, p Page) (Rows[ProjectMember], error)
	// ProjectsOf returns in which active projects the principals are members
	// themselves.
	ProjectsOf(ctx context.Context, organizationID string, principalIDs []string) ([]ProjectMembership, error)

	// UsersByID and ServiceAccountsByID return those of the ids that there are.
	UsersByID(ctx context.Context, organizationID string, ids []string) ([]User, error)
	ServiceAccountsByID(ctx context.Context, organizationID string, ids []string) ([]ServiceAccount, error)
	// KeysLastUsed says when a user's keys of any kind were last used; users
	// whose keys never were are left out.
	KeysLastUsed(ctx context.Context, organizationID string, userIDs []string) ([]LastUsed, error)

	// EachRole, EachHeldRole and EachHeldGroup feed the gateway's snapshot:
	// custom roles, and what groups and the owners of API keys are assigned and
	// are members of.
	EachRole(ctx context.Context, fn func(Role) error) error
	EachHeldRole(ctx context.Context, fn func(RoleAssignment) error) error
	EachHeldGroup(ctx context.Context, fn func(GroupMember) error) error
}

// AccessTx changes who may do what. A principal's assignments and memberships
// are a change of its standing in the feed, a role's deletion one of the role.
type AccessTx interface {
	InsertRole(ctx context.Context, r Role) error
	UpdateRole(ctx context.Context, r Role) error
	// DeleteRole removes the role and its assignments.
	DeleteRole(ctx context.Context, organizationID, projectID, roleID string) error

	// InsertRoleAssignment refuses a role that the principal has already.
	InsertRoleAssignment(ctx context.Context, a RoleAssignment) error
	DeleteRoleAssignment(ctx context.Context, organizationID, projectID, principalID, roleID string) error
	// DeleteRoleAssignmentsOf removes all that the principal is assigned in a
	// project and takes it out.
	DeleteRoleAssignmentsOf(ctx context.Context, organizationID, projectID, principalID string) error

	InsertGroup(ctx context.Context, g Group) error
	UpdateGroup(ctx context.Context, g Group) error
	// DeleteGroup removes its members, assignments and memberships of
	// workspaces too.
	DeleteGroup(ctx context.Context, organizationID, groupID string) error
	// InsertGroupMember refuses who is a member already.
	InsertGroupMember(ctx context.Context, m GroupMember) error
	DeleteGroupMember(ctx context.Context, organizationID, groupID, principalID string) error

	// DeleteUser removes the user with all that is its own: keys of both kinds,
	// sessions, assignments and memberships. It returns the keys that went.
	DeleteUser(ctx context.Context, organizationID, userID string) ([]RevokedKey, error)
}
