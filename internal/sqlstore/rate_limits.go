package sqlstore

import (
	"cmp"
	"context"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var rateLimits = table[org.RateLimitOverride]{
	name: "rate_limits", label: "Rate limit of model", key: 3,
	columns: []string{"model", "project_id", "organization_id", "rates"},
	fields: func(o *org.RateLimitOverride) []any {
		return []any{&o.Model, &o.ProjectID, &o.OrganizationID, jsonText[org.Rates]{&o.Rates}}
	},
}

func (r reader) RateLimitOverrides(ctx context.Context, organizationID, projectID string) ([]org.RateLimitOverride, error) {
	q := sqldb.NewQuery(rateLimits.selection())
	inProject(organizationID, projectID)(q)
	return rateLimits.all(ctx, r, q)
}

func (w *tx) PutRateLimitOverride(ctx context.Context, o org.RateLimitOverride) error {
	err := rateLimits.update(ctx, w, &o)
	if fault.Is(err, fault.NotFound) {
		err = rateLimits.insert(ctx, w, &o)
	}
	if err != nil {
		return err
	}
	w.change(org.ChangeRateLimits, o.OrganizationID, cmp.Or(o.ProjectID, o.OrganizationID))
	return nil
}

func (w *tx) DeleteRateLimitOverride(ctx context.Context, organizationID, projectID, model string) error {
	if err := rateLimits.remove(ctx, w, model, projectID, organizationID); err != nil {
		return err
	}
	w.change(org.ChangeRateLimits, organizationID, cmp.Or(projectID, organizationID))
	return nil
}
