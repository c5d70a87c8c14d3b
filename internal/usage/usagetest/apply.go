package usagetest

import (
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/usage"
)

// sample is one event that counts, in every roll-up there is.
func sample(organizationID string) usage.Event {
	return usage.Event{
		ID: "req_" + rand.Text(), OrganizationID: organizationID, ProjectID: "proj_a", APIKeyID: "key_a", UserID: "user_1",
		Kind: usage.Completions, Method: "POST", Path: "/v1/chat/completions", ModelAsked: "gpt-4o", Model: "gpt-4o-2024-08-06",
		Received: epoch.Add(time.Hour), Done: epoch.Add(time.Hour + time.Second), Status: 200,
		Outcome: usage.OutcomeCompleted, Source: usage.SourceProvider, Quantities: fill(1),
		Lines: []usage.CostLine{{LineItem: "gpt-4o-2024-08-06, input", Meter: "input", Quantity: 5, Unit: "tokens", Amount: usd(7, 11)}},
	}
}

// everything is the report and the cost report that hold all of sample.
func everything(organizationID string) usage.Query {
	return usage.Query{OrganizationID: organizationID, Kind: usage.Completions, Width: usage.Day, Start: epoch, End: epoch.Add(span)}
}

func replay(t *testing.T, s usage.Store) {
	a, b, c := sample("org-1"), sample("org-1"), sample("org-1")
	first := []usage.Positioned{{Position: 3, Event: a}, {Position: 8, Event: b}}
	again := append(first, usage.Positioned{Position: 9, Event: c})
	mark(t, s, "node", 0)
	applyAs(t, s, "node", first)
	mark(t, s, "node", 8)
	applyAs(t, s, "node", first)
	applyAs(t, s, "node", again)
	applyAs(t, s, "node", nil)
	mark(t, s, "node", 9)
	// What stands at or below the mark is not even looked at: another event
	// there is not stored either.
	applyAs(t, s, "node", []usage.Positioned{{Position: 2, Event: sample("org-1")}})
	mark(t, s, "node", 9)
	holds(t, s, a, b, c)
}

func nodes(t *testing.T, s usage.Store) {
	a, b := sample("org-1"), sample("org-1")
	applyAs(t, s, "east", []usage.Positioned{{Position: 5, Event: a}})
	mark(t, s, "east", 5)
	mark(t, s, "west", 0)
	applyAs(t, s, "west", []usage.Positioned{{Position: 5, Event: b}})
	mark(t, s, "west", 5)
	holds(t, s, a, b)
}

// sameID: a request is stored and counted once, whoever brings it: in the same
// batch, later, or from another node. The first one stays.
func sameID(t *testing.T, s usage.Store) {
	a := sample("org-1")
	twin := a
	twin.Status, twin.Quantities = 500, fill(100)
	applyAs(t, s, "east", []usage.Positioned{{Position: 1, Event: a}, {Position: 2, Event: twin}})
	applyAs(t, s, "east", []usage.Positioned{{Position: 3, Event: twin}})
	b := sample("org-1")
	applyAs(t, s, "west", []usage.Positioned{{Position: 1, Event: twin}, {Position: 2, Event: b}})
	mark(t, s, "east", 3)
	mark(t, s, "west", 2)
	holds(t, s, a, b)
}

func batching(t *testing.T, s usage.Store) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		all := positioned(1, w.events(t, 40))
		node, want := "node-"+rand.Text(), new(Memory)
		applyAs(t, want, node, all)
		for from := 0; from < len(all); {
			to := rapid.IntRange(from+1, len(all)).Draw(t, "to")
			back := rapid.IntRange(0, from).Draw(t, "replayed from")
			applyAs(t, s, node, all[back:to])
			from = to
		}
		mark(t, s, node, uint64(len(all)))
		q := w.query(t, []usage.Width{usage.Hour, usage.Day}, usageDimensions)
		sameReport(t, s, want, q)
		q.GroupBy, q.Filters, q.Width = costDimensions, nil, usage.Day
		q.Start, q.End = epoch.Add(-24*time.Hour), epoch.Add(span)
		sameCosts(t, s, want, q)
	})
}

func uncounted(t *testing.T, s usage.Store) {
	refused, unmetered, counted := sample("org-1"), sample("org-1"), sample("org-1")
	refused.Source, refused.Lines = "", nil
	unmetered.Kind = usage.Unmetered
	apply(t, s, refused, unmetered, counted)
	holds(t, s, refused, unmetered, counted)
	q := everything("org-1")
	q.Kind = usage.Unmetered
	sameReport(t, s, new(Memory), q)
}

// anyBytes: what a caller or a provider wrote never makes an event unstorable,
// nor a question one that fails.
func anyBytes(t *testing.T, s usage.Store) {
	const odd = "a\x00b\xff'\""
	e := sample("org-1")
	e.ModelAsked, e.Model, e.ServiceTier, e.ErrorCode, e.Path = odd, odd, odd, odd, odd
	e.Lines[0].LineItem, e.Lines[0].Unit = odd, odd
	apply(t, s, e)
	q := everything("org-1")
	report, err := s.Report(t.Context(), q)
	if err != nil || len(report[0].Results) != 1 || report[0].Results[0].Requests != 1 {
		t.Errorf("Report = %s, %v", text(t, report), err)
	}
	q.Filters = map[usage.Dimension][]string{usage.ByModel: {odd}}
	if _, err := s.Report(t.Context(), q); err != nil {
		t.Errorf("Report of an odd model: %v", err)
	}
	f := usage.RequestFilter{OrganizationID: "org-1", Limit: 2}
	if rows, _, err := s.Requests(t.Context(), f); err != nil || len(rows) != 1 {
		t.Errorf("%d requests, %v", len(rows), err)
	}
	f.Models, f.ErrorCodes = []string{odd}, []string{odd}
	if _, _, err := s.Requests(t.Context(), f); err != nil {
		t.Errorf("Requests of an odd model: %v", err)
	}
	f.After = odd
	if _, _, err := s.Requests(t.Context(), f); !fault.Is(err, fault.Invalid) {
		t.Errorf("Requests after odd: %v, want Invalid", err)
	}
	if _, err := s.Request(t.Context(), "org-1", odd); !fault.Is(err, fault.NotFound) {
		t.Errorf("Request odd: %v, want NotFound", err)
	}
}

// atOnce: nodes that add to the same sums lose nothing to one another.
func atOnce(t *testing.T, s usage.Store) {
	var all []usage.Event
	var wg sync.WaitGroup
	for range 4 {
		var mine []usage.Event
		for i := range 30 {
			e := sample("org-1")
			e.ProjectID, e.APIKeyID, e.Model = projects[i%3], keys[i%4], models[i%5]
			mine = append(mine, e)
		}
		all = append(all, mine...)
		wg.Go(func() {
			node := "node-" + rand.Text()
			for batch := range slices.Chunk(positioned(1, mine), 7) {
				if err := s.Apply(t.Context(), node, batch); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want := reference(t, all...)
	q := everything("org-1")
	for _, q.GroupBy = range [][]usage.Dimension{nil, {usage.ByProject}, {usage.ByAPIKey}} {
		sameReport(t, s, want, q)
		sameCosts(t, s, want, q)
	}
}

func isolation(t *testing.T, s usage.Store) {
	a, b := sample("org-1"), sample("org-2")
	b.ProjectID, b.APIKeyID = "proj_b", "key_b"
	apply(t, s, a, b)
	holds(t, s, a)
	holds(t, s, b)
	q := everything("org-1")
	q.Filters = map[usage.Dimension][]string{usage.ByProject: {"proj_b"}, usage.ByAPIKey: {"key_b"}}
	sameReport(t, s, new(Memory), q)
	sameCosts(t, s, new(Memory), q)
	if rows, _, err := s.Requests(t.Context(), usage.RequestFilter{OrganizationID: "org-1", ProjectIDs: []string{"proj_b"}, Limit: 9}); err != nil || len(rows) != 0 {
		t.Errorf("another organization's project shows %d requests, %v", len(rows), err)
	}
}

// holds checks that an organization has these events, no others, and counted
// each once.
func holds(t *testing.T, s usage.Store, events ...usage.Event) {
	t.Helper()
	organizationID, want := events[0].OrganizationID, reference(t, events...)
	q := everything(organizationID)
	for _, q.Width = range []usage.Width{usage.Day, usage.Hour, usage.Minute} {
		if q.Width == usage.Minute {
			q.Start, q.End = epoch.Add(time.Hour), epoch.Add(2*time.Hour)
		}
		for _, q.GroupBy = range [][]usage.Dimension{nil, {usage.ByProject}, {usage.ByAPIKey}} {
			sameReport(t, s, want, q)
			if q.Width == usage.Day {
				sameCosts(t, s, want, q)
			}
		}
	}
	f := usage.RequestFilter{OrganizationID: organizationID, Limit: 100}
	got, more, err := s.Requests(t.Context(), f)
	if err != nil || more {
		t.Fatalf("Requests: more = %t, %v", more, err)
	}
	rows, _, err := want.Requests(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	same(t, f, got, rows)
}

func mark(t tester, s usage.Store, node string, want uint64) {
	t.Helper()
	if got, err := s.Mark(t.Context(), node); err != nil || got != want {
		t.Fatalf("Mark(%s) = %d, %v; want %d", node, got, err, want)
	}
}
