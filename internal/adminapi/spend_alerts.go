package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// spendAlert tells people when a sum was spent in a month.
type spendAlert struct {
	ID        string       `json:"id"`
	Object    string       `json:"object"` // organization.spend_alert or project.spend_alert
	Threshold int64        `json:"threshold_amount"`
	Currency  string       `json:"currency"`
	Interval  string       `json:"interval"`
	Channel   alertChannel `json:"notification_channel"`
}

type alertChannel struct {
	Type          string   `json:"type"` // email
	Recipients    []string `json:"recipients"`
	SubjectPrefix *string  `json:"subject_prefix"` // null: none
}

// spendAlertFields is a body that says all of an alert.
type spendAlertFields struct {
	spend
	Channel newAlertChannel `json:"notification_channel" required:"true"`
}

type newAlertChannel struct {
	Type          string                 `json:"type" required:"true"`
	Recipients    []string               `json:"recipients" required:"true"`
	SubjectPrefix optional.Value[string] `json:"subject_prefix"`
}

func (a *API) spendAlerts() (rows []endpoint.Endpoint) {
	for _, h := range holders {
		path, changed := h.path+"/spend_alerts", updatedAt(h)
		one := path + "/{alert_id}"
		page := endpoint.Listing[org.SpendAlert, spendAlert]{
			Limit: 20, Max: 100, Ascending: true, Ordered: true, Before: true,
			ID: func(alert org.SpendAlert) string { return alert.ID }, Show: showSpendAlert,
		}
		rows = append(rows,
			endpoint.List("GET "+path, access.BillingRead, h.at, page, a.listSpendAlerts),
			endpoint.Write("POST "+path, access.BillingWrite, h.at, changed, a.createSpendAlert),
			endpoint.Read("GET "+one, access.BillingRead, h.at, a.spendAlert),
			endpoint.Write("POST "+one, access.BillingWrite, h.at, changed, a.updateSpendAlert),
			endpoint.Act("DELETE "+one, access.BillingWrite, h.at, changed, a.deleteSpendAlert),
		)
	}
	return rows
}

func (a *API) listSpendAlerts(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.SpendAlert], error) {
	return a.org.SpendAlerts(ctx, c.OrganizationID(), c.Path("project_id"), p)
}

func (a *API) createSpendAlert(ctx context.Context, c *endpoint.Call, in spendAlertFields) (spendAlert, error) {
	alert, err := a.org.CreateSpendAlert(ctx, c.Actor(), c.Path("project_id"), in.fields())
	return showSpendAlert(alert), err
}

func (a *API) spendAlert(ctx context.Context, c *endpoint.Call) (spendAlert, error) {
	alert, err := a.org.SpendAlert(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("alert_id"))
	return showSpendAlert(alert), err
}

func (a *API) updateSpendAlert(ctx context.Context, c *endpoint.Call, in spendAlertFields) (spendAlert, error) {
	alert, err := a.org.UpdateSpendAlert(ctx, c.Actor(), c.Path("project_id"), c.Path("alert_id"), in.fields())
	return showSpendAlert(alert), err
}

func (a *API) deleteSpendAlert(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	alertID := c.Path("alert_id")
	return endpoint.Deleted{Object: object(c, "spend_alert.deleted"), ID: alertID, Deleted: true},
		a.org.DeleteSpendAlert(ctx, c.Actor(), c.Path("project_id"), alertID)
}

func (in spendAlertFields) fields() org.SpendAlertFields {
	return org.SpendAlertFields{
		Spend: org.Spend(in.spend), ChannelType: in.Channel.Type, Recipients: in.Channel.Recipients, SubjectPrefix: in.Channel.SubjectPrefix,
	}
}

func showSpendAlert(alert org.SpendAlert) spendAlert {
	of := "project"
	if alert.ProjectID == "" {
		of = "organization"
	}
	return spendAlert{
		ID: alert.ID, Object: of + ".spend_alert", Threshold: alert.Threshold, Currency: org.SpendCurrency, Interval: org.SpendInterval,
		Channel: alertChannel{Type: "email", Recipients: alert.Recipients, SubjectPrefix: endpoint.TextOrNull(alert.SubjectPrefix)},
	}
}
