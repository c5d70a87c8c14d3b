package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// modelPermissions say which models a project may call.
type modelPermissions struct {
	Object   string   `json:"object"` // project.model_permissions
	Mode     string   `json:"mode"`   // allow_list or deny_list
	ModelIDs []string `json:"model_ids"`
}

type newModelPermissions struct {
	Mode     string   `json:"mode" required:"true"`
	ModelIDs []string `json:"model_ids" required:"true"`
}

func (a *API) modelPermissions() []endpoint.Endpoint {
	const path, at = projectPath + "/model_permissions", endpoint.AtProject
	changed := []audit.Action{audit.ProjectUpdated}
	return []endpoint.Endpoint{
		endpoint.Read("GET "+path, access.ProjectModelsRead, at, a.getModelPermissions),
		endpoint.Write("POST "+path, access.ProjectModelsWrite, at, changed, a.setModelPermissions),
		endpoint.Act("DELETE "+path, access.ProjectModelsWrite, at, changed, a.deleteModelPermissions),
	}
}

func (a *API) getModelPermissions(ctx context.Context, c *endpoint.Call) (modelPermissions, error) {
	m, err := a.org.ModelPermissions(ctx, c.OrganizationID(), c.Path("project_id"))
	return showModelPermissions(m), err
}

func (a *API) setModelPermissions(ctx context.Context, c *endpoint.Call, in newModelPermissions) (modelPermissions, error) {
	m, err := a.org.SetModelPermissions(ctx, c.Actor(), c.Path("project_id"), org.ModelPermissions(in))
	return showModelPermissions(m), err
}

func (a *API) deleteModelPermissions(ctx context.Context, c *endpoint.Call) (gone, error) {
	return gone{Object: "project.model_permissions.deleted", Deleted: true},
		a.org.DeleteModelPermissions(ctx, c.Actor(), c.Path("project_id"))
}

func showModelPermissions(m org.ModelPermissions) modelPermissions {
	return modelPermissions{Object: "project.model_permissions", Mode: m.Mode, ModelIDs: m.ModelIDs}
}
