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

// modelEndpoint is a named way to call a model as the API shows it.
type modelEndpoint struct {
	Object          string             `json:"object"` // model_endpoint
	ID              string             `json:"id"`
	Name            string             `json:"name"`
	WorkspaceID     string             `json:"workspace_id"`
	URL             string             `json:"url"` // relative to where weir listens
	Upstreams       []routing.Upstream `json:"upstreams"`
	Enabled         bool               `json:"enabled"`
	MaxOutputTokens *int64             `json:"max_output_tokens"` // null: the model's own
	Hangup          string             `json:"hangup"`            // drain or cancel
	Timeouts        timeouts           `json:"timeouts"`
	Retries         int                `json:"retries"`
	CreatedBy       *string            `json:"created_by"` // a user or service account
	CreatedAt       int64              `json:"created_at"`
}

// timeouts in milliseconds; null means the gateway's own.
type timeouts struct {
	ConnectMS   *int64 `json:"connect_ms"`
	FirstByteMS *int64 `json:"first_byte_ms"`
	IdleMS      *int64 `json:"idle_ms"`
	TotalMS     *int64 `json:"total_ms"`
}

// modelEndpointBody is a model endpoint to create or the fields of one to
// change.
type modelEndpointBody struct {
	Name            optional.Value[string]         `json:"name"`
	WorkspaceID     optional.Value[string]         `json:"workspace_id"`
	Upstreams       optional.Value[[]upstreamBody] `json:"upstreams"`
	Enabled         optional.Value[bool]           `json:"enabled"`
	MaxOutputTokens optional.Value[int64]          `json:"max_output_tokens"`
	Hangup          optional.Value[string]         `json:"hangup"`
	Timeouts        optional.Value[timeoutsBody]   `json:"timeouts"`
	Retries         optional.Value[int64]          `json:"retries"`
}

type upstreamBody struct {
	ConnectionID string                `json:"connection_id" required:"true"`
	Model        string                `json:"model" required:"true"`
	Priority     optional.Value[int64] `json:"priority"` // default 1
	Weight       optional.Value[int64] `json:"weight"`   // default 1
}

type timeoutsBody struct {
	ConnectMS   optional.Value[int64] `json:"connect_ms"`
	FirstByteMS optional.Value[int64] `json:"first_byte_ms"`
	IdleMS      optional.Value[int64] `json:"idle_ms"`
	TotalMS     optional.Value[int64] `json:"total_ms"`
}

// placedEndpoint is a model endpoint with the name of its workspace, which its
// address begins with.
type placedEndpoint struct {
	routing.ModelEndpoint
	workspace string
}

func (m *placedEndpoint) url() string { return "/" + m.workspace + "/models/" + m.Name }

func (a *API) modelEndpoints() []endpoint.Endpoint {
	const path, one = root + "/model_endpoints", root + "/model_endpoints/{model_endpoint_id}"
	page := endpoint.Listing[placedEndpoint, modelEndpoint]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(m placedEndpoint) string { return m.ID }, Show: showModelEndpoint,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, access.ModelEndpointsRead, endpoint.Anywhere, page, a.listModelEndpoints),
		endpoint.Write("POST "+path, access.ModelEndpointsWrite, endpoint.Anywhere,
			[]audit.Action{audit.ModelEndpointCreated}, a.createModelEndpoint),
		endpoint.Read("GET "+one, access.ModelEndpointsRead, endpoint.Anywhere, a.getModelEndpoint),
		endpoint.Write("POST "+one, access.ModelEndpointsWrite, endpoint.Anywhere,
			[]audit.Action{audit.ModelEndpointUpdated}, a.updateModelEndpoint),
		endpoint.Act("DELETE "+one, access.ModelEndpointsWrite, endpoint.Anywhere,
			[]audit.Action{audit.ModelEndpointDeleted}, a.deleteModelEndpoint),
	}
}

func (a *API) listModelEndpoints(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[placedEndpoint], error) {
	rows, err := a.org.ModelEndpoints(ctx, c.OrganizationID(), org.ModelEndpointFilter{
		Page: p, WorkspaceIDs: c.Workspaces(access.ModelEndpointsRead),
	})
	if err != nil {
		return org.Rows[placedEndpoint]{}, err
	}
	items, err := a.placed(ctx, c.OrganizationID(), rows.Items)
	return org.Rows[placedEndpoint]{Items: items, More: rows.More}, err
}

// createModelEndpoint is open to every member of the workspace: it stands on
// connections whose keys its creator never sees.
func (a *API) createModelEndpoint(ctx context.Context, c *endpoint.Call, in modelEndpointBody) (modelEndpoint, error) {
	workspaceID := in.WorkspaceID.Or("")
	if workspaceID == "" {
		w, err := a.org.DefaultWorkspace(ctx, c.OrganizationID())
		if err != nil {
			return modelEndpoint{}, err
		}
		workspaceID = w.ID
	}
	if err := c.Require(access.ModelEndpointsWrite, access.Scope{WorkspaceID: workspaceID}); err != nil {
		return modelEndpoint{}, err
	}
	m, err := a.org.CreateModelEndpoint(ctx, c.Actor(), in.fields(routing.Timeouts{}))
	if err != nil {
		return modelEndpoint{}, err
	}
	return a.showOne(ctx, m)
}

func (a *API) getModelEndpoint(ctx context.Context, c *endpoint.Call) (modelEndpoint, error) {
	m, err := a.visibleModelEndpoint(ctx, c)
	if err != nil {
		return modelEndpoint{}, err
	}
	return a.showOne(ctx, m)
}

func (a *API) updateModelEndpoint(ctx context.Context, c *endpoint.Call, in modelEndpointBody) (modelEndpoint, error) {
	m, err := a.changeableModelEndpoint(ctx, c)
	if err != nil {
		return modelEndpoint{}, err
	}
	if m, err = a.org.UpdateModelEndpoint(ctx, c.Actor(), m.ID, in.fields(m.Timeouts)); err != nil {
		return modelEndpoint{}, err
	}
	return a.showOne(ctx, m)
}

func (a *API) deleteModelEndpoint(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	m, err := a.changeableModelEndpoint(ctx, c)
	if err != nil {
		return endpoint.Deleted{}, err
	}
	return endpoint.Deleted{Object: "model_endpoint.deleted", ID: m.ID, Deleted: true}, a.org.DeleteModelEndpoint(ctx, c.Actor(), m.ID)
}

// visibleModelEndpoint is the model endpoint of the path; to who may not read
// its workspace there is no such endpoint.
func (a *API) visibleModelEndpoint(ctx context.Context, c *endpoint.Call) (routing.ModelEndpoint, error) {
	m, err := a.org.ModelEndpoint(ctx, c.OrganizationID(), c.Path("model_endpoint_id"))
	if err == nil && c.Require(access.ModelEndpointsRead, access.Scope{WorkspaceID: m.WorkspaceID}) != nil {
		err = errNotFound("Model endpoint", m.ID)
	}
	return m, err
}

func (a *API) changeableModelEndpoint(ctx context.Context, c *endpoint.Call) (routing.ModelEndpoint, error) {
	m, err := a.visibleModelEndpoint(ctx, c)
	if err != nil {
		return m, err
	}
	return m, c.Require(access.ModelEndpointsWrite, access.Scope{WorkspaceID: m.WorkspaceID})
}

// fields returns what was sent, timeouts laid over those there are.
func (b modelEndpointBody) fields(current routing.Timeouts) org.ModelEndpointFields {
	f := org.ModelEndpointFields{
		Name: b.Name, WorkspaceID: b.WorkspaceID, Enabled: b.Enabled, MaxOutputTokens: b.MaxOutputTokens,
		Hangup: b.Hangup, Retries: b.Retries,
	}
	if b.Upstreams.Given() {
		f.Upstreams = optional.Of(make([]routing.Upstream, len(b.Upstreams.V)))
		for i, u := range b.Upstreams.V {
			f.Upstreams.V[i] = routing.Upstream{
				ConnectionID: u.ConnectionID, Model: u.Model,
				Priority: int(u.Priority.Or(1)), Weight: int(u.Weight.Or(1)),
			}
		}
	}
	if b.Timeouts.Sent {
		f.Timeouts = optional.Value[routing.Timeouts]{Sent: true, Null: b.Timeouts.Null}
	}
	if b.Timeouts.Given() {
		f.Timeouts.V = b.Timeouts.V.over(current)
	}
	return f
}

// over returns t with what was sent in its place; null goes back to the
// gateway's own.
func (b timeoutsBody) over(t routing.Timeouts) routing.Timeouts {
	for _, field := range []struct {
		sent optional.Value[int64]
		to   *int64
	}{
		{b.ConnectMS, &t.ConnectMS}, {b.FirstByteMS, &t.FirstByteMS}, {b.IdleMS, &t.IdleMS}, {b.TotalMS, &t.TotalMS},
	} {
		if field.sent.Sent {
			*field.to = field.sent.V
		}
	}
	return t
}

// placed looks up the names of the endpoints' workspaces.
func (a *API) placed(ctx context.Context, organizationID string, endpoints []routing.ModelEndpoint) ([]placedEndpoint, error) {
	names := map[string]string{}
	for _, m := range endpoints {
		names[m.WorkspaceID] = ""
	}
	ids := make([]string, 0, len(names))
	for id := range names {
		ids = append(ids, id)
	}
	workspaces, err := a.org.Workspaces(ctx, organizationID, ids, org.Page{Limit: max(len(ids), 1)})
	if err != nil {
		return nil, err
	}
	for _, w := range workspaces.Items {
		names[w.ID] = w.Name
	}
	placed := make([]placedEndpoint, len(endpoints))
	for i, m := range endpoints {
		placed[i] = placedEndpoint{m, names[m.WorkspaceID]}
	}
	return placed, nil
}

func (a *API) showOne(ctx context.Context, m routing.ModelEndpoint) (modelEndpoint, error) {
	placed, err := a.placed(ctx, m.OrganizationID, []routing.ModelEndpoint{m})
	if err != nil {
		return modelEndpoint{}, err
	}
	return showModelEndpoint(placed[0]), nil
}

func showModelEndpoint(m placedEndpoint) modelEndpoint {
	return modelEndpoint{
		Object: "model_endpoint", ID: m.ID, Name: m.Name, WorkspaceID: m.WorkspaceID, URL: m.url(),
		Upstreams: listed(m.Upstreams), Enabled: m.Enabled, MaxOutputTokens: positiveOrNull(m.MaxOutputTokens),
		Hangup: string(m.Hangup), Retries: m.Retries,
		Timeouts: timeouts{
			ConnectMS: positiveOrNull(m.Timeouts.ConnectMS), FirstByteMS: positiveOrNull(m.Timeouts.FirstByteMS),
			IdleMS: positiveOrNull(m.Timeouts.IdleMS), TotalMS: positiveOrNull(m.Timeouts.TotalMS),
		},
		CreatedBy: endpoint.TextOrNull(m.CreatedBy), CreatedAt: m.CreatedAt.Unix(),
	}
}
