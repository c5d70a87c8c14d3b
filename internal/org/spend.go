package org

import (
	"context"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/money"
)

// maxCents is the largest sum that money can hold.
const maxCents = money.Limit * 100

// The one currency and the one interval that OpenAI's API has for limits and
// alerts.
const (
	SpendCurrency = "USD"
	SpendInterval = "month"
)

// Spend is a sum that may be spent in a time.
type Spend struct {
	Threshold int64  // cents
	Currency  string // SpendCurrency
	Interval  string // SpendInterval, of the calendar, UTC
}

// check refuses sums below least cents.
func (in Spend) check(least int64) error {
	if err := fault.InRange("threshold_amount", in.Threshold, least, maxCents); err != nil {
		return err
	}
	if err := fault.OneOf("currency", in.Currency, []string{SpendCurrency}); err != nil {
		return err
	}
	return fault.OneOf("interval", in.Interval, []string{SpendInterval})
}

func (in Spend) requested() map[string]any {
	return map[string]any{"threshold_amount": in.Threshold, "currency": in.Currency, "interval": in.Interval}
}

// SpendLimit is a sum at which calls are refused for the rest of the month.
type SpendLimit struct {
	Threshold int64 // cents
	Enforcing bool  // it is reached, and calls are refused
}

// spendLimit is the limit of settings that have one.
func (s Settings) spendLimit() SpendLimit {
	return SpendLimit{Threshold: s.SpendLimit} // nothing refuses calls for it yet
}

// SpendLimit returns the limit of an active project or, with projectID "", of the
// organization. Without one it is not found.
func (s *Service) SpendLimit(ctx context.Context, organizationID, projectID string) (SpendLimit, error) {
	settings, err := s.Settings(ctx, organizationID, projectID)
	if err == nil && settings.SpendLimit == 0 {
		err = errNoSpendLimit(organizationID, projectID)
	}
	return settings.spendLimit(), err
}

func errNoSpendLimit(organizationID, projectID string) error {
	return errNoSetting("spend limit", organizationID, projectID)
}

// SetSpendLimit creates or replaces a limit. The default project has none of its
// own.
func (s *Service) SetSpendLimit(ctx context.Context, actor audit.Actor, projectID string, in Spend) (SpendLimit, error) {
	if err := in.check(1); err != nil {
		return SpendLimit{}, err
	}
	settings, err := s.changeSettings(ctx, actor, projectID, limitedHolder, map[string]any{"spend_limit": in.requested()},
		func(s *Settings) error {
			s.SpendLimit = in.Threshold
			return nil
		})
	return settings.spendLimit(), err
}

// DeleteSpendLimit takes a limit away.
func (s *Service) DeleteSpendLimit(ctx context.Context, actor audit.Actor, projectID string) error {
	_, err := s.changeSettings(ctx, actor, projectID, holder, map[string]any{"spend_limit": nil},
		func(s *Settings) error {
			if s.SpendLimit == 0 {
				return errNoSpendLimit(actor.OrganizationID, projectID)
			}
			s.SpendLimit = 0
			return nil
		})
	return err
}
