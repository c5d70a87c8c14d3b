package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// rateLimit is what holds for a model: in the organization, where it is the most
// that a project may set, or in a project.
type rateLimit struct {
	Object string `json:"object"` // organization.rate_limit or project.rate_limit
	ID     string `json:"id"`     // rl-<model>
	Model  string `json:"model"`
	endpoint.Rates
	IsDefault bool `json:"is_default"` // nothing of it was set
}

func (a *API) rateLimits() []endpoint.Endpoint {
	const path, at = root + "/rate_limits", endpoint.AtOrganization
	page := endpoint.Listing[org.RateLimit, rateLimit]{
		Limit: 100, Min: 1, Max: endpoint.MaxPage, Before: true,
		ID: func(l org.RateLimit) string { return l.ID() }, Show: showRateLimit("organization"),
	}
	reset := []audit.Action{audit.RateLimitDeleted}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, access.RateLimitsRead, at, page, a.listRateLimits),
		endpoint.Write("POST "+path+"/{rate_limit_id}", access.RateLimitsWrite, at,
			[]audit.Action{audit.RateLimitUpdated}, a.updateRateLimit),
		endpoint.Act("DELETE "+path+"/{rate_limit_id}", access.RateLimitsWrite, at, reset, a.resetRateLimit),
		endpoint.Act("DELETE "+root+"/projects/{project_id}/rate_limits/{rate_limit_id}", access.RateLimitsWrite,
			endpoint.AtProject, reset, a.resetRateLimit),
	}
}

func (a *API) listRateLimits(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.RateLimit], error) {
	return a.org.RateLimits(ctx, c.OrganizationID(), "", p)
}

func (a *API) updateRateLimit(ctx context.Context, c *endpoint.Call, in endpoint.RatesChange) (rateLimit, error) {
	l, err := a.org.UpdateRateLimit(ctx, c.Actor(), "", c.Path("rate_limit_id"), in.Rates())
	return showRateLimit("organization")(l), err
}

// resetRateLimit answers what holds without what was set.
func (a *API) resetRateLimit(ctx context.Context, c *endpoint.Call) (rateLimit, error) {
	projectID, of := c.Path("project_id"), "organization"
	if projectID != "" {
		of = "project"
	}
	l, err := a.org.ResetRateLimit(ctx, c.Actor(), projectID, c.Path("rate_limit_id"))
	return showRateLimit(of)(l), err
}

func showRateLimit(of string) func(org.RateLimit) rateLimit {
	return func(l org.RateLimit) rateLimit {
		return rateLimit{
			Object: of + ".rate_limit", ID: l.ID(), Model: l.Model, Rates: endpoint.ShowRates(l.Rates), IsDefault: !l.Set,
		}
	}
}
