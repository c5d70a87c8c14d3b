package org

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// SpendAlert tells people by e-mail when a sum was spent in a calendar month.
type SpendAlert struct {
	ID             string
	ProjectID      string // "": the organization's own
	OrganizationID string
	Threshold      int64 // cents
	Recipients     []string
	SubjectPrefix  string // of the e-mail; "": none
	CreatedAt      time.Time
}

// The bounds of alerts: each is looked at whenever something was spent.
const (
	maxAlerts        = 100 // of an organization, and of each project
	maxRecipients    = 100
	maxAddress       = 254 // characters, RFC 5321
	maxSubjectPrefix = 256
)

// alertByEmail is the one way that OpenAI's API has to tell.
const alertByEmail = "email"

// SpendAlertFields are all that there is to say about an alert.
type SpendAlertFields struct {
	Spend
	ChannelType   string // email
	Recipients    []string
	SubjectPrefix optional.Value[string]
}

// Validate reports the first rule that in breaks.
func (in SpendAlertFields) Validate() error {
	if err := in.check(0); err != nil {
		return err
	}
	const channel = "notification_channel."
	if err := fault.OneOf(channel+"type", in.ChannelType, []string{alertByEmail}); err != nil {
		return err
	}
	const recipients = channel + "recipients"
	if err := checkRecipients(recipients, in.Recipients); err != nil {
		return err
	}
	const prefix = channel + "subject_prefix"
	if strings.ContainsFunc(in.SubjectPrefix.V, unprintable) { // it becomes a part of a header
		return fault.Invalidf("invalid_value", prefix, "Invalid '%s': it holds control characters.", prefix)
	}
	return checkLength(prefix, in.SubjectPrefix.V, maxSubjectPrefix)
}

// checkRecipients refuses addresses that no e-mail can be sent to.
func checkRecipients(param string, addresses []string) error {
	if len(addresses) == 0 {
		return fault.EmptyArray(param)
	}
	if err := checkCount(param, len(addresses), maxRecipients); err != nil {
		return err
	}
	for i, address := range addresses {
		at := fmt.Sprintf("%s[%d]", param, i)
		if address == "" {
			return fault.EmptyString(at)
		}
		if err := checkLength(at, address, maxAddress); err != nil {
			return err
		}
		if err := checkEmail(at, address); err != nil {
			return err
		}
	}
	return nil
}

func (in SpendAlertFields) apply(a *SpendAlert) {
	a.Threshold, a.Recipients, a.SubjectPrefix = in.Threshold, in.Recipients, in.SubjectPrefix.Or("")
}

// requested is what the audit log says was asked for.
func (in SpendAlertFields) requested(alertID string) map[string]any {
	alert := in.Spend.requested()
	alert["id"] = alertID
	channel := map[string]any{"type": in.ChannelType, "recipients": in.Recipients}
	if in.SubjectPrefix.Given() {
		channel["subject_prefix"] = in.SubjectPrefix.V
	}
	alert["notification_channel"] = channel
	return map[string]any{"spend_alert": alert}
}

// CreateSpendAlert adds an alert to an active project or, with projectID "", to
// the organization.
func (s *Service) CreateSpendAlert(ctx context.Context, actor audit.Actor, projectID string, in SpendAlertFields) (SpendAlert, error) {
	if err := in.Validate(); err != nil {
		return SpendAlert{}, err
	}
	alert := SpendAlert{
		ID: id.New(id.SpendAlert), ProjectID: projectID, OrganizationID: actor.OrganizationID, CreatedAt: s.Now(),
	}
	in.apply(&alert)
	err := s.update(ctx, actor, func(tx Tx) error {
		project, err := holder(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		held, err := tx.SpendAlerts(ctx, actor.OrganizationID, projectID, Page{Limit: maxAlerts})
		if err != nil {
			return err
		}
		if len(held.Items) >= maxAlerts {
			return fault.Invalidf("spend_alert_limit_reached", "", "There are %d spend alerts already, which is the most there can be.", maxAlerts)
		}
		tx.Record(holderUpdated(actor.OrganizationID, project, in.requested(alert.ID)))
		return tx.InsertSpendAlert(ctx, alert)
	})
	return alert, err
}

// UpdateSpendAlert replaces all of an alert.
func (s *Service) UpdateSpendAlert(ctx context.Context, actor audit.Actor, projectID, alertID string, in SpendAlertFields) (SpendAlert, error) {
	if err := in.Validate(); err != nil {
		return SpendAlert{}, err
	}
	var alert SpendAlert
	err := s.update(ctx, actor, func(tx Tx) error {
		project, err := holder(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if alert, err = tx.SpendAlert(ctx, actor.OrganizationID, projectID, alertID); err != nil {
			return err
		}
		in.apply(&alert)
		tx.Record(holderUpdated(actor.OrganizationID, project, in.requested(alertID)))
		return tx.UpdateSpendAlert(ctx, alert)
	})
	return alert, err
}

// DeleteSpendAlert removes an alert.
func (s *Service) DeleteSpendAlert(ctx context.Context, actor audit.Actor, projectID, alertID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		project, err := holder(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		tx.Record(holderUpdated(actor.OrganizationID, project, map[string]any{
			"spend_alert": map[string]any{"id": alertID, "deleted": true},
		}))
		return tx.DeleteSpendAlert(ctx, actor.OrganizationID, projectID, alertID)
	})
}

// SpendAlerts of an active project or, with projectID "", of the organization.
func (s *Service) SpendAlerts(ctx context.Context, organizationID, projectID string, p Page) (Rows[SpendAlert], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[SpendAlert], error) {
		if _, err := holder(ctx, r, organizationID, projectID); err != nil {
			return Rows[SpendAlert]{}, err
		}
		return r.SpendAlerts(ctx, organizationID, projectID, p)
	})
}

// SpendAlert returns one alert.
func (s *Service) SpendAlert(ctx context.Context, organizationID, projectID, alertID string) (SpendAlert, error) {
	return view(ctx, s.Store, func(r Reader) (SpendAlert, error) {
		if _, err := holder(ctx, r, organizationID, projectID); err != nil {
			return SpendAlert{}, err
		}
		return r.SpendAlert(ctx, organizationID, projectID, alertID)
	})
}
