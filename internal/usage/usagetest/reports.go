package usagetest

import (
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/money"
	"weir/internal/usage"
)

func reports(t *testing.T, s usage.Store) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		all := w.events(t, 60)
		apply(t, s, all...)
		want := reference(t, all...)
		for range 4 {
			sameReport(t, s, want, w.query(t, []usage.Width{usage.Minute, usage.Hour, usage.Day}, usageDimensions))
		}
	})
}

// everyKind: each kind counts in its own report only, under every grouping by
// one dimension and every filter by one value.
func everyKind(t *testing.T, s usage.Store) {
	var all []usage.Event
	for i, kind := range kinds {
		for range 2 {
			e := sample("org-1")
			e.Kind, e.Quantities = kind, fill(int64(100*i))
			e.ServiceTier, e.Batch, e.Size, e.ImageSource, e.ContextLevel, e.VectorStoreID = "flex", true, "512x512", "image.edit", "low", "vs_1"
			bare := sample("org-1")
			bare.Kind, bare.UserID, bare.Model = kind, "", ""
			all = append(all, e, bare)
		}
	}
	apply(t, s, all...)
	want := reference(t, all...)
	values := dimensions(all[0], "")
	for _, kind := range kinds {
		for _, d := range usageDimensions {
			for _, width := range []usage.Width{usage.Hour, usage.Day} {
				q := usage.Query{OrganizationID: "org-1", Kind: kind, Width: width, Start: epoch, End: epoch.Add(24 * time.Hour), GroupBy: []usage.Dimension{d}}
				sameReport(t, s, want, q)
				q.GroupBy, q.Filters = nil, map[usage.Dimension][]string{d: {values[d]}}
				sameReport(t, s, want, q)
			}
		}
	}
}

func emptyBuckets(t *testing.T, s usage.Store) {
	e := sample("org-1")
	apply(t, s, e)
	for width, n := range map[usage.Width]int{usage.Minute: 1440, usage.Hour: 168, usage.Day: 31} {
		q := everything("org-1")
		step := time.Duration(width)
		q.Width, q.Start = width, e.Received.Truncate(step).Add(-2*step)
		q.End = q.Start.Add(time.Duration(n) * step)
		report, err := s.Report(t.Context(), q)
		if err != nil || len(report) != n {
			t.Fatalf("%s buckets: %d, %v; want %d", step, len(report), err, n)
		}
		for i, b := range report {
			if !b.Start.Equal(q.Start.Add(time.Duration(i)*step)) || b.End.Sub(b.Start) != step || b.Results == nil || (len(b.Results) == 1) != (i == 2) {
				t.Errorf("%s bucket %d: %s to %s with %d results", step, i, b.Start, b.End, len(b.Results))
			}
		}
	}
	costs, err := s.Costs(t.Context(), usage.Query{OrganizationID: "org-1", Width: usage.Day, Start: epoch.Add(-24 * time.Hour), End: epoch.Add(179 * 24 * time.Hour)})
	if err != nil || len(costs) != 180 || len(costs[0].Results) != 0 || costs[0].Results == nil || len(costs[1].Results) != 1 {
		t.Errorf("180 days of costs: %d, %v", len(costs), err)
	}
}

func costReports(t *testing.T, s usage.Store) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		all := w.events(t, 60)
		apply(t, s, all...)
		want := reference(t, all...)
		for range 4 {
			sameCosts(t, s, want, w.query(t, []usage.Width{usage.Day}, costDimensions))
		}
	})
}

// exact: amounts carry from the last place to the first, below zero too, in one
// batch and over many.
func exact(t *testing.T, s usage.Store) {
	amounts := []*money.USD{usd(0, 1), usd(0, 999_999_999), usd(0, 999_999_999), usd(1_000_000_000_000, 3), usd(-1, 999_999_999), usd(-7, 0), usd(1_000_000_000_000_000, 1)}
	var all []usage.Event
	for _, a := range amounts {
		for range 2 {
			e := sample("org-1")
			e.Lines[0].Amount = a
			all = append(all, e)
		}
	}
	apply(t, s, all[:4]...)
	for _, e := range all[4:] {
		apply(t, s, e)
	}
	costs, err := s.Costs(t.Context(), everything("org-1"))
	if err != nil || len(costs[0].Results) != 1 || costs[0].Results[0].Amount == nil {
		t.Fatalf("Costs = %s, %v", text(t, costs), err)
	}
	const want = "2001999.999999990000000004"
	if got := costs[0].Results[0].Amount.String(); got != want {
		t.Errorf("sum = %s, want %s", got, want)
	}
}

// absurd: what no request can have consumed counts as the most one can, less
// than nothing as nothing, and an amount beyond all reason as unpriced, so that
// sums of them stay whole numbers and are never refused. The log has it as it was.
func absurd(t *testing.T, s usage.Store) {
	most, least := sample("org-1"), sample("org-1")
	setQuantities(&most.Quantities, math.MaxInt64)
	setQuantities(&least.Quantities, math.MinInt64)
	most.Lines = []usage.CostLine{{LineItem: "o3, input", Quantity: math.MaxInt64, Unit: "tokens", Amount: usd(9_000_000_000_000_000_000, 5)}}
	least.Lines = []usage.CostLine{{LineItem: "o3, input", Quantity: math.MinInt64, Unit: "tokens", Amount: usd(-1_000_000_000_000_001, 0)}}
	var all []usage.Event
	for range 50 {
		a, b := most, least
		a.ID, b.ID = sample("org-1").ID, sample("org-1").ID
		all = append(all, a, b)
	}
	apply(t, s, all[:50]...)
	for _, e := range all[50:] {
		apply(t, s, e)
	}
	report, err := s.Report(t.Context(), everything("org-1"))
	if err != nil || len(report[0].Results) != 1 {
		t.Fatalf("Report = %s, %v", text(t, report), err)
	}
	want := usage.Result{Groups: map[usage.Dimension]*string{}, Requests: 100}
	setQuantities(&want.Quantities, 50*maxCount)
	same(t, "Report", report[0].Results[0], want)
	q := everything("org-1")
	q.GroupBy = []usage.Dimension{usage.ByLineItem}
	costs, err := s.Costs(t.Context(), q)
	if err != nil || len(costs[0].Results) != 1 {
		t.Fatalf("Costs = %s, %v", text(t, costs), err)
	}
	if r := costs[0].Results[0]; r.Amount != nil || r.Unpriced != 100 || r.Quantity != 50*maxCount {
		t.Errorf("Costs = %s", text(t, r))
	}
	sameCosts(t, s, reference(t, all...), q)
	got, err := s.Request(t.Context(), "org-1", all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "Request", got, all[0])
}

func setQuantities(q *usage.Quantities, n int64) {
	fields := reflect.ValueOf(q).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetInt(n)
	}
}

func unpriced(t *testing.T, s usage.Store) {
	known, unknown, free := sample("org-1"), sample("org-1"), sample("org-1")
	known.Lines = append(known.Lines, usage.CostLine{LineItem: "o9, input", Quantity: 2, Unit: "tokens"})
	unknown.Lines = []usage.CostLine{{LineItem: "o9, input", Quantity: 3, Unit: "tokens"}}
	free.Lines = []usage.CostLine{{LineItem: "free, input", Quantity: 4, Unit: "tokens", Amount: usd(0, 0)}}
	apply(t, s, known, unknown, free)
	q := everything("org-1")
	q.GroupBy = []usage.Dimension{usage.ByLineItem}
	costs, err := s.Costs(t.Context(), q)
	if err != nil || len(costs[0].Results) != 3 {
		t.Fatalf("Costs = %s, %v; want three line items", text(t, costs), err)
	}
	r := costs[0].Results // free, gpt-4o, o9
	if r[0].Amount == nil || !r[0].Amount.IsZero() || r[0].Unpriced != 0 {
		t.Errorf("$0 is a price: %s", text(t, r[0]))
	}
	if r[2].Amount != nil || r[2].Unpriced != 2 || r[2].Quantity != 5 || r[2].Unit != "tokens" {
		t.Errorf("no price is no amount: %s", text(t, r[2]))
	}
	sameCosts(t, s, reference(t, known, unknown, free), everything("org-1"))
}

func usd(nano, atto int64) *money.USD {
	u := money.FromParts(nano, atto)
	return &u
}
