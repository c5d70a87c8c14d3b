package org

import "context"

// What the change feed carries of settings. Both go by the id of the project or,
// for the organization's own, the organization's.
const (
	ChangeSettings    ChangeKind = "settings"
	ChangeSpendAlerts ChangeKind = "spend_alerts"
)

// SettingsReader reads settings and spend alerts. A projectID of "" asks for the
// organization's own.
type SettingsReader interface {
	// Settings is not found where nothing was ever set.
	Settings(ctx context.Context, organizationID, projectID string) (Settings, error)
	// EachSettings calls fn with those of every holder of every organization.
	EachSettings(ctx context.Context, fn func(Settings) error) error

	SpendAlert(ctx context.Context, organizationID, projectID, alertID string) (SpendAlert, error)
	SpendAlerts(ctx context.Context, organizationID, projectID string, p Page) (Rows[SpendAlert], error)
}

// SettingsWriter writes settings and spend alerts.
type SettingsWriter interface {
	// PutSettings inserts or replaces.
	PutSettings(ctx context.Context, s Settings) error

	InsertSpendAlert(ctx context.Context, a SpendAlert) error
	UpdateSpendAlert(ctx context.Context, a SpendAlert) error
	DeleteSpendAlert(ctx context.Context, organizationID, projectID, alertID string) error
}
