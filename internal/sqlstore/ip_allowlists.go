package sqlstore

import (
	"context"

	"weir/internal/org"
	"weir/internal/sqldb"
)

var ipAllowlists = table[org.IPAllowlist]{
	name: "ip_allowlists", label: "IP allowlist", key: 2, listed: true,
	columns: []string{"id", "organization_id", "project_id", "name", "allowed_ips", "active", "created_at"},
	fields: func(l *org.IPAllowlist) []any {
		return []any{
			&l.ID, &l.OrganizationID, nullable{&l.ProjectID}, &l.Name, jsonText[[]string]{&l.AllowedIPs}, truth{&l.Active}, instant{&l.CreatedAt},
		}
	},
}

func (r reader) IPAllowlist(ctx context.Context, organizationID, allowlistID string) (org.IPAllowlist, error) {
	return ipAllowlists.get(ctx, r, allowlistID, organizationID)
}

func (r reader) IPAllowlists(ctx context.Context, organizationID string, p org.Page) (org.Rows[org.IPAllowlist], error) {
	return ipAllowlists.page(ctx, r, p, list{organizationID: organizationID, scope: inOrganization(organizationID)})
}

func (r reader) ActiveIPAllowlists(ctx context.Context, organizationID string) ([]org.IPAllowlist, error) {
	q := sqldb.NewQuery(ipAllowlists.selection())
	inOrganization(organizationID)(q)
	return ipAllowlists.all(ctx, r, q.Where("active = 1").Add(" ORDER BY created_at, id"))
}

func (w *tx) InsertIPAllowlist(ctx context.Context, l org.IPAllowlist) error {
	if err := ipAllowlists.insert(ctx, w, &l); err != nil {
		return err
	}
	w.change(org.ChangeIPAllowlist, l.OrganizationID, l.ID)
	return nil
}

func (w *tx) UpdateIPAllowlist(ctx context.Context, l org.IPAllowlist) error {
	if err := ipAllowlists.update(ctx, w, &l); err != nil {
		return err
	}
	w.change(org.ChangeIPAllowlist, l.OrganizationID, l.ID)
	return nil
}

func (w *tx) DeleteIPAllowlist(ctx context.Context, organizationID, allowlistID string) error {
	if err := ipAllowlists.remove(ctx, w, allowlistID, organizationID); err != nil {
		return err
	}
	w.change(org.ChangeIPAllowlist, organizationID, allowlistID)
	return nil
}
