package org

import "context"

// ChangeCheckpointPermission is in the change feed when a project was given or
// lost a checkpoint.
const ChangeCheckpointPermission ChangeKind = "checkpoint_permission"

// CheckpointPermissionReader reads who may use fine-tuned checkpoints.
type CheckpointPermissionReader interface {
	CheckpointPermission(ctx context.Context, organizationID, checkpoint, permissionID string) (CheckpointPermission, error)
	CheckpointPermissions(ctx context.Context, organizationID, checkpoint string, f CheckpointPermissionFilter) (Rows[CheckpointPermission], error)
	// SharedCheckpoints are the checkpoints that any project was ever given, each
	// with the projects that may use it now, which may be none. It is nil when
	// there is no checkpoint.
	SharedCheckpoints(ctx context.Context, organizationID string) (map[string][]string, error)
}

// CheckpointPermissionWriter writes who may use fine-tuned checkpoints.
type CheckpointPermissionWriter interface {
	// InsertCheckpointPermission refuses a second one of the same checkpoint and
	// project.
	InsertCheckpointPermission(ctx context.Context, p CheckpointPermission) error
	DeleteCheckpointPermission(ctx context.Context, organizationID, checkpoint, permissionID string) error
}
