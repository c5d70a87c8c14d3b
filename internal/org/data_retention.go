package org

import (
	"context"
	"slices"

	"weir/internal/audit"
	"weir/internal/fault"
)

// How long OpenAI's API keeps what passes through it. weir keeps the word; where
// it has to do something for it, the gateway does.
const (
	OrganizationDefault = "organization_default" // of a project: what its organization has
	NoRetention         = "none"                 // of a project: none of the controls below

	// DefaultRetention is an organization's that has set nothing. OpenAI's API has
	// no word for "none" there; of those it has, this asks least of requests: what
	// applications store on purpose stays stored.
	DefaultRetention = "modified_abuse_monitoring"
)

// organizationRetention is what an organization can choose; its projects can
// choose the two words above too.
var organizationRetention = []string{
	"zero_data_retention", DefaultRetention, "enhanced_zero_data_retention", "enhanced_modified_abuse_monitoring",
}

// Retention is the data retention that was set, or what holds when none was.
func (s Settings) Retention() string {
	switch {
	case s.DataRetention != "":
		return s.DataRetention
	case s.ProjectID != "":
		return OrganizationDefault
	}
	return DefaultRetention
}

// SetDataRetention sets the data retention of an active project or, with
// projectID "", of the organization.
func (s *Service) SetDataRetention(ctx context.Context, actor audit.Actor, projectID, retention string) (Settings, error) {
	allowed := organizationRetention
	if projectID != "" {
		allowed = slices.Concat([]string{OrganizationDefault, NoRetention}, allowed)
	}
	if err := fault.OneOf("retention_type", retention, allowed); err != nil {
		return Settings{}, err
	}
	return s.changeSettings(ctx, actor, projectID, holder, map[string]any{"retention_type": retention}, func(s *Settings) error {
		s.DataRetention = retention
		return nil
	})
}
