package sqlstore

import (
	"context"

	"weir/internal/org"
	"weir/internal/sqldb"
)

var organizations = table[org.Organization]{
	name: "organizations", label: "Organization", key: 1,
	columns: []string{"id", "name", "default_project_id", "created_at"},
	fields: func(o *org.Organization) []any {
		return []any{&o.ID, &o.Name, &o.DefaultProjectID, instant{&o.CreatedAt}}
	},
}

func (r reader) Organization(ctx context.Context, organizationID string) (org.Organization, error) {
	return organizations.get(ctx, r, organizationID)
}

func (r reader) Organizations(ctx context.Context) ([]org.Organization, error) {
	return organizations.all(ctx, r, sqldb.NewQuery(organizations.selection()+" ORDER BY created_at, id"))
}

func (w *tx) InsertOrganization(ctx context.Context, o org.Organization) error {
	if err := organizations.insert(ctx, w, &o); err != nil {
		return err
	}
	w.change(org.ChangeOrganization, o.ID, o.ID)
	return nil
}
