package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/sqldb"
)

var modelEndpoints = table[routing.ModelEndpoint]{
	name: "model_endpoints", label: "Model endpoint", key: 2, listed: true,
	columns: []string{
		"id", "organization_id", "workspace_id", "name", "upstreams", "enabled", "max_output_tokens", "hangup",
		"connect_timeout_ms", "first_byte_timeout_ms", "idle_timeout_ms", "total_timeout_ms",
		"retries", "created_by", "created_at",
	},
	fields: func(m *routing.ModelEndpoint) []any {
		return []any{
			&m.ID, &m.OrganizationID, &m.WorkspaceID, &m.Name, jsonText[[]routing.Upstream]{&m.Upstreams}, truth{&m.Enabled}, &m.MaxOutputTokens, &m.Hangup,
			&m.Timeouts.ConnectMS, &m.Timeouts.FirstByteMS, &m.Timeouts.IdleMS, &m.Timeouts.TotalMS,
			&m.Retries, &m.CreatedBy, instant{&m.CreatedAt},
		}
	},
	taken: func(m *routing.ModelEndpoint) error { return nameTaken("Model endpoint", m.Name) },
}

func (r reader) ModelEndpoint(ctx context.Context, organizationID, modelEndpointID string) (routing.ModelEndpoint, error) {
	return modelEndpoints.get(ctx, r, modelEndpointID, organizationID)
}

func (r reader) ModelEndpoints(ctx context.Context, organizationID string, f org.ModelEndpointFilter) (org.Rows[routing.ModelEndpoint], error) {
	return modelEndpoints.page(ctx, r, f.Page, list{organizationID: organizationID, scope: func(q *sqldb.Query) {
		inOrganization(organizationID)(q)
		if f.WorkspaceIDs != nil {
			q.And("workspace_id", sqldb.In(storableOf(f.WorkspaceIDs)))
		}
	}})
}

func (r reader) ModelEndpointsOn(ctx context.Context, organizationID, connectionID string) ([]routing.ModelEndpoint, error) {
	q := sqldb.NewQuery(modelEndpoints.selection())
	inOrganization(organizationID)(q)
	whereIn(q, "id", "SELECT model_endpoint_id FROM model_endpoint_connections WHERE connection_id", []string{connectionID})
	return modelEndpoints.all(ctx, r, q.Add(" ORDER BY created_at, id"))
}

func (w *tx) InsertModelEndpoint(ctx context.Context, m routing.ModelEndpoint) error {
	if err := modelEndpoints.insert(ctx, w, &m); err != nil {
		return err
	}
	w.change(org.ChangeModelEndpoint, m.OrganizationID, m.ID)
	return w.placeUpstreams(ctx, &m)
}

func (w *tx) UpdateModelEndpoint(ctx context.Context, m routing.ModelEndpoint) error {
	if err := modelEndpoints.update(ctx, w, &m); err != nil {
		return err
	}
	w.change(org.ChangeModelEndpoint, m.OrganizationID, m.ID)
	if err := w.takeUpstreams(ctx, m.OrganizationID, m.ID); err != nil {
		return err
	}
	return w.placeUpstreams(ctx, &m)
}

func (w *tx) DeleteModelEndpoint(ctx context.Context, organizationID, modelEndpointID string) error {
	if !storableArgs([]any{organizationID, modelEndpointID}) {
		return modelEndpoints.missing(modelEndpointID)
	}
	if err := w.takeUpstreams(ctx, organizationID, modelEndpointID); err != nil {
		return err
	}
	if err := modelEndpoints.remove(ctx, w, modelEndpointID, organizationID); err != nil {
		return err
	}
	w.change(org.ChangeModelEndpoint, organizationID, modelEndpointID)
	return nil
}

// placeUpstreams notes which connections m stands on; takeUpstreams forgets it.
func (w *tx) placeUpstreams(ctx context.Context, m *routing.ModelEndpoint) error {
	ids := make([]string, len(m.Upstreams))
	for i, u := range m.Upstreams {
		ids[i] = u.ConnectionID
	}
	slices.Sort(ids)
	for _, connectionID := range slices.Compact(ids) {
		_, err := w.exec(ctx, `INSERT INTO model_endpoint_connections (model_endpoint_id, connection_id, organization_id) VALUES ($1, $2, $3)`, m.ID, connectionID, m.OrganizationID)
		if err != nil {
			return fmt.Errorf("putting model endpoint %s on connection %s: %w", m.ID, connectionID, err)
		}
	}
	return nil
}

func (w *tx) takeUpstreams(ctx context.Context, organizationID, modelEndpointID string) error {
	_, err := w.exec(ctx, `DELETE FROM model_endpoint_connections WHERE organization_id = $1 AND model_endpoint_id = $2`, organizationID, modelEndpointID)
	if err != nil {
		return fmt.Errorf("taking model endpoint %s off its connections: %w", modelEndpointID, err)
	}
	return nil
}
