package usage

import (
	"context"
	"fmt"
	"time"

	"weir/internal/money"
)

// Spent is what an organization's metered usage cost in a calendar month (UTC) so
// far, by the price book. What has no price is not in it.
type Spent struct {
	Month     time.Time // its first day
	Total     money.USD
	ByProject map[string]money.USD
}

// MonthOf is the first moment of the calendar month (UTC) that t is in.
func MonthOf(t time.Time) time.Time {
	y, m, _ := t.UTC().Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
}

// SpentInMonth reads from the roll-ups what was spent in the month of t.
func SpentInMonth(ctx context.Context, store Store, organizationID string, t time.Time) (Spent, error) {
	s := Spent{Month: MonthOf(t), ByProject: map[string]money.USD{}}
	days, err := store.Costs(ctx, Query{
		OrganizationID: organizationID, Width: Day, Start: s.Month, End: s.Month.AddDate(0, 1, 0), GroupBy: []Dimension{ByProject},
	})
	if err != nil {
		return s, fmt.Errorf("reading what %s spent: %w", organizationID, err)
	}
	for _, day := range days {
		for _, row := range day.Results {
			if row.Amount == nil {
				continue
			}
			if s.Total, err = s.Total.AddChecked(*row.Amount); err != nil {
				return s, fmt.Errorf("adding up what %s spent: %w", organizationID, err)
			}
			if id := row.Groups[ByProject]; id != nil {
				s.ByProject[*id] = s.ByProject[*id].Add(*row.Amount) // no more than the total
			}
		}
	}
	return s, nil
}
