package sqlstore

import (
	"cmp"
	"context"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var settings = table[org.Settings]{
	name: "settings", label: "Settings", key: 2,
	columns: []string{
		"project_id", "organization_id", "spend_limit", "model_permissions", "disabled_tools",
		"service_tier", "service_tiers", "data_retention",
	},
	fields: func(s *org.Settings) []any {
		return []any{
			&s.ProjectID, &s.OrganizationID, &s.SpendLimit, jsonText[*org.ModelPermissions]{&s.Models}, jsonText[[]org.HostedTool]{&s.DisabledTools},
			&s.ServiceTier, jsonText[[]string]{&s.ServiceTiers}, &s.DataRetention,
		}
	},
}

func (r reader) Settings(ctx context.Context, organizationID, projectID string) (org.Settings, error) {
	return settings.get(ctx, r, projectID, organizationID)
}

func (r reader) EachSettings(ctx context.Context, fn func(org.Settings) error) error {
	return settings.each(ctx, r, sqldb.NewQuery(settings.selection()), fn)
}

func (w *tx) PutSettings(ctx context.Context, s org.Settings) error {
	err := settings.update(ctx, w, &s)
	if fault.Is(err, fault.NotFound) {
		err = settings.insert(ctx, w, &s)
	}
	if err != nil {
		return err
	}
	w.change(org.ChangeSettings, s.OrganizationID, cmp.Or(s.ProjectID, s.OrganizationID))
	return nil
}
