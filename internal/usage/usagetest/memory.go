package usagetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"weir/internal/fault"
	"weir/internal/usage"
)

// Memory is the plainest usage.Store: it keeps the events and counts them again
// for every question. It is what [Run] compares others with, and a store for
// tests that only need one. The zero value is empty and ready.
type Memory struct {
	mu     sync.Mutex
	marks  map[string]uint64
	known  map[string]bool                   // ids
	events []usage.Event                     // all that were applied: the roll-ups
	cut    struct{ rows, minutes time.Time } // what Prune took
}

var _ usage.Store = (*Memory)(nil)

// Mark implements usage.Store.
func (m *Memory) Mark(_ context.Context, node string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.marks[node], nil
}

// Apply implements usage.Store.
func (m *Memory) Apply(_ context.Context, node string, events []usage.Positioned) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.marks == nil {
		m.marks, m.known = map[string]uint64{}, map[string]bool{}
	}
	for _, p := range events {
		if p.Position <= m.marks[node] {
			continue
		}
		m.marks[node] = p.Position
		if m.known[p.Event.ID] {
			continue
		}
		m.known[p.Event.ID] = true
		e, err := copied(p.Event)
		if err != nil {
			return err
		}
		m.events = append(m.events, e)
	}
	return nil
}

// Report implements usage.Store.
func (m *Memory) Report(_ context.Context, q usage.Query) ([]usage.Bucket[usage.Result], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return report(m.events, q, m.cut.minutes), nil
}

// Costs implements usage.Store.
func (m *Memory) Costs(_ context.Context, q usage.Query) ([]usage.Bucket[usage.CostResult], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return costs(m.events, q)
}

// Requests implements usage.Store.
func (m *Memory) Requests(_ context.Context, f usage.RequestFilter) (rows []usage.Event, more bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.rows(f.OrganizationID)
	if f.After != "" {
		i := slices.IndexFunc(all, func(e usage.Event) bool { return e.ID == f.After })
		if i < 0 {
			return nil, false, fault.Invalidf("invalid_cursor", "after", "No request '%s'.", f.After)
		}
		all = all[i+1:]
	}
	for _, e := range all {
		if !selected(e, f) {
			continue
		}
		if len(rows) == f.Limit {
			return rows, true, nil
		}
		rows = append(rows, e)
	}
	return rows, false, nil
}

// Request implements usage.Store.
func (m *Memory) Request(_ context.Context, organizationID, id string) (usage.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.rows(organizationID) {
		if e.ID == id {
			return e, nil
		}
	}
	return usage.Event{}, fault.NotFoundf("No request '%s'.", id)
}

// Prune implements usage.Store.
func (m *Memory) Prune(_ context.Context, requests, minutes time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if requests.After(m.cut.rows) {
		m.cut.rows = requests
	}
	if minutes.After(m.cut.minutes) {
		m.cut.minutes = minutes
	}
	return nil
}

// Close implements usage.Store.
func (m *Memory) Close() error { return nil }

// rows is the request log of an organization, newest first.
func (m *Memory) rows(organizationID string) []usage.Event {
	var rows []usage.Event
	for _, e := range m.events {
		if e.OrganizationID == organizationID && !e.Received.Before(m.cut.rows) {
			rows = append(rows, e)
		}
	}
	slices.SortFunc(rows, func(a, b usage.Event) int {
		return cmp.Or(cmp.Compare(b.Received.UnixMicro(), a.Received.UnixMicro()), cmp.Compare(b.ID, a.ID))
	})
	return rows
}

// copied is e as a store would give it back: through its JSON.
func copied(e usage.Event) (c usage.Event, err error) {
	b, err := json.Marshal(e)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c)
}

// Owners implements usage.Objects.
func (m *Memory) Owners(_ context.Context, ids []string) ([]usage.OwnedObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []usage.OwnedObject
	for _, e := range m.events {
		for _, o := range e.Objects {
			if !slices.Contains(ids, o.ID) {
				continue
			}
			i := slices.IndexFunc(found, func(f usage.OwnedObject) bool {
				return f.ID == o.ID && f.OrganizationID == e.OrganizationID && f.ConnectionID == e.ConnectionID
			})
			if i < 0 {
				i = len(found)
				found = append(found, usage.OwnedObject{
					ID: o.ID, Kind: o.Kind, OrganizationID: e.OrganizationID, ConnectionID: e.ConnectionID, ProjectID: e.ProjectID, Made: e.Received,
				})
			}
			if o.Deleted {
				found[i].Deleted = e.Received
			}
		}
	}
	return found, nil
}
