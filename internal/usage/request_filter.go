package usage

import (
	"slices"
	"time"
)

// MaxLanes is how many projects or keys a store looks up one by one for a page
// of the request log. Among more it reads the organization's requests in their
// order.
const MaxLanes = 32

// Lookback is how far back a search goes that names no time and nothing that
// requests are found by.
const Lookback = 24 * time.Hour

// Searches reports whether the filter looks at requests one by one: by user,
// model, model endpoint, latency or how they ended, while it names neither a
// project, nor a key, nor a kind of failure, by which stores find requests. With
// a value that is rare, a page of it reads every request of the time range.
func (f *RequestFilter) Searches() bool {
	found := func(values []string) bool {
		n := len(slices.Compact(slices.Sorted(slices.Values(values))))
		return 0 < n && n <= MaxLanes
	}
	if found(f.APIKeyIDs) || found(f.ProjectIDs) || f.OnlyFailures() {
		return false
	}
	return len(f.APIKeyIDs) > 0 || len(f.ProjectIDs) > 0 || len(f.UserIDs) > 0 || len(f.Models) > 0 ||
		len(f.ModelEndpointIDs) > 0 || len(f.Statuses) > 0 || len(f.ErrorCodes) > 0 || len(f.Outcomes) > 0 || f.MinLatency > 0
}

// OnlyFailures reports whether the filter lets through only requests that ended
// in a failure, by one of its lists at least.
func (f *RequestFilter) OnlyFailures() bool {
	return len(f.Outcomes) > 0 && !slices.Contains(f.Outcomes, OutcomeCompleted) ||
		len(f.Statuses) > 0 && slices.Min(f.Statuses) >= 400 ||
		len(f.ErrorCodes) > 0 && !slices.Contains(f.ErrorCodes, "")
}

// Bounded is the filter with a beginning: a search without one goes back
// Lookback from its end, or from now. All other filters stay as they are.
func (f RequestFilter) Bounded(now time.Time) RequestFilter {
	if !f.Start.IsZero() || !f.Searches() {
		return f
	}
	if f.Start = now; !f.End.IsZero() {
		f.Start = f.End
	}
	f.Start = f.Start.Add(-Lookback)
	return f
}
