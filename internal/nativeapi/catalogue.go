package nativeapi

import (
	"context"
	"slices"
	"strings"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/routing"
)

// catalogueModel is a model of a connection: one that the provider listed when
// last asked, or that the connection was told to serve.
type catalogueModel struct {
	Object     string     `json:"object"` // model
	ID         string     `json:"id"`
	OwnedBy    *string    `json:"owned_by"` // null: not known
	KnownPrice bool       `json:"known_price"`
	ServedBy   []servedBy `json:"served_by"`
}

// servedBy is a model endpoint that stands on the model.
type servedBy struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

func (a *API) catalogue() []endpoint.Endpoint {
	page := endpoint.Listing[catalogueModel, catalogueModel]{
		Limit: 20, Min: 1, Max: 1000, Ascending: true,
		ID: func(m catalogueModel) string { return m.ID }, Show: endpoint.Same[catalogueModel],
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+root+"/connections/{connection_id}/models", access.ConnectionsRead, endpoint.Anywhere, page, a.listCatalogue),
	}
}

// listCatalogue searches the models of a connection for q, in any case and
// anywhere in the id, in the order of ids.
func (a *API) listCatalogue(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[catalogueModel], error) {
	var rows org.Rows[catalogueModel]
	conn, err := a.visibleConnection(ctx, c)
	if err != nil {
		return rows, err
	}
	ids := slices.Concat(conn.Models, conn.Discovered)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if p.After != "" {
		at, found := slices.BinarySearch(ids, p.After)
		if !found {
			return rows, fault.Invalidf("invalid_cursor", "after", "Invalid 'after': there is no '%s' in this list.", p.After)
		}
		ids = ids[at+1:]
	}
	if q := strings.ToLower(c.Query.String("q")); q != "" {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.Contains(strings.ToLower(id), q) })
	}
	if rows.More = len(ids) > p.Limit; rows.More {
		ids = ids[:p.Limit]
	}
	serving, err := a.serving(ctx, c, conn.ID)
	for _, id := range ids {
		rows.Items = append(rows.Items, catalogueModel{
			Object: "model", ID: id, KnownPrice: a.book.Known(id), ServedBy: listed(serving[id]),
		})
	}
	return rows, err
}

// serving returns the model endpoints on a connection, by upstream model, that
// the caller may see.
func (a *API) serving(ctx context.Context, c *endpoint.Call, connectionID string) (map[string][]servedBy, error) {
	endpoints, err := a.org.ModelEndpointsOn(ctx, c.OrganizationID(), connectionID)
	if err != nil {
		return nil, err
	}
	endpoints = slices.DeleteFunc(endpoints, func(m routing.ModelEndpoint) bool {
		return c.Require(access.ModelEndpointsRead, access.Scope{WorkspaceID: m.WorkspaceID}) != nil
	})
	placed, err := a.placed(ctx, c.OrganizationID(), endpoints)
	if err != nil {
		return nil, err
	}
	serving := map[string][]servedBy{}
	for _, m := range placed {
		seen := map[string]bool{}
		for _, u := range m.Upstreams {
			if u.ConnectionID == connectionID && !seen[u.Model] {
				seen[u.Model] = true
				serving[u.Model] = append(serving[u.Model], servedBy{ID: m.ID, Name: m.Name, URL: m.url()})
			}
		}
	}
	return serving, nil
}
