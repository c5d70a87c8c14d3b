package sqlstore

import (
	"cmp"
	"context"

	"weir/internal/org"
)

var spendAlerts = table[org.SpendAlert]{
	name: "spend_alerts", label: "Spend alert", key: 3, listed: true,
	columns: []string{"id", "project_id", "organization_id", "threshold", "recipients", "subject_prefix", "created_at"},
	fields: func(a *org.SpendAlert) []any {
		return []any{
			&a.ID, &a.ProjectID, &a.OrganizationID, &a.Threshold, jsonText[[]string]{&a.Recipients}, &a.SubjectPrefix, instant{&a.CreatedAt},
		}
	},
}

func (r reader) SpendAlert(ctx context.Context, organizationID, projectID, alertID string) (org.SpendAlert, error) {
	return spendAlerts.get(ctx, r, alertID, projectID, organizationID)
}

func (r reader) SpendAlerts(ctx context.Context, organizationID, projectID string, p org.Page) (org.Rows[org.SpendAlert], error) {
	return spendAlerts.page(ctx, r, p, list{organizationID: organizationID, scope: inProject(organizationID, projectID)})
}

func (w *tx) InsertSpendAlert(ctx context.Context, a org.SpendAlert) error {
	return w.changedAlerts(a.OrganizationID, a.ProjectID, spendAlerts.insert(ctx, w, &a))
}

func (w *tx) UpdateSpendAlert(ctx context.Context, a org.SpendAlert) error {
	return w.changedAlerts(a.OrganizationID, a.ProjectID, spendAlerts.update(ctx, w, &a))
}

func (w *tx) DeleteSpendAlert(ctx context.Context, organizationID, projectID, alertID string) error {
	return w.changedAlerts(organizationID, projectID, spendAlerts.remove(ctx, w, alertID, projectID, organizationID))
}

// changedAlerts registers that a holder's alerts changed, unless err says that
// they did not.
func (w *tx) changedAlerts(organizationID, projectID string, err error) error {
	if err == nil {
		w.change(org.ChangeSpendAlerts, organizationID, cmp.Or(projectID, organizationID))
	}
	return err
}
