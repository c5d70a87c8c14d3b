package sqlstore

import (
	"context"

	"weir/internal/org"
	"weir/internal/sqldb"
)

func (r reader) GroupsByName(ctx context.Context, organizationID string, names []string) ([]org.Group, error) {
	if names = storableOf(names); len(names) == 0 {
		return nil, nil
	}
	q := sqldb.NewQuery(groups.selection())
	inOrganization(organizationID)(q)
	return groups.all(ctx, r, q.And("name", sqldb.In(names)).Add(" ORDER BY created_at, id"))
}
