package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// dataRetention says how long what passes through the API is kept.
type dataRetention struct {
	Object string `json:"object"` // organization.data_retention or project.data_retention
	Type   string `json:"type"`
}

// retentionChange calls the type by another name than the answer does.
type retentionChange struct {
	Type string `json:"retention_type" required:"true"`
}

func (a *API) dataRetention() (rows []endpoint.Endpoint) {
	for _, h := range holders {
		path := h.path + "/data_retention"
		rows = append(rows,
			endpoint.Read("GET "+path, access.ManagementRead, h.at, a.getDataRetention),
			endpoint.Write("POST "+path, access.ManagementWrite, h.at, updatedAt(h), a.setDataRetention),
		)
	}
	return rows
}

func (a *API) getDataRetention(ctx context.Context, c *endpoint.Call) (dataRetention, error) {
	s, err := a.org.Settings(ctx, c.OrganizationID(), c.Path("project_id"))
	return showRetention(c, s), err
}

func (a *API) setDataRetention(ctx context.Context, c *endpoint.Call, in retentionChange) (dataRetention, error) {
	s, err := a.org.SetDataRetention(ctx, c.Actor(), c.Path("project_id"), in.Type)
	return showRetention(c, s), err
}

func showRetention(c *endpoint.Call, s org.Settings) dataRetention {
	return dataRetention{Object: object(c, "data_retention"), Type: s.Retention()}
}
