package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
)

// workspace is where connections and model endpoints live, as the API shows it.
type workspace struct {
	Object     string    `json:"object"` // workspace
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	ProjectIDs *[]string `json:"project_ids"` // null: every project
	CreatedAt  int64     `json:"created_at"`
}

type newWorkspace struct {
	Name       string                   `json:"name" required:"true"`
	ProjectIDs optional.Value[[]string] `json:"project_ids"`
}

type workspaceChange struct {
	Name       optional.Value[string]   `json:"name"`
	ProjectIDs optional.Value[[]string] `json:"project_ids"`
}

const (
	workspacesPath = root + "/workspaces"
	workspacePath  = workspacesPath + "/{workspace_id}"
)

func (a *API) workspaces() []endpoint.Endpoint {
	page := endpoint.Listing[routing.Workspace, workspace]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(w routing.Workspace) string { return w.ID }, Show: showWorkspace,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+workspacesPath, access.WorkspacesRead, endpoint.Anywhere, page, a.listWorkspaces),
		endpoint.Write("POST "+workspacesPath, access.WorkspacesWrite, endpoint.AtOrganization,
			[]audit.Action{audit.WorkspaceCreated}, a.createWorkspace),
		endpoint.Read("GET "+workspacePath, access.WorkspacesRead, endpoint.AtWorkspace, a.getWorkspace),
		endpoint.Write("POST "+workspacePath, access.WorkspacesWrite, endpoint.AtWorkspace,
			[]audit.Action{audit.WorkspaceUpdated}, a.updateWorkspace),
		endpoint.Act("DELETE "+workspacePath, access.WorkspacesWrite, endpoint.AtWorkspace,
			[]audit.Action{audit.WorkspaceDeleted}, a.deleteWorkspace),
	}
}

func (a *API) listWorkspaces(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[routing.Workspace], error) {
	return a.org.Workspaces(ctx, c.OrganizationID(), c.Workspaces(access.WorkspacesRead), p)
}

func (a *API) createWorkspace(ctx context.Context, c *endpoint.Call, in newWorkspace) (workspace, error) {
	w, err := a.org.CreateWorkspace(ctx, c.Actor(), org.NewWorkspace{Name: in.Name, ProjectIDs: in.ProjectIDs.V})
	return showWorkspace(w), err
}

func (a *API) getWorkspace(ctx context.Context, c *endpoint.Call) (workspace, error) {
	w, err := a.org.Workspace(ctx, c.OrganizationID(), c.Path("workspace_id"))
	return showWorkspace(w), err
}

func (a *API) updateWorkspace(ctx context.Context, c *endpoint.Call, in workspaceChange) (workspace, error) {
	w, err := a.org.UpdateWorkspace(ctx, c.Grantor(), c.Path("workspace_id"), org.WorkspaceChange(in))
	return showWorkspace(w), err
}

func (a *API) deleteWorkspace(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	workspaceID := c.Path("workspace_id")
	return endpoint.Deleted{Object: "workspace.deleted", ID: workspaceID, Deleted: true}, a.org.DeleteWorkspace(ctx, c.Actor(), workspaceID)
}

func showWorkspace(w routing.Workspace) workspace {
	shown := workspace{Object: "workspace", ID: w.ID, Name: w.Name, CreatedAt: w.CreatedAt.Unix()}
	if w.ProjectIDs != nil {
		shown.ProjectIDs = &w.ProjectIDs
	}
	return shown
}
