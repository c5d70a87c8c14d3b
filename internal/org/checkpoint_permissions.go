package org

import (
	"context"
	"fmt"
	"slices"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// CheckpointPermission lets a project use a fine-tuned checkpoint, which the
// provider knows by the name Checkpoint.
type CheckpointPermission struct {
	ID             string
	OrganizationID string
	Checkpoint     string // such as ft:gpt-4o-mini-2024-07-18:org:weather:B7R9VjQd
	ProjectID      string
	CreatedAt      time.Time
}

// CheckpointPermissionFilter selects the permissions of a checkpoint.
type CheckpointPermissionFilter struct {
	Page
	ProjectID string // "": of every project
}

// checkpointParam is what OpenAI's API calls the checkpoint in a path.
const checkpointParam = "fine_tuned_model_checkpoint"

// CreateCheckpointPermissions lets projects use a checkpoint, all or none. A
// project named twice gets one permission; one that has it already is refused.
// Whether the provider has the checkpoint, weir does not ask.
func (s *Service) CreateCheckpointPermissions(ctx context.Context, actor audit.Actor, checkpoint string, projectIDs []string) ([]CheckpointPermission, error) {
	if err := checkName(checkpointParam, checkpoint); err != nil {
		return nil, err
	}
	if len(projectIDs) == 0 {
		return nil, fault.EmptyArray("project_ids")
	}
	if err := checkReferences("project_ids", projectIDs, maxIDs); err != nil {
		return nil, err
	}
	var made []CheckpointPermission
	err := s.update(ctx, actor, func(tx Tx) error {
		made = nil
		for i, projectID := range projectIDs {
			if slices.Contains(projectIDs[:i], projectID) {
				continue
			}
			at := fmt.Sprintf("project_ids[%d]", i)
			project, err := tx.Project(ctx, actor.OrganizationID, projectID)
			if err != nil {
				return notFoundAsInvalid(err, at)
			}
			if project.Archived() {
				return fault.Invalidf("project_archived", at, "Project with ID '%s' is archived and can use nothing.", projectID)
			}
			held, err := tx.CheckpointPermissions(ctx, actor.OrganizationID, checkpoint, CheckpointPermissionFilter{Page: Page{Limit: 1}, ProjectID: projectID})
			if err != nil {
				return err
			}
			if len(held.Items) > 0 {
				return fault.Invalidf("permission_exists", at, "Project '%s' already has permission for '%s'.", projectID, checkpoint)
			}
			p := CheckpointPermission{
				ID: id.New(id.CheckpointPermission), OrganizationID: actor.OrganizationID,
				Checkpoint: checkpoint, ProjectID: projectID, CreatedAt: s.Now(),
			}
			tx.Record(event(audit.CheckpointPermissionCreated, nil, details{
				ID: p.ID, Data: map[string]any{"project_id": projectID, checkpointParam: checkpoint},
			}))
			if err := tx.InsertCheckpointPermission(ctx, p); err != nil {
				return err
			}
			made = append(made, p)
		}
		return nil
	})
	return made, err
}

// DeleteCheckpointPermission takes a permission of a checkpoint back.
func (s *Service) DeleteCheckpointPermission(ctx context.Context, actor audit.Actor, checkpoint, permissionID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		tx.Record(event(audit.CheckpointPermissionDeleted, nil, details{ID: permissionID}))
		return tx.DeleteCheckpointPermission(ctx, actor.OrganizationID, checkpoint, permissionID)
	})
}

// CheckpointPermissions of a checkpoint. One that nobody was given permission
// for has none.
func (s *Service) CheckpointPermissions(ctx context.Context, organizationID, checkpoint string, f CheckpointPermissionFilter) (Rows[CheckpointPermission], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[CheckpointPermission], error) {
		return r.CheckpointPermissions(ctx, organizationID, checkpoint, f)
	})
}
