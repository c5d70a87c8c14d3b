package sqlstore

import (
	"context"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var groups = table[org.Group]{
	name: "groups", label: "Group", key: 2, listed: true,
	columns: []string{"id", "organization_id", "name", "scim_managed", "external_id", "updated_at", "created_at"},
	fields: func(g *org.Group) []any {
		return []any{&g.ID, &g.OrganizationID, &g.Name, truth{&g.SCIMManaged}, &g.ExternalID, instant{&g.UpdatedAt}, instant{&g.CreatedAt}}
	},
}

func (r reader) Group(ctx context.Context, organizationID, groupID string) (org.Group, error) {
	return groups.get(ctx, r, groupID, organizationID)
}

func (r reader) Groups(ctx context.Context, organizationID string, p org.Page) (org.Rows[org.Group], error) {
	return groups.page(ctx, r, p, list{organizationID: organizationID, scope: inOrganization(organizationID)})
}

func (r reader) GroupsByID(ctx context.Context, organizationID string, ids []string) ([]org.Group, error) {
	return groups.byID(ctx, r, organizationID, ids)
}

// byID returns the rows of an organization with these ids.
func (t *table[T]) byID(ctx context.Context, r reader, organizationID string, ids []string) ([]T, error) {
	if ids = storableOf(ids); len(ids) == 0 {
		return nil, nil
	}
	q := sqldb.NewQuery(t.selection())
	inOrganization(organizationID)(q)
	return t.all(ctx, r, q.And("id", sqldb.In(ids)))
}

func (w *tx) InsertGroup(ctx context.Context, g org.Group) error {
	return groups.insert(ctx, w, &g) // nothing is looked up by it until it has members and roles
}

func (w *tx) UpdateGroup(ctx context.Context, g org.Group) error {
	return groups.update(ctx, w, &g)
}

func (w *tx) DeleteGroup(ctx context.Context, organizationID, groupID string) error {
	if _, err := w.Group(ctx, organizationID, groupID); err != nil {
		return err
	}
	err := groupMembers.removeWhere(ctx, w, func(q *sqldb.Query) {
		q.And("organization_id", sqldb.Equal(organizationID)).And("group_id", sqldb.Equal(groupID))
	})
	if err != nil {
		return err
	}
	if err := w.dropStanding(ctx, organizationID, groupID); err != nil {
		return err
	}
	w.change(org.ChangeStanding, organizationID, groupID)
	return groups.remove(ctx, w, groupID, organizationID)
}

var groupMembers = table[org.GroupMember]{
	name: "group_members", label: "Group member", key: 3, listed: true, holder: "group_id",
	columns: []string{"principal_id", "organization_id", "group_id", "principal_kind", "created_at"},
	fields: func(m *org.GroupMember) []any {
		return []any{&m.PrincipalID, &m.OrganizationID, &m.GroupID, &m.PrincipalKind, instant{&m.CreatedAt}}
	},
	taken: func(m *org.GroupMember) error {
		return fault.Invalidf("already_member", "user_id", "'%s' is a member of the group '%s' already.", m.PrincipalID, m.GroupID)
	},
}

func (r reader) GroupMember(ctx context.Context, organizationID, groupID, principalID string) (org.GroupMember, error) {
	return groupMembers.get(ctx, r, principalID, organizationID, groupID)
}

func (r reader) GroupMembers(ctx context.Context, organizationID, groupID string, p org.Page) (org.Rows[org.GroupMember], error) {
	return groupMembers.page(ctx, r, p, list{organizationID: organizationID, holder: groupID, scope: func(q *sqldb.Query) {
		q.And("organization_id", sqldb.Equal(organizationID)).And("group_id", sqldb.Equal(groupID))
	}})
}

func (r reader) GroupsOf(ctx context.Context, organizationID, principalID string) ([]string, error) {
	q := sqldb.NewQuery(groupMembers.selection()).
		And("organization_id", sqldb.Equal(organizationID)).And("principal_id", sqldb.Equal(principalID)).Add(" ORDER BY group_id")
	members, err := groupMembers.all(ctx, r, q)
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.GroupID
	}
	return ids, err
}

func (r reader) EachHeldGroup(ctx context.Context, fn func(org.GroupMember) error) error {
	return groupMembers.each(ctx, r, groupMembers.held(), fn)
}

func (w *tx) InsertGroupMember(ctx context.Context, m org.GroupMember) error {
	if err := groupMembers.insert(ctx, w, &m); err != nil {
		return err
	}
	w.change(org.ChangeStanding, m.OrganizationID, m.PrincipalID)
	return nil
}

func (w *tx) DeleteGroupMember(ctx context.Context, organizationID, groupID, principalID string) error {
	if err := groupMembers.remove(ctx, w, principalID, organizationID, groupID); err != nil {
		return err
	}
	w.change(org.ChangeStanding, organizationID, principalID)
	return nil
}
