package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/sqldb"
)

var connections = table[routing.Connection]{
	name: "connections", label: "Connection", key: 2, listed: true,
	columns: []string{
		"id", "organization_id", "name", "description", "provider", "base_url",
		"api_key", "api_key_redacted", "admin_key", "admin_key_redacted", "headers", "header_names",
		"upstream_organization", "upstream_project", "models", "discovered", "no_stream_usage",
		"status", "last_error", "probed_at", "created_at",
	},
	derived: []string{`(SELECT STRING_AGG(w.workspace_id, ',' ORDER BY w.workspace_id) FROM connection_workspaces w WHERE w.connection_id = connections.id)`},
	fields: func(c *routing.Connection) []any {
		return []any{
			&c.ID, &c.OrganizationID, &c.Name, &c.Description, &c.Provider, &c.BaseURL,
			sealed{&c.APIKey}, &c.APIKeyRedacted, sealed{&c.AdminKey}, &c.AdminKeyRedacted, sealed{&c.Headers}, jsonText[[]string]{&c.HeaderNames},
			&c.UpstreamOrganization, &c.UpstreamProject, jsonText[[]string]{&c.Models}, jsonText[[]string]{&c.Discovered}, truth{&c.NoStreamUsage},
			&c.Status, &c.LastError, instant{&c.ProbedAt}, instant{&c.CreatedAt},
			idList{&c.WorkspaceIDs},
		}
	},
}

func (r reader) Connection(ctx context.Context, organizationID, connectionID string) (routing.Connection, error) {
	return connections.get(ctx, r, connectionID, organizationID)
}

func (r reader) Connections(ctx context.Context, organizationID string, f org.ConnectionFilter) (org.Rows[routing.Connection], error) {
	return connections.page(ctx, r, f.Page, list{organizationID: organizationID, scope: func(q *sqldb.Query) {
		inOrganization(organizationID)(q)
		if f.WorkspaceIDs != nil {
			whereIn(q, "id", "SELECT connection_id FROM connection_workspaces WHERE workspace_id", storableOf(f.WorkspaceIDs))
		}
	}})
}

func (r reader) EachConnection(ctx context.Context, fn func(routing.Connection) error) error {
	return connections.each(ctx, r, sqldb.NewQuery(connections.selection()), fn)
}

func (w *tx) InsertConnection(ctx context.Context, c routing.Connection) error {
	if err := connections.insert(ctx, w, &c); err != nil {
		return err
	}
	w.change(org.ChangeConnection, c.OrganizationID, c.ID)
	return w.placeConnection(ctx, &c)
}

func (w *tx) UpdateConnection(ctx context.Context, c routing.Connection) error {
	if err := connections.update(ctx, w, &c); err != nil {
		return err
	}
	w.change(org.ChangeConnection, c.OrganizationID, c.ID)
	if _, err := w.exec(ctx, `DELETE FROM connection_workspaces WHERE connection_id = $1`, c.ID); err != nil {
		return fmt.Errorf("taking connection %s out of its workspaces: %w", c.ID, err)
	}
	return w.placeConnection(ctx, &c)
}

// placeConnection puts a connection that is in no workspace into its own.
func (w *tx) placeConnection(ctx context.Context, c *routing.Connection) error {
	for _, workspaceID := range slices.Compact(slices.Sorted(slices.Values(c.WorkspaceIDs))) {
		_, err := w.exec(ctx, `INSERT INTO connection_workspaces (connection_id, workspace_id, organization_id) VALUES ($1, $2, $3)`, c.ID, workspaceID, c.OrganizationID)
		if err != nil {
			return fmt.Errorf("putting connection %s into workspace %s: %w", c.ID, workspaceID, err)
		}
	}
	return nil
}

func (w *tx) DeleteConnection(ctx context.Context, organizationID, connectionID string) error {
	if !storableArgs([]any{organizationID, connectionID}) {
		return connections.missing(connectionID)
	}
	if _, err := w.exec(ctx, `DELETE FROM connection_workspaces WHERE organization_id = $1 AND connection_id = $2`, organizationID, connectionID); err != nil {
		return fmt.Errorf("taking connection %s out of its workspaces: %w", connectionID, err)
	}
	if err := connections.remove(ctx, w, connectionID, organizationID); err != nil {
		return err
	}
	w.change(org.ChangeConnection, organizationID, connectionID)
	return nil
}
