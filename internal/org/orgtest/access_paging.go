package orgtest

import (
	"context"
	"errors"
	"time"

	"weir/internal/id"
	"weir/internal/org"
)

// accessPageables are the lists about who may do what.
func accessPageables() []pageable {
	roles := func(name string, projectOf func(*tenant) string) pageable {
		return pageable{
			name: name,
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newRole(projectOf(n))
				v.CreatedAt = at
				return v.ID, tx.InsertRole(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteRole(ctx, n.org.ID, projectOf(n), rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.Roles(ctx, n.org.ID, projectOf(n), p)
				return places(rows, err, func(v org.Role) place { return place{v.CreatedAt, v.ID} })
			},
		}
	}
	members := func(name string, kind org.PrincipalKind) pageable {
		return pageable{
			name: name,
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.assign(n.project.ID, id.New(id.User), "role_any")
				v.PrincipalKind, v.CreatedAt = kind, at
				other := v
				other.RoleID, other.CreatedAt = "role_other", at.Add(time.Second)
				return v.PrincipalID, errors.Join(tx.InsertRoleAssignment(ctx, v), tx.InsertRoleAssignment(ctx, other))
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteRoleAssignmentsOf(ctx, n.org.ID, n.project.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.ProjectMembers(ctx, n.org.ID, n.project.ID, kind, p)
				return places(rows, err, func(v org.ProjectMember) place { return place{v.CreatedAt, v.PrincipalID} })
			},
		}
	}
	return []pageable{
		roles("roles of the organization", func(*tenant) string { return "" }),
		roles("roles of a project", func(n *tenant) string { return n.project.ID }),
		members("users of a project", org.PrincipalUser),
		members("groups of a project", org.PrincipalGroup),
		{
			name: "groups",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newGroup()
				v.CreatedAt = at
				return v.ID, tx.InsertGroup(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteGroup(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.Groups(ctx, n.org.ID, p)
				return places(rows, err, func(v org.Group) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name: "members of a group",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newGroupMember(standingOf(n).group.ID, id.New(id.User))
				v.CreatedAt = at
				return v.PrincipalID, tx.InsertGroupMember(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteGroupMember(ctx, n.org.ID, standingOf(n).group.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.GroupMembers(ctx, n.org.ID, standingOf(n).group.ID, p)
				return places(rows, err, func(v org.GroupMember) place { return place{v.CreatedAt, v.PrincipalID} })
			},
		},
		{
			name: "roles of a user",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.assign(n.project.ID, n.user.ID, id.New(id.Role))
				v.CreatedAt = at
				return v.RoleID, tx.InsertRoleAssignment(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteRoleAssignment(ctx, n.org.ID, n.project.ID, n.user.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.RoleAssignments(ctx, n.org.ID, n.project.ID, n.user.ID, p)
				return places(rows, err, func(v org.RoleAssignment) place { return place{v.CreatedAt, v.RoleID} })
			},
		},
	}
}
