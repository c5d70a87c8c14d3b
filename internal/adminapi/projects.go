package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// project is a project as the API shows it.
type project struct {
	Object        string  `json:"object"` // organization.project
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	CreatedAt     int64   `json:"created_at"`
	ArchivedAt    *int64  `json:"archived_at"`
	Status        string  `json:"status"` // active or archived
	ExternalKeyID *string `json:"external_key_id"`
	Residency     string  `json:"residency,omitempty"` // has no null in the contract
}

type newProject struct {
	Name          string                 `json:"name" required:"true"`
	Residency     optional.Value[string] `json:"residency"`
	ExternalKeyID optional.Value[string] `json:"external_key_id"`
}

type projectChange struct {
	Name          optional.Value[string] `json:"name"`
	ExternalKeyID optional.Value[string] `json:"external_key_id"`
}

const (
	projectsPath = "/v1/organization/projects"
	projectPath  = projectsPath + "/{project_id}"
)

func (a *API) projects() []endpoint.Endpoint {
	page := endpoint.Listing[org.Project, project]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(p org.Project) string { return p.ID }, Show: showProject,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+projectsPath, access.ProjectRead, endpoint.Anywhere, page, a.listProjects),
		endpoint.Write("POST "+projectsPath, access.ManagementWrite, endpoint.AtOrganization,
			[]audit.Action{audit.ProjectCreated}, a.createProject),
		endpoint.Read("GET "+projectPath, access.ProjectRead, endpoint.AtProject, a.project),
		endpoint.Write("POST "+projectPath, access.ProjectWrite, endpoint.AtProject,
			[]audit.Action{audit.ProjectUpdated}, a.updateProject),
		endpoint.Act("POST "+projectPath+"/archive", access.ProjectWrite, endpoint.AtProject,
			[]audit.Action{audit.ProjectArchived}, a.archiveProject),
	}
}

// listProjects shows whoever administers some projects those alone.
func (a *API) listProjects(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.Project], error) {
	filter := org.ProjectFilter{Page: p, IncludeArchived: c.Query.Bool("include_archived", false), IDs: c.Projects(access.ProjectRead)}
	if err := c.Query.Err(); err != nil {
		return org.Rows[org.Project]{}, err
	}
	return a.org.Projects(ctx, c.OrganizationID(), filter)
}

func (a *API) createProject(ctx context.Context, c *endpoint.Call, in newProject) (project, error) {
	p, err := a.org.CreateProject(ctx, c.Actor(), org.NewProject(in))
	return showProject(p), err
}

func (a *API) project(ctx context.Context, c *endpoint.Call) (project, error) {
	p, err := a.org.Project(ctx, c.OrganizationID(), c.Path("project_id"))
	return showProject(p), err
}

func (a *API) updateProject(ctx context.Context, c *endpoint.Call, in projectChange) (project, error) {
	p, err := a.org.UpdateProject(ctx, c.Actor(), c.Path("project_id"), org.ProjectChange(in))
	return showProject(p), err
}

func (a *API) archiveProject(ctx context.Context, c *endpoint.Call) (project, error) {
	p, err := a.org.ArchiveProject(ctx, c.Actor(), c.Path("project_id"))
	return showProject(p), err
}

func showProject(p org.Project) project {
	status := "active"
	if p.Archived() {
		status = "archived"
	}
	return project{
		Object: "organization.project", ID: p.ID, Name: p.Name,
		CreatedAt: p.CreatedAt.Unix(), ArchivedAt: endpoint.SecondsOrNull(p.ArchivedAt), Status: status,
		ExternalKeyID: endpoint.TextOrNull(p.ExternalKeyID), Residency: p.Residency,
	}
}
