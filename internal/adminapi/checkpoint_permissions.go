package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// checkpointPermission is a project's permission to use a fine-tuned checkpoint,
// as the API shows it.
type checkpointPermission struct {
	Object    string `json:"object"` // checkpoint.permission
	ID        string `json:"id"`
	CreatedAt int64  `json:"created_at"`
	ProjectID string `json:"project_id"`
}

// checkpointPermissions is what a creation answers: a list that is whole.
type checkpointPermissions struct {
	Object  string                 `json:"object"` // list
	Data    []checkpointPermission `json:"data"`
	FirstID string                 `json:"first_id"`
	LastID  string                 `json:"last_id"`
	HasMore bool                   `json:"has_more"`
}

type newCheckpointPermissions struct {
	ProjectIDs []string `json:"project_ids" required:"true"`
}

const checkpointPermissionsPath = "/v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions"

func (a *API) checkpointPermissions() []endpoint.Endpoint {
	page := endpoint.Listing[org.CheckpointPermission, checkpointPermission]{
		Limit: 10, Min: 1, Ordered: true, Orders: [2]string{"ascending", "descending"},
		ID: func(p org.CheckpointPermission) string { return p.ID }, Show: showCheckpointPermission,
	}
	const at = endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.List("GET "+checkpointPermissionsPath, access.CheckpointsRead, at, page, a.listCheckpointPermissions),
		endpoint.Write("POST "+checkpointPermissionsPath, access.CheckpointsWrite, at,
			[]audit.Action{audit.CheckpointPermissionCreated}, a.createCheckpointPermissions).Strict(),
		endpoint.Act("DELETE "+checkpointPermissionsPath+"/{permission_id}", access.CheckpointsWrite, at,
			[]audit.Action{audit.CheckpointPermissionDeleted}, a.deleteCheckpointPermission),
	}
}

func checkpointOf(c *endpoint.Call) string { return c.Path("fine_tuned_model_checkpoint") }

func (a *API) listCheckpointPermissions(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.CheckpointPermission], error) {
	filter := org.CheckpointPermissionFilter{Page: p, ProjectID: c.Query.String("project_id")}
	return a.org.CheckpointPermissions(ctx, c.OrganizationID(), checkpointOf(c), filter)
}

func (a *API) createCheckpointPermissions(ctx context.Context, c *endpoint.Call, in newCheckpointPermissions) (checkpointPermissions, error) {
	made, err := a.org.CreateCheckpointPermissions(ctx, c.Actor(), checkpointOf(c), in.ProjectIDs)
	if err != nil {
		return checkpointPermissions{}, err
	}
	shown := checkpointPermissions{Object: "list", FirstID: made[0].ID, LastID: made[len(made)-1].ID}
	for _, p := range made {
		shown.Data = append(shown.Data, showCheckpointPermission(p))
	}
	return shown, nil
}

func (a *API) deleteCheckpointPermission(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	permissionID := c.Path("permission_id")
	return endpoint.Deleted{Object: "checkpoint.permission", ID: permissionID, Deleted: true},
		a.org.DeleteCheckpointPermission(ctx, c.Actor(), checkpointOf(c), permissionID)
}

func showCheckpointPermission(p org.CheckpointPermission) checkpointPermission {
	return checkpointPermission{Object: "checkpoint.permission", ID: p.ID, CreatedAt: p.CreatedAt.Unix(), ProjectID: p.ProjectID}
}
