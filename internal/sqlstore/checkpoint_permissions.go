package sqlstore

import (
	"context"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var checkpointPermissions = table[org.CheckpointPermission]{
	name: "checkpoint_permissions", label: "Checkpoint permission", key: 3, listed: true,
	columns: []string{"id", "organization_id", "checkpoint", "project_id", "created_at"},
	fields: func(p *org.CheckpointPermission) []any {
		return []any{&p.ID, &p.OrganizationID, &p.Checkpoint, &p.ProjectID, instant{&p.CreatedAt}}
	},
	taken: func(p *org.CheckpointPermission) error {
		return fault.Invalidf("permission_exists", "project_ids", "Project '%s' already has permission for '%s'.", p.ProjectID, p.Checkpoint)
	},
}

func (r reader) CheckpointPermission(ctx context.Context, organizationID, checkpoint, permissionID string) (org.CheckpointPermission, error) {
	return checkpointPermissions.get(ctx, r, permissionID, organizationID, checkpoint)
}

func (r reader) CheckpointPermissions(ctx context.Context, organizationID, checkpoint string, f org.CheckpointPermissionFilter) (org.Rows[org.CheckpointPermission], error) {
	return checkpointPermissions.page(ctx, r, f.Page, list{
		organizationID: organizationID,
		scope: func(q *sqldb.Query) {
			q.And("organization_id", sqldb.Equal(organizationID)).And("checkpoint", sqldb.Equal(checkpoint))
		},
		filter: func(q *sqldb.Query) {
			if f.ProjectID != "" {
				q.And("project_id", sqldb.Equal(f.ProjectID))
			}
		},
	})
}

func (w *tx) InsertCheckpointPermission(ctx context.Context, p org.CheckpointPermission) error {
	if err := checkpointPermissions.insert(ctx, w, &p); err != nil {
		return err
	}
	w.change(org.ChangeCheckpointPermission, p.OrganizationID, p.ID)
	return nil
}

func (w *tx) DeleteCheckpointPermission(ctx context.Context, organizationID, checkpoint, permissionID string) error {
	if err := checkpointPermissions.remove(ctx, w, permissionID, organizationID, checkpoint); err != nil {
		return err
	}
	w.change(org.ChangeCheckpointPermission, organizationID, permissionID)
	return nil
}
