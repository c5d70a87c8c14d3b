package sqlstore

import (
	"context"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var roles = table[org.Role]{
	name: "roles", label: "Role", key: 3, listed: true,
	columns: []string{"id", "organization_id", "project_id", "name", "description", "permissions", "created_by", "created_at", "updated_at"},
	fields: func(r *org.Role) []any {
		return []any{
			&r.ID, &r.OrganizationID, &r.ProjectID, &r.Name, &r.Description, jsonText[[]access.Permission]{&r.Permissions},
			&r.CreatedBy, instant{&r.CreatedAt}, instant{&r.UpdatedAt},
		}
	},
	taken: func(r *org.Role) error {
		return fault.Invalidf("name_taken", "role_name", "Role with the name '%s' exists already.", r.Name)
	},
}

func (r reader) Role(ctx context.Context, organizationID, projectID, roleID string) (org.Role, error) {
	return roles.get(ctx, r, roleID, organizationID, projectID)
}

func (r reader) RoleByID(ctx context.Context, organizationID, roleID string) (org.Role, error) {
	return roles.find(ctx, r, roles.missing(roleID), `id = $1 AND organization_id = $2`, roleID, organizationID)
}

func (r reader) Roles(ctx context.Context, organizationID, projectID string, p org.Page) (org.Rows[org.Role], error) {
	return roles.page(ctx, r, p, list{organizationID: organizationID, scope: inProject(organizationID, projectID)})
}

func (r reader) EachRole(ctx context.Context, fn func(org.Role) error) error {
	return roles.each(ctx, r, sqldb.NewQuery(roles.selection()), fn)
}

func (w *tx) InsertRole(ctx context.Context, r org.Role) error {
	if err := roles.insert(ctx, w, &r); err != nil {
		return err
	}
	w.change(org.ChangeRole, r.OrganizationID, r.ID)
	return nil
}

func (w *tx) UpdateRole(ctx context.Context, r org.Role) error {
	if err := roles.update(ctx, w, &r); err != nil {
		return err
	}
	w.change(org.ChangeRole, r.OrganizationID, r.ID)
	return nil
}

// DeleteRole does not name the holders in the change feed, of whom there may be
// a million: an assignment of a role that is gone gives nothing.
func (w *tx) DeleteRole(ctx context.Context, organizationID, projectID, roleID string) error {
	if err := roles.remove(ctx, w, roleID, organizationID, projectID); err != nil {
		return err
	}
	err := roleAssignments.removeWhere(ctx, w, func(q *sqldb.Query) {
		q.And("organization_id", sqldb.Equal(organizationID)).And("role_id", sqldb.Equal(roleID))
	})
	if err != nil {
		return err
	}
	if projectID != "" {
		if err := w.leaveProject(ctx, organizationID, projectID, ""); err != nil {
			return err
		}
	}
	w.change(org.ChangeRole, organizationID, roleID)
	return nil
}
