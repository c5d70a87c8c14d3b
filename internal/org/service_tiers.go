package org

import (
	"context"
	"slices"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/optional"
)

// StandardTier is the service tier that every project has.
const StandardTier = "standard"

// allTiers stands for every tier there is and will be.
const allTiers = "all"

// DefaultTier is the tier of requests that name none.
func (s Settings) DefaultTier() string {
	if s.ServiceTier == "" {
		return StandardTier
	}
	return s.ServiceTier
}

// ServiceTierChange is a partial update of a project's service tiers; at least
// one of its fields is sent. Which tiers a default needs enabled, OpenAI's API
// does not say: the two are not held against each other.
type ServiceTierChange struct {
	Default optional.Value[string] // standard, fast or scale
	All     bool                   // every tier is enabled, future ones too
	Enabled []string               // unless All: flex, fast, ultrafast; nil: not sent
}

// Validate reports the first rule that in breaks.
func (in ServiceTierChange) Validate() error {
	if !in.Default.Given() && !in.All && in.Enabled == nil {
		return fault.Invalidf("missing_required_parameter", "", "Missing required parameter: one of 'default' and 'enabled_tiers'.")
	}
	if in.Default.Given() {
		if err := fault.OneOf("default", in.Default.V, []string{StandardTier, "fast", "scale"}); err != nil {
			return err
		}
	}
	return oneOfEach("enabled_tiers", in.Enabled, []string{"flex", "fast", "ultrafast"})
}

// SetServiceTiers changes what was sent of an active project's service tiers.
func (s *Service) SetServiceTiers(ctx context.Context, actor audit.Actor, projectID string, in ServiceTierChange) (Settings, error) {
	if err := in.Validate(); err != nil {
		return Settings{}, err
	}
	requested := map[string]any{}
	if in.Default.Given() {
		requested["default"] = in.Default.V
	}
	switch {
	case in.All:
		requested["enabled_tiers"] = allTiers
	case in.Enabled != nil:
		requested["enabled_tiers"] = in.Enabled
	}
	return s.changeSettings(ctx, actor, projectID, holder, map[string]any{"service_tier_settings": requested}, func(s *Settings) error {
		s.ServiceTier = in.Default.Or(s.ServiceTier)
		switch {
		case in.All:
			s.ServiceTiers = nil
		case in.Enabled != nil:
			s.ServiceTiers = slices.Clone(in.Enabled)
		}
		return nil
	})
}
