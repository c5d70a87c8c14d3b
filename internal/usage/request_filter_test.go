package usage

import (
	"fmt"
	"testing"
	"time"
)

func TestSearchesAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	earlier := now.AddDate(0, 0, -9)
	many := make([]string, MaxLanes+1)
	for i := range many {
		many[i] = fmt.Sprint("key_", i)
	}
	for name, c := range map[string]struct {
		filter RequestFilter
		start  time.Time
	}{
		"nothing":                      {RequestFilter{}, time.Time{}},
		"a project":                    {RequestFilter{ProjectIDs: []string{"p"}}, time.Time{}},
		"a key and a model":            {RequestFilter{APIKeyIDs: []string{"k"}, Models: []string{"m"}}, time.Time{}},
		"a failure and a user":         {RequestFilter{Outcomes: []Outcome{OutcomeFailed}, UserIDs: []string{"u"}}, time.Time{}},
		"a status of failures":         {RequestFilter{Statuses: []int{429, 500}}, time.Time{}},
		"an error code":                {RequestFilter{ErrorCodes: []string{"x"}}, time.Time{}},
		"one key many times":           {RequestFilter{APIKeyIDs: append(make([]string, 99), "")}, time.Time{}},
		"a user":                       {RequestFilter{UserIDs: []string{"u"}}, now.Add(-Lookback)},
		"a model":                      {RequestFilter{Models: []string{"m"}}, now.Add(-Lookback)},
		"a model endpoint":             {RequestFilter{ModelEndpointIDs: []string{"m"}}, now.Add(-Lookback)},
		"a latency":                    {RequestFilter{MinLatency: time.Second}, now.Add(-Lookback)},
		"a status of successes":        {RequestFilter{Statuses: []int{200, 500}}, now.Add(-Lookback)},
		"an outcome that is common":    {RequestFilter{Outcomes: []Outcome{OutcomeFailed, OutcomeCompleted}}, now.Add(-Lookback)},
		"more keys than are looked up": {RequestFilter{APIKeyIDs: many}, now.Add(-Lookback)},
		"a model before a time":        {RequestFilter{Models: []string{"m"}, End: earlier}, earlier.Add(-Lookback)},
		"a model since a time":         {RequestFilter{Models: []string{"m"}, Start: earlier}, earlier},
	} {
		if got := c.filter.Bounded(now); !got.Start.Equal(c.start) {
			t.Errorf("%s: from %s, want %s", name, got.Start, c.start)
		}
	}
}
