package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// spendLimit is the sum at which calls are refused for the rest of the month.
type spendLimit struct {
	Object      string      `json:"object"` // organization.spend_limit or project.spend_limit
	Threshold   int64       `json:"threshold_amount"`
	Currency    string      `json:"currency"`
	Interval    string      `json:"interval"`
	Enforcement enforcement `json:"enforcement"`
}

type enforcement struct {
	Status string `json:"status"` // inactive or enforcing
}

// spend is a body, or the part of one, that says a sum and a time.
type spend struct {
	Threshold int64  `json:"threshold_amount" required:"true"` // cents
	Currency  string `json:"currency" required:"true"`
	Interval  string `json:"interval" required:"true"`
}

func (a *API) spendLimits() (rows []endpoint.Endpoint) {
	for _, h := range holders {
		path, changed := h.path+"/spend_limit", updatedAt(h)
		rows = append(rows,
			endpoint.Read("GET "+path, access.BillingRead, h.at, a.spendLimit),
			endpoint.Write("POST "+path, access.BillingWrite, h.at, changed, a.setSpendLimit),
			endpoint.Act("DELETE "+path, access.BillingWrite, h.at, changed, a.deleteSpendLimit),
		)
	}
	return rows
}

// updatedAt is what the audit log says when a setting changes.
func updatedAt(h scoped) []audit.Action {
	if h.at == endpoint.AtOrganization {
		return []audit.Action{audit.OrganizationUpdated}
	}
	return []audit.Action{audit.ProjectUpdated}
}

func (a *API) spendLimit(ctx context.Context, c *endpoint.Call) (spendLimit, error) {
	l, err := a.org.SpendLimit(ctx, c.OrganizationID(), c.Path("project_id"))
	return showSpendLimit(c, l), err
}

func (a *API) setSpendLimit(ctx context.Context, c *endpoint.Call, in spend) (spendLimit, error) {
	l, err := a.org.SetSpendLimit(ctx, c.Actor(), c.Path("project_id"), org.Spend(in))
	return showSpendLimit(c, l), err
}

func (a *API) deleteSpendLimit(ctx context.Context, c *endpoint.Call) (gone, error) {
	return gone{Object: object(c, "spend_limit.deleted"), Deleted: true},
		a.org.DeleteSpendLimit(ctx, c.Actor(), c.Path("project_id"))
}

func showSpendLimit(c *endpoint.Call, l org.SpendLimit) spendLimit {
	status := "inactive"
	if l.Enforcing {
		status = "enforcing"
	}
	return spendLimit{
		Object: object(c, "spend_limit"), Threshold: l.Threshold, Currency: org.SpendCurrency, Interval: org.SpendInterval,
		Enforcement: enforcement{status},
	}
}
