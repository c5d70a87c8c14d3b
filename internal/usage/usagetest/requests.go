package usagetest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/money"
	"weir/internal/usage"
)

// requestFilters: every field of the filter by itself takes one of two requests
// that differ in nothing else.
func requestFilters(t *testing.T, s usage.Store) {
	for i, test := range []struct {
		name   string
		differ func(e *usage.Event)
		filter func(f *usage.RequestFilter)
	}{
		{"project", func(e *usage.Event) { e.ProjectID = "proj_x" }, func(f *usage.RequestFilter) { f.ProjectIDs = []string{"proj_x"} }},
		{"projects", func(e *usage.Event) { e.ProjectID = "proj_x" }, func(f *usage.RequestFilter) { f.ProjectIDs = []string{"proj_y", "proj_x"} }},
		{"key", func(e *usage.Event) { e.APIKeyID = "key_x" }, func(f *usage.RequestFilter) { f.APIKeyIDs = []string{"key_x"} }},
		{"user", func(e *usage.Event) { e.UserID = "user_x" }, func(f *usage.RequestFilter) { f.UserIDs = []string{"user_x"} }},
		{"model resolved", func(e *usage.Event) { e.Model = "x" }, func(f *usage.RequestFilter) { f.Models = []string{"x"} }},
		{"model asked", func(e *usage.Event) { e.ModelAsked = "x" }, func(f *usage.RequestFilter) { f.Models = []string{"x"} }},
		{"model endpoint", func(e *usage.Event) { e.ModelEndpointID = "x" }, func(f *usage.RequestFilter) { f.ModelEndpointIDs = []string{"x"} }},
		{"status", func(e *usage.Event) { e.Status = 502 }, func(f *usage.RequestFilter) { f.Statuses = []int{404, 502} }},
		{"error code", func(e *usage.Event) { e.ErrorCode = "x" }, func(f *usage.RequestFilter) { f.ErrorCodes = []string{"x"} }},
		{"outcome", func(e *usage.Event) { e.Outcome = usage.OutcomeTruncated }, func(f *usage.RequestFilter) { f.Outcomes = []usage.Outcome{usage.OutcomeTruncated} }},
		{"latency", func(e *usage.Event) { e.Done = e.Done.Add(time.Second) }, func(f *usage.RequestFilter) { f.MinLatency = 2 * time.Second }},
		{"from", func(e *usage.Event) { e.Received = e.Received.Add(time.Microsecond) }, func(f *usage.RequestFilter) { f.Start = epoch.Add(time.Hour + time.Microsecond) }},
		{"until", func(e *usage.Event) { e.Received = e.Received.Add(-time.Microsecond) }, func(f *usage.RequestFilter) { f.End = epoch.Add(time.Hour) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			organizationID := fmt.Sprintf("org-%d", i)
			plain, other := sample(organizationID), sample(organizationID)
			test.differ(&other)
			apply(t, s, plain, other)
			f := usage.RequestFilter{OrganizationID: organizationID, Limit: 10}
			if rows, more, err := s.Requests(t.Context(), f); err != nil || more || len(rows) != 2 {
				t.Errorf("without a filter: %d rows, more = %t, %v; want both", len(rows), more, err)
			}
			test.filter(&f)
			rows, more, err := s.Requests(t.Context(), f)
			if err != nil || more || len(rows) != 1 || rows[0].ID != other.ID {
				t.Errorf("%d rows, more = %t, %v; want the one", len(rows), more, err)
			}
		})
	}
}

func requestFiltersCombined(t *testing.T, s usage.Store) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		all := w.events(t, 40)
		apply(t, s, all...)
		want := reference(t, all...)
		for range 4 {
			f := w.filter(t)
			got, more, err := s.Requests(t.Context(), f)
			if err != nil {
				t.Fatalf("Requests(%+v): %v", f, err)
			}
			rows, wantMore, err := want.Requests(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			same(t, f, got, rows)
			if more != wantMore {
				t.Fatalf("Requests(%+v): more = %t", f, more)
			}
		}
	})
}

// filter draws a filter of the request log.
func (w world) filter(t *rapid.T) usage.RequestFilter {
	some := func(label string, from []string) []string {
		if rapid.IntRange(0, 3).Draw(t, label+" filtered") > 0 {
			return nil
		}
		return rapid.SliceOfN(rapid.SampledFrom(append([]string{"nobody"}, slices.DeleteFunc(slices.Clone(from), func(s string) bool { return s == "" })...)), 0, 3).Draw(t, label)
	}
	f := usage.RequestFilter{
		OrganizationID: w.organizationID, ProjectIDs: some("project", projects), APIKeyIDs: some("key", keys), UserIDs: some("user", users),
		Models: some("model", models), ModelEndpointIDs: some("endpoint", endpoints), ErrorCodes: some("error", errorCodes),
		Limit: rapid.IntRange(1, 50).Draw(t, "limit"),
	}
	if rapid.Bool().Draw(t, "by status") {
		f.Statuses = rapid.SliceOfN(rapid.SampledFrom(statuses), 0, 2).Draw(t, "status")
	}
	if rapid.Bool().Draw(t, "by outcome") {
		f.Outcomes = rapid.SliceOfN(rapid.SampledFrom(outcomes), 0, 2).Draw(t, "outcome")
	}
	f.MinLatency = rapid.SampledFrom([]time.Duration{0, 0, time.Second, 2 * time.Second}).Draw(t, "latency")
	if rapid.Bool().Draw(t, "from") {
		f.Start = epoch.Add(time.Duration(rapid.IntRange(0, 48).Draw(t, "start")) * time.Hour)
	}
	if rapid.Bool().Draw(t, "until") {
		f.End = epoch.Add(time.Duration(rapid.IntRange(0, 80).Draw(t, "end")) * time.Hour)
	}
	return f
}

func requestPages(t *testing.T, s usage.Store) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		all := w.events(t, 20)
		apply(t, s, all...)
		f := usage.RequestFilter{OrganizationID: w.organizationID, Limit: len(all)}
		if rapid.Bool().Draw(t, "filtered") {
			f.ProjectIDs = projects[:2]
		}
		whole, more, err := s.Requests(t.Context(), f)
		if err != nil || more {
			t.Fatalf("the whole list: more = %t, %v", more, err)
		}
		f.Limit = rapid.IntRange(1, 3).Draw(t, "limit")
		var walked []usage.Event
		for more = len(whole) > 0; more; {
			var page []usage.Event
			if page, more, err = s.Requests(t.Context(), f); err != nil || len(page) == 0 {
				t.Fatalf("a page of %d after %q, %v", len(page), f.After, err)
			}
			walked = append(walked, page...)
			f.After = page[len(page)-1].ID
		}
		same(t, f, walked, whole)
	})
}

func unknownCursor(t *testing.T, s usage.Store) {
	foreign := sample("org-2")
	apply(t, s, sample("org-1"), foreign)
	for _, after := range []string{"req_unknown", foreign.ID} {
		_, _, err := s.Requests(t.Context(), usage.RequestFilter{OrganizationID: "org-1", After: after, Limit: 1})
		if !fault.Is(err, fault.Invalid) || paramOf(err) != "after" {
			t.Errorf("after %s: %v, want Invalid with param after", after, err)
		}
	}
}

func oneRequest(t *testing.T, s usage.Store) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		e := w.events(t, 1)[0]
		e.Received = e.Received.Add(123 * time.Nanosecond)
		apply(t, s, e)
		got, err := s.Request(t.Context(), w.organizationID, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, e.ID, got, e)
		if _, err := s.Request(t.Context(), "org-2", e.ID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("another organization's request: %v, want NotFound", err)
		}
	})
}

// everyField: whatever a request can say is in the log, also what this package's
// generator leaves out and what is added to usage.Event later.
func everyField(t *testing.T, s usage.Store) {
	var e usage.Event
	n := 0
	setAll(t, reflect.ValueOf(&e).Elem(), &n)
	apply(t, s, e)
	got, err := s.Request(t.Context(), e.OrganizationID, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, e.ID, got, e)
	rows, _, err := s.Requests(t.Context(), usage.RequestFilter{OrganizationID: e.OrganizationID, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "Requests", rows, []usage.Event{e})
}

// setAll sets everything in v to a value that is neither zero nor seen before.
func setAll(t *testing.T, v reflect.Value, n *int) {
	*n++
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = epoch.Add(time.Duration(*n) * 1_000_001)
		return
	case *money.USD:
		*at = money.FromParts(int64(*n), 1)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			setAll(t, v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			setAll(t, v.Index(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		setAll(t, v.Elem(), n)
	case reflect.String:
		v.SetString(fmt.Sprint("v", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}

// severalAtOnce: the requests of several projects or keys come in one order,
// each once, however often it was asked for.
func severalAtOnce(t *testing.T, s usage.Store) {
	var all []usage.Event
	for i := range 120 {
		e := sample("org-1")
		e.ProjectID, e.APIKeyID = fmt.Sprint("proj_", i%40), fmt.Sprint("key_", i%60)
		e.Received = epoch.Add(time.Duration(i/3) * time.Minute) // three at a time
		if i%4 == 0 {
			e.Status, e.Outcome, e.ErrorCode = 500+i%8, usage.OutcomeFailed, "server_error"
		}
		all = append(all, e)
	}
	apply(t, s, all...)
	want := reference(t, all...)
	names := func(prefix string, of ...int) (names []string) {
		for _, i := range of {
			names = append(names, fmt.Sprint(prefix, i))
		}
		return names
	}
	forty := make([]int, 40)
	for i := range forty {
		forty[i] = 39 - i
	}
	for _, f := range []usage.RequestFilter{
		{ProjectIDs: names("proj_", 3, 1, 2, 3, 99)},
		{ProjectIDs: names("proj_", forty...)},
		{APIKeyIDs: names("key_", 3, 1, 2, 43)},
		{APIKeyIDs: names("key_", forty...), ProjectIDs: names("proj_", 1, 2)},
		{APIKeyIDs: names("key_", 1, 2, 3), ProjectIDs: names("proj_", 2)},
		{Outcomes: []usage.Outcome{usage.OutcomeFailed, usage.OutcomeTruncated}},
		{Outcomes: []usage.Outcome{usage.OutcomeFailed, usage.OutcomeCompleted}},
		{Statuses: []int{500, 504}}, {Statuses: []int{200, 500}},
		{ErrorCodes: []string{"server_error"}}, {ErrorCodes: []string{"server_error", ""}},
		{ProjectIDs: names("proj_", 4, 5, 8), Statuses: []int{500, 504}},
	} {
		f.OrganizationID, f.Limit = "org-1", 4
		for page, more := 0, true; more && page < 40; page++ {
			rows, wanted := []usage.Event(nil), []usage.Event(nil)
			var err error
			if rows, more, err = s.Requests(t.Context(), f); err != nil {
				t.Fatalf("Requests(%+v): %v", f, err)
			}
			var wantMore bool
			if wanted, wantMore, err = want.Requests(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			same(t, f, rows, wanted)
			if more != wantMore {
				t.Fatalf("Requests(%+v): more = %t", f, more)
			}
			if len(rows) > 0 {
				f.After = rows[len(rows)-1].ID
			}
		}
	}
}

// prune: old rows and old minutes go, each by its own bound; hours, days and
// costs stay.
func prune(t *testing.T, s usage.Store) {
	var all []usage.Event
	for i := range 30 {
		e := sample([]string{"org-1", "org-2"}[i%2])
		e.Received = epoch.Add(time.Duration(i) * time.Minute)
		all = append(all, e)
	}
	apply(t, s, all...)
	want := reference(t, all...)
	for _, cut := range []struct{ requests, minutes time.Time }{
		{},
		{requests: epoch.Add(10 * time.Minute)},
		{minutes: epoch.Add(20 * time.Minute)},
		{requests: epoch.Add(29 * time.Minute), minutes: epoch.Add(29 * time.Minute)},
	} {
		for _, store := range []usage.Store{s, want} {
			if err := store.Prune(t.Context(), cut.requests, cut.minutes); err != nil {
				t.Fatal(err)
			}
		}
		for _, organizationID := range []string{"org-1", "org-2"} {
			q := everything(organizationID)
			sameReport(t, s, want, q)
			sameCosts(t, s, want, q)
			q.Width, q.End = usage.Hour, epoch.Add(2*time.Hour)
			sameReport(t, s, want, q)
			q.Width, q.End = usage.Minute, epoch.Add(time.Hour)
			sameReport(t, s, want, q)
			f := usage.RequestFilter{OrganizationID: organizationID, Limit: 50}
			got, _, err := s.Requests(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			rows, _, err := want.Requests(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			same(t, f, got, rows)
		}
	}
}

func paramOf(err error) string {
	if e, ok := err.(*fault.Error); ok {
		return e.Param
	}
	return ""
}
