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

// connection is a provider account as the API shows it: of its secrets only
// what is needed to recognise them.
type connection struct {
	Object           string    `json:"object"` // connection
	ID               string    `json:"id"`
	Name             string    `json:"name"`
	Description      string    `json:"description"`
	Provider         string    `json:"provider"`
	BaseURL          string    `json:"base_url"`
	APIKeyRedacted   *string   `json:"api_key_redacted"`
	AdminKeyRedacted *string   `json:"admin_key_redacted"`
	HeaderNames      []string  `json:"header_names"` // of the extra request headers; values are secrets
	Organization     *string   `json:"organization"` // sent upstream
	Project          *string   `json:"project"`      // sent upstream
	Workspaces       []string  `json:"workspaces"`   // ids
	Models           []string  `json:"models"`       // that it serves
	ModelsDiscovered bool      `json:"models_discovered"`
	NoStreamUsage    bool      `json:"no_stream_usage"`
	Status           string    `json:"status"` // of the inference side: none, ok, error
	LastError        *string   `json:"last_error"`
	Inference        inference `json:"inference"`
	Billing          billing   `json:"billing"`
	ProbedAt         *int64    `json:"probed_at"`
	CreatedAt        int64     `json:"created_at"`
}

// inference is the state of the side that answers model calls.
type inference struct {
	Status    string    `json:"status"`
	LastError *string   `json:"last_error"`
	Circuits  []circuit `json:"circuits"` // that are not closed, at the node that answers
}

// circuit says that calls are kept away from one model of a connection, since it
// fails.
type circuit struct {
	Model    *string `json:"model"` // null: calls that name none
	State    string  `json:"state"` // open or half_open
	OpenedAt int64   `json:"opened_at"`
	RetryAt  int64   `json:"retry_at"` // when one call is let through next, to see
	Reason   string  `json:"reason"`   // of the failure that opened it
}

// billing is the state of the side that reads the provider's bill. weir does
// not read bills yet, so it is always "none".
type billing struct {
	Status        string        `json:"status"`
	LastError     *billingError `json:"last_error"`
	LastSuccessAt *int64        `json:"last_success_at"`
	NextRefreshAt *int64        `json:"next_refresh_at"`
	DaysDone      *int64        `json:"days_done"`
	DaysTotal     *int64        `json:"days_total"`
}

type billingError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// probedConnection is a connection that was just saved, with what its keys
// turned out to be able to do.
type probedConnection struct {
	connection
	Probe probe `json:"probe"`
}

type probe struct {
	APIKey   *apiKeyProbe   `json:"api_key"` // null: not tried
	AdminKey *adminKeyProbe `json:"admin_key"`
}

type apiKeyProbe struct {
	OK     bool     `json:"ok"`
	Models []string `json:"models"`
	Error  *string  `json:"error"`
}

type adminKeyProbe struct {
	OK       bool     `json:"ok"`
	Scopes   []string `json:"scopes"`
	CanWrite *bool    `json:"can_write"` // null: nothing tells
	Error    *string  `json:"error"`
}

// connectionBody is a connection to create or the fields of one to change.
type connectionBody struct {
	Name          optional.Value[string]            `json:"name"`
	Description   optional.Value[string]            `json:"description"`
	Provider      optional.Value[string]            `json:"provider"`
	BaseURL       optional.Value[string]            `json:"base_url"`
	APIKey        optional.Value[string]            `json:"api_key"`
	AdminKey      optional.Value[string]            `json:"admin_key"`
	Organization  optional.Value[string]            `json:"organization"`
	Project       optional.Value[string]            `json:"project"`
	WorkspaceIDs  optional.Value[[]string]          `json:"workspace_ids"`
	Models        optional.Value[[]string]          `json:"models"`
	Headers       optional.Value[map[string]string] `json:"headers"`
	NoStreamUsage optional.Value[bool]              `json:"no_stream_usage"`
}

func (a *API) connections() []endpoint.Endpoint {
	const path, one = root + "/connections", root + "/connections/{connection_id}"
	page := endpoint.Listing[routing.Connection, connection]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(c routing.Connection) string { return c.ID }, Show: a.showConnection,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, access.ConnectionsRead, endpoint.Anywhere, page, a.listConnections),
		endpoint.Write("POST "+path, access.ConnectionsWrite, endpoint.Anywhere,
			[]audit.Action{audit.ConnectionCreated}, a.createConnection),
		endpoint.Read("GET "+one, access.ConnectionsRead, endpoint.Anywhere, a.getConnection),
		endpoint.Write("POST "+one, access.ConnectionsWrite, endpoint.Anywhere,
			[]audit.Action{audit.ConnectionUpdated}, a.updateConnection),
		endpoint.Act("DELETE "+one, access.ConnectionsWrite, endpoint.Anywhere,
			[]audit.Action{audit.ConnectionDeleted}, a.deleteConnection),
	}
}

func (a *API) listConnections(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[routing.Connection], error) {
	return a.org.Connections(ctx, c.OrganizationID(), org.ConnectionFilter{
		Page: p, WorkspaceIDs: c.Workspaces(access.ConnectionsRead),
	})
}

// createConnection needs the right to manage connections in every workspace the
// new one will live in.
func (a *API) createConnection(ctx context.Context, c *endpoint.Call, in connectionBody) (probedConnection, error) {
	workspaceIDs := in.WorkspaceIDs.V
	if !in.WorkspaceIDs.Given() {
		w, err := a.org.DefaultWorkspace(ctx, c.OrganizationID())
		if err != nil {
			return probedConnection{}, err
		}
		workspaceIDs = []string{w.ID}
	}
	if err := requireInAll(c, access.ConnectionsWrite, workspaceIDs); err != nil {
		return probedConnection{}, err
	}
	conn, found, err := a.org.CreateConnection(ctx, c.Actor(), in.fields())
	return probedConnection{a.showConnection(conn), showProbe(found)}, err
}

func (a *API) getConnection(ctx context.Context, c *endpoint.Call) (connection, error) {
	conn, err := a.visibleConnection(ctx, c)
	return a.showConnection(conn), err
}

func (a *API) updateConnection(ctx context.Context, c *endpoint.Call, in connectionBody) (probedConnection, error) {
	current, err := a.managedConnection(ctx, c)
	if err != nil {
		return probedConnection{}, err
	}
	if err := requireInAll(c, access.ConnectionsWrite, in.WorkspaceIDs.V); err != nil {
		return probedConnection{}, err
	}
	if in.Provider.V == string(current.Provider) { // sent back as it was read
		in.Provider = optional.Value[string]{}
	}
	conn, found, err := a.org.UpdateConnection(ctx, c.Actor(), current.ID, in.fields())
	return probedConnection{a.showConnection(conn), showProbe(found)}, err
}

// deleteConnection takes ?confirm=true, which the deletion of a connection with
// billed costs asks for, and needs it for none yet: weir reads no bills.
func (a *API) deleteConnection(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	c.Query.Bool("confirm", false)
	if err := c.Query.Err(); err != nil {
		return endpoint.Deleted{}, err
	}
	conn, err := a.managedConnection(ctx, c)
	if err != nil {
		return endpoint.Deleted{}, err
	}
	return endpoint.Deleted{Object: "connection.deleted", ID: conn.ID, Deleted: true}, a.org.DeleteConnection(ctx, c.Actor(), conn.ID)
}

// visibleConnection is the connection of the path; to who may read none of its
// workspaces there is no such connection.
func (a *API) visibleConnection(ctx context.Context, c *endpoint.Call) (routing.Connection, error) {
	conn, err := a.org.Connection(ctx, c.OrganizationID(), c.Path("connection_id"))
	if err == nil && !inSome(c, access.ConnectionsRead, conn.WorkspaceIDs) {
		err = errNotFound("Connection", conn.ID)
	}
	return conn, err
}

// managedConnection is the connection of the path, for callers who may manage
// connections in all of its workspaces: a change shows in each of them.
func (a *API) managedConnection(ctx context.Context, c *endpoint.Call) (routing.Connection, error) {
	conn, err := a.visibleConnection(ctx, c)
	if err != nil {
		return conn, err
	}
	return conn, requireInAll(c, access.ConnectionsWrite, conn.WorkspaceIDs)
}

func (b connectionBody) fields() org.ConnectionFields { return org.ConnectionFields(b) }

func (a *API) showConnection(c routing.Connection) connection {
	return connection{
		Object: "connection", ID: c.ID, Name: c.Name, Description: c.Description,
		Provider: string(c.Provider), BaseURL: c.BaseURL,
		APIKeyRedacted: endpoint.TextOrNull(c.APIKeyRedacted), AdminKeyRedacted: endpoint.TextOrNull(c.AdminKeyRedacted),
		HeaderNames:  listed(c.HeaderNames),
		Organization: endpoint.TextOrNull(c.UpstreamOrganization), Project: endpoint.TextOrNull(c.UpstreamProject),
		Workspaces: listed(c.WorkspaceIDs),
		Models:     listed(c.Serves()), ModelsDiscovered: c.Models == nil, NoStreamUsage: c.NoStreamUsage,
		Status: string(c.Status), LastError: endpoint.TextOrNull(c.LastError),
		Inference: inference{Status: string(c.Status), LastError: endpoint.TextOrNull(c.LastError), Circuits: a.circuits(&c)},
		Billing:   billing{Status: "none"},
		ProbedAt:  endpoint.SecondsOrNull(c.ProbedAt), CreatedAt: c.CreatedAt.Unix(),
	}
}

func (a *API) circuits(c *routing.Connection) []circuit {
	shown := []circuit{}
	if a.upstreams == nil {
		return shown
	}
	for _, open := range a.upstreams.Circuits(c.OrganizationID, c.ID) {
		shown = append(shown, circuit{
			Model: endpoint.TextOrNull(open.Model), State: string(open.State),
			OpenedAt: open.OpenedAt.Unix(), RetryAt: open.RetryAt.Unix(), Reason: open.Reason,
		})
	}
	return shown
}

func showProbe(found routing.Probe) probe {
	var p probe
	if k := found.APIKey; k != nil {
		p.APIKey = &apiKeyProbe{OK: k.OK, Models: listed(k.Models), Error: endpoint.TextOrNull(k.Error)}
	}
	if k := found.AdminKey; k != nil {
		p.AdminKey = &adminKeyProbe{OK: k.OK, Scopes: listed(k.Scopes), CanWrite: k.CanWrite, Error: endpoint.TextOrNull(k.Error)}
	}
	return p
}
