package org

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/money"
	"weir/internal/notify"
	"weir/internal/usage"
)

// SendSpendAlerts sends the alerts whose sum is reached in the month that costs
// are looked up in, each once for its threshold and month: by e-mail to its
// recipients, and to the organization's channels of other kinds than e-mail. It is
// weir's own observation and leaves no audit event. What one organization's costs
// spoil does not keep others' alerts.
func (s *Service) SendSpendAlerts(ctx context.Context, costs usage.Store) error {
	organizations, err := view(ctx, s.Store, func(r Reader) ([]Organization, error) { return r.Organizations(ctx) })
	if err != nil {
		return err
	}
	var failed []string
	for _, o := range organizations {
		if err := s.sendSpendAlerts(ctx, costs, &o); err != nil {
			failed = append(failed, err.Error())
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("sending spend alerts: %s", strings.Join(failed, "; "))
	}
	return nil
}

func (s *Service) sendSpendAlerts(ctx context.Context, costs usage.Store, o *Organization) error {
	now := s.Now()
	month := usage.MonthOf(now).Format("2006-01")
	alerts, err := view(ctx, s.Store, func(r Reader) ([]SpendAlert, error) { return r.UnfiredSpendAlerts(ctx, o.ID, month) })
	if err != nil || len(alerts) == 0 {
		return err
	}
	spent, err := usage.SpentInMonth(ctx, costs, o.ID, now)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		sum := spent.Total
		if a.ProjectID != "" {
			sum = spent.ByProject[a.ProjectID]
		}
		if a.reached(sum) {
			if err := s.sendSpendAlert(ctx, o, a, spent, sum); err != nil {
				return fmt.Errorf("%s: %w", a.ID, err)
			}
		}
	}
	return nil
}

// reached reports whether sum is what the alert waits for. One for 0 waits for the
// first cost.
func (a *SpendAlert) reached(sum money.USD) bool {
	return sum.Sign() > 0 && sum.Cmp(cents(a.Threshold)) >= 0
}

// cents is a sum of money; more than maxCents never comes here.
func cents(n int64) money.USD { return money.USD{Nano: n * 10_000_000} }

// sendSpendAlert begins the deliveries of an alert, unless it was sent, changed or
// deleted meanwhile.
func (s *Service) sendSpendAlert(ctx context.Context, o *Organization, seen SpendAlert, spent usage.Spent, sum money.USD) error {
	return s.update(ctx, audit.System(o.ID), func(tx Tx) error {
		a, err := tx.SpendAlert(ctx, o.ID, seen.ProjectID, seen.ID)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil
		case err != nil:
			return err
		case a.Threshold != seen.Threshold:
			return nil
		}
		if first, err := tx.FireSpendAlert(ctx, a, spent.Month.Format("2006-01"), s.Now()); err != nil || !first {
			return err
		}
		notice, err := s.spendNotice(ctx, tx, o, &a, spent, sum)
		if err != nil {
			return err
		}
		letter := notice
		if a.SubjectPrefix != "" {
			letter.Subject = a.SubjectPrefix + " " + letter.Subject
		}
		if _, err := s.write(ctx, tx, o.ID, "", a.Recipients, letter); err != nil {
			return err
		}
		return s.tellAll(ctx, tx, o.ID, notice)
	})
}

// tellAll tells every channel but those for e-mail, which are for people whom
// somebody chose for a matter.
func (s *Service) tellAll(ctx context.Context, tx Tx, organizationID string, n notify.Notice) error {
	channels, err := tx.NotificationChannels(ctx, organizationID, Page{Limit: maxChannels})
	if err != nil {
		return err
	}
	for i := range channels.Items {
		if c := &channels.Items[i]; c.Kind != notify.Email {
			if _, err := s.tell(ctx, tx, c, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// usd is a sum of money in an answer.
type usd struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

// spentNotice is what programs are told of a spend alert.
type spentNotice struct {
	AlertID        string  `json:"spend_alert_id"`
	OrganizationID string  `json:"organization_id"`
	ProjectID      *string `json:"project_id"`
	Month          string  `json:"month"` // 2026-11
	Threshold      usd     `json:"threshold"`
	Spent          usd     `json:"spent"` // metered, when it was seen
}

func (s *Service) spendNotice(ctx context.Context, r Reader, o *Organization, a *SpendAlert, spent usage.Spent, sum money.USD) (notify.Notice, error) {
	data := spentNotice{
		AlertID: a.ID, OrganizationID: o.ID, Month: spent.Month.Format("2006-01"),
		Threshold: usd{cents(a.Threshold).String(), "usd"}, Spent: usd{sum.String(), "usd"},
	}
	who := "the organization " + o.Name
	if a.ProjectID != "" {
		p, err := r.Project(ctx, o.ID, a.ProjectID)
		if err != nil {
			return notify.Notice{}, err
		}
		data.ProjectID, who = &a.ProjectID, fmt.Sprintf("the project %s of %s", p.Name, o.Name)
	}
	month, threshold := spent.Month.Format("January 2006"), "$"+cents(a.Threshold).RoundHalfEven(2)
	return notify.Notice{
		Event: notify.SpendAlertReached, Reference: a.ID, At: s.Now(), Data: data,
		Subject: fmt.Sprintf("Spend of %s has reached %s", who, threshold),
		Text: fmt.Sprintf(`In %s (UTC), %s has spent $%s so far, as weir meters it by its price book. The alert is for %s.

It comes once a month. Nothing is refused because of it.
`, month, who, sum.RoundHalfEven(2), threshold),
	}, nil
}
