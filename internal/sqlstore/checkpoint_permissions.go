package sqlstore

import (
	"context"
	"fmt"

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

func (r reader) SharedCheckpoints(ctx context.Context, organizationID string) (map[string][]string, error) {
	rows, err := r.sql.QueryContext(ctx, `
		SELECT s.checkpoint, COALESCE(p.project_id, '')
		FROM shared_checkpoints s
		LEFT JOIN checkpoint_permissions p ON p.organization_id = s.organization_id AND p.checkpoint = s.checkpoint
		WHERE s.organization_id = $1 ORDER BY 1, 2`, organizationID)
	if err != nil {
		return nil, fmt.Errorf("reading shared checkpoints: %w", err)
	}
	defer rows.Close()
	var shared map[string][]string
	for rows.Next() {
		var checkpoint, projectID string
		if err := rows.Scan(&checkpoint, &projectID); err != nil {
			return nil, fmt.Errorf("reading shared checkpoints: %w", err)
		}
		if shared == nil {
			shared = map[string][]string{}
		}
		projects := shared[checkpoint]
		if projectID != "" {
			projects = append(projects, projectID)
		}
		shared[checkpoint] = projects
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading shared checkpoints: %w", err)
	}
	return shared, nil
}

func (w *tx) InsertCheckpointPermission(ctx context.Context, p org.CheckpointPermission) error {
	if err := checkpointPermissions.insert(ctx, w, &p); err != nil {
		return err
	}
	if _, err := w.exec(ctx, `INSERT INTO shared_checkpoints (organization_id, checkpoint) VALUES ($1, $2) ON CONFLICT DO NOTHING`, p.OrganizationID, p.Checkpoint); err != nil {
		return fmt.Errorf("sharing a checkpoint: %w", err)
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
