package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// rateLimit is what holds for a model in a project. Fields that mean nothing
// for the model are left out.
type rateLimit struct {
	Object string `json:"object"` // project.rate_limit
	ID     string `json:"id"`     // rl-<model>
	Model  string `json:"model"`
	endpoint.Rates
}

func (a *API) rateLimits() []endpoint.Endpoint {
	const path, at = projectPath + "/rate_limits", endpoint.AtProject
	page := endpoint.Listing[org.RateLimit, rateLimit]{
		Limit: 100, Min: 1, Before: true, ID: func(l org.RateLimit) string { return l.ID() }, Show: showRateLimit,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, access.RateLimitsRead, at, page, a.listRateLimits),
		endpoint.Write("POST "+path+"/{rate_limit_id}", access.RateLimitsWrite, at,
			[]audit.Action{audit.RateLimitUpdated}, a.updateRateLimit),
	}
}

func (a *API) listRateLimits(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.RateLimit], error) {
	return a.org.RateLimits(ctx, c.OrganizationID(), c.Path("project_id"), p)
}

func (a *API) updateRateLimit(ctx context.Context, c *endpoint.Call, in endpoint.RatesChange) (rateLimit, error) {
	l, err := a.org.UpdateRateLimit(ctx, c.Actor(), c.Path("project_id"), c.Path("rate_limit_id"), in.Rates())
	return showRateLimit(l), err
}

func showRateLimit(l org.RateLimit) rateLimit {
	return rateLimit{Object: "project.rate_limit", ID: l.ID(), Model: l.Model, Rates: endpoint.ShowRates(l.Rates)}
}
