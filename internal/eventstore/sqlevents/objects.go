package sqlevents

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"weir/internal/sqldb"
	"weir/internal/usage"
)

var objectColumns = []string{"id", "organization_id", "connection_id", "kind", "project_id", "api_key_id", "user_id", "made", "deleted"}

// An object belongs to who made it. That it was deleted is noted whoever says
// so: only the owner's requests reach the provider.
var (
	insertObjects = insert{
		into: "upstream_objects", columns: objectColumns[:len(objectColumns)-1], onConflict: "(id, organization_id, connection_id) DO NOTHING",
	}
	insertDeletedObjects = insert{
		into: "upstream_objects", columns: objectColumns,
		onConflict: "(id, organization_id, connection_id) DO UPDATE SET deleted = excluded.deleted",
	}
)

// insertObjects notes what the events made and deleted at providers, in their
// order.
func (s *Store) insertObjects(ctx context.Context, tx *sql.Tx, events []*usage.Event) error {
	var made, deleted [][]any
	for _, e := range events {
		for _, o := range e.Objects {
			at := e.Received.UnixMicro()
			row := []any{o.ID, e.OrganizationID, e.ConnectionID, string(o.Kind), e.ProjectID, e.APIKeyID, e.UserID, at}
			if o.Deleted {
				deleted = append(deleted, append(row, at))
			} else {
				made = append(made, row)
			}
		}
	}
	// Rows are taken in one order on every node; of equal ones the first counts,
	// and one statement may not touch a row twice.
	made, deleted = oneEach(made), oneEach(deleted)
	if _, err := s.insert(ctx, tx, insertObjects, made); err != nil {
		return err
	}
	_, err := s.insert(ctx, tx, insertDeletedObjects, deleted)
	return err
}

// oneEach orders rows by their key and keeps the first of each.
func oneEach(rows [][]any) [][]any {
	byKey := func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[0].(string), b[0].(string)), cmp.Compare(a[1].(string), b[1].(string)), cmp.Compare(a[2].(string), b[2].(string)))
	}
	slices.SortStableFunc(rows, byKey)
	return slices.CompactFunc(rows, func(a, b []any) bool { return byKey(a, b) == 0 })
}

// ownersAtOnce is how many ids one statement looks up.
const ownersAtOnce = 500

// Owners implements usage.Objects.
func (s *Store) Owners(ctx context.Context, ids []string) ([]usage.OwnedObject, error) {
	var found []usage.OwnedObject
	for chunk := range slices.Chunk(ids, ownersAtOnce) {
		q := sqldb.NewQuery("SELECT id, kind, organization_id, connection_id, project_id, made, deleted FROM upstream_objects").And("id", sqldb.In(chunk))
		err := each(ctx, s.db.Read(), q, func(scan func(...any) error) error {
			var o usage.OwnedObject
			var made, deleted int64
			err := scan(&o.ID, &o.Kind, &o.OrganizationID, &o.ConnectionID, &o.ProjectID, &made, &deleted)
			if o.Made = time.UnixMicro(made).UTC(); deleted != 0 {
				o.Deleted = time.UnixMicro(deleted).UTC()
			}
			found = append(found, o)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("owners of objects: %w", err)
		}
	}
	return found, nil
}
