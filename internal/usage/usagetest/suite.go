// Package usagetest says in tests what a usage.Store must do, for every store
// to run, and has the plainest store that does it.
package usagetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/usage"
)

// Run runs the suite. open returns an empty store; the suite closes none of
// them, so open leaves that to t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) usage.Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s usage.Store)
	}{
		{"replayed events count once", replay},
		{"nodes have marks of their own", nodes},
		{"an id counts once", sameID},
		{"any batching gives the same reports", batching},
		{"text of any bytes is stored", anyBytes},
		{"nodes may apply at once", atOnce},
		{"an event that does not count is only in the request log", uncounted},
		{"reports equal a naive count", reports},
		{"every kind has its report", everyKind},
		{"empty buckets are present", emptyBuckets},
		{"costs equal a naive sum", costReports},
		{"sums are exact to the 18th place", exact},
		{"absurd counts are bounded before they are added", absurd},
		{"costs without a price have no amount", unpriced},
		{"requests are found by each filter", requestFilters},
		{"requests are found by filters combined", requestFiltersCombined},
		{"request pages add up to the list", requestPages},
		{"an unknown cursor is refused", unknownCursor},
		{"one request comes back as it was", oneRequest},
		{"every field of a request comes back", everyField},
		{"requests of several projects or keys are in order", severalAtOnce},
		{"objects belong to who made them", objectOwners},
		{"pruning takes what is old", prune},
		{"organizations see their own", isolation},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	rapid.TB
	Context() context.Context
}

// apply stores events as one batch of a node not seen before.
func apply(t tester, s usage.Store, events ...usage.Event) {
	t.Helper()
	applyAs(t, s, "node-"+rand.Text(), positioned(1, events))
}

func applyAs(t tester, s usage.Store, node string, events []usage.Positioned) {
	t.Helper()
	if err := s.Apply(t.Context(), node, events); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

// positioned numbers events from first on.
func positioned(first uint64, events []usage.Event) []usage.Positioned {
	all := make([]usage.Positioned, len(events))
	for i, e := range events {
		all[i] = usage.Positioned{Position: first + uint64(i), Event: e}
	}
	return all
}

// reference is a Memory that holds events.
func reference(t tester, events ...usage.Event) *Memory {
	t.Helper()
	m := new(Memory)
	apply(t, m, events...)
	return m
}

// sameReport compares the report of a store with the reference's.
func sameReport(t tester, s, want usage.Store, q usage.Query) {
	t.Helper()
	g, err := s.Report(t.Context(), q)
	if err != nil {
		t.Fatalf("Report(%+v): %v", q, err)
	}
	w, err := want.Report(t.Context(), q)
	if err != nil {
		t.Fatalf("reference: Report(%+v): %v", q, err)
	}
	same(t, q, g, w)
}

// sameCosts is sameReport for costs.
func sameCosts(t tester, s, want usage.Store, q usage.Query) {
	t.Helper()
	g, err := s.Costs(t.Context(), q)
	if err != nil {
		t.Fatalf("Costs(%+v): %v", q, err)
	}
	w, err := want.Costs(t.Context(), q)
	if err != nil {
		t.Fatalf("reference: Costs(%+v): %v", q, err)
	}
	same(t, q, g, w)
}

// same compares by JSON, in which times, nils and the order of results show and
// pointers and zones do not.
func same(t tester, question, got, want any) {
	t.Helper()
	g, w := text(t, got), text(t, want)
	if g != w {
		t.Fatalf("%T\n%s\ngot  %s\nwant %s", question, text(t, question), g, w)
	}
}

func text(t tester, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fill sets every quantity to a number of its own, from n on.
func fill(n int64) (q usage.Quantities) {
	fields := reflect.ValueOf(&q).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetInt(n + int64(i))
	}
	return q
}
