package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/optional"
	"weir/internal/org"
)

// ipAllowlist is a list of addresses as the API shows it.
type ipAllowlist struct {
	Object     string   `json:"object"` // ip_allowlist
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Scope      string   `json:"scope"` // organization or project
	ProjectID  *string  `json:"project_id"`
	AllowedIPs []string `json:"allowed_ips"` // as weir keeps them: 192.0.2.0/24, 2001:db8::1
	Active     bool     `json:"active"`
	CreatedAt  int64    `json:"created_at"`
}

// toggledIPAllowlists answers an activation or deactivation of several.
type toggledIPAllowlists struct {
	Object string        `json:"object"` // ip_allowlist.activation or ip_allowlist.deactivation
	Data   []ipAllowlist `json:"data"`
}

type newIPAllowlist struct {
	Name       string                 `json:"name" required:"true"`
	AllowedIPs []string               `json:"allowed_ips" required:"true"`
	Scope      optional.Value[string] `json:"scope"` // follows from project_id
	ProjectID  optional.Value[string] `json:"project_id"`
}

type ipAllowlistChange struct {
	Name       optional.Value[string]   `json:"name"`
	AllowedIPs optional.Value[[]string] `json:"allowed_ips"`
}

type someIPAllowlists struct {
	IDs []string `json:"ip_allowlist_ids" required:"true"`
}

// The scopes of lists.
const (
	organizationScope = "organization"
	projectScope      = "project"
)

func (a *API) ipAllowlists() []endpoint.Endpoint {
	const path, one = root + "/ip_allowlists", root + "/ip_allowlists/{ip_allowlist_id}"
	page := endpoint.Listing[org.IPAllowlist, ipAllowlist]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(l org.IPAllowlist) string { return l.ID }, Show: showIPAllowlist,
	}
	const read, write, at = access.IPAllowlistsRead, access.IPAllowlistsWrite, endpoint.AtOrganization
	rows := []endpoint.Endpoint{
		endpoint.List("GET "+path, read, at, page, a.listIPAllowlists),
		endpoint.Write("POST "+path, write, at, []audit.Action{audit.IPAllowlistCreated}, a.createIPAllowlist),
		endpoint.Read("GET "+one, read, at, a.getIPAllowlist),
		endpoint.Write("POST "+one, write, at, []audit.Action{audit.IPAllowlistUpdated}, a.updateIPAllowlist),
		endpoint.Act("DELETE "+one, write, at, []audit.Action{audit.IPAllowlistDeleted}, a.deleteIPAllowlist),
	}
	for _, t := range []struct {
		verb, object string
		records      audit.Action
		active       bool
	}{
		{"activate", "ip_allowlist.activation", audit.IPAllowlistsActivated, true},
		{"deactivate", "ip_allowlist.deactivation", audit.IPAllowlistsDeactivated, false},
	} {
		rows = append(rows,
			endpoint.Write("POST "+path+"/"+t.verb, write, at, []audit.Action{t.records},
				func(ctx context.Context, c *endpoint.Call, in someIPAllowlists) (toggledIPAllowlists, error) {
					lists, err := a.org.ToggleIPAllowlists(ctx, c.Actor(), in.IDs, t.active)
					shown := toggledIPAllowlists{Object: t.object, Data: make([]ipAllowlist, len(lists))}
					for i, l := range lists {
						shown.Data[i] = showIPAllowlist(l)
					}
					return shown, err
				}),
			endpoint.Act("POST "+one+"/"+t.verb, write, at, []audit.Action{t.records},
				func(ctx context.Context, c *endpoint.Call) (ipAllowlist, error) {
					l, err := a.org.ToggleIPAllowlist(ctx, c.Actor(), c.Path("ip_allowlist_id"), t.active)
					return showIPAllowlist(l), err
				}),
		)
	}
	return rows
}

func (a *API) listIPAllowlists(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.IPAllowlist], error) {
	return a.org.IPAllowlists(ctx, c.OrganizationID(), p)
}

func (a *API) createIPAllowlist(ctx context.Context, c *endpoint.Call, in newIPAllowlist) (ipAllowlist, error) {
	if err := in.checkScope(); err != nil {
		return ipAllowlist{}, err
	}
	l, err := a.org.CreateIPAllowlist(ctx, c.Actor(), org.NewIPAllowlist{
		Name: in.Name, ProjectID: in.ProjectID.V, AllowedIPs: in.AllowedIPs,
	})
	return showIPAllowlist(l), err
}

// checkScope refuses a list that says that it is of one thing and names another:
// it would count elsewhere than its author believes.
func (in newIPAllowlist) checkScope() error {
	if in.ProjectID.Given() && in.ProjectID.V == "" {
		return fault.EmptyString("project_id")
	}
	if !in.Scope.Given() {
		return nil
	}
	if err := fault.OneOf("scope", in.Scope.V, []string{organizationScope, projectScope}); err != nil {
		return err
	}
	switch ofProject := in.Scope.V == projectScope; {
	case ofProject && !in.ProjectID.Given():
		return fault.MissingParam("project_id")
	case !ofProject && in.ProjectID.Given():
		return fault.Invalidf("invalid_value", "scope", "Invalid 'scope': a list with a 'project_id' is of that project, not of the organization.")
	}
	return nil
}

func (a *API) getIPAllowlist(ctx context.Context, c *endpoint.Call) (ipAllowlist, error) {
	l, err := a.org.IPAllowlist(ctx, c.OrganizationID(), c.Path("ip_allowlist_id"))
	return showIPAllowlist(l), err
}

func (a *API) updateIPAllowlist(ctx context.Context, c *endpoint.Call, in ipAllowlistChange) (ipAllowlist, error) {
	l, err := a.org.UpdateIPAllowlist(ctx, c.Actor(), c.Path("ip_allowlist_id"), org.IPAllowlistChange(in))
	return showIPAllowlist(l), err
}

func (a *API) deleteIPAllowlist(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	allowlistID := c.Path("ip_allowlist_id")
	return endpoint.Deleted{Object: "ip_allowlist.deleted", ID: allowlistID, Deleted: true},
		a.org.DeleteIPAllowlist(ctx, c.Actor(), allowlistID)
}

func showIPAllowlist(l org.IPAllowlist) ipAllowlist {
	shown := ipAllowlist{
		Object: "ip_allowlist", ID: l.ID, Name: l.Name, Scope: organizationScope, ProjectID: endpoint.TextOrNull(l.ProjectID),
		AllowedIPs: listed(l.AllowedIPs), Active: l.Active, CreatedAt: l.CreatedAt.Unix(),
	}
	if l.ProjectID != "" {
		shown.Scope = projectScope
	}
	return shown
}
