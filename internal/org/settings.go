package org

import (
	"context"
	"fmt"

	"weir/internal/audit"
	"weir/internal/fault"
)

// Settings are what is kept once for an organization or for one of its projects.
// The zero of each field is what holds when nobody has set it. An organization
// has a spend limit and data retention only.
type Settings struct {
	ProjectID      string // "": the organization's own
	OrganizationID string
	SpendLimit     int64             // cents in a calendar month; 0: none
	Models         *ModelPermissions // nil: every model
	DisabledTools  []HostedTool
	ServiceTier    string   // of requests that name none; "": StandardTier
	ServiceTiers   []string // beside the standard one; nil: all, future ones too
	DataRetention  string   // "": DefaultRetention, for a project OrganizationDefault
}

// settingsOf returns what is kept for a holder.
func settingsOf(ctx context.Context, r Reader, organizationID, projectID string) (Settings, error) {
	settings, err := r.Settings(ctx, organizationID, projectID)
	if fault.Is(err, fault.NotFound) {
		return Settings{ProjectID: projectID, OrganizationID: organizationID}, nil
	}
	return settings, err
}

// Settings returns what is kept for an active project or, with projectID "", for
// the organization.
func (s *Service) Settings(ctx context.Context, organizationID, projectID string) (Settings, error) {
	return view(ctx, s.Store, func(r Reader) (Settings, error) {
		if _, err := holder(ctx, r, organizationID, projectID); err != nil {
			return Settings{}, err
		}
		return settingsOf(ctx, r, organizationID, projectID)
	})
}

// holderOf finds who holds settings, and refuses where they cannot be changed.
type holderOf func(ctx context.Context, r Reader, organizationID, projectID string) (*Project, error)

// changeSettings applies change to the settings of a holder. requested is what
// the audit log says was asked for.
func (s *Service) changeSettings(ctx context.Context, actor audit.Actor, projectID string, who holderOf, requested map[string]any, change func(*Settings) error) (Settings, error) {
	var settings Settings
	err := s.update(ctx, actor, func(tx Tx) error {
		project, err := who(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if settings, err = settingsOf(ctx, tx, actor.OrganizationID, projectID); err != nil {
			return err
		}
		if err := change(&settings); err != nil {
			return err
		}
		tx.Record(holderUpdated(actor.OrganizationID, project, requested))
		return tx.PutSettings(ctx, settings)
	})
	return settings, err
}

// holderUpdated is the event of a change of an organization or a project, nil
// for the organization.
func holderUpdated(organizationID string, project *Project, requested map[string]any) audit.Event {
	if project == nil {
		return event(audit.OrganizationUpdated, nil, details{ID: organizationID, Changes: requested})
	}
	return event(audit.ProjectUpdated, project, details{ID: project.ID, Changes: requested})
}

// errNoSetting says that the holder has none of what is asked for.
func errNoSetting(what, organizationID, projectID string) error {
	if projectID == "" {
		return fault.NotFoundf("Organization with ID '%s' has no %s.", organizationID, what)
	}
	return fault.NotFoundf("Project with ID '%s' has no %s.", projectID, what)
}

// oneOfEach refuses a list in which a value is not allowed or comes twice.
func oneOfEach(param string, values, allowed []string) error {
	seen := map[string]bool{}
	for i, v := range values {
		at := fmt.Sprintf("%s[%d]", param, i)
		if err := fault.OneOf(at, v, allowed); err != nil {
			return err
		}
		if seen[v] {
			return fault.Invalidf("invalid_value", at, "Invalid '%s': '%s' is there twice.", at, v)
		}
		seen[v] = true
	}
	return nil
}
