package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/sqldb"
)

var workspaces = table[routing.Workspace]{
	name: "workspaces", label: "Workspace", key: 2, listed: true,
	columns: []string{"id", "organization_id", "name", "project_ids", "created_at"},
	fields: func(w *routing.Workspace) []any {
		return []any{&w.ID, &w.OrganizationID, &w.Name, jsonText[[]string]{&w.ProjectIDs}, instant{&w.CreatedAt}}
	},
	taken: func(w *routing.Workspace) error { return nameTaken("Workspace", w.Name) },
}

func (r reader) Workspace(ctx context.Context, organizationID, workspaceID string) (routing.Workspace, error) {
	return workspaces.get(ctx, r, workspaceID, organizationID)
}

func (r reader) WorkspaceByName(ctx context.Context, organizationID, name string) (routing.Workspace, error) {
	missing := fault.NotFoundf("Workspace '%s' not found.", legible(name))
	return workspaces.find(ctx, r, missing, `organization_id = $1 AND name = $2`, organizationID, name)
}

func (r reader) Workspaces(ctx context.Context, organizationID string, ids []string, p org.Page) (org.Rows[routing.Workspace], error) {
	return workspaces.page(ctx, r, p, list{organizationID: organizationID, scope: func(q *sqldb.Query) {
		inOrganization(organizationID)(q)
		if ids != nil {
			q.And("id", sqldb.In(storableOf(ids)))
		}
	}})
}

func (w *tx) InsertWorkspace(ctx context.Context, ws routing.Workspace) error {
	if err := workspaces.insert(ctx, w, &ws); err != nil {
		return err
	}
	w.change(org.ChangeWorkspace, ws.OrganizationID, ws.ID)
	return nil
}

func (w *tx) UpdateWorkspace(ctx context.Context, ws routing.Workspace) error {
	if err := workspaces.update(ctx, w, &ws); err != nil {
		return err
	}
	w.change(org.ChangeWorkspace, ws.OrganizationID, ws.ID)
	return nil
}

func (w *tx) DeleteWorkspace(ctx context.Context, organizationID, workspaceID string) error {
	if !storableArgs([]any{organizationID, workspaceID}) {
		return workspaces.missing(workspaceID)
	}
	err := memberships.removeWhere(ctx, w, func(q *sqldb.Query) {
		q.And("organization_id", sqldb.Equal(organizationID)).And("workspace_id", sqldb.Equal(workspaceID))
	})
	if err != nil {
		return err
	}
	if err := workspaces.remove(ctx, w, workspaceID, organizationID); err != nil {
		return err
	}
	w.change(org.ChangeWorkspace, organizationID, workspaceID)
	return nil
}

var memberships = table[org.WorkspaceMembership]{
	name: "workspace_memberships", label: "Workspace member", key: 3, listed: true, holder: "workspace_id",
	columns: []string{"principal_id", "workspace_id", "organization_id", "principal_kind", "role", "created_at"},
	fields: func(m *org.WorkspaceMembership) []any {
		return []any{&m.PrincipalID, &m.WorkspaceID, &m.OrganizationID, &m.PrincipalKind, &m.Role, instant{&m.CreatedAt}}
	},
}

func (r reader) WorkspaceMembership(ctx context.Context, organizationID, workspaceID, principalID string) (org.WorkspaceMembership, error) {
	return memberships.get(ctx, r, principalID, workspaceID, organizationID)
}

func (r reader) WorkspaceMemberships(ctx context.Context, organizationID, workspaceID string, p org.Page) (org.Rows[org.WorkspaceMembership], error) {
	return memberships.page(ctx, r, p, list{organizationID: organizationID, holder: workspaceID, scope: func(q *sqldb.Query) {
		q.And("organization_id", sqldb.Equal(organizationID)).And("workspace_id", sqldb.Equal(workspaceID))
	}})
}

func (r reader) MembershipsOf(ctx context.Context, organizationID, principalID string) ([]org.WorkspaceMembership, error) {
	q := sqldb.NewQuery(memberships.selection()).
		And("organization_id", sqldb.Equal(organizationID)).
		Where("principal_id = ? OR principal_id IN (SELECT group_id FROM group_members WHERE organization_id = ? AND principal_id = ?)",
			principalID, organizationID, principalID).
		Add(" ORDER BY created_at, workspace_id, principal_id")
	return memberships.all(ctx, r, q)
}

func (w *tx) PutWorkspaceMembership(ctx context.Context, m org.WorkspaceMembership) error {
	err := memberships.update(ctx, w, &m)
	if fault.Is(err, fault.NotFound) {
		err = memberships.insert(ctx, w, &m)
	}
	if err != nil {
		return err
	}
	w.change(org.ChangeWorkspace, m.OrganizationID, m.WorkspaceID)
	return nil
}

func (w *tx) DeleteWorkspaceMembership(ctx context.Context, organizationID, workspaceID, principalID string) error {
	if err := memberships.remove(ctx, w, principalID, workspaceID, organizationID); err != nil {
		return err
	}
	w.change(org.ChangeWorkspace, organizationID, workspaceID)
	return nil
}

// leaveWorkspaces removes every membership of a principal that is gone.
func (w *tx) leaveWorkspaces(ctx context.Context, organizationID, principalID string) error {
	err := memberships.vacate(ctx, w, func(q *sqldb.Query) {
		q.And("organization_id", sqldb.Equal(organizationID)).And("principal_id", sqldb.Equal(principalID))
	})
	if err != nil {
		return err
	}
	left, err := w.execReturning(ctx, `DELETE FROM workspace_memberships WHERE organization_id = $1 AND principal_id = $2 RETURNING workspace_id`, organizationID, principalID)
	if err != nil {
		return fmt.Errorf("deleting the memberships of %s: %w", principalID, err)
	}
	slices.Sort(left)
	for _, workspaceID := range left {
		w.change(org.ChangeWorkspace, organizationID, workspaceID)
	}
	return nil
}
