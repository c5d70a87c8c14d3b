package sqlstore

import (
	"context"

	"weir/internal/org"
	"weir/internal/sqldb"
)

var projects = table[org.Project]{
	name: "projects", label: "Project", key: 2, listed: true,
	columns: []string{"id", "organization_id", "name", "external_key_id", "residency", "archived_at", "created_at"},
	fields: func(p *org.Project) []any {
		return []any{&p.ID, &p.OrganizationID, &p.Name, &p.ExternalKeyID, &p.Residency, instant{&p.ArchivedAt}, instant{&p.CreatedAt}}
	},
}

func (r reader) Project(ctx context.Context, organizationID, projectID string) (org.Project, error) {
	return projects.get(ctx, r, projectID, organizationID)
}

func (r reader) Projects(ctx context.Context, organizationID string, f org.ProjectFilter) (org.Rows[org.Project], error) {
	return projects.page(ctx, r, f.Page, list{
		organizationID: organizationID,
		scope: func(q *sqldb.Query) {
			inOrganization(organizationID)(q)
			if f.IDs != nil {
				q.And("id", sqldb.In(storableOf(f.IDs)))
			}
		},
		filter: func(q *sqldb.Query) {
			if !f.IncludeArchived {
				q.Where("archived_at = 0") // as the index has it
			}
		},
	})
}

func (r reader) EachProject(ctx context.Context, fn func(org.Project) error) error {
	return projects.each(ctx, r, sqldb.NewQuery(projects.selection()), fn)
}

func (w *tx) InsertProject(ctx context.Context, p org.Project) error {
	if err := projects.insert(ctx, w, &p); err != nil {
		return err
	}
	w.change(org.ChangeProject, p.OrganizationID, p.ID)
	return nil
}

func (w *tx) UpdateProject(ctx context.Context, p org.Project) error {
	if err := projects.update(ctx, w, &p); err != nil {
		return err
	}
	w.change(org.ChangeProject, p.OrganizationID, p.ID)
	return nil
}
